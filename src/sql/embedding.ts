/**
 * Tables inside the rows of another, compiled: for each row a list of rows of the other table's own masked relation,
 * as JSON that holds their values as text, their keys, and what is embedded in them in turn. The same rules as for
 * a table that is read by itself, and a join on columns in clear (foreign-keys.ts). embedded-rows.ts reads it.
 */
import { escapeIdentifier } from 'pg';
import type { EmbeddedTable, Embedding, ReadPlan, ReleasedColumn, Selected } from '../access.js';
import { WeirError } from '../errors.js';
import { maskOf } from '../mask/masks.js';
import type { TablePolicy } from '../policy/model.js';
import { catalogued, refuseUnfilterable, refuseUnorderable, visible } from './column-rules.js';
import { condition, groupCondition, ownFilters, placedGroups, type PlacedFilter } from './filters.js';
import { reachOf, relationTo, type Reach, type Relation, type Surroundings } from './foreign-keys.js';
import { liveColumn, maskedRelation, recordKey, subjectKey, type Parameters } from './relation.js';
import { maskedOnOutput, ordering, output, released, shownType } from './shown-columns.js';
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
  readonly outputMasks: readonly OutputMask[];
  /** More rows inside one row are refused. */
  readonly most: number;
  readonly embedded: readonly EmbeddedShape[];
}

/** An embedding that the role may make, with what its SQL needs. */
export interface Embedded {
  readonly shape: EmbeddedShape;
  readonly relation: Relation;
  readonly plan: Embedding;
  /** Its place among the embeddings of the plan. */
  readonly at: number;
  readonly shown: readonly Selected[];
  readonly types: readonly string[];
  /** Place of its first filter. */
  readonly firstFilter: number;
  readonly inside: readonly Embedded[];
}

/** Places of the next embedding and of its first filter, see allFilters. */
interface Next {
  at: number;
  filter: number;
}

/**
 * @param reach of the rows in which they are embedded @param filters how many the plan has before those of its embeddings
 * @throws WeirError relation-unknown, column-unknown, filter-refused, pin-required, query-invalid
 */
export function planEmbedded(
  policy: TablePolicy,
  plan: Pick<ReadPlan, 'embedded'>,
  reach: Reach,
  around: Surroundings,
  next: Next,
  most: number = mostInside.answer,
): readonly Embedded[] {
  return (plan.embedded ?? []).map((embedding) => {
    const relation = relationTo(policy, embedding, around);
    return planOne(relation, embedding, reachOf(relation, policy, reach), around, next, most);
  });
}

function planOne(
  relation: Relation,
  plan: Embedding,
  reach: Reach,
  around: Surroundings,
  next: Next,
  most: number,
): Embedded {
  const { policy, live, many } = relation;
  const at = next.at++;
  const firstFilter = next.filter;
  const shown: readonly Selected[] = plan.select ?? [...policy.see.keys()].map((column) => ({ column }));
  const selected = shown.map(({ column }) => column);
  for (const name of selected) visible(policy, name);
  for (const { column } of plan.order) {
    visible(policy, column);
    refuseUnorderable(policy, column);
  }
  const filters = ownFilters(plan);
  // No pin among them: only what the role sees in clear.
  for (const filter of filters) refuseUnfilterable(policy, filter);
  next.filter += filters.length;
  const types = shown.map((item) => shownType(policy, live, item));
  const columns = shown.map((item, i) => released(policy, item, types[i]!, 'json'));
  const unmasked = maskedOnOutput(policy, selected, plan.order);
  const inside = planEmbedded(policy, plan, reach, around, next, mostInside.embedded);
  refuseTwice([...columns.map(nameOf), ...inside.map(({ shape }) => shape.name)]);
  return {
    shape: {
      table: policy.table.name,
      name: plan.as ?? policy.table.name,
      many,
      columns,
      outputMasks: columns.flatMap(({ name, mask }, i) =>
        unmasked.has(name) ? [{ at: i, apply: maskOf(mask).apply }] : [],
      ),
      personal: selected.some((name) => catalogued(policy, name).class !== 'none'),
      most,
      embedded: inside.map(({ shape }) => shape),
    },
    relation,
    plan,
    at,
    shown,
    types,
    firstFilter,
    inside,
  };
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

/** How an embedded table stands among the columns of the answer. */
export function columnOf({ shape }: Embedded): ReleasedColumn {
  const { table, name } = shape;
  const named = name === table ? { name } : { name: table, as: name };
  return { ...named, mask: 'clear', json: 'verbatim', embedded: true };
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
  return embedded.map(({ relation }) => relation.from);
}

export function innerOnes(embedded: readonly Embedded[]): readonly Embedded[] {
  return embedded.filter(({ plan }) => plan.inner);
}

/** What decides whether a row of the answer is there: of every `!inner`, and of those inside it. */
export function decidingColumns(embedded: readonly Embedded[]): (readonly [TablePolicy, string])[] {
  return innerOnes(embedded).flatMap(({ relation: { policy, to }, plan, inside }) => [
    ...[to, ...ownFilters(plan).map(({ column }) => column), ...joinColumns(innerOnes(inside))].map(
      (name) => [policy, name] as const,
    ),
    ...decidingColumns(inside),
  ]);
}

/** @param row what the relation is called in which it is embedded @returns an expression of type json */
export function embeddedOutput(embedded: Embedded, row: string, parameters: Parameters): string {
  const { relation, plan, at, shape, shown, types, inside } = embedded;
  const own = `e${at}`;
  const values = shown.map((item, i) => {
    const text = output(own, item, types[i]!, 'json');
    // As text, so that no digit is lost on the way; what JSON writes as a string is one already.
    return shape.columns[i]!.json === 'string' ? text : `(${text})::text`;
  });
  const groups: string[] = [];
  for (let i = 0; i < values.length; i += valuesTogether)
    groups.push(`json_build_array(${values.slice(i, i + valuesTogether).join(', ')})`);
  const nested = inside.map((each) => embeddedOutput(each, own, parameters));
  const record = `json_build_array(${[...groups, `${own}.${recordKey}::text`, `${own}.${subjectKey}::text`, ...nested].join(', ')})`;
  const from = joined(embedded, row, parameters, 'rows');
  const tail = [
    plan.order.length === 0 ? '' : ` ORDER BY ${plan.order.map((by) => ordering(own, by)).join(', ')}`,
    relation.many || plan.limit !== undefined
      ? ` LIMIT ${parameters.add({ from: 'embeddedLimit', at, most: shape.most }, 'bigint')}`
      : '',
    plan.offset === 0 ? '' : ` OFFSET ${parameters.add({ from: 'embeddedOffset', at }, 'bigint')}`,
  ].join('');
  if (!relation.many) return `(SELECT ${record} ${from}${tail})`;
  return `(SELECT json_agg(${own}r.row) FROM (SELECT ${record} AS row ${from}${tail}) AS ${own}r)`;
}

/** Of `!inner`: there is such a row. How many of them are shown does not matter. */
export function innerConditions(
  embedded: readonly Embedded[],
  row: string,
  parameters: Parameters,
): readonly string[] {
  return innerOnes(embedded).map((each) => `EXISTS (SELECT ${joined(each, row, parameters)})`);
}

/**
 * FROM and WHERE: rows of the masked relation that belong to the row and pass the filters.
 * @param shows undefined: only whether there are any matters
 */
function joined(embedded: Embedded, row: string, parameters: Parameters, shows?: 'rows'): string {
  const { relation, plan, at, firstFilter, inside } = embedded;
  const { policy, live, from, to } = relation;
  const own = `e${at}`;
  const selected = shows === undefined ? [] : embedded.shown.map(({ column }) => column);
  const ordered = shows === undefined ? [] : plan.order.map(({ column }) => column);
  const filtered = ownFilters(plan).map(({ column }) => column);
  const joins = joinColumns(shows === undefined ? innerOnes(inside) : inside);
  const needed = [...new Set([...selected, ...filtered, ...ordered, to, ...joins])];
  const unmasked = maskedOnOutput(policy, selected, plan.order);
  const masked = maskedRelation(policy, live, needed, unmasked, [], parameters);
  const written = (placed: PlacedFilter): string => {
    const { column } = placed.filter;
    return condition(`${own}.${escapeIdentifier(column)}`, placed, liveColumn(live, column).type, parameters);
  };
  const conditions = [
    `${own}.${escapeIdentifier(to)} = ${row}.${escapeIdentifier(from)}`,
    ...plan.filters.map((filter, i) => written({ filter, at: firstFilter + i })),
    ...placedGroups(plan, firstFilter).map((group) => groupCondition(group, written)),
    ...innerConditions(inside, own, parameters),
  ];
  return `FROM ${masked} AS ${own} WHERE ${conditions.join(' AND ')}`;
}
