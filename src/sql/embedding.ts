/**
 * Tables inside the rows of another, compiled: for each row a list of rows of the other table's own masked relation,
 * as JSON that holds their values as text, their keys, and what is embedded in them in turn. The same rules as for
 * a table that is read by itself, and a join on columns in clear (foreign-keys.ts). embedded-rows.ts reads it.
 */
import { escapeIdentifier } from 'pg';
import type {
  EmbeddedTable,
  Embedding,
  Ordering,
  Presence,
  ReadPlan,
  ReleasedColumn,
  Selected,
} from '../access.js';
import { WeirError } from '../errors.js';
import { maskOf } from '../mask/masks.js';
import type { TablePolicy } from '../policy/model.js';
import { catalogued, refuseUnfilterable, refuseUnorderable } from './column-rules.js';
import {
  condition,
  groupCondition,
  ownFilters,
  placedGroups,
  placeIn,
  presencesOf,
  typeBelow,
  type PlacedFilter,
} from './filters.js';
import { reachOf, relationTo, type Reach, type Relation, type Surroundings } from './foreign-keys.js';
import { maskedRelation, recordKey, subjectKey, type Parameters } from './relation.js';
import type { LiveTable } from './schema.js';
import {
  maskedOnOutput,
  ordering,
  output,
  refuseUnsortable,
  released,
  shownOf,
  shownType,
} from './shown-columns.js';
import type { OutputMask } from './statement.js';

/** Rows inside one row, above which a read is refused: in a table of the answer, and in one that is embedded itself. */
export const mostInside = { answer: 1000, embedded: 100 } as const;

/** A function of PostgreSQL's takes a hundred arguments. */
export const valuesTogether = 50;

/** What is known of an embedded table once it is compiled. */
export interface EmbeddedShape extends EmbeddedTable {
  /** What the answer calls it. */
  readonly name: string;
  readonly many: boolean;
  /** Its members become those of the row around. */
  readonly spread: boolean;
  readonly outputMasks: readonly OutputMask[];
  /** More rows inside one row are refused. */
  readonly most: number;
  /** Those that are shown. */
  readonly embedded: readonly EmbeddedShape[];
}

/** An embedding that the role may make, with what its SQL needs. */
export interface Embedded {
  readonly shape: EmbeddedShape;
  readonly relation: Relation;
  readonly plan: Embedding;
  /** Its place among the embeddings of the plan. */
  readonly at: number;
  /** What its relation is called in SQL. */
  readonly own: string;
  readonly shown: readonly Selected[];
  readonly types: readonly string[];
  /** Place of its first filter. */
  readonly firstFilter: number;
  readonly inside: readonly Embedded[];
  /** Nothing of it is in the answer: it only decides, or orders. */
  readonly silent: boolean;
  /** Whether the row around is there depends on it. */
  readonly decides: boolean;
  readonly encoding: ReadPlan['encoding'];
}

/** Rows around: of the answer, or embedded themselves. */
type Around = Pick<ReadPlan, 'embedded' | 'groups' | 'order'>;

/** Places of the next embedding and of its first filter, see allFilters. */
interface Next {
  at: number;
  filter: number;
}

/** What holds for all tables of one read. */
interface Read {
  readonly around: Surroundings;
  readonly next: Next;
  readonly encoding: ReadPlan['encoding'];
}

/**
 * @param reach of the rows in which they are embedded
 * @throws WeirError relation-unknown, column-unknown, filter-refused, pin-required, query-invalid
 */
export function planEmbedded(
  policy: TablePolicy,
  plan: Around,
  reach: Reach,
  read: Read,
  most: number = mostInside.answer,
): readonly Embedded[] {
  if (plan.embedded === undefined) return nothing;
  const deciding = new Set(presencesOf(plan));
  const ordered = new Set(plan.order.map(({ embedded }) => embedded));
  return plan.embedded.map((embedding, place) => {
    const relation = relationTo(policy, embedding, read.around);
    const planned = planOne(policy, relation, embedding, reach, read, most);
    const decides = embedding.inner || deciding.has(place);
    const hidden = isHidden(planned);
    const all = { ...planned, decides: true };
    if (deciding.has(place) || (embedding.inner && hidden)) refusePersonal(decidingOf(policy, all));
    if (hidden && ordered.has(place)) {
      const by = plan.order.filter(({ embedded }) => embedded === place);
      refusePersonal([
        ...decidingOf(policy, all),
        ...by.map(({ column }) => [relation.policy, column] as const),
      ]);
    }
    return { ...planned, decides };
  });
}

const nothing: readonly Embedded[] = [];

/** Many to many: rows of the junction table, in each the one row of the other table that it names. */
function planOne(
  policy: TablePolicy,
  relation: Relation,
  plan: Embedding,
  reach: Reach,
  read: Read,
  most: number,
): Embedded {
  const { through } = relation;
  if (plan.spread === true && relation.many) throw notToOne(plan.table, 'spread', 'PGRST119');
  if (through === undefined) {
    const at = read.next.at++;
    return planTable(relation, plan, { at, own: `e${at}` }, reachOf(relation, policy, reach), read, most);
  }
  const { junction, far } = through;
  const at = read.next.at++;
  const reached = reachOf(junction, policy, reach);
  const { select, filters, groups, embedded, limit, offset, inner, as } = plan;
  const named: Embedding = {
    table: plan.table,
    inner: true,
    spread: true,
    select,
    filters,
    ...(groups === undefined ? {} : { groups }),
    ...(embedded === undefined ? {} : { embedded }),
    order: [],
    limit: undefined,
    offset: 0,
  };
  const place = { at, own: `e${at}` };
  const inside = planTable(far, named, place, reachOf(far, junction.policy, reached), read, most);
  // Ordered by columns of the other table itself: those of tables inside it are a step too far.
  if (plan.order.some((by) => by.embedded !== undefined))
    throw notToOne(plan.table, 'ordered by', 'PGRST118');
  for (const by of plan.order) refuseOrder(inside, by);
  const junctionPlan: Embedding = {
    table: junction.policy.table.name,
    as: as ?? plan.table,
    inner,
    select: [],
    filters: [],
    order: plan.order.map((by) => ({ ...by, embedded: 0 })),
    limit,
    offset,
  };
  return planTable(junction, junctionPlan, { at, own: `e${at}j` }, reached, read, most, [
    { ...inside, decides: true },
  ]);
}

/** @param given what is embedded in it, where that is planned already */
function planTable(
  relation: Relation,
  plan: Embedding,
  { at, own }: Pick<Embedded, 'at' | 'own'>,
  reach: Reach,
  read: Read,
  most: number,
  given?: readonly Embedded[],
): Embedded {
  const { policy, live, many } = relation;
  const firstFilter = read.next.filter;
  const shown = shownOf(policy, plan);
  const filters = ownFilters(plan);
  // No pin among them: only what the role sees in clear.
  for (const filter of filters) refuseUnfilterable(policy, filter);
  read.next.filter += filters.length;
  const encoding = plan.spread === true ? read.encoding : asJson(read.encoding);
  const types = shown.map((item) => shownType(policy, live, item));
  const columns = shown.map((item, i) => released(policy, item, types[i]!, encoding));
  const selected = shown.map(({ column }) => column);
  const unmasked = maskedOnOutput(policy, selected, plan.order);
  const inside = given ?? planEmbedded(policy, plan, reach, read, mostInside.embedded);
  for (const by of plan.order) planOrder(policy, live, by, inside);
  const visible = inside.filter(({ silent }) => !silent);
  const shape: EmbeddedShape = {
    table: policy.table.name,
    name: plan.as ?? policy.table.name,
    many,
    spread: plan.spread === true,
    columns,
    outputMasks: columns.flatMap(({ name, mask }, i) =>
      unmasked.has(name) ? [{ at: i, apply: maskOf(mask).apply }] : [],
    ),
    personal: selected.some((name) => catalogued(policy, name).class !== 'none'),
    most,
    embedded: visible.map((each) => each.shape),
  };
  refuseTwice(membersOf(shape).map(nameOf));
  const silent = shown.length === 0 && visible.length === 0;
  const { inner: decides } = plan;
  return { shape, relation, plan, at, own, shown, types, firstFilter, inside, silent, decides, encoding };
}

/** Inside an answer that is text there is JSON all the same. */
function asJson(encoding: ReadPlan['encoding']): ReadPlan['encoding'] {
  return encoding === 'text' ? 'json' : encoding;
}

/** @throws WeirError column-unknown, filter-refused, query-invalid */
export function planOrder(
  policy: TablePolicy,
  live: LiveTable,
  by: Ordering,
  embedded: readonly Embedded[],
): void {
  if (by.embedded === undefined) {
    refuseUnorderable(policy, by);
    refuseUnsortable(policy, live, by);
    return;
  }
  const target = embedded[by.embedded]!;
  if (target.relation.many) throw notToOne(target.plan.table, 'ordered by', 'PGRST118');
  refuseOrder(target, by);
}

function refuseOrder({ relation: { policy, live } }: Embedded, by: Ordering): void {
  refuseUnorderable(policy, by);
  refuseUnsortable(policy, live, by);
}

function notToOne(table: string, what: string, postgrest: string): WeirError {
  return new WeirError('query-invalid', {
    detail: `rows cannot be ${what} ${table}, of which several may belong to one`,
    hint: what === 'spread' ? 'leave the dots out' : 'order by a column of the table itself',
    postgrest,
  });
}

/** Rows that decide may all be left out of the answer. */
function isHidden({ silent, plan: { limit, offset } }: Embedded): boolean {
  return silent || limit === 0 || offset > 0;
}

/** Where no row shows what it was decided by, nothing on the log names the record: so it is not about a person. */
function refusePersonal(columns: readonly (readonly [TablePolicy, string])[]): void {
  for (const [policy, column] of columns) {
    if (catalogued(policy, column).class === 'none') continue;
    throw new WeirError('filter-refused', {
      detail: `column ${column} holds personal data, and would decide here without being shown`,
      hint: 'show the rows that decide: embed them with !inner and their columns',
    });
  }
}

export function nameOf({ name, as }: ReleasedColumn): string {
  return as ?? name;
}

/** @throws WeirError query-invalid */
export function refuseTwice(names: readonly string[]): void {
  if (new Set(names).size === names.length) return;
  throw new WeirError('query-invalid', {
    detail: 'select gives two columns one name',
    hint: 'name each column once, or rename one of them',
  });
}

/** What a row of the table holds: its columns, and those that its embedded tables add. */
export function membersOf(shape: EmbeddedShape): readonly ReleasedColumn[] {
  return [...shape.columns, ...shape.embedded.flatMap(columnsOf)];
}

/** How an embedded table stands among the columns around it. */
export function columnsOf(shape: EmbeddedShape): readonly ReleasedColumn[] {
  if (shape.spread) return membersOf(shape).map((column) => ({ ...column, embedded: true as const }));
  const { table, name } = shape;
  const named = name === table ? { name } : { name: table, as: name };
  return [{ ...named, mask: 'clear', json: 'verbatim', embedded: true }];
}

/** Each before those inside it. */
export function flatten(shapes: readonly EmbeddedShape[]): readonly EmbeddedShape[] {
  return shapes.flatMap((shape) => [shape, ...flatten(shape.embedded)]);
}

/** The plan's embeddings by their places. */
export function embeddingsOf({ embedded = [] }: Pick<ReadPlan, 'embedded'>): readonly Embedding[] {
  return embedded.flatMap((each) => [each, ...embeddingsOf(each)]);
}

/** Columns of the table that embeds, which the joins need. */
export function joinColumns(embedded: readonly Embedded[]): string[] {
  return embedded.flatMap(({ relation }) => relation.on.map(({ from }) => from));
}

export function decidingOnes(embedded: readonly Embedded[]): readonly Embedded[] {
  return embedded.filter(({ decides }) => decides);
}

/** Of both sides. */
function decidingOf(policy: TablePolicy, one: Embedded): (readonly [TablePolicy, string])[] {
  return [...joinColumns([one]).map((name) => [policy, name] as const), ...decidingColumns([one])];
}

/** What decides whether a row of the answer is there, of every table inside that does. */
export function decidingColumns(embedded: readonly Embedded[]): (readonly [TablePolicy, string])[] {
  return decidingOnes(embedded).flatMap(({ relation, plan, inside }) => [
    ...[
      ...relation.on.map(({ to }) => to),
      ...ownFilters(plan).map(({ column }) => column),
      ...joinColumns(decidingOnes(inside)),
    ].map((name) => [relation.policy, name] as const),
    ...decidingColumns(inside),
  ]);
}

/** @param row what the relation is called in which it is embedded @returns an expression of type json */
export function embeddedOutput(embedded: Embedded, row: string, parameters: Parameters): string {
  const { relation, plan, at, own, shape, shown, types, inside, encoding } = embedded;
  const values = shown.map((item, i) => {
    const text = output(own, item, types[i]!, encoding, parameters);
    // As text, so that no digit is lost on the way; what JSON writes as a string is one already.
    return shape.columns[i]!.json === 'string' ? text : `(${text})::text`;
  });
  const groups: string[] = [];
  for (let i = 0; i < values.length; i += valuesTogether)
    groups.push(`json_build_array(${values.slice(i, i + valuesTogether).join(', ')})`);
  const nested = inside.flatMap((each) => (each.silent ? [] : [embeddedOutput(each, own, parameters)]));
  const record = `json_build_array(${[...groups, `${own}.${recordKey}::text`, `${own}.${subjectKey}::text`, ...nested].join(', ')})`;
  const from = joined(embedded, row, parameters, 'rows');
  const tail = [
    orderBy(own, plan.order, inside, parameters),
    relation.many || plan.limit !== undefined
      ? ` LIMIT ${parameters.add({ from: 'embeddedLimit', at, most: shape.most }, 'bigint')}`
      : '',
    plan.offset === 0 ? '' : ` OFFSET ${parameters.add({ from: 'embeddedOffset', at }, 'bigint')}`,
  ].join('');
  if (!relation.many) return `(SELECT ${record} ${from}${tail})`;
  return `(SELECT json_agg(${own}r.row) FROM (SELECT ${record} AS row ${from}${tail}) AS ${own}r)`;
}

/** @param row what the relation is called whose rows are ordered @param embedded in them */
export function orderBy(
  row: string,
  order: readonly Ordering[],
  embedded: readonly Embedded[],
  parameters: Parameters,
): string {
  if (order.length === 0) return '';
  const terms = order.map((by) => {
    if (by.embedded === undefined) return ordering(placeIn(row, by, parameters), by);
    const target = embedded[by.embedded]!;
    const column = placeIn(target.own, by, parameters);
    return ordering(`(SELECT ${column} ${joined(target, row, parameters, by)})`, by);
  });
  return ` ORDER BY ${terms.join(', ')}`;
}

/** Of `!inner`: there is such a row. How many of them are shown does not matter. */
export function innerConditions(
  embedded: readonly Embedded[],
  row: string,
  parameters: Parameters,
): readonly string[] {
  return embedded.filter(({ plan }) => plan.inner).map((each) => exists(each, row, parameters));
}

function exists(embedded: Embedded, row: string, parameters: Parameters): string {
  return `EXISTS (SELECT ${joined(embedded, row, parameters, undefined)})`;
}

/** What a group's members become: a filter of the row's own, or whether there is an embedded row. */
export function memberCondition(
  member: PlacedFilter | Presence,
  row: string,
  live: LiveTable,
  embedded: readonly Embedded[],
  parameters: Parameters,
): string {
  if ('embedded' in member) {
    const there = exists(embedded[member.embedded]!, row, parameters);
    return member.present ? there : `NOT ${there}`;
  }
  const { filter } = member;
  return condition(placeIn(row, filter, parameters), member, typeBelow(live, filter), parameters);
}

/**
 * FROM and WHERE: rows of the masked relation that belong to the row and pass the filters.
 * @param wanted all that is shown, or one column to order by; undefined: only whether there are any matters
 */
function joined(
  embedded: Embedded,
  row: string,
  parameters: Parameters,
  wanted: 'rows' | Ordering | undefined,
): string {
  const { relation, plan, own, firstFilter, inside } = embedded;
  const { policy, live, on } = relation;
  const rows = wanted === 'rows';
  const selected = rows ? embedded.shown.map(({ column }) => column) : [];
  const ordered = rows ? ownOrder(plan.order) : wanted === undefined ? [] : [wanted.column];
  const filtered = ownFilters(plan).map(({ column }) => column);
  const joins = joinColumns(rows ? inside : decidingOnes(inside));
  const needed = [...new Set([...selected, ...filtered, ...ordered, ...on.map(({ to }) => to), ...joins])];
  const unmasked = maskedOnOutput(policy, selected, plan.order);
  const masked = maskedRelation(policy, live, needed, unmasked, [], parameters);
  const written = (member: PlacedFilter | Presence): string =>
    memberCondition(member, own, live, inside, parameters);
  const conditions = [
    ...on.map(({ from, to }) => `${own}.${escapeIdentifier(to)} = ${row}.${escapeIdentifier(from)}`),
    ...plan.filters.map((filter, i) => written({ filter, at: firstFilter + i })),
    ...placedGroups(plan, firstFilter).map((group) => groupCondition(group, written)),
    ...innerConditions(inside, own, parameters),
  ];
  return `FROM ${masked} AS ${own} WHERE ${conditions.join(' AND ')}`;
}

/** Columns of the table itself that its rows are ordered by. */
export function ownOrder(order: readonly Ordering[]): string[] {
  return order.flatMap(({ column, embedded }) => (embedded === undefined ? [column] : []));
}
