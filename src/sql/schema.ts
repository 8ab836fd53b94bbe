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
    { schema: string; table: string; columns: Map<string, LiveColumn>; uniqueColumns: Set<string> }
  >();
  for (const { schema, table, name, type, nullable, indexed, unique } of rows) {
    const key = `${schema}.${table}`;
    const live = found.get(key) ?? { schema, table, columns: new Map(), uniqueColumns: new Set() };
    found.set(key, live);
    live.columns.set(name, { name, type, indexed, nullable });
    if (unique) live.uniqueColumns.add(name);
  }
  return found;
}
