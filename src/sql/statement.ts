/**
 * A plan, compiled: which columns, which pins, which filters; refused here where the role may not ask
 * so. A hidden column answers exactly as one that does not exist. The text of the statement depends on
 * the shape of the plan only, its values travel as parameters.
 */
import { escapeIdentifier } from 'pg';
import type {
  ClaimValue,
  Embedding,
  Filter,
  LookedUp,
  Ordering,
  Presence,
  ReadPlan,
  ReleasedColumn,
  Selected,
} from '../access.js';
import { WeirError } from '../errors.js';
import type { Mask } from '../mask/mask.js';
import { normalPhone } from '../mask/phone-parts.js';
import { maskOf } from '../mask/masks.js';
import type { CatalogColumn, TablePolicy } from '../policy/model.js';
import { arrayValues } from './arrays.js';
import { catalogued, refuseUnfilterable } from './column-rules.js';
import {
  columnsOf,
  decidingColumns,
  decidingOnes,
  embeddedOutput,
  embeddingsOf,
  flatten,
  innerConditions,
  joinColumns,
  memberCondition,
  nameOf,
  orderBy,
  ownOrder,
  planEmbedded,
  planOrder,
  refuseTwice,
  type Embedded,
  type EmbeddedShape,
} from './embedding.js';
import {
  allFilters,
  checkValues,
  condition,
  groupCondition,
  ownFilters,
  placedGroups,
  typeBelow,
  writeFilter,
  writeGroup,
  writePlace,
  type PlacedFilter,
} from './filters.js';
import type { Surroundings } from './foreign-keys.js';
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
import { maskedOnOutput, output, released, shownOf, shownType } from './shown-columns.js';

/** Values that one pin may list; each is a look-up of its own. */
export const maxPinnedValues = 20;

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly columns: readonly ReleasedColumn[];
  readonly outputMasks: readonly OutputMask[];
  /** Tables that come inside the rows; their columns are the last ones. */
  readonly embedded?: EmbeddedParts | undefined;
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

export interface EmbeddedParts {
  /** Columns of the table itself; behind them stands one for each embedded table. */
  readonly ownWidth: number;
  /** JSON without members that are null. */
  readonly stripped: boolean;
  readonly tables: readonly EmbeddedShape[];
  /** The same with those inside them, each before these. */
  readonly flat: readonly EmbeddedShape[];
  /** Rows of all tables together that one request may read. */
  readonly mostRows: number;
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
  readonly embedded?: Omit<EmbeddedParts, 'mostRows'> | undefined;
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

/**
 * @param around of which embedded tables are taken: without it nothing can be embedded
 * @throws WeirError column-unknown, relation-unknown, filter-refused, pin-required, count-refused, value-invalid, claim-required
 */
export function compileStatement(
  policy: TablePolicy,
  live: LiveTable,
  plan: ReadPlan,
  perRequest: number,
  claims: Readonly<Record<string, ClaimValue>>,
  around: Surroundings = alone,
): Statement {
  return bindStatement(compileShape(policy, live, plan, perRequest, around), plan, perRequest, claims);
}

const alone: Surroundings = { tables: new Map(), live: new Map() };

/** @throws WeirError column-unknown, relation-unknown, filter-refused, pin-required, count-refused, value-invalid for `is` */
export function compileShape(
  policy: TablePolicy,
  live: LiveTable,
  plan: ReadPlan,
  perRequest: number,
  around: Surroundings = alone,
): StatementShape {
  const shown = shownOf(policy, plan);
  const selected = [...new Set(shown.map(({ column }) => column))];
  const pins: Pin[] = [];
  const filters: PlacedFilter[] = [];
  plan.filters.forEach((filter, at) => {
    const by = wayOf(policy, filter);
    if (by === undefined) filters.push({ filter, at });
    else pins.push({ filter, at, by, through: throughOf(policy, filter.column, by) });
  });
  const groups = placedGroups(plan);
  // Only conjuncts of the whole pin. In a group a column that is not seen in clear is refused like elsewhere.
  const grouped = ownFilters(plan).slice(plan.filters.length);
  const compared = [...filters.map(({ filter }) => filter), ...grouped];
  for (const filter of compared) refuseUnfilterable(policy, filter);
  if (!policy.browse && pins.length === 0) throw pinRequired(policy);
  const next = { at: 0, filter: ownFilters(plan).length };
  const { encoding } = plan;
  const reach = pins.length > 0 ? 'down' : 'listed';
  const embedded = planEmbedded(policy, plan, reach, { around, next, encoding });
  for (const by of plan.order) planOrder(policy, live, by, embedded);
  const inside = embedded.flatMap(({ silent, shape }) => (silent ? [] : [shape]));
  refuseTwice([...shown.map(nameShown), ...inside.flatMap(columnsOf).map(nameOf)]);

  const needed = [
    ...new Set([
      ...selected,
      ...compared.map((f) => f.column),
      ...ownOrder(plan.order),
      ...joinColumns(embedded),
    ]),
  ];
  const unmasked = maskedOnOutput(policy, selected, plan.order);
  const relation = (wanted: readonly string[], parameters: Parameters): string => {
    const conditions = pins.map((pin) =>
      condition(escapeIdentifier(pin.through), pin, liveColumn(live, pin.through).type, parameters, pin.by),
    );
    const inner = maskedRelation(policy, live, wanted, unmasked, conditions, parameters);
    const written = (member: PlacedFilter | Presence): string =>
      memberCondition(member, 't', live, embedded, parameters);
    const outer = [
      ...filters.map(written),
      ...groups.map((group) => groupCondition(group, written)),
      ...innerConditions(embedded, 't', parameters),
    ];
    return `${inner} AS t${outer.length === 0 ? '' : ` WHERE ${outer.join(' AND ')}`}`;
  };

  const types = shown.map((item) => shownType(policy, live, item));
  const own = shown.map((item, at) => released(policy, item, types[at]!, encoding));
  const parameters = new Parameters();
  const from = relation(needed, parameters);
  const outputs = [
    ...shown.map((item, at) => output('t', item, types[at]!, encoding, parameters)),
    ...embedded.flatMap((each) => (each.silent ? [] : [embeddedOutput(each, 't', parameters)])),
  ];
  const bounded = isCut(plan, perRequest) || plan.limit !== undefined;
  const tail = [
    orderBy('t', plan.order, embedded, parameters),
    bounded ? ` LIMIT ${parameters.add({ from: 'rowLimit' }, 'bigint')}` : '',
    plan.offset === 0 ? '' : ` OFFSET ${parameters.add({ from: 'offset' }, 'bigint')}`,
  ].join('');
  const text = `SELECT ${[...outputs, `t.${recordKey}`, `t.${subjectKey}`].join(', ')} FROM ${from}${tail}`;

  return {
    text,
    slots: parameters.slots,
    columns: [...own, ...inside.flatMap(columnsOf)],
    embedded: partsOf(inside, own.length, encoding),
    outputMasks: own.flatMap(({ name, mask }, at) =>
      unmasked.has(name) ? [{ at, apply: maskOf(mask).apply }] : [],
    ),
    count: plan.count ? exactCount(policy, compared, embedded, relation) : undefined,
    probe: isProbed(plan, perRequest) ? probe(relation, compared, embedded) : undefined,
    personal: selected.some((name) => catalogued(policy, name).class !== 'none'),
    pins: pins.map(({ at }) => at),
    lookups: pins.flatMap(({ filter: { column }, at, by }): LookedUpAt[] => {
      const mask = policy.see.get(column);
      if (mask === 'clear') return [];
      return [
        { at, by, column: catalogued(policy, column), mask: mask === undefined ? undefined : maskOf(mask) },
      ];
    }),
    filterTypes: [
      ...ownFilters(plan).map((filter, at) => {
        const pin = pins.find((one) => one.at === at);
        return pin === undefined ? typeBelow(live, filter) : liveColumn(live, pin.through).type;
      }),
      ...embeddedFilterTypes(embedded),
    ],
    normalisedHead: `${policy.table.name}?select=${writeSelect(shown, types, embedded)}`,
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
  const embeddings = plan.embedded === undefined ? [] : embeddingsOf(plan);
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
        if (slot.by === 'array') return arrayValues(whole[0]!);
        const values = slot.by === 'whole' ? whole : whole.map(slot.by === 'last4' ? lastFour : normalPhone);
        return slot.list ? values : (values[0] ?? '');
      }
      case 'rowLimit':
        return rowLimit;
      case 'probeLimit':
        return perRequest + 1;
      case 'offset':
        return plan.offset;
      case 'embeddedLimit':
        return Math.min(embeddings[slot.at]!.limit ?? Infinity, Math.min(slot.most, perRequest) + 1);
      case 'embeddedOffset':
        return embeddings[slot.at]!.offset;
    }
  };
  const bind = ({ text, slots }: Template) => ({ text, values: slots.map(valueOf) });
  return {
    text: shape.text,
    values: shape.slots.map(valueOf),
    columns: shape.columns,
    outputMasks: shape.outputMasks,
    embedded: shape.embedded && { ...shape.embedded, mostRows: perRequest },
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

function nameShown({ as, column }: Selected): string {
  return as ?? column;
}

type RelationOf = (wanted: readonly string[], parameters: Parameters) => string;

/** A count can be steered row by row; over a personal column in clear it would find values that no entry names. */
function exactCount(
  own: TablePolicy,
  filters: readonly Filter[],
  embedded: readonly Embedded[],
  relation: RelationOf,
): Template {
  const joined = joinColumns(decidingOnes(embedded));
  const deciding = [...filters.map(({ column }) => column), ...joined].map((name) => [own, name] as const);
  for (const [policy, column] of [...deciding, ...decidingColumns(embedded)]) {
    if (catalogued(policy, column).class !== 'none') {
      throw new WeirError('count-refused', {
        detail: `an exact count cannot be filtered by ${column}`,
        hint: 'leave out count=exact, or filter by columns without personal data',
      });
    }
  }
  const parameters = new Parameters();
  const from = relation(comparedColumns(filters, embedded), parameters);
  return { text: `SELECT count(*) FROM ${from}`, slots: parameters.slots };
}

function probe(relation: RelationOf, filters: readonly Filter[], embedded: readonly Embedded[]): Template {
  const parameters = new Parameters();
  const from = relation(comparedColumns(filters, embedded), parameters);
  const limit = parameters.add({ from: 'probeLimit' }, 'bigint');
  const skip = parameters.add({ from: 'offset' }, 'bigint');
  return {
    text: `SELECT count(*) FROM (SELECT 1 FROM ${from} LIMIT ${limit} OFFSET ${skip}) AS bounded`,
    slots: parameters.slots,
  };
}

/** Each once: a column may be filtered twice, as in a range. */
function comparedColumns(filters: readonly Filter[], embedded: readonly Embedded[]): string[] {
  return [...new Set([...filters.map(({ column }) => column), ...joinColumns(decidingOnes(embedded))])];
}

function partsOf(
  tables: readonly EmbeddedShape[],
  ownWidth: number,
  encoding: ReadPlan['encoding'],
): StatementShape['embedded'] {
  if (tables.length === 0) return undefined;
  return { ownWidth, stripped: encoding === 'stripped', tables, flat: flatten(tables) };
}

/** In the order of allFilters. */
function embeddedFilterTypes(embedded: readonly Embedded[]): string[] {
  return embedded.flatMap(({ plan, relation, inside }) => [
    ...ownFilters(plan).map((filter) => typeBelow(relation.live, filter)),
    ...embeddedFilterTypes(inside),
  ]);
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
  const { column, operator, negated, path, among } = filter;
  if (path !== undefined || among !== undefined) return undefined;
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

function pinRequired(policy: TablePolicy): WeirError {
  return new WeirError('pin-required', {
    detail: `a read of ${policy.table.name} must pin a record or a person`,
    hint: `add one of: ${[
      ...policy.findBy.map((name) => `${name}=eq.<value>`),
      ...[...(policy.findByLast4?.keys() ?? [])].map((name) => `${name}=eq.****1234`),
    ].join(', ')}`,
  });
}

function normalise(head: string, plan: ReadPlan): string {
  return [head, ...normaliseRows('', plan), ...(plan.count ? ['count'] : [])].join('&');
}

/** @param path of the embedded table, with a dot behind it */
function normaliseRows(path: string, plan: Omit<Embedding, 'table' | 'inner' | 'select'>): string[] {
  const { embedded = [] } = plan;
  const order = plan.order.map((o: Ordering) => {
    const column =
      o.embedded === undefined ? writePlace(o) : `${embedded[o.embedded]!.table}(${writePlace(o)})`;
    return `${column}${o.descending ? '.desc' : ''}`;
  });
  return [
    ...plan.filters.map((filter) => writeFilter(filter)),
    ...(plan.groups ?? []).map((group) => writeGroup(group, embedded)),
    ...(order.length === 0 ? [] : [`order=${order.join(',')}`]),
    ...(plan.limit === undefined ? [] : [`limit=${plan.limit}`]),
    ...(plan.offset === 0 ? [] : [`offset=${plan.offset}`]),
  ]
    .map((part) => path + part)
    .concat(embedded.flatMap((each) => normaliseRows(`${path}${each.table}.`, each)));
}

/** Without the names that the caller gives to columns: a name can hold anything. */
function writeSelect(
  shown: readonly Selected[],
  types: readonly string[],
  embedded: readonly Embedded[],
): string {
  return [
    ...shown.map((item, at) => `${writePlace(item)}${item.cast === undefined ? '' : `::${types[at]}`}`),
    ...embedded.map(({ shape, plan, shown, types, inside, relation }) => {
      const hint = plan.hint === undefined ? '' : `!${relation.hints[0]}`;
      const dots = plan.spread === true ? '...' : '';
      return `${dots}${shape.table}${hint}${plan.inner ? '!inner' : ''}(${writeSelect(shown, types, inside)})`;
    }),
  ].join(',');
}
