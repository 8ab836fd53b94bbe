/**
 * PostgREST's query syntax → ReadPlan. Pure: knows no table, no column and no role, so what it says about
 * a name says nothing about the order database. What it does not know it refuses, by name, and says what
 * to write instead; it never ignores a parameter.
 */
import type { Filter, Ordering, ReadPlan } from '../../access.js';
import { WeirError } from '../../errors.js';
import { parseFilter } from './query-filter.js';
import { conjunctsOf, isTreeName, leavesOf, parseTree } from './query-tree.js';
import { isName, isOwnName, queryInvalid, queryPairs } from '../http/query-text.js';
import type { Format } from './preferences.js';
import {
  type Draft,
  draftOf,
  givenTwice,
  nameShape,
  refuseUnknown,
  selectOf,
  targetOf,
} from './query-select.js';
import { intersect, type RowRange } from './range.js';

const maxFilters = 50;
const maxOrderings = 20;
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
  const pairs = queryPairs(search);
  const plan = draftOf(table, selectOf(pairs));
  let once: Map<Draft, Set<string>> | undefined;
  let leaves = 0;
  for (const { name, value } of pairs) {
    if (name === 'select') continue;
    const { rows, key } = targetOf(plan, name);
    if (key === 'order' || key === 'limit' || key === 'offset') {
      once ??= new Map();
      const given = once.get(rows) ?? new Set();
      if (given.has(key)) throw givenTwice(key);
      once.set(rows, given.add(key));
    }
    switch (key) {
      case 'order':
        rows.order = parseOrder(rows.table, value);
        break;
      case 'limit':
        rows.limit = parseCount('limit', value);
        break;
      case 'offset':
        rows.offset = parseCount('offset', value);
        break;
      default: {
        const added = isTreeName(key)
          ? conjunctsOf(parseTree(key, value, (column) => refuseUnknown(rows.table, column)))
          : [filterNamed(rows.table, key, value)];
        for (const part of added) {
          const group = 'members' in part;
          leaves += group ? leavesOf(part).length : 1;
          if (group) (rows.groups ??= []).push(part);
          else rows.filters.push(part);
        }
        if (leaves > maxFilters) {
          throw queryInvalid(`the query has more than ${maxFilters} filters`, 'ask in several requests');
        }
      }
    }
  }

  const { format, headersOnly = false } = options;
  const rows = intersect({ offset: plan.offset, limit: plan.limit }, options.range);
  if (format === 'csv' && plan.embedded !== undefined) {
    throw queryInvalid(
      'tables inside the rows cannot be written as CSV',
      'accept application/json, or read the tables one by one',
    );
  }
  const { select, filters, groups, embedded, order } = plan;
  // Written out: a spread at the beginning costs several microseconds, and this is on the path of every read.
  return {
    table,
    select,
    filters,
    ...(groups === undefined ? {} : { groups }),
    ...(embedded === undefined ? {} : { embedded }),
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

const orderShape = 'write order=a.desc.nullslast,b with asc or desc, then nullsfirst or nullslast';

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
