/**
 * What the order database really holds, as far as the catalogue names it. Read once at start (and by
 * `weir policy check`), never during a request.
 */

import type { Pool } from 'pg';

export interface LiveColumn {
  readonly name: string;
  /** As format_type writes it: "bigint", "timestamp with time zone", "numeric(10,2)". */
  readonly type: string;
  /** Some index leads with this column alone, so that an equality look-up is cheap. */
  readonly indexed: boolean;
  readonly nullable: boolean;
}

export interface LiveTable {
  readonly schema: string;
  readonly table: string;
  readonly columns: ReadonlyMap<string, LiveColumn>;
  /** Columns of the primary key or of a unique, total index over one column each. */
  readonly uniqueColumns: ReadonlySet<string>;
  /** Columns of every total index, in its order. */
  readonly indexes?: readonly LiveIndex[];
  /** Foreign keys to tables that the catalogue names as well. */
  readonly references?: readonly LiveReference[];
}

export interface LiveIndex {
  readonly columns: readonly string[];
  readonly unique: boolean;
}

/** Values of `columns` are, one by one, those of `toColumns` in another table, where they are unique. */
export interface LiveReference {
  readonly name: string;
  readonly columns: readonly string[];
  /** "schema.table" */
  readonly to: string;
  readonly toColumns: readonly string[];
}

/** Keyed by "schema.table". */
export type LiveSchema = ReadonlyMap<string, LiveTable>;

const columnsQuery = `
  SELECT n.nspname AS schema, c.relname AS table, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
         NOT a.attnotnull AS nullable,
         EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL AND i.indkey[0] = a.attnum) AS indexed,
         EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indisunique AND i.indpred IS NULL
                   AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum) AS unique
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN unnest($1::text[], $2::text[]) AS wanted(schema, name) ON wanted.schema = n.nspname AND wanted.name = c.relname
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
   ORDER BY n.nspname, c.relname, a.attnum`;

const referencesQuery = `
  SELECT n.nspname || '.' || c.relname AS "from", k.conname AS name, tn.nspname || '.' || tc.relname AS "to",
         ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS o(number, at)
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = o.number ORDER BY o.at) AS columns,
         ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS o(number, at)
                 JOIN pg_attribute a ON a.attrelid = tc.oid AND a.attnum = o.number ORDER BY o.at) AS "toColumns"
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class tc ON tc.oid = k.confrelid JOIN pg_namespace tn ON tn.oid = tc.relnamespace
   WHERE k.contype = 'f' AND n.nspname || '.' || c.relname = ANY ($1) AND tn.nspname || '.' || tc.relname = ANY ($1)
   ORDER BY 1, 2`;

/** An index over an expression has no name at its place, and so is none that a key could be found by. */
const indexesQuery = `
  SELECT n.nspname || '.' || c.relname AS "table", i.indisunique AS unique,
         ARRAY(SELECT coalesce(a.attname::text, '') FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS o(number, at)
                 LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = o.number AND o.number > 0
                WHERE o.at <= i.indnkeyatts ORDER BY o.at) AS columns
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE i.indisvalid AND i.indpred IS NULL AND n.nspname || '.' || c.relname = ANY ($1)
   ORDER BY 1, i.indexrelid`;

/** Tables that do not exist are absent from the result. @throws whatever the driver throws */
export async function readSchema(
  pool: Pool,
  tables: readonly { schema: string; table: string }[],
): Promise<LiveSchema> {
  const { rows } = await pool.query<{
    schema: string;
    table: string;
    name: string;
    type: string;
    nullable: boolean;
    indexed: boolean;
    unique: boolean;
  }>(columnsQuery, [tables.map((t) => t.schema), tables.map((t) => t.table)]);
  const found = new Map<
    string,
    {
      schema: string;
      table: string;
      columns: Map<string, LiveColumn>;
      uniqueColumns: Set<string>;
      references: LiveReference[];
      indexes: LiveIndex[];
    }
  >();
  for (const { schema, table, name, type, nullable, indexed, unique } of rows) {
    const key = `${schema}.${table}`;
    const live = found.get(key) ?? {
      schema,
      table,
      columns: new Map(),
      uniqueColumns: new Set(),
      references: [],
      indexes: [],
    };
    found.set(key, live);
    live.columns.set(name, { name, type, indexed, nullable });
    if (unique) live.uniqueColumns.add(name);
  }
  const names = [[...found.keys()]];
  const references = await pool.query<LiveReference & { from: string }>(referencesQuery, names);
  for (const { from, ...reference } of references.rows) found.get(from)!.references.push(reference);
  const indexes = await pool.query<LiveIndex & { table: string }>(indexesQuery, names);
  for (const { table, ...index } of indexes.rows) found.get(table)!.indexes.push(index);
  return found;
}
