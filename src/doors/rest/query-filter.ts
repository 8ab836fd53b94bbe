/**
 * One filter of PostgREST's syntax: `[not.]operator[(any|all)].value`. Pure. Knows the operators of this version and
 * names PostgREST's others as not available; anything else is refused, never read as plain text.
 */
import type { Filter, FilterOperator } from '../../access.js';
import { parameterNamed, queryInvalid } from '../http/query-text.js';
import type { Place } from './query-place.js';

const operators: ReadonlySet<string> = new Set<FilterOperator>([
  'eq',
  'neq',
  'gt',
  'gte',
  'lt',
  'lte',
  'in',
  'is',
  'like',
  'ilike',
  'isdistinct',
  'cs',
  'cd',
  'ov',
]);
/** Those that PostgREST compares with several values. */
const modified: ReadonlySet<string> = new Set(['eq', 'gt', 'gte', 'lt', 'lte', 'like', 'ilike']);
const truths: ReadonlySet<string> = new Set(['null', 'not_null', 'true', 'false', 'unknown']);
/** PostgREST's other operators: a reader of its manual will try them. */
const elsewhere: ReadonlyMap<string, string> = new Map([
  ...['match', 'imatch'].map(
    (name) => [name, 'a regular expression can cost more than any limit; write like with * instead'] as const,
  ),
  ...['fts', 'plfts', 'phfts', 'wfts'].map(
    (name) => [name, 'there is no full-text search; write like with * instead'] as const,
  ),
  ...['sl', 'sr', 'nxr', 'nxl', 'adj'].map(
    (name) => [name, 'ranges are shown, not searched; compare their bounds where these are columns'] as const,
  ),
]);
const available =
  'the operators here are eq, neq, gt, gte, lt, lte, in, is, like, ilike, isdistinct, cs, cd and ov, each with not. before it';

/** An operator with its modifier; `eq(any)` is `in` by another name. */
export interface Asked {
  readonly operator: FilterOperator;
  readonly among?: 'any' | 'all';
}

export const maxListValues = 100;
const maxValueLength = 1_000;

/** @throws WeirError query-invalid */
export function parseFilter(place: Place, text: string): Filter {
  const { column } = place;
  const negated = text.startsWith('not.');
  const body = negated ? text.slice(4) : text;
  const dot = body.indexOf('.');
  const asked = operatorNamed(column, dot === -1 ? body : body.slice(0, dot), dot !== -1);
  const value = body.slice(dot + 1);
  const brackets = bracketsOf(asked);
  if (brackets === undefined) return filterOf(place, asked, value, negated);
  const { values, end } = readList(column, value, 0, brackets);
  if (end !== value.length)
    throw queryInvalid(`${parameterNamed(column)}: something follows the list`, listShapes[brackets]);
  return listFilter(place, asked, values, negated);
}

/** @param followed a dot stands behind it @throws WeirError query-invalid */
export function operatorNamed(column: string, text: string, followed: boolean): Asked {
  const [, operator = '', among] = /^([a-z]+)(?:\((any|all)\))?$/.exec(text) ?? [];
  if (!followed || !isOperator(operator)) throw unknownOperator(column, text);
  if (among === undefined) return { operator };
  if (!modified.has(operator)) throw unknownOperator(column, text);
  return operator === 'eq' && among === 'any'
    ? { operator: 'in', among }
    : { operator, among: among as 'any' | 'all' };
}

/** How the values are listed; undefined: there is one. */
export function bracketsOf({ operator, among }: Asked): Brackets | undefined {
  if (among !== undefined) return '{}';
  return operator === 'in' ? '()' : undefined;
}

/** Of one value. @throws WeirError query-invalid */
export function filterOf(place: Place, { operator }: Asked, value: string, negated: boolean): Filter {
  return { ...place, operator, values: [valueOf(place.column, operator, value)], negated };
}

/** @throws WeirError query-invalid */
export function listFilter(
  place: Place,
  { operator, among }: Asked,
  values: readonly string[],
  negated: boolean,
): Filter {
  const read = values.map((value) => valueOf(place.column, operator, value));
  const modifier = among === undefined || operator === 'in' ? {} : { among };
  return { ...place, operator, ...modifier, values: read, negated };
}

function isOperator(text: string): text is FilterOperator {
  return operators.has(text);
}

function unknownOperator(column: string, operator: string): Error {
  const bare = operator.replace(/\((any|all|[a-z_]+)\)$/, '');
  const instead = elsewhere.get(bare);
  if (instead !== undefined) {
    return queryInvalid(`${parameterNamed(column)}: the operator ${bare} is not available here`, instead);
  }
  if (bare !== operator && operators.has(bare)) {
    return queryInvalid(
      `${parameterNamed(column)}: ${bare} takes no such modifier`,
      'any and all stand behind eq, gt, gte, lt, lte, like and ilike: like(any).{a*,b*}',
    );
  }
  return queryInvalid(
    `${parameterNamed(column)} does not begin with an operator`,
    `write ${filterShape(column)}; ${available}`,
  );
}

function filterShape(column: string): string {
  return `${column}=eq.… or ${column}=in.(…)`;
}

function valueOf(column: string, operator: FilterOperator, text: string): string {
  const value = bounded(column, text);
  if (operator === 'is') {
    const truth = value.toLowerCase();
    if (truths.has(truth)) return truth;
    throw queryInvalid(
      `${parameterNamed(column)}: is takes null, not_null, true, false or unknown`,
      'compare other values with eq.',
    );
  }
  if (operator !== 'like' && operator !== 'ilike') return value;
  // PostgreSQL would raise, and only on some rows.
  if (/^(?:[^\\]|\\[\s\S])*\\$/.test(value))
    throw queryInvalid(`${parameterNamed(column)}: the pattern ends in a single \\`, 'write \\\\ for one');
  return value.replaceAll('*', '%');
}

export type Brackets = '()' | '{}';
const listShapes = {
  '()': 'write in.(a,b) or in.("a,b","c")',
  '{}': 'write like(any).{a*,b*} or eq(any).{"a,b",c}',
} as const;

/**
 * `(a,"b,c","d\"e")`: bare elements up to the next comma or closing bracket, quoted ones with \" and \\.
 * An empty element is refused rather than guessed at: `""` is the empty text.
 * @param from where the list begins @returns its values, and where it ends
 */
export function readList(
  column: string,
  text: string,
  from: number,
  brackets: Brackets,
): { readonly values: readonly string[]; readonly end: number } {
  const shape = listShapes[brackets];
  const fault = (what: string) => queryInvalid(`${parameterNamed(column)}: ${what}`, shape);
  if (text[from] !== brackets[0])
    throw fault(brackets === '()' ? 'in takes a list in parentheses' : 'any and all take a list in braces');
  const values: string[] = [];
  let at = from + 1;
  for (;;) {
    const { value, end, quoted } = readElement(column, text, at, shape, brackets);
    if (value === '' && !quoted)
      throw fault(values.length === 0 ? 'the list is empty' : 'the list has an empty place');
    if (values.length === maxListValues) throw fault(`the list has more than ${maxListValues} values`);
    values.push(bounded(column, value));
    at = end + 1;
    if (text[end] === ',') continue;
    if (text[end] !== brackets[1]) throw fault('the list is not closed');
    return { values, end: at };
  }
}

/**
 * One value up to the next comma or closing bracket, or in double quotes; outside of lists in braces also one that
 * is such a list itself, as it stands.
 * @throws WeirError query-invalid
 */
export function readElement(
  column: string,
  text: string,
  from: number,
  shape: string,
  brackets: Brackets = '()',
): { readonly value: string; readonly end: number; readonly quoted: boolean } {
  if (text[from] === '"') {
    const quoted = /"((?:[^"\\]|\\["\\])*)"/y;
    quoted.lastIndex = from;
    const match = quoted.exec(text);
    if (match === null) {
      throw queryInvalid(
        `${parameterNamed(column)}: a quoted value is not closed, or holds a \\ before another character`,
        shape,
      );
    }
    return { value: (match[1] ?? '').replace(/\\(["\\])/g, '$1'), end: quoted.lastIndex, quoted: true };
  }
  if (text[from] === '{' && brackets === '()') {
    const braces = /\{(?:[^{}"]|"(?:[^"\\]|\\.)*")*\}/y;
    braces.lastIndex = from;
    const match = braces.exec(text);
    if (match === null)
      throw queryInvalid(`${parameterNamed(column)}: a list in braces is not closed`, shape);
    return { value: match[0], end: braces.lastIndex, quoted: false };
  }
  const end = endOfBare(text, from, brackets[1]!);
  const value = text.slice(from, end);
  if (/["(){}]/.test(value)) {
    throw queryInvalid(`${parameterNamed(column)}: a value with quotes or brackets must be quoted`, shape);
  }
  return { value, end, quoted: false };
}

function endOfBare(text: string, from: number, closing: string): number {
  for (let at = from; at < text.length; at += 1) {
    const character = text[at];
    if (character === ',' || character === closing) return at;
  }
  return text.length;
}

function bounded(column: string, value: string): string {
  if (value.length <= maxValueLength) return value;
  throw queryInvalid(`${parameterNamed(column)}: a value is longer than ${maxValueLength} characters`);
}
