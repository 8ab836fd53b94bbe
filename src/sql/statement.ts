/**
 * A plan, compiled: which columns, which pins, which filters; refused here where the role may not ask
 * so. A hidden column answers exactly as one that does not exist. The text of the statement depends on
 * the shape of the plan only, its values travel as parameters.
 */
import { escapeIdentifier } from 'pg';
import type { ClaimValue, Filter, ReadPlan, ReleasedColumn } from '../access.js';
import { WeirError } from '../errors.js';
import type { CatalogColumn, TablePolicy } from '../policy/model.js';
import { liveColumn, maskedRelation, Parameters, recordKey, subjectKey } from './relation.js';
import type { LiveTable } from './schema.js';
import { baseType, needsToJson, scalarType } from './types.js';

/** Values that one pin may list; each is a look-up of its own. */
export const maxPinnedValues = 20;

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly columns: readonly ReleasedColumn[];
  /** Counts all rows of the answer, before limit and offset; undefined unless the plan asks for it. */
  readonly count: { readonly text: string; readonly values: readonly unknown[] } | undefined;
  /** Counts rows of the answer up to one more than per_request, for answers that must not be cut. */
  readonly probe: { readonly text: string; readonly values: readonly unknown[] } | undefined;
  /** Some released column has a personal class. */
  readonly personal: boolean;
  /** Values looked up in columns that the role does not see in clear. */
  readonly lookups: number;
  /** Rows at the most; undefined: no bound. */
  readonly rowLimit: number | undefined;
  /** per_request made the limit smaller than asked for. */
  readonly cut: boolean;
  /** The normalised query without literals, for the entry. */
  readonly normalised: string;
}

/** @throws WeirError column-unknown, filter-refused, pin-required, count-refused, value-invalid, claim-required */
export function compileStatement(
  policy: TablePolicy,
  live: LiveTable,
  plan: ReadPlan,
  perRequest: number,
  claims: Readonly<Record<string, ClaimValue>>,
): Statement {
  const selected = [...new Set(plan.select ?? policy.see.keys())];
  if (plan.select !== undefined && selected.length !== plan.select.length) {
    throw new WeirError('query-invalid', {
      detail: 'select names a column twice',
      hint: 'name each column once',
    });
  }
  for (const name of selected) visible(policy, name);
  for (const { column } of plan.order) visible(policy, column);

  const pins: Filter[] = [];
  const filters: Filter[] = [];
  for (const filter of plan.filters) (isPin(policy, filter) ? pins : filters).push(filter);
  for (const filter of filters) refuseUnfilterable(policy, filter);
  if (!policy.browse && pins.length === 0) throw pinRequired(policy);

  const needed = [
    ...new Set([...selected, ...filters.map((f) => f.column), ...plan.order.map((o) => o.column)]),
  ];
  const relation = (wanted: readonly string[], parameters: Parameters): string => {
    const conditions = pins.map((pin) =>
      condition(escapeIdentifier(pin.column), pin, liveColumn(live, pin.column).type, parameters),
    );
    const inner = maskedRelation(policy, live, wanted, conditions, claims, parameters);
    const outer = filters.map((f) =>
      condition(`t.${escapeIdentifier(f.column)}`, f, liveColumn(live, f.column).type, parameters),
    );
    return `${inner} AS t${outer.length === 0 ? '' : ` WHERE ${outer.join(' AND ')}`}`;
  };

  const columns = selected.map((name): ReleasedColumn => released(policy, live, name, plan.encoding));
  const parameters = new Parameters();
  const from = relation(needed, parameters);
  const outputs = columns.map(({ name, mask }) =>
    output(name, mask === 'clear' ? liveColumn(live, name).type : 'text', plan.encoding),
  );
  const cut = plan.overflow === 'cut' && (plan.limit === undefined || plan.limit > perRequest);
  const rowLimit = cut ? perRequest : plan.limit;
  const tail = [
    plan.order.length === 0 ? '' : ` ORDER BY ${plan.order.map(ordering).join(', ')}`,
    rowLimit === undefined ? '' : ` LIMIT ${parameters.add(rowLimit, 'bigint')}`,
    plan.offset === 0 ? '' : ` OFFSET ${parameters.add(plan.offset, 'bigint')}`,
  ].join('');
  const text = `SELECT ${[...outputs, `t.${recordKey}`, `t.${subjectKey}`].join(', ')} FROM ${from}${tail}`;

  return {
    text,
    values: parameters.values,
    columns,
    count: plan.count ? exactCount(policy, filters, relation) : undefined,
    probe:
      plan.overflow === 'refuse' && (plan.limit ?? Infinity) > perRequest
        ? probe(relation, filters, perRequest, plan.offset)
        : undefined,
    personal: selected.some((name) => catalogued(policy, name).class !== 'none'),
    lookups: pins
      .filter((pin) => policy.see.get(pin.column) !== 'clear')
      .reduce((sum, pin) => sum + pin.values.length, 0),
    rowLimit,
    cut,
    normalised: normalise(policy, selected, plan),
  };
}

type RelationOf = (wanted: readonly string[], parameters: Parameters) => string;

/** A count can be steered row by row; over a personal column in clear it would find values that no entry names. */
function exactCount(
  policy: TablePolicy,
  filters: readonly Filter[],
  relation: RelationOf,
): { text: string; values: unknown[] } {
  for (const { column } of filters) {
    if (catalogued(policy, column).class !== 'none') {
      throw new WeirError('count-refused', {
        detail: `an exact count cannot be filtered by ${column}`,
        hint: 'leave out count=exact, or filter by columns without personal data',
      });
    }
  }
  const parameters = new Parameters();
  const from = relation(
    filters.map((f) => f.column),
    parameters,
  );
  return { text: `SELECT count(*) FROM ${from}`, values: parameters.values };
}

function probe(
  relation: RelationOf,
  filters: readonly Filter[],
  perRequest: number,
  offset: number,
): { text: string; values: unknown[] } {
  const parameters = new Parameters();
  const from = relation(
    filters.map((f) => f.column),
    parameters,
  );
  const limit = parameters.add(perRequest + 1, 'bigint');
  const skip = parameters.add(offset, 'bigint');
  return {
    text: `SELECT count(*) FROM (SELECT 1 FROM ${from} LIMIT ${limit} OFFSET ${skip}) AS bounded`,
    values: parameters.values,
  };
}

function columnUnknown(policy: TablePolicy, name: string): WeirError {
  return new WeirError('column-unknown', {
    detail: `column ${policy.table.name}.${name} does not exist`,
    hint: `columns that your role sees: ${[...policy.see.keys()].join(', ')}`,
  });
}

function visible(policy: TablePolicy, name: string): void {
  if (!policy.see.has(name)) throw columnUnknown(policy, name);
}

function catalogued(policy: TablePolicy, name: string): CatalogColumn {
  const column = policy.table.columns.get(name);
  if (column === undefined) throw columnUnknown(policy, name);
  return column;
}

/** Equality with whole values of a find_by column. Only these compare the real value of a masked column. */
function isPin(policy: TablePolicy, filter: Filter): boolean {
  if (!policy.findBy.includes(filter.column) || filter.negated) return false;
  if (filter.operator !== 'eq' && filter.operator !== 'in') return false;
  if (filter.values.length > maxPinnedValues) {
    throw new WeirError('filter-refused', {
      detail: `${filter.column} may be looked up by at most ${maxPinnedValues} values in one request`,
      hint: 'ask in several requests',
    });
  }
  return true;
}

function refuseUnfilterable(policy: TablePolicy, filter: Filter): void {
  const mask = policy.see.get(filter.column);
  if (mask === 'clear') return;
  const findable = policy.findBy.includes(filter.column);
  if (mask === undefined && !findable) throw columnUnknown(policy, filter.column);
  throw new WeirError('filter-refused', {
    detail: `column ${filter.column} cannot be filtered on with ${filter.negated ? 'not.' : ''}${filter.operator}`,
    hint: findable
      ? `look it up by its whole value: ${filter.column}=eq.<value>`
      : 'your role sees it masked; filter by a column that it sees in clear',
  });
}

function pinRequired(policy: TablePolicy): WeirError {
  return new WeirError('pin-required', {
    detail: `a read of ${policy.table.name} must pin a record or a person`,
    hint: `add one of: ${policy.findBy.map((name) => `${name}=eq.<value>`).join(', ')}`,
  });
}

const truth: ReadonlyMap<string, { readonly sql: string; readonly booleanOnly: boolean }> = new Map([
  ['null', { sql: 'NULL', booleanOnly: false }],
  ['not_null', { sql: 'NOT NULL', booleanOnly: false }],
  ['true', { sql: 'TRUE', booleanOnly: true }],
  ['false', { sql: 'FALSE', booleanOnly: true }],
  ['unknown', { sql: 'UNKNOWN', booleanOnly: true }],
]);

const comparison = { eq: '=', neq: '<>', gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

function condition(column: string, filter: Filter, type: string, parameters: Parameters): string {
  const not = filter.negated ? 'NOT ' : '';
  const base = baseType(type);
  const first = filter.values[0] ?? '';
  if (filter.operator === 'is') {
    const test = truth.get(first);
    if (test === undefined || (test.booleanOnly && base !== 'boolean'))
      throw invalidValue(filter.column, type);
    return `${not}(${column} IS ${test.sql})`;
  }
  const scalar = scalarType(type);
  if (scalar === undefined) {
    throw new WeirError('filter-refused', {
      detail: `column ${filter.column} has a type that cannot be filtered on`,
    });
  }
  if (!filter.values.every(scalar.accepts)) throw invalidValue(filter.column, type);
  if (filter.operator === 'in')
    return `${not}(${column} = ANY(${parameters.add(filter.values, `${base}[]`)}))`;
  return `${not}(${column} ${comparison[filter.operator]} ${parameters.add(first, base)})`;
}

function invalidValue(column: string, type: string): WeirError {
  return new WeirError('value-invalid', {
    detail: `the value for ${column} is not of its type`,
    hint: `${column} is of type ${type}`,
  });
}

function released(
  policy: TablePolicy,
  live: LiveTable,
  name: string,
  encoding: ReadPlan['encoding'],
): ReleasedColumn {
  const mask = policy.see.get(name)!;
  if (mask !== 'clear') return { name, mask, json: 'string' };
  const { type } = liveColumn(live, name);
  const json = encoding === 'json' && needsToJson(type) ? 'verbatim' : (scalarType(type)?.json ?? 'verbatim');
  return { name, mask, json };
}

function output(name: string, type: string, encoding: ReadPlan['encoding']): string {
  const column = `t.${escapeIdentifier(name)}`;
  return encoding === 'json' && needsToJson(type) ? `to_json(${column})` : column;
}

function ordering({ column, descending, nulls }: ReadPlan['order'][number]): string {
  return `t.${escapeIdentifier(column)}${descending ? ' DESC' : ''}${nulls === undefined ? '' : ` NULLS ${nulls.toUpperCase()}`}`;
}

function normalise(policy: TablePolicy, selected: readonly string[], plan: ReadPlan): string {
  const filters = plan.filters.map(
    (f) =>
      `${f.column}=${f.negated ? 'not.' : ''}${f.operator}${f.operator === 'is' ? `.${f.values[0]}` : f.operator === 'in' ? `.(${f.values.length})` : ''}`,
  );
  const order = plan.order.map((o) => `${o.column}${o.descending ? '.desc' : ''}`);
  return [
    `${policy.table.name}?select=${selected.join(',')}`,
    ...filters,
    ...(order.length === 0 ? [] : [`order=${order.join(',')}`]),
    ...(plan.limit === undefined ? [] : [`limit=${plan.limit}`]),
    ...(plan.offset === 0 ? [] : [`offset=${plan.offset}`]),
    ...(plan.count ? ['count'] : []),
  ].join('&');
}
