/**
 * Filters as SQL conditions. Nothing here can raise on a row: PostgreSQL may try a condition on rows that
 * the row filter hides, and an error would tell of them. Values travel as parameters.
 */
import type { Embedding, Filter, FilterGroup, ReadPlan } from '../access.js';
import { WeirError } from '../errors.js';
import type { Parameters } from './relation.js';
import { baseType, scalarType } from './types.js';

export interface PlacedFilter {
  readonly filter: Filter;
  /** Its place in allFilters. */
  readonly at: number;
}

export interface PlacedGroup {
  readonly combine: 'and' | 'or';
  readonly negated: boolean;
  readonly members: readonly (PlacedFilter | PlacedGroup)[];
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
  return members.flatMap((member) => ('members' in member ? leaves(member) : [member]));
}

/** Each filter of the groups with its place. @param from the place of the table's first filter */
export function placedGroups({ filters, groups = [] }: Filtered, from = 0): readonly PlacedGroup[] {
  let next = from + filters.length;
  const place = ({ combine, negated, members }: FilterGroup): PlacedGroup => ({
    combine,
    negated,
    members: members.map((member) => ('members' in member ? place(member) : { filter: member, at: next++ })),
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
} as const;

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
  if (scalarType(type) === undefined || (isPattern(filter) && !isText(base))) {
    throw new WeirError('filter-refused', {
      detail: `column ${filter.column} has a type that cannot be filtered on${isPattern(filter) ? ` with ${filter.operator}` : ''}`,
    });
  }
  const list = filter.operator === 'in';
  // As a type of its own, `character` means one letter.
  const compared = base === 'character' ? 'bpchar' : base;
  const parameter = parameters.add({ from: 'filter', at, list, by }, list ? `${compared}[]` : compared);
  if (filter.operator === 'in') return `${not}(${column} = ANY(${parameter}))`;
  return `${not}(${column} ${comparison[filter.operator]} ${parameter})`;
}

/** @param write one filter as `condition` writes it */
export function groupCondition(group: PlacedGroup, write: (placed: PlacedFilter) => string): string {
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
  const scalar = scalarType(type);
  if (scalar === undefined || !values.every(scalar.accepts)) throw invalidValue(column, type);
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
export function writeFilter({ column, negated, operator, values }: Filter, separator = '='): string {
  const named = `${column}${separator}${negated ? 'not.' : ''}${operator}`;
  if (operator === 'is') return `${named}.${values[0]}`;
  return operator === 'in' ? `${named}.(${values.length})` : named;
}

/** For the entry, as writeFilter. */
export function writeGroup({ combine, negated, members }: FilterGroup): string {
  const parts = members.map((member) =>
    'members' in member ? writeGroup(member) : writeFilter(member, '.'),
  );
  return `${negated ? 'not.' : ''}${combine}(${parts.join(',')})`;
}
