/**
 * PostgREST's trees of filters: `or=(status.eq.paid,and(amount.gt.5,not.or(…)))`. Pure. A tree's values
 * stand up to the next comma or parenthesis, or in double quotes.
 */
import type { Filter, FilterGroup, Presence } from '../../access.js';
import { queryInvalid } from '../http/query-text.js';
import { bracketsOf, filterOf, listFilter, operatorNamed, readElement, readList } from './query-filter.js';
import type { Place } from './query-place.js';

const maxDepth = 5;
const shape = 'write or=(status.eq.paid,and(amount.gt.5,amount.lt.9))';

export type TreeName = 'or' | 'and' | 'not.or' | 'not.and';

export function isTreeName(name: string): name is TreeName {
  return name === 'or' || name === 'and' || name === 'not.or' || name === 'not.and';
}

/** What the names of a tree mean. */
export interface Names {
  /** @throws WeirError where a name cannot be a column's */
  readonly place: (name: string) => Place;
  /** An embedded table of that name, by its place; undefined: there is none. */
  readonly embedded: (name: string) => number | undefined;
}

type Member = FilterGroup['members'][number];

/** @throws WeirError query-invalid, and what `names` throws */
export function parseTree(name: TreeName, text: string, names: Names): FilterGroup {
  const { group, end } = readGroup(name, text, 0, 1, names);
  if (end !== text.length) throw treeFault(name, 'something follows the list');
  return group;
}

/** How many conditions the tree holds. */
export function leavesOf({ members }: FilterGroup): number {
  return members.reduce((sum, member) => sum + ('members' in member ? leavesOf(member) : 1), 0);
}

/** What must hold together: `and=(a,and(b,or(…)))` is a, b and the rest, as if each were a parameter of its own. */
export function conjunctsOf(group: FilterGroup): readonly Member[] {
  if (group.combine !== 'and' || group.negated) return [group];
  return group.members.flatMap((member) => ('members' in member ? conjunctsOf(member) : [member]));
}

/** `is.null` of an embedded table: there is no such row. @throws WeirError query-invalid */
export function presenceOf(embedded: number, text: string): Presence {
  const present = text.startsWith('not.');
  if (text === 'is.null' || text === 'not.is.null') return { embedded, present };
  throw queryInvalid(
    'an embedded table is compared with is.null or not.is.null only',
    'write customers=not.is.null, or filter the rows inside: customers.region=eq.…',
    'PGRST120',
  );
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
  names: Names,
): Read<FilterGroup> {
  if (text[from] !== '(') throw treeFault(name, 'a list in parentheses must follow');
  if (depth > maxDepth) throw treeFault(name, `more than ${maxDepth} lists stand in one another`);
  const members: Member[] = [];
  let at = from + 1;
  for (;;) {
    const nested = treeNameAt(text, at);
    const read: Read<Member> =
      nested === undefined
        ? readFilter(name, text, at, names)
        : readGroup(nested, text, at + nested.length, depth + 1, names);
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

function readFilter(name: TreeName, text: string, from: number, names: Names): Read<Filter | Presence> {
  const pattern = /([^.,()"]*)\.(not\.)?([^.,()"]*(?:\([a-z_]*\))?)(\.?)/y;
  pattern.lastIndex = from;
  const match = pattern.exec(text);
  if (match === null) throw treeFault(name, 'a place of the list holds no filter');
  const [, named = '', not, operatorText = '', dot] = match;
  const negated = not !== undefined;
  const embedded = names.embedded(named);
  if (embedded !== undefined) {
    const { value, end } = readElement(named, text, pattern.lastIndex, shape);
    return { group: presenceOf(embedded, `${not ?? ''}${operatorText}.${value}`), end };
  }
  const place = names.place(named);
  const { column } = place;
  const asked = operatorNamed(column, operatorText, dot === '.');
  const brackets = bracketsOf(asked);
  if (brackets !== undefined) {
    const { values, end } = readList(column, text, pattern.lastIndex, brackets);
    return { group: listFilter(place, asked, values, negated), end };
  }
  const { value, end } = readElement(column, text, pattern.lastIndex, shape);
  return { group: filterOf(place, asked, value, negated), end };
}

function treeFault(name: TreeName, what: string): Error {
  return queryInvalid(`parameter ${name}: ${what}`, shape);
}
