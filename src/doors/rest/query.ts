/**
 * PostgREST's query syntax → ReadPlan. Pure: knows no table, no column and no role, so what it says about
 * a name says nothing about the order database. What it does not know it refuses, by name, and says what
 * to write instead; it never ignores a parameter.
 */
import type { Filter, Ordering, ReadPlan } from '../../access.js';
import { WeirError } from '../../errors.js';
import { parseFilter } from './query-filter.js';
import { isName, isOwnName, queryInvalid, queryPairs } from '../http/query-text.js';
import { intersect, type RowRange } from './range.js';

const maxFilters = 50;
const maxOrderings = 20;
const maxSelected = 200;
const maxInteger = 2_147_483_647;

export interface PlanOptions {
  /** From the Range header; undefined: none was sent. */
  readonly range?: RowRange | undefined;
  /** Prefer: count=… was sent. */
  readonly count?: boolean;
  readonly format?: 'json' | 'csv';
}

/**
 * @param table the path segment, decoded
 * @param search what follows the question mark, as it came
 * @throws WeirError table-unknown, column-unknown, query-invalid, range-unsatisfiable
 */
export function readPlan(table: string, search: string, options: PlanOptions = {}): ReadPlan {
  if (!isName(table) || isOwnName(table)) throw new WeirError('table-unknown', { hint: nameShape });
  const once = new Set<string>();
  const filters: Filter[] = [];
  let select: readonly string[] | undefined;
  let order: readonly Ordering[] = [];
  let limit: number | undefined;
  let offset = 0;

  for (const { name, value } of queryPairs(search)) {
    if (name === 'select' || name === 'order' || name === 'limit' || name === 'offset') {
      if (once.has(name)) throw queryInvalid(`parameter ${name} is given twice`, 'give it once');
      once.add(name);
    }
    switch (name) {
      case 'select':
        select = parseSelect(table, value);
        break;
      case 'order':
        order = parseOrder(table, value);
        break;
      case 'limit':
        limit = parseCount('limit', value);
        break;
      case 'offset':
        offset = parseCount('offset', value);
        break;
      case 'or':
      case 'and':
      case 'not.or':
      case 'not.and':
        throw queryInvalid(
          `parameter ${name} is not available here`,
          'filters are combined by and; ask once for each alternative, or use in.(…)',
        );
      default:
        refuseUnknown(table, name);
        if (filters.length === maxFilters) {
          throw queryInvalid(`the query has more than ${maxFilters} filters`, 'ask in several requests');
        }
        filters.push(parseFilter(name, value));
    }
  }

  const csv = options.format === 'csv';
  return {
    table,
    select,
    filters,
    order,
    ...intersect({ offset, limit }, options.range),
    count: options.count ?? false,
    // A file that silently ends early would be taken for the whole; JSON's readers see Content-Range.
    overflow: csv ? 'refuse' : 'cut',
    encoding: csv ? 'text' : 'json',
  };
}

function parseSelect(table: string, text: string): readonly string[] | undefined {
  if (text === '*') return undefined;
  const names = text.split(',');
  if (names.length > maxSelected)
    throw queryInvalid(`parameter select names more than ${maxSelected} columns`);
  const seen = new Set<string>();
  for (const name of names) {
    if (name === '')
      throw queryInvalid('parameter select has an empty place', 'write select=a,b or select=*');
    if (name === '*')
      throw queryInvalid('parameter select: * stands alone', 'write select=* or name the columns');
    if (name.includes('(') || name.includes(')')) {
      throw queryInvalid(
        'parameter select: embedding and functions are not available here',
        'name columns of this table',
      );
    }
    if (name.includes(':') || name.includes('->')) {
      throw queryInvalid(
        'parameter select: renaming, casts and JSON paths are not available here',
        'name the columns as they are',
      );
    }
    refuseUnknown(table, name);
    if (seen.has(name)) throw queryInvalid(`parameter select names the column ${name} twice`, 'name it once');
    seen.add(name);
  }
  return names;
}

function parseOrder(table: string, text: string): readonly Ordering[] {
  const terms = text.split(',');
  if (terms.length > maxOrderings) throw queryInvalid(`parameter order has more than ${maxOrderings} terms`);
  const seen = new Set<string>();
  return terms.map((term) => {
    const parts = term.split('.');
    const column = parts[0] ?? '';
    if (column === '') throw queryInvalid('parameter order has an empty place', orderShape);
    refuseUnknown(table, column);
    if (seen.has(column))
      throw queryInvalid(`parameter order names the column ${column} twice`, 'name it once');
    seen.add(column);
    let at = 1;
    let descending = false;
    if (parts[at] === 'asc' || parts[at] === 'desc') {
      descending = parts[at] === 'desc';
      at += 1;
    }
    let nulls: Ordering['nulls'];
    if (parts[at] === 'nullsfirst' || parts[at] === 'nullslast') {
      nulls = parts[at] === 'nullsfirst' ? 'first' : 'last';
      at += 1;
    }
    if (at !== parts.length)
      throw queryInvalid(`parameter order: what follows the column ${column} is not known`, orderShape);
    return { column, descending, nulls };
  });
}

/** Nothing of what was sent is repeated here: what is no name may be a value in the wrong place. */
const nameShape = 'write the name alone, without schema, quotes or functions: letters, digits and _';

const orderShape = 'write order=a.desc.nullslast,b with asc or desc, then nullsfirst or nullslast';

/** What no catalogue can hold. A well-formed name is left to the policy, which says the same of hidden and of unknown ones. */
function refuseUnknown(table: string, column: string): void {
  if (!isName(column)) throw new WeirError('column-unknown', { hint: nameShape });
  if (isOwnName(column))
    throw new WeirError('column-unknown', { detail: `column ${table}.${column} does not exist` });
}

function parseCount(name: string, text: string): number {
  const number = /^(0|[1-9][0-9]{0,9})$/.test(text) ? Number(text) : undefined;
  if (number === undefined || number > maxInteger) {
    throw queryInvalid(
      `parameter ${name} must be a whole number from 0 to ${maxInteger}`,
      `write ${name}=50`,
    );
  }
  return number;
}
