/**
 * PostgREST's trees of filters: `or=(status.eq.paid,and(amount.gt.5,not.or(…)))`. Pure. A tree's values
 * stand up to the next comma or parenthesis, or in double quotes.
 */
import type { Filter, FilterGroup } from '../../access.js';
import { queryInvalid } from '../http/query-text.js';
import { filterOf, operatorNamed, readElement, readList } from './query-filter.js';

const maxDepth = 5;
const shape = 'write or=(status.eq.paid,and(amount.gt.5,amount.lt.9))';

export type TreeName = 'or' | 'and' | 'not.or' | 'not.and';

export function isTreeName(name: string): name is TreeName {
  return name === 'or' || name === 'and' || name === 'not.or' || name === 'not.and';
}

/**
 * @param checkColumn throws where a name cannot be a column's
 * @throws WeirError query-invalid, and what checkColumn throws
 */
export function parseTree(name: TreeName, text: string, checkColumn: (column: string) => void): FilterGroup {
  const { group, end } = readGroup(name, text, 0, 1, checkColumn);
  if (end !== text.length) throw treeFault(name, 'something follows the list');
  return group;
}

/** Every filter of the tree, in the order of its text. */
export function leavesOf({ members }: FilterGroup): readonly Filter[] {
  return members.flatMap((member) => ('members' in member ? leavesOf(member) : [member]));
}

/** What must hold together: `and=(a,and(b,or(…)))` is a, b and the rest, as if each were a parameter of its own. */
export function conjunctsOf(group: FilterGroup): readonly (Filter | FilterGroup)[] {
  if (group.combine !== 'and' || group.negated) return [group];
  return group.members.flatMap((member) => ('members' in member ? conjunctsOf(member) : [member]));
}

interface Read<Part> {
  readonly group: Part;
  readonly end: number;
}

function readGroup(
  name: TreeName,
  text: string,
  from: number,
  depth: number,
  checkColumn: (column: string) => void,
): Read<FilterGroup> {
  if (text[from] !== '(') throw treeFault(name, 'a list in parentheses must follow');
  if (depth > maxDepth) throw treeFault(name, `more than ${maxDepth} lists stand in one another`);
  const members: (Filter | FilterGroup)[] = [];
  let at = from + 1;
  for (;;) {
    const nested = treeNameAt(text, at);
    const read: Read<Filter | FilterGroup> =
      nested === undefined
        ? readFilter(name, text, at, checkColumn)
        : readGroup(nested, text, at + nested.length, depth + 1, checkColumn);
    members.push(read.group);
    at = read.end + 1;
    if (text[read.end] === ',') continue;
    if (text[read.end] !== ')') throw treeFault(name, 'the list is not closed');
    const combine = name.endsWith('or') ? 'or' : 'and';
    return { group: { combine, negated: name.startsWith('not.'), members }, end: at };
  }
}

function treeNameAt(text: string, at: number): TreeName | undefined {
  const pattern = /((?:not\.)?(?:and|or))(?=\()/y;
  pattern.lastIndex = at;
  return pattern.exec(text)?.[1] as TreeName | undefined;
}

function readFilter(
  name: TreeName,
  text: string,
  from: number,
  checkColumn: (column: string) => void,
): Read<Filter> {
  const pattern = /([^.,()"]*)\.(not\.)?([^.,()"]*(?:\([a-z_]*\))?)(\.?)/y;
  pattern.lastIndex = from;
  const match = pattern.exec(text);
  if (match === null) throw treeFault(name, 'a place of the list holds no filter');
  const [, column = '', not, operatorText = '', dot] = match;
  checkColumn(column);
  const operator = operatorNamed(column, operatorText, dot === '.');
  const negated = not !== undefined;
  if (operator === 'in') {
    const { values, end } = readList(column, text, pattern.lastIndex);
    return { group: { column, operator, values, negated }, end };
  }
  const { value, end } = readElement(column, text, pattern.lastIndex, shape);
  return { group: filterOf(column, operator, value, negated), end };
}

function treeFault(name: TreeName, what: string): Error {
  return queryInvalid(`parameter ${name}: ${what}`, shape);
}
