/**
 * Which tables may be embedded in which, for one role. A join compares two columns, and like every comparison it
 * is made on columns that the role sees in clear: on both, since a join by a hidden column would tell its value.
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
  /** Compared in the table that embeds. */
  readonly from: string;
  /** Compared in the embedded table. */
  readonly to: string;
  /** By what a hint may name it: the column of the foreign key, or the key's own name. */
  readonly hints: readonly string[];
}

/**
 * How a row was come by. `down`: pinned, or what belongs to a pinned row. `up`: named by a pinned row, so that what
 * belongs to it as well belongs to others. `listed`: by browsing.
 */
export type Reach = 'down' | 'up' | 'listed';

/** Every relation by which the role can join, of one table. */
export function relationsOf(policy: TablePolicy, around: Surroundings): Relation[] {
  const own = liveOf(policy, around);
  if (own === undefined) return [];
  return [...around.tables.values()].flatMap((other): Relation[] => {
    const live = liveOf(other, around);
    if (live === undefined) return [];
    const up = references({ policy, live: own }, { policy: other, live }).map(
      ({ name, column: from, toColumn: to }): Relation => ({
        policy: other,
        live,
        up: true,
        many: false,
        from,
        to,
        hints: [from, name],
      }),
    );
    // A table that refers to itself is only followed upwards: by name the two ways could not be told apart.
    const down = (live === own ? [] : references({ policy: other, live }, { policy, live: own })).map(
      ({ name, column: to, toColumn: from }): Relation => ({
        policy: other,
        live,
        up: false,
        many: !live.uniqueColumns.has(to),
        from,
        to,
        hints: [to, name],
      }),
    );
    return [...up, ...down].filter((relation) => joins(policy, own, relation));
  });
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
      hint: `say by which column: ${found.map(({ hints }) => `${table}!${hints[0]}(…)`).join(', ')}`,
    });
  }
  const names = [...new Set(all.map((relation) => relation.policy.table.name))];
  throw new WeirError('relation-unknown', {
    detail: `${policy.table.name} has no such relation`,
    hint: names.length === 0 ? 'nothing can be embedded in it' : `it embeds ${names.join(', ')}`,
  });
}

/**
 * Down from a pinned row to what belongs to it, up to what it names, and not down again from there, where the rows
 * of others hang; unless the role could read the embedded rows by themselves, by the values that it joins with.
 * @throws WeirError pin-required
 */
export function reachOf({ policy, up, many, to }: Relation, parent: TablePolicy, reach: Reach): Reach {
  if (policy.findBy.includes(to)) return 'down';
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

/** What the order database declares, and what else the catalogue says. */
function references(
  from: Side,
  { policy: { table }, live: to }: Side,
): Pick<LiveReference, 'name' | 'column' | 'toColumn'>[] {
  const declared = (from.live.references ?? []).filter((one) => one.to === `${to.schema}.${to.table}`);
  const said = [...(from.policy.table.references ?? [])].filter(
    ([column, name]) =>
      name === table.name &&
      to.uniqueColumns.has(table.record) &&
      !declared.some((one) => one.column === column && one.toColumn === table.record),
  );
  return [...declared, ...said.map(([column]) => ({ name: column, column, toColumn: table.record }))];
}

function joins(policy: TablePolicy, own: LiveTable, { policy: other, live, from, to }: Relation): boolean {
  if (policy.see.get(from) !== 'clear' || other.see.get(to) !== 'clear') return false;
  const [one, two] = [own.columns.get(from), live.columns.get(to)];
  // Without an index every row of the answer would scan the other table.
  return one !== undefined && two?.indexed === true && comparable(one.type, two.type);
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
