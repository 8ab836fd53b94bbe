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
]);
const truths: ReadonlySet<string> = new Set(['null', 'not_null', 'true', 'false', 'unknown']);
/** PostgREST's other operators: a reader of its manual will try them. */
const elsewhere: ReadonlySet<string> = new Set(
  'like ilike match imatch isdistinct fts plfts phfts wfts cs cd ov sl sr nxr nxl adj'.split(' '),
);
const available = 'the operators here are eq, neq, gt, gte, lt, lte, in and is, each with not. before it';

export const maxListValues = 100;
const maxValueLength = 1_000;

/** @throws WeirError query-invalid */
export function parseFilter(column: string, text: string): Filter {
  const negated = text.startsWith('not.');
  const body = negated ? text.slice(4) : text;
  const dot = body.indexOf('.');
  const operator = dot === -1 ? body : body.slice(0, dot);
  if (dot === -1 || !isOperator(operator)) throw unknownOperator(column, operator);
  return { column, operator, values: valuesOf(column, operator, body.slice(dot + 1)), negated };
}

function isOperator(text: string): text is FilterOperator {
  return operators.has(text);
}

function unknownOperator(column: string, operator: string): Error {
  const bare = operator.replace(/\((any|all|[a-z_]+)\)$/, '');
  if (elsewhere.has(bare)) {
    return queryInvalid(`${parameterNamed(column)}: the operator ${bare} is not available here`, available);
  }
  if (bare !== operator && operators.has(bare)) {
    return queryInvalid(
      `${parameterNamed(column)}: ${bare} takes no modifier here`,
      'write in.(…) for several values',
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

function valuesOf(column: string, operator: FilterOperator, text: string): readonly string[] {
  switch (operator) {
    case 'is': {
      const truth = text.toLowerCase();
      if (truths.has(truth)) return [truth];
      throw queryInvalid(
        `${parameterNamed(column)}: is takes null, not_null, true, false or unknown`,
        'compare other values with eq.',
      );
    }
    case 'in':
      return listOf(column, text);
    case 'eq':
    case 'neq':
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return [bounded(column, text)];
  }
}

/**
 * `(a,"b,c","d\"e")`: bare elements up to the next comma or parenthesis, quoted ones with \" and \\.
 * An empty element is refused rather than guessed at: `""` is the empty text.
 */
function listOf(column: string, text: string): readonly string[] {
  const shape = 'write in.(a,b) or in.("a,b","c")';
  const fault = (what: string) => queryInvalid(`${parameterNamed(column)}: ${what}`, shape);
  if (!text.startsWith('(')) throw fault('in takes a list in parentheses');
  const values: string[] = [];
  let at = 1;
  for (;;) {
    let value: string;
    if (text[at] === '"') {
      const quoted = /"((?:[^"\\]|\\["\\])*)"/y;
      quoted.lastIndex = at;
      const match = quoted.exec(text);
      if (match === null)
        throw fault('a quoted value of the list is not closed, or holds a \\ before another character');
      value = (match[1] ?? '').replace(/\\(["\\])/g, '$1');
      at = quoted.lastIndex;
    } else {
      const end = endOfBare(text, at);
      value = text.slice(at, end);
      at = end;
      if (value === '')
        throw fault(values.length === 0 ? 'the list is empty' : 'the list has an empty place');
      if (/["()]/.test(value)) throw fault('a value with quotes or parentheses must be quoted');
    }
    if (values.length === maxListValues) throw fault(`the list has more than ${maxListValues} values`);
    values.push(bounded(column, value));
    const next = text[at];
    at += 1;
    if (next === ',') continue;
    if (next !== ')') throw fault('the list is not closed');
    if (at !== text.length) throw fault('something follows the list');
    return values;
  }
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
