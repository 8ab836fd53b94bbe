/**
 * Which tables may be embedded in which, for one role. A join compares columns, and like every comparison it
 * is made on columns that the role sees in clear: on both sides, since a join by a hidden column would tell its value.
 * What cannot be joined so answers exactly as a table that does not exist. Docs/decisions/0008.
 */
import type { Embedding } from '../access.js';
import { WeirError } from '../errors.js';
import type { TablePolicy } from '../policy/model.js';
import type { LiveReference, LiveSchema, LiveTable } from './schema.js';
import { baseType, scalarType } from './types.js';

/** The tables of a role, and the order database as it is. */
export interface Surroundings {
  readonly tables: ReadonlyMap<string, TablePolicy>;
  readonly live: LiveSchema;
}

export interface Relation {
  readonly policy: TablePolicy;
  readonly live: LiveTable;
  /** The foreign key is the embedding table's: its row names the other. Otherwise the others belong to it. */
  readonly up: boolean;
  /** Several rows may belong to one. */
  readonly many: boolean;
  /** Compared with one another; empty where the relation leads through a third table. */
  readonly on: readonly KeyPair[];
  /** By what a hint may name it: the column of the foreign key, the key's own name, the table that it leads through. */
  readonly hints: readonly string[];
  /** Many to many: down to rows of a junction table, and up from each to the one that it names. */
  readonly through?: { readonly junction: Relation; readonly far: Relation };
}

export interface KeyPair {
  /** Column of the table that embeds. */
  readonly from: string;
  /** Column of the embedded table. */
  readonly to: string;
}

/**
 * How a row was come by. `down`: pinned, or what belongs to a pinned row. `up`: named by a pinned row, so that what
 * belongs to it as well belongs to others. `listed`: by browsing.
 */
export type Reach = 'down' | 'up' | 'listed';

/** Every relation by which the role can join, of one table. */
export function relationsOf(policy: TablePolicy, around: Surroundings): Relation[] {
  const direct = directOf(policy, around);
  return [...direct, ...direct.flatMap((junction) => throughOf(policy, junction, around))];
}

function directOf(policy: TablePolicy, around: Surroundings): Relation[] {
  const own = liveOf(policy, around);
  if (own === undefined) return [];
  return [...around.tables.values()].flatMap((other): Relation[] => {
    const live = liveOf(other, around);
    if (live === undefined) return [];
    const up = references({ policy, live: own }, { policy: other, live }).map((key): Relation => {
      const on = key.columns.map((from, i) => ({ from, to: key.toColumns[i]! }));
      return { policy: other, live, up: true, many: false, on, hints: hintsOf(key) };
    });
    // A table that refers to itself is only followed upwards: by name the two ways could not be told apart.
    const keys = live === own ? [] : references({ policy: other, live }, { policy, live: own });
    const down = keys.map((key): Relation => {
      const on = key.columns.map((to, i) => ({ from: key.toColumns[i]!, to }));
      return { policy: other, live, up: false, many: !isUnique(live, key.columns), on, hints: hintsOf(key) };
    });
    return [...up, ...down].filter((relation) => joins(policy, own, relation));
  });
}

/**
 * Many to many, in one step. The role could take the two steps by itself: it sees the junction table and its keys in
 * clear, or there is nothing here. As in PostgREST a junction is what is unique by both of its keys together.
 */
function throughOf(policy: TablePolicy, junction: Relation, around: Surroundings): Relation[] {
  if (junction.up || !junction.many) return [];
  const near = junction.on.map(({ to }) => to);
  return directOf(junction.policy, around).flatMap((far): Relation[] => {
    const own = far.policy.table.name === policy.table.name;
    const names = far.on.map(({ from }) => from);
    if (!far.up || own || !isPairing(junction.live, near, names)) return [];
    const hints = [junction.policy.table.name, ...junction.hints, ...far.hints];
    const { live } = far;
    return [{ policy: far.policy, live, up: false, many: true, on: [], hints, through: { junction, far } }];
  });
}

/** A column by itself is a hint where it is all of the key. */
function hintsOf({ name, columns }: Key): string[] {
  return columns.length === 1 ? [columns[0]!, name] : [name];
}

function isUnique(live: LiveTable, columns: readonly string[]): boolean {
  const unique = (live.indexes ?? []).filter((index) => index.unique);
  return (
    columns.some((column) => live.uniqueColumns.has(column)) ||
    unique.some((index) => index.columns.every((column) => columns.includes(column)))
  );
}

function isPairing(live: LiveTable, one: readonly string[], two: readonly string[]): boolean {
  return (live.indexes ?? []).some(
    ({ unique, columns }) => unique && [...one, ...two].every((column) => columns.includes(column)),
  );
}

/** @throws WeirError relation-unknown, query-invalid where there are several */
export function relationTo(policy: TablePolicy, embedding: Embedding, around: Surroundings): Relation {
  const { table, hint } = embedding;
  const all = relationsOf(policy, around);
  const found = all.filter(
    (relation) =>
      relation.policy.table.name === table && (hint === undefined || relation.hints.includes(hint)),
  );
  if (found.length === 1) return found[0]!;
  if (found.length > 1) {
    throw new WeirError('query-invalid', {
      detail: `${policy.table.name} and ${table} are related in several ways`,
      hint: `say by which column: ${found.map((one) => `${table}!${ownHint(one, found)}(…)`).join(', ')}`,
      postgrest: 'PGRST201',
    });
  }
  const names = [...new Set(all.map((relation) => relation.policy.table.name))];
  throw new WeirError('relation-unknown', {
    detail: `${policy.table.name} has no such relation`,
    hint: names.length === 0 ? 'nothing can be embedded in it' : `it embeds ${names.join(', ')}`,
  });
}

/** One that says this relation and no other. */
function ownHint({ hints }: Relation, found: readonly Relation[]): string {
  return hints.find((hint) => found.filter((other) => other.hints.includes(hint)).length === 1) ?? hints[0]!;
}

/**
 * Down from a pinned row to what belongs to it, up to what it names, and not down again from there, where the rows
 * of others hang; unless the role could read the embedded rows by themselves, by the values that it joins with.
 * @throws WeirError pin-required
 */
export function reachOf({ policy, up, many, on }: Relation, parent: TablePolicy, reach: Reach): Reach {
  if (on.some(({ to }) => policy.findBy.includes(to))) return 'down';
  if (reach === 'down') return up ? 'up' : 'down';
  if (reach === 'up' && !many) return 'up';
  if (policy.browse) return 'listed';
  throw new WeirError('pin-required', {
    detail: `${policy.table.name} cannot be reached from ${parent.table.name} in this read`,
    hint:
      reach === 'up'
        ? `your role reads ${policy.table.name} by a pin, or embedded in a record that is pinned itself`
        : `pin a record of ${parent.table.name}, and what belongs to it can be embedded`,
  });
}

function liveOf({ table }: TablePolicy, { live }: Surroundings): LiveTable | undefined {
  return live.get(`${table.from.schema}.${table.from.table}`);
}

interface Side {
  readonly policy: TablePolicy;
  readonly live: LiveTable;
}

type Key = Pick<LiveReference, 'name' | 'columns' | 'toColumns'>;

/** What the order database declares, and what else the catalogue says. */
function references(from: Side, { policy: { table }, live: to }: Side): Key[] {
  const declared = (from.live.references ?? []).filter((one) => one.to === `${to.schema}.${to.table}`);
  const isDeclared = (column: string): boolean =>
    declared.some(
      ({ columns, toColumns }) =>
        columns.length === 1 && columns[0] === column && toColumns[0] === table.record,
    );
  const said = [...(from.policy.table.references ?? [])].filter(
    ([column, name]) => name === table.name && to.uniqueColumns.has(table.record) && !isDeclared(column),
  );
  return [
    ...declared,
    ...said.map(([column]) => ({ name: column, columns: [column], toColumns: [table.record] })),
  ];
}

function joins(policy: TablePolicy, own: LiveTable, { policy: other, live, on }: Relation): boolean {
  const compared = on.every(({ from, to }) => {
    if (policy.see.get(from) !== 'clear' || other.see.get(to) !== 'clear') return false;
    const [one, two] = [own.columns.get(from), live.columns.get(to)];
    return one !== undefined && two !== undefined && comparable(one.type, two.type);
  });
  return (
    compared &&
    isIndexed(
      live,
      on.map(({ to }) => to),
    )
  );
}

/** Without an index every row of the answer would scan the other table. */
function isIndexed({ columns: all, indexes = [] }: LiveTable, columns: readonly string[]): boolean {
  if (columns.length === 1) return all.get(columns[0]!)!.indexed;
  return indexes.some((index) => {
    const first = index.columns.slice(0, columns.length);
    return columns.every((column) => first.includes(column));
  });
}

const families: readonly (readonly string[])[] = [
  ['smallint', 'integer', 'bigint'],
  ['text', 'character varying'],
];

/** With an operator of PostgreSQL's own that never fails. */
export function comparable(one: string, two: string): boolean {
  const [a, b] = [baseType(one), baseType(two)];
  if (scalarType(a) === undefined) return false;
  return a === b || families.some((family) => family.includes(a) && family.includes(b));
}
