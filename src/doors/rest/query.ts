/**
 * PostgREST's query syntax → ReadPlan. Pure: knows no table, no column and no role, so what it says about
 * a name says nothing about the order database. What it does not know it refuses, by name, and says what
 * to write instead; it never ignores a parameter.
 */
import type { FilterGroup, Ordering, ReadPlan } from '../../access.js';
import { WeirError } from '../../errors.js';
import { parseFilter } from './query-filter.js';
import { nameShape, placeNamed } from './query-place.js';
import { conjunctsOf, isTreeName, leavesOf, parseTree, presenceOf, type Names } from './query-tree.js';
import { isName, isOwnName, queryInvalid, queryPairs } from '../http/query-text.js';
import { isObject, isStripped, type Format } from './preferences.js';
import {
  type Draft,
  draftOf,
  embeddedAt,
  givenTwice,
  isSilent,
  notEmbedded,
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
        rows.order = parseOrder(rows, value);
        break;
      case 'limit':
        rows.limit = parseCount('limit', value);
        break;
      case 'offset':
        rows.offset = parseCount('offset', value);
        break;
      default: {
        leaves += isTreeName(key)
          ? addTree(rows, parseTree(key, value, namesOf(rows)))
          : addNamed(rows, key, value);
        if (leaves > maxFilters) {
          throw queryInvalid(`the query has more than ${maxFilters} filters`, 'ask in several requests');
        }
      }
    }
  }

  const { format, headersOnly = false } = options;
  const rows = intersect({ offset: plan.offset, limit: plan.limit }, options.range);
  if (format === 'csv' && plan.embedded?.every(isFlat) === false) {
    throw queryInvalid(
      'tables inside the rows cannot be written as CSV',
      'accept application/json, read the tables one by one, or spread what a row has one of: ...customers(region)',
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
    limit: headersOnly ? 0 : isObject(format) ? Math.min(rows.limit ?? 2, 2) : rows.limit,
    count: options.count ?? false,
    // A file that silently ends early would be taken for the whole, and the first of many for the only one;
    // JSON's readers see Content-Range.
    overflow: format === 'csv' || isObject(format) ? 'refuse' : 'cut',
    encoding: format === 'csv' ? 'text' : isStripped(format) ? 'stripped' : 'json',
  };
}

function namesOf(rows: Draft): Names {
  return {
    place: (name) => placeNamed(rows.table, name),
    embedded: (name) => embeddedAt(rows, name),
  };
}

/** @returns how many filters these are */
function addTree(rows: Draft, tree: FilterGroup): number {
  for (const part of conjunctsOf(tree)) add(rows, part);
  return leavesOf(tree);
}

function addNamed(rows: Draft, name: string, value: string): number {
  if (name === 'columns' || name === 'on_conflict')
    throw queryInvalid(`parameter ${name} belongs to writes, and this address is only read`, 'leave it out');
  const at = embeddedAt(rows, name);
  add(rows, at === undefined ? parseFilter(placeNamed(rows.table, name), value) : presenceOf(at, value));
  return 1;
}

function add(rows: Draft, part: FilterGroup['members'][number]): void {
  if ('members' in part) (rows.groups ??= []).push(part);
  else if (!('embedded' in part)) rows.filters.push(part);
  // Whoever has one is shown, as with !inner; whoever has none is a condition like others.
  else if (part.present) rows.embedded![part.embedded]!.inner = true;
  else (rows.groups ??= []).push({ combine: 'and', negated: false, members: [part] });
}

/** It adds no more than columns to the rows. */
function isFlat(embedded: Draft & { readonly spread?: true }): boolean {
  return isSilent(embedded) || (embedded.spread === true && (embedded.embedded ?? []).every(isFlat));
}

function parseOrder(rows: Draft, text: string): readonly Ordering[] {
  const terms = text.split(',');
  if (terms.length > maxOrderings) throw queryInvalid(`parameter order has more than ${maxOrderings} terms`);
  const seen = new Set<string>();
  return terms.map((term) => {
    const [, table, inside, own, rest = ''] =
      /^(?:([^().]*)\(([^()]*)\)|([^().]*))((?:\..*)?)$/.exec(term) ?? [];
    const named = inside ?? own;
    if (named === '') throw queryInvalid('parameter order has an empty place', orderShape);
    if (named === undefined) throw queryInvalid('parameter order names what is no column', orderShape);
    const at = table === undefined ? undefined : embeddedAt(rows, table);
    if (table !== undefined && at === undefined) throw notEmbedded();
    const place = placeNamed(at === undefined ? rows.table : rows.embedded![at]!.table, named);
    const { column } = place;
    const written = `${at ?? ''}(${named}`;
    if (seen.has(written))
      throw queryInvalid(`parameter order names the column ${column} twice`, 'name it once');
    seen.add(written);
    const [, way, nulls] = /^(?:\.(asc|desc))?(?:\.nulls(first|last))?$/.exec(rest) ?? [rest];
    if (way === undefined && nulls === undefined && rest !== '')
      throw queryInvalid(`parameter order: what follows the column ${column} is not known`, orderShape);
    return {
      ...place,
      ...(at === undefined ? {} : { embedded: at }),
      descending: way === 'desc',
      nulls: nulls as Ordering['nulls'],
    };
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
