/**
 * A plan, compiled: which columns, which pins, which filters; refused here where the role may not ask
 * so. A hidden column answers exactly as one that does not exist. The text of the statement depends on
 * the shape of the plan only, its values travel as parameters.
 */
import { escapeIdentifier } from 'pg';
import type { ClaimValue, Filter, LookedUp, ReadPlan, ReleasedColumn, Selected } from '../access.js';
import { WeirError } from '../errors.js';
import type { Mask } from '../mask/mask.js';
import { normalPhone } from '../mask/phone-parts.js';
import { maskOf } from '../mask/masks.js';
import type { CatalogColumn, TablePolicy } from '../policy/model.js';
import { castsOf, castTo } from './casts.js';
import {
  allFilters,
  checkValues,
  condition,
  groupCondition,
  isPattern,
  placedGroups,
  writeFilter,
  writeGroup,
  type PlacedFilter,
} from './filters.js';
import { lookedUp } from './hidden-digits.js';
import {
  claimOf,
  liveColumn,
  maskedRelation,
  Parameters,
  recordKey,
  subjectKey,
  type Slot,
} from './relation.js';
import type { LiveTable } from './schema.js';
import { needsToJson, scalarType } from './types.js';

/** Values that one pin may list; each is a look-up of its own. */
export const maxPinnedValues = 20;

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly columns: readonly ReleasedColumn[];
  readonly outputMasks: readonly OutputMask[];
  /** Counts all rows of the answer, before limit and offset; undefined unless the plan asks for it. */
  readonly count: { readonly text: string; readonly values: readonly unknown[] } | undefined;
  /** Counts rows of the answer up to one more than per_request, for answers that must not be cut. */
  readonly probe: { readonly text: string; readonly values: readonly unknown[] } | undefined;
  /** Some released column has a personal class. */
  readonly personal: boolean;
  /** Reads by a pin: an index leads to the few rows. */
  readonly pinned: boolean;
  /** Values looked up in columns that the role does not see in clear. */
  readonly lookups: number;
  /** Looked up by the last four digits, so that each row found is a look-up. */
  readonly candidates: boolean;
  /** Those of these values that hold digits. */
  readonly lookedUp: readonly LookedUp[];
  /** Rows at the most; undefined: no bound. */
  readonly rowLimit: number | undefined;
  /** per_request made the limit smaller than asked for. */
  readonly cut: boolean;
  /** The normalised query without literals, for the entry. */
  readonly normalised: string;
}

/** A column of the answer that comes as the table holds it, and what makes a masked one of it. */
export interface OutputMask {
  readonly at: number;
  readonly apply: Mask['apply'];
}

/** A text and what its parameters stand for. */
interface Template {
  readonly text: string;
  readonly slots: readonly Slot[];
}

/**
 * Everything about a statement but its values. Plans differ in shape where they differ in anything but the
 * values of filters (those of `is` belong to the shape), the numbers of limit and offset, and claims.
 */
export interface StatementShape extends Template {
  readonly columns: readonly ReleasedColumn[];
  readonly outputMasks: readonly OutputMask[];
  readonly count: Template | undefined;
  readonly probe: Template | undefined;
  readonly personal: boolean;
  /** Places in the plan's filters. */
  readonly pins: readonly number[];
  /** Those pins whose column the role does not see in clear, and what it sees of it. */
  readonly lookups: readonly LookedUpAt[];
  /** Of each filter's column, in the order of the plan. */
  readonly filterTypes: readonly string[];
  /** How the normalised query begins. */
  readonly normalisedHead: string;
}

interface LookedUpAt {
  /** Its place in the plan's filters. */
  readonly at: number;
  readonly by: Way;
  readonly column: CatalogColumn;
  readonly mask: Mask | undefined;
}

/** @throws WeirError column-unknown, filter-refused, pin-required, count-refused, value-invalid, claim-required */
export function compileStatement(
  policy: TablePolicy,
  live: LiveTable,
  plan: ReadPlan,
  perRequest: number,
  claims: Readonly<Record<string, ClaimValue>>,
): Statement {
  return bindStatement(compileShape(policy, live, plan, perRequest), plan, perRequest, claims);
}

/** @throws WeirError column-unknown, filter-refused, pin-required, count-refused, value-invalid for `is` */
export function compileShape(
  policy: TablePolicy,
  live: LiveTable,
  plan: ReadPlan,
  perRequest: number,
): StatementShape {
  const shown: readonly Selected[] = plan.select ?? [...policy.see.keys()].map((column) => ({ column }));
  if (new Set(shown.map(({ as, column }) => as ?? column)).size !== shown.length) {
    throw new WeirError('query-invalid', {
      detail: 'select gives two columns one name',
      hint: 'name each column once, or rename one of them',
    });
  }
  const selected = [...new Set(shown.map(({ column }) => column))];
  for (const name of selected) visible(policy, name);
  for (const { column } of plan.order) {
    visible(policy, column);
    refuseUnorderable(policy, column);
  }

  const pins: Pin[] = [];
  const filters: PlacedFilter[] = [];
  plan.filters.forEach((filter, at) => {
    const by = wayOf(policy, filter);
    if (by === undefined) filters.push({ filter, at });
    else pins.push({ filter, at, by, through: throughOf(policy, filter.column, by) });
  });
  const groups = placedGroups(plan);
  // Only conjuncts of the whole pin. In a group a column that is not seen in clear is refused like elsewhere.
  const grouped = allFilters(plan).slice(plan.filters.length);
  const compared = [...filters.map(({ filter }) => filter), ...grouped];
  for (const filter of compared) refuseUnfilterable(policy, filter);
  if (!policy.browse && pins.length === 0) throw pinRequired(policy);

  const needed = [
    ...new Set([...selected, ...compared.map((f) => f.column), ...plan.order.map((o) => o.column)]),
  ];
  const unmasked = maskedOnOutput(policy, selected, plan.order);
  const relation = (wanted: readonly string[], parameters: Parameters): string => {
    const conditions = pins.map((pin) =>
      condition(escapeIdentifier(pin.through), pin, liveColumn(live, pin.through).type, parameters, pin.by),
    );
    const inner = maskedRelation(policy, live, wanted, unmasked, conditions, parameters);
    const written = (f: PlacedFilter): string =>
      condition(
        `t.${escapeIdentifier(f.filter.column)}`,
        f,
        liveColumn(live, f.filter.column).type,
        parameters,
      );
    const outer = [...filters.map(written), ...groups.map((group) => groupCondition(group, written))];
    return `${inner} AS t${outer.length === 0 ? '' : ` WHERE ${outer.join(' AND ')}`}`;
  };

  const types = shown.map((item) => shownType(policy, live, item));
  const columns = shown.map((item, at) => released(policy, item, types[at]!, plan.encoding));
  const parameters = new Parameters();
  const from = relation(needed, parameters);
  const outputs = shown.map((item, at) => output(item, types[at]!, plan.encoding));
  const bounded = isCut(plan, perRequest) || plan.limit !== undefined;
  const tail = [
    plan.order.length === 0 ? '' : ` ORDER BY ${plan.order.map(ordering).join(', ')}`,
    bounded ? ` LIMIT ${parameters.add({ from: 'rowLimit' }, 'bigint')}` : '',
    plan.offset === 0 ? '' : ` OFFSET ${parameters.add({ from: 'offset' }, 'bigint')}`,
  ].join('');
  const text = `SELECT ${[...outputs, `t.${recordKey}`, `t.${subjectKey}`].join(', ')} FROM ${from}${tail}`;

  return {
    text,
    slots: parameters.slots,
    columns,
    outputMasks: columns.flatMap(({ name, mask }, at) =>
      unmasked.has(name) ? [{ at, apply: maskOf(mask).apply }] : [],
    ),
    count: plan.count ? exactCount(policy, compared, relation) : undefined,
    probe: isProbed(plan, perRequest) ? probe(relation, compared) : undefined,
    personal: selected.some((name) => catalogued(policy, name).class !== 'none'),
    pins: pins.map(({ at }) => at),
    lookups: pins.flatMap(({ filter: { column }, at, by }): LookedUpAt[] => {
      const mask = policy.see.get(column);
      if (mask === 'clear') return [];
      return [
        { at, by, column: catalogued(policy, column), mask: mask === undefined ? undefined : maskOf(mask) },
      ];
    }),
    filterTypes: allFilters(plan).map(({ column }, at) => {
      const pin = pins.find((one) => one.at === at);
      return liveColumn(live, pin?.through ?? column).type;
    }),
    // Without the names that the caller gives to columns: a name can hold anything.
    normalisedHead: `${policy.table.name}?select=${shown.map(({ column, cast }, at) => `${column}${cast === undefined ? '' : `::${types[at]}`}`).join(',')}`,
  };
}

/** @param shape of this very plan @throws WeirError filter-refused, value-invalid, claim-required */
export function bindStatement(
  shape: StatementShape,
  plan: ReadPlan,
  perRequest: number,
  claims: Readonly<Record<string, ClaimValue>>,
): Statement {
  for (const at of shape.pins) refuseTooMany(plan.filters[at]!);
  const filters = allFilters(plan);
  filters.forEach((filter, at) => checkValues(filter, shape.filterTypes[at]!));
  const cut = isCut(plan, perRequest);
  const rowLimit = cut ? perRequest : plan.limit;
  const valueOf = (slot: Slot): unknown => {
    switch (slot.from) {
      case 'literal':
        return slot.value;
      case 'claim':
        return claimOf(slot.claim, claims);
      case 'filter': {
        const { values: whole } = filters[slot.at]!;
        const values = slot.by === 'whole' ? whole : whole.map(slot.by === 'last4' ? lastFour : normalPhone);
        return slot.list ? values : (values[0] ?? '');
      }
      case 'rowLimit':
        return rowLimit;
      case 'probeLimit':
        return perRequest + 1;
      case 'offset':
        return plan.offset;
    }
  };
  const bind = ({ text, slots }: Template) => ({ text, values: slots.map(valueOf) });
  return {
    text: shape.text,
    values: shape.slots.map(valueOf),
    columns: shape.columns,
    outputMasks: shape.outputMasks,
    count: shape.count && bind(shape.count),
    probe: shape.probe && bind(shape.probe),
    personal: shape.personal,
    pinned: shape.pins.length > 0,
    lookups: shape.lookups.reduce((sum, { at }) => sum + plan.filters[at]!.values.length, 0),
    candidates: shape.lookups.some(({ by }) => by === 'last4'),
    lookedUp: shape.lookups.flatMap(({ at, by, column, mask }) =>
      by === 'last4' ? [] : plan.filters[at]!.values.flatMap((value) => lookedUp(column, mask, value) ?? []),
    ),
    rowLimit,
    cut,
    normalised: normalise(shape.normalisedHead, plan),
  };
}

/** per_request is smaller than what is asked for, and the answer may be cut. */
export function isCut(plan: ReadPlan, perRequest: number): boolean {
  return plan.overflow === 'cut' && (plan.limit === undefined || plan.limit > perRequest);
}

/** per_request is smaller than what is asked for, and the answer must not be cut. */
export function isProbed(plan: ReadPlan, perRequest: number): boolean {
  return plan.overflow === 'refuse' && (plan.limit ?? Infinity) > perRequest;
}

/** How a pin compares: by the whole value; of phones, through another column, by the normal form or the last four digits. */
type Way = 'whole' | 'normal' | 'last4';

interface Pin extends PlacedFilter {
  readonly by: Way;
  /** The column that is compared. */
  readonly through: string;
}

type RelationOf = (wanted: readonly string[], parameters: Parameters) => string;

/** A count can be steered row by row; over a personal column in clear it would find values that no entry names. */
function exactCount(policy: TablePolicy, filters: readonly Filter[], relation: RelationOf): Template {
  for (const { column } of filters) {
    if (catalogued(policy, column).class !== 'none') {
      throw new WeirError('count-refused', {
        detail: `an exact count cannot be filtered by ${column}`,
        hint: 'leave out count=exact, or filter by columns without personal data',
      });
    }
  }
  const parameters = new Parameters();
  const from = relation(columnsOf(filters), parameters);
  return { text: `SELECT count(*) FROM ${from}`, slots: parameters.slots };
}

function probe(relation: RelationOf, filters: readonly Filter[]): Template {
  const parameters = new Parameters();
  const from = relation(columnsOf(filters), parameters);
  const limit = parameters.add({ from: 'probeLimit' }, 'bigint');
  const skip = parameters.add({ from: 'offset' }, 'bigint');
  return {
    text: `SELECT count(*) FROM (SELECT 1 FROM ${from} LIMIT ${limit} OFFSET ${skip}) AS bounded`,
    slots: parameters.slots,
  };
}

/**
 * Masked columns that the statement may take as they are, because it does nothing with them but show them, and their
 * mask is computed on what comes out of it: only selected, never ordered by; filters on masked columns are refused anyway (a pin compares the real value).
 */
function maskedOnOutput(
  policy: TablePolicy,
  selected: readonly string[],
  order: ReadPlan['order'],
): ReadonlySet<string> {
  const ordered = new Set(order.map(({ column }) => column));
  return new Set(selected.filter((name) => policy.see.get(name) !== 'clear' && !ordered.has(name)));
}

/** Each once: a column may be filtered twice, as in a range. */
function columnsOf(filters: readonly Filter[]): string[] {
  return [...new Set(filters.map(({ column }) => column))];
}

export function columnUnknown(policy: TablePolicy, name: string): WeirError {
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

/** As the mask shows it: four asterisks and the digits. */
const last4Form = /^\*{4}[0-9]{4}$/;

/** Which of the values stand for the last four digits only: belongs to the shape where the role may ask so. */
export function last4Among({ operator, values }: Filter): 'none' | 'some' | 'all' {
  if (operator !== 'eq' && operator !== 'in') return 'none';
  const short = values.filter((value) => last4Form.test(value)).length;
  return short === 0 ? 'none' : short === values.length ? 'all' : 'some';
}

/**
 * Equality with whole values of a find_by column, or with the last four digits. Only these compare the real value of a masked column.
 * @returns undefined: it is no pin. @throws WeirError filter-refused where the two are mixed
 */
function wayOf(policy: TablePolicy, filter: Filter): Way | undefined {
  const { column, operator, negated } = filter;
  if (negated || (operator !== 'eq' && operator !== 'in')) return undefined;
  if (policy.findByLast4?.has(column) === true) {
    const among = last4Among(filter);
    if (among === 'all') return 'last4';
    if (among === 'some') {
      throw new WeirError('filter-refused', {
        detail: `${column} is looked up by whole values or by last digits, not by both at once`,
        hint: 'ask in two requests',
      });
    }
  }
  if (!policy.findBy.includes(column)) return undefined;
  return normalColumn(policy, column) === undefined ? 'whole' : 'normal';
}

function throughOf(policy: TablePolicy, column: string, by: Way): string {
  if (by === 'last4') return policy.findByLast4!.get(column)!;
  return by === 'normal' ? normalColumn(policy, column)! : column;
}

/** The column that holds the normal form, where the catalogue names one. */
function normalColumn(policy: TablePolicy, name: string): string | undefined {
  const lookup = catalogued(policy, name).lookup.find(({ by }) => by === 'normal');
  return lookup?.by === 'normal' ? lookup.column : undefined;
}

function lastFour(value: string): string {
  return value.slice(-4);
}

function refuseTooMany({ column, values }: Filter): void {
  if (values.length <= maxPinnedValues) return;
  throw new WeirError('filter-refused', {
    detail: `${column} may be looked up by at most ${maxPinnedValues} values in one request`,
    hint: 'ask in several requests',
  });
}

function refuseUnfilterable(policy: TablePolicy, filter: Filter): void {
  const mask = policy.see.get(filter.column);
  if (mask === 'clear') {
    // Asked piece by piece, a pattern would find a person by what the caller does not know of them.
    if (!isPattern(filter) || catalogued(policy, filter.column).class === 'none') return;
    throw new WeirError('filter-refused', {
      detail: `column ${filter.column} holds personal data and is not searched with ${filter.operator}`,
      hint: `compare its whole value: ${filter.column}=eq.<value>`,
    });
  }
  const findable = policy.findBy.includes(filter.column);
  const byLast4 = policy.findByLast4?.has(filter.column) === true;
  if (mask === undefined && !findable && !byLast4) throw columnUnknown(policy, filter.column);
  throw new WeirError('filter-refused', {
    detail: `column ${filter.column} cannot be filtered on with ${filter.negated ? 'not.' : ''}${filter.operator}`,
    hint: findable
      ? `look it up by its whole value: ${filter.column}=eq.<value>`
      : byLast4
        ? `look it up by its last four digits: ${filter.column}=eq.****1234`
        : 'your role sees it masked; filter by a column that it sees in clear',
  });
}

/** The order of rows would tell what the mask hides. */
function refuseUnorderable(policy: TablePolicy, column: string): void {
  const mask = policy.see.get(column)!;
  if (maskOf(mask).sql !== undefined) return;
  const clear = [...policy.see.keys()].filter((name) => policy.see.get(name) === 'clear');
  throw new WeirError('filter-refused', {
    detail: `rows cannot be ordered by column ${column}, which your role sees as ${mask}`,
    hint: clear.length === 0 ? 'leave the order out' : `order by a column seen in clear: ${clear.join(', ')}`,
  });
}

function pinRequired(policy: TablePolicy): WeirError {
  return new WeirError('pin-required', {
    detail: `a read of ${policy.table.name} must pin a record or a person`,
    hint: `add one of: ${[
      ...policy.findBy.map((name) => `${name}=eq.<value>`),
      ...[...(policy.findByLast4?.keys() ?? [])].map((name) => `${name}=eq.****1234`),
    ].join(', ')}`,
  });
}

/** The type of a column of the answer, as format_type writes it. @throws WeirError query-invalid for a cast that is not made */
function shownType(policy: TablePolicy, live: LiveTable, { column, cast }: Selected): string {
  if (policy.see.get(column) !== 'clear') {
    if (cast === undefined) return 'text';
    throw new WeirError('query-invalid', {
      detail: `column ${column} cannot be cast`,
      hint: 'your role sees it masked, as text; leave the cast out',
    });
  }
  const { type } = liveColumn(live, column);
  if (cast === undefined) return type;
  const target = castTo(type, cast);
  if (target !== undefined) return target;
  throw new WeirError('query-invalid', {
    detail: `column ${column} cannot be cast to that type`,
    hint: `only casts that never fail are made; for ${column}: ${castsOf(type).join(', ') || 'none'}`,
  });
}

function released(
  policy: TablePolicy,
  { column: name, as }: Selected,
  type: string,
  encoding: ReadPlan['encoding'],
): ReleasedColumn {
  const mask = policy.see.get(name)!;
  const named = as === undefined ? { name } : { name, as };
  if (mask !== 'clear') return { ...named, mask, json: 'string' };
  const json = encoding === 'json' && needsToJson(type) ? 'verbatim' : (scalarType(type)?.json ?? 'verbatim');
  return { ...named, mask, json };
}

function output({ column: name, cast }: Selected, type: string, encoding: ReadPlan['encoding']): string {
  const column = `t.${escapeIdentifier(name)}${cast === undefined ? '' : `::${type}`}`;
  return encoding === 'json' && needsToJson(type) ? `to_json(${column})` : column;
}

function ordering({ column, descending, nulls }: ReadPlan['order'][number]): string {
  return `t.${escapeIdentifier(column)}${descending ? ' DESC' : ''}${nulls === undefined ? '' : ` NULLS ${nulls.toUpperCase()}`}`;
}

function normalise(head: string, plan: ReadPlan): string {
  const filters = [
    ...plan.filters.map((filter) => writeFilter(filter)),
    ...(plan.groups ?? []).map((group) => writeGroup(group)),
  ];
  const order = plan.order.map((o) => `${o.column}${o.descending ? '.desc' : ''}`);
  return [
    head,
    ...filters,
    ...(order.length === 0 ? [] : [`order=${order.join(',')}`]),
    ...(plan.limit === undefined ? [] : [`limit=${plan.limit}`]),
    ...(plan.offset === 0 ? [] : [`offset=${plan.offset}`]),
    ...(plan.count ? ['count'] : []),
  ].join('&');
}
