/**
 * PostgREST's query syntax → ReadPlan. Pure: knows no table, no column and no role, so what it says about
 * a name says nothing about the order database. What it does not know it refuses, by name, and says what
 * to write instead; it never ignores a parameter.
 */
import type { Filter, FilterGroup, Ordering, ReadPlan, Selected } from '../../access.js';
import { WeirError } from '../../errors.js';
import { parseFilter } from './query-filter.js';
import { conjunctsOf, isTreeName, leavesOf, parseTree } from './query-tree.js';
import { isName, isOwnName, queryInvalid, queryPairs } from '../http/query-text.js';
import type { Format } from './preferences.js';
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
  readonly format?: Format;
  /** Only what a header can tell: no row comes. */
  readonly headersOnly?: boolean;
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
  const groups: FilterGroup[] = [];
  let leaves = 0;
  let select: readonly Selected[] | undefined;
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
      default: {
        const added = isTreeName(name)
          ? conjunctsOf(parseTree(name, value, (column) => refuseUnknown(table, column)))
          : [filterNamed(table, name, value)];
        for (const part of added) {
          const group = 'members' in part;
          leaves += group ? leavesOf(part).length : 1;
          if (group) groups.push(part);
          else filters.push(part);
        }
        if (leaves > maxFilters) {
          throw queryInvalid(`the query has more than ${maxFilters} filters`, 'ask in several requests');
        }
      }
    }
  }

  const { format, headersOnly = false } = options;
  const rows = intersect({ offset, limit }, options.range);
  return {
    table,
    select,
    filters,
    ...(groups.length === 0 ? {} : { groups }),
    order,
    offset: rows.offset,
    limit: headersOnly ? 0 : format === 'object' ? Math.min(rows.limit ?? 2, 2) : rows.limit,
    count: options.count ?? false,
    // A file that silently ends early would be taken for the whole, and the first of many for the only one;
    // JSON's readers see Content-Range.
    overflow: format === 'csv' || format === 'object' ? 'refuse' : 'cut',
    encoding: format === 'csv' ? 'text' : 'json',
  };
}

function filterNamed(table: string, name: string, value: string): Filter {
  refuseUnknown(table, name);
  return parseFilter(name, value);
}

function parseSelect(table: string, text: string): readonly Selected[] | undefined {
  if (text === '*') return undefined;
  const items = text.split(',');
  if (items.length > maxSelected)
    throw queryInvalid(`parameter select names more than ${maxSelected} columns`);
  const seen = new Set<string>();
  return items.map((item) => {
    if (item === '')
      throw queryInvalid('parameter select has an empty place', 'write select=a,b or select=*');
    if (item === '*')
      throw queryInvalid('parameter select: * stands alone', 'write select=* or name the columns');
    if (item.includes('(') || item.includes(')')) {
      throw queryInvalid(
        'parameter select: embedding and functions are not available here',
        'name columns of this table',
      );
    }
    if (item.includes('->')) {
      throw queryInvalid(
        'parameter select: JSON paths are not available here',
        'name the column, and take the part out of the answer',
      );
    }
    const [, as, column = item, cast] = /^(?:([^:]+):)?([^:]+)(?:::([^:]+))?$/.exec(item) ?? [];
    refuseUnknown(table, column);
    if (as !== undefined && (!isAlias(as) || isOwnName(as)))
      throw queryInvalid('parameter select: a new name is letters, digits, _ and -, at most 63', selectShape);
    if (cast !== undefined && !/^[A-Za-z][A-Za-z0-9_ ]{0,62}$/.test(cast))
      throw queryInvalid(`parameter select: the type that ${column} is cast to is none`, selectShape);
    const name = as ?? column;
    if (seen.has(name)) {
      throw as === undefined
        ? queryInvalid(
            `parameter select names the column ${name} twice`,
            'name it once, or rename one of them',
          )
        : queryInvalid('parameter select gives one name to two columns', 'give each a name of its own');
    }
    seen.add(name);
    return { column, ...(as === undefined ? {} : { as }), ...(cast === undefined ? {} : { cast }) };
  });
}

const selectShape = 'write select=status,total:amount,created_at::date';

/** A key of the answer, in any script: it goes into no SQL and on no log. */
function isAlias(text: string): boolean {
  return /^[\p{L}_][\p{L}\p{N}_-]{0,62}$/u.test(text);
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
