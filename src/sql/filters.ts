/**
 * Filters as SQL conditions. Nothing here can raise on a row: PostgreSQL may try a condition on rows that
 * the row filter hides, and an error would tell of them. Values travel as parameters.
 */
import { escapeIdentifier } from 'pg';
import type { Embedding, Filter, FilterGroup, PathStep, Presence, ReadPlan } from '../access.js';
import { WeirError } from '../errors.js';
import { liveColumn, type Parameters } from './relation.js';
import type { LiveTable } from './schema.js';
import { arrayValues, elementType } from './arrays.js';
import { baseType, comparableType, isJsonText, scalarType } from './types.js';

export interface PlacedFilter {
  readonly filter: Filter;
  /** Its place in allFilters. */
  readonly at: number;
}

export interface PlacedGroup {
  readonly combine: 'and' | 'or';
  readonly negated: boolean;
  readonly members: readonly (PlacedFilter | PlacedGroup | Presence)[];
}

/** A plan, or an embedded table of one. */
type Filtered = Pick<ReadPlan, 'filters' | 'groups'> & { readonly embedded?: readonly Embedding[] };

/** Every filter of the plan: its own, then those of its embedded tables, each before those inside it. */
export function allFilters(plan: Filtered): readonly Filter[] {
  if (plan.embedded === undefined) return ownFilters(plan);
  return [...ownFilters(plan), ...plan.embedded.flatMap((each) => allFilters(each))];
}

/** The filters of the table itself, then those of its groups in the order of their text. */
export function ownFilters({ filters, groups }: Filtered): readonly Filter[] {
  if (groups === undefined) return filters;
  return [...filters, ...groups.flatMap((group) => leaves(group))];
}

function leaves({ members }: FilterGroup): readonly Filter[] {
  return members.flatMap((member) => {
    if ('members' in member) return leaves(member);
    return 'embedded' in member ? [] : [member];
  });
}

/** Places of the embedded tables that decide, within a group, whether the row is there. */
export function presencesOf({ groups = [] }: Pick<ReadPlan, 'groups'>): readonly number[] {
  const of = ({ members }: FilterGroup): readonly number[] =>
    members.flatMap((member) => {
      if ('members' in member) return of(member);
      return 'embedded' in member ? [member.embedded] : [];
    });
  return groups.flatMap(of);
}

/** Each filter of the groups with its place. @param from the place of the table's first filter */
export function placedGroups({ filters, groups = [] }: Filtered, from = 0): readonly PlacedGroup[] {
  let next = from + filters.length;
  const place = ({ combine, negated, members }: FilterGroup): PlacedGroup => ({
    combine,
    negated,
    members: members.map((member) => {
      if ('members' in member) return place(member);
      return 'embedded' in member ? member : { filter: member, at: next++ };
    }),
  });
  return groups.map(place);
}

const truth: ReadonlyMap<string, { readonly sql: string; readonly booleanOnly: boolean }> = new Map([
  ['null', { sql: 'NULL', booleanOnly: false }],
  ['not_null', { sql: 'NOT NULL', booleanOnly: false }],
  ['true', { sql: 'TRUE', booleanOnly: true }],
  ['false', { sql: 'FALSE', booleanOnly: true }],
  ['unknown', { sql: 'UNKNOWN', booleanOnly: true }],
]);

const comparison = {
  eq: '=',
  neq: '<>',
  gt: '>',
  gte: '>=',
  lt: '<',
  lte: '<=',
  like: 'LIKE',
  ilike: 'ILIKE',
  isdistinct: 'IS DISTINCT FROM',
  cs: '@>',
  cd: '<@',
  ov: '&&',
} as const;

/** The column, or what lies below it: see typeBelow. @param row what the relation is called */
export function placeIn(
  row: string,
  { column, path = [] }: { readonly column: string; readonly path?: readonly PathStep[] },
  parameters: Parameters,
): string {
  const whole = `${row}.${escapeIdentifier(column)}`;
  const steps = path.map(({ key, text }) => {
    const type = typeof key === 'number' ? 'integer' : 'text';
    return ` ${text ? '->>' : '->'} ${parameters.add({ from: 'literal', value: String(key) }, type)}`;
  });
  return steps.length === 0 ? whole : `(${whole}${steps.join('')})`;
}

/**
 * Of a column, or of what lies below it. Only jsonb is stepped into: text of type json may hold what cannot be read,
 * and PostgreSQL would say so of hidden rows. @throws WeirError query-invalid
 */
export function typeBelow(
  live: LiveTable,
  { column, path }: { readonly column: string; readonly path?: readonly PathStep[] },
): string {
  const { type } = liveColumn(live, column);
  if (path === undefined) return type;
  if (type === 'jsonb') return path.at(-1)!.text ? 'text' : 'jsonb';
  throw new WeirError('query-invalid', {
    detail: `column ${column} has no members: it is not of type jsonb`,
    hint: 'leave -> and what follows out',
  });
}

/**
 * @param column SQL, of the column's own type @param type as format_type writes it
 * @throws WeirError filter-refused, value-invalid for `is`
 */
export function condition(
  column: string,
  { filter, at }: PlacedFilter,
  type: string,
  parameters: Parameters,
  by: 'whole' | 'normal' | 'last4' = 'whole',
): string {
  const not = filter.negated ? 'NOT ' : '';
  const base = baseType(type);
  if (filter.operator === 'is') {
    const test = truth.get(filter.values[0] ?? '');
    if (test === undefined || (test.booleanOnly && base !== 'boolean'))
      throw invalidValue(filter.column, type);
    return `${not}(${column} IS ${test.sql})`;
  }
  const { operator, among } = filter;
  if (!applies(filter, type)) {
    throw new WeirError('filter-refused', {
      detail: `column ${filter.column} has a type that cannot be filtered on${scalarType(type) === undefined && !isSet(filter) ? '' : ` with ${operator}`}`,
      hint: 'ask whether there is a value (is.null, not.is.null), or filter by another column',
    });
  }
  const element = elementType(type);
  if (element !== undefined) {
    const list = parameters.add({ from: 'filter', at, list: true, by: 'array' }, `${element}[]`);
    return `${not}(${column} ${comparison[operator as 'cs']} ${list})`;
  }
  const list = operator === 'in' || among !== undefined;
  // As a type of its own, `character` means one letter.
  const compared = base === 'character' ? 'bpchar' : base;
  const parameter = parameters.add({ from: 'filter', at, list, by }, list ? `${compared}[]` : compared);
  if (operator === 'in') return `${not}(${column} = ANY(${parameter}))`;
  const value = among === undefined ? parameter : `${among.toUpperCase()}(${parameter})`;
  return `${not}(${column} ${comparison[operator]} ${value})`;
}

/** Whether PostgreSQL has the operator for the type, and it cannot fail. */
function applies(filter: Filter, type: string): boolean {
  if (elementType(type) !== undefined) return isSet(filter);
  if (isSet(filter)) return type === 'jsonb' && filter.operator !== 'ov';
  return isPattern(filter) ? isText(baseType(type)) : comparableType(type);
}

function isSet({ operator }: Filter): boolean {
  return operator === 'cs' || operator === 'cd' || operator === 'ov';
}

/** @param write one filter as `condition` writes it, or whether there is an embedded row */
export function groupCondition(
  group: PlacedGroup,
  write: (member: PlacedFilter | Presence) => string,
): string {
  const parts = group.members.map((member) =>
    'members' in member ? groupCondition(member, write) : write(member),
  );
  return `${group.negated ? 'NOT ' : ''}(${parts.join(group.combine === 'or' ? ' OR ' : ' AND ')})`;
}

export function isPattern({ operator }: Filter): boolean {
  return operator === 'like' || operator === 'ilike';
}

function isText(base: string): boolean {
  return base === 'text' || base === 'character varying' || base === 'character';
}

/** Syntax only, so that a bad value is refused with its column's name. @throws WeirError value-invalid */
export function checkValues(filter: Filter, type: string): void {
  const { column, operator, values } = filter;
  if (operator === 'is') return;
  const accepts = type === 'jsonb' ? isJsonText : scalarType(elementType(type) ?? type)?.accepts;
  const each = elementType(type) === undefined ? values : arrayValues(values[0] ?? '');
  if (accepts === undefined || each === undefined || !each.every(accepts)) throw invalidValue(column, type);
  // LIKE raises on a pattern that ends in its escape, but only where a row brings it so far.
  if (isPattern(filter) && values.some((value) => /^(?:[^\\]|\\[\s\S])*\\$/.test(value)))
    throw invalidValue(column, type);
}

function invalidValue(column: string, type: string): WeirError {
  return new WeirError('value-invalid', {
    detail: `the value for ${column} is not of its type`,
    hint: `${column} is of type ${type}`,
  });
}

/** For the entry: names and operators, no values. */
export function writeFilter(filter: Filter, separator = '='): string {
  const { negated, operator, values, among } = filter;
  const how = among === undefined ? operator : `${operator}(${among})`;
  const named = `${writePlace(filter)}${separator}${negated ? 'not.' : ''}${how}`;
  if (operator === 'is') return `${named}.${values[0]}`;
  return operator === 'in' ? `${named}.(${values.length})` : named;
}

/** For the entry: without the names of members, which are the caller's own text. */
export function writePlace({
  column,
  path = [],
}: {
  readonly column: string;
  readonly path?: readonly PathStep[];
}): string {
  return column + path.map(({ text }) => (text ? '->>' : '->')).join('');
}

/** For the entry, as writeFilter. @param tables those embedded in the same rows, in their order */
export function writeGroup(
  { combine, negated, members }: FilterGroup,
  tables: readonly { readonly table: string }[],
): string {
  const parts = members.map((member) => {
    if ('members' in member) return writeGroup(member, tables);
    if (!('embedded' in member)) return writeFilter(member, '.');
    return `${tables[member.embedded]!.table}.${member.present ? 'not.' : ''}is.null`;
  });
  return `${negated ? 'not.' : ''}${combine}(${parts.join(',')})`;
}
