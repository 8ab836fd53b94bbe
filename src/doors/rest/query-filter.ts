/**
 * One filter of PostgREST's syntax: `[not.]operator.value`. Pure. Knows the operators of this version and
 * names PostgREST's others as not available; anything else is refused, never read as plain text.
 */
import type { Filter, FilterOperator } from '../../access.js';
import { parameterNamed, queryInvalid } from '../http/query-text.js';

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
]);
const truths: ReadonlySet<string> = new Set(['null', 'not_null', 'true', 'false', 'unknown']);
/** PostgREST's other operators: a reader of its manual will try them. */
const elsewhere: ReadonlyMap<string, string> = new Map([
  ...['match', 'imatch'].map(
    (name) => [name, 'a regular expression can cost more than any limit; write like with * instead'] as const,
  ),
  ...['fts', 'plfts', 'phfts', 'wfts'].map(
    (name) => [name, 'there is no full-text search; write like with * instead'] as const,
  ),
  ...['cs', 'cd', 'ov', 'sl', 'sr', 'nxr', 'nxl', 'adj'].map(
    (name) => [name, 'arrays, ranges and JSON are shown, not searched'] as const,
  ),
]);
const available =
  'the operators here are eq, neq, gt, gte, lt, lte, in, is, like, ilike and isdistinct, each with not. before it';

export const maxListValues = 100;
const maxValueLength = 1_000;

/** @throws WeirError query-invalid */
export function parseFilter(column: string, text: string): Filter {
  const negated = text.startsWith('not.');
  const body = negated ? text.slice(4) : text;
  const dot = body.indexOf('.');
  const operator = operatorNamed(column, dot === -1 ? body : body.slice(0, dot), dot !== -1);
  const value = body.slice(dot + 1);
  if (operator !== 'in') return filterOf(column, operator, value, negated);
  const { values, end } = readList(column, value, 0);
  if (end !== value.length)
    throw queryInvalid(`${parameterNamed(column)}: something follows the list`, listShape);
  return { column, operator, values, negated };
}

/** @param followed a dot stands behind it @throws WeirError query-invalid */
export function operatorNamed(column: string, text: string, followed: boolean): FilterOperator {
  if (!followed || !isOperator(text)) throw unknownOperator(column, text);
  return text;
}

/** Of any operator but `in`. @throws WeirError query-invalid */
export function filterOf(column: string, operator: FilterOperator, value: string, negated: boolean): Filter {
  return { column, operator, values: [valueOf(column, operator, value)], negated };
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
      `${parameterNamed(column)}: ${bare} takes no modifier here`,
      'write in.(…) for several values, or=(…) for several patterns',
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

const listShape = 'write in.(a,b) or in.("a,b","c")';

/**
 * `(a,"b,c","d\"e")`: bare elements up to the next comma or parenthesis, quoted ones with \" and \\.
 * An empty element is refused rather than guessed at: `""` is the empty text.
 * @param from where the list begins @returns its values, and where it ends
 */
export function readList(
  column: string,
  text: string,
  from: number,
): { readonly values: readonly string[]; readonly end: number } {
  const fault = (what: string) => queryInvalid(`${parameterNamed(column)}: ${what}`, listShape);
  if (text[from] !== '(') throw fault('in takes a list in parentheses');
  const values: string[] = [];
  let at = from + 1;
  for (;;) {
    const { value, end, quoted } = readElement(column, text, at, listShape);
    if (value === '' && !quoted)
      throw fault(values.length === 0 ? 'the list is empty' : 'the list has an empty place');
    if (values.length === maxListValues) throw fault(`the list has more than ${maxListValues} values`);
    values.push(bounded(column, value));
    at = end + 1;
    if (text[end] === ',') continue;
    if (text[end] !== ')') throw fault('the list is not closed');
    return { values, end: at };
  }
}

/** One value up to the next comma or parenthesis, or in double quotes. @throws WeirError query-invalid */
export function readElement(
  column: string,
  text: string,
  from: number,
  shape: string,
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
  const end = endOfBare(text, from);
  const value = text.slice(from, end);
  if (/["()]/.test(value)) {
    throw queryInvalid(`${parameterNamed(column)}: a value with quotes or parentheses must be quoted`, shape);
  }
  return { value, end, quoted: false };
}

function endOfBare(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const character = text[at];
    if (character === ',' || character === ')') return at;
  }
  return text.length;
}

function bounded(column: string, value: string): string {
  if (value.length <= maxValueLength) return value;
  throw queryInvalid(`${parameterNamed(column)}: a value is longer than ${maxValueLength} characters`);
}
