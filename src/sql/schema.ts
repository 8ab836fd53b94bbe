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
  /** Foreign keys of one column, to tables that the catalogue names as well. */
  readonly references?: readonly LiveReference[];
}

/** Values of `column` are those of `toColumn` in another table, where it is unique. */
export interface LiveReference {
  readonly name: string;
  readonly column: string;
  /** "schema.table" */
  readonly to: string;
  readonly toColumn: string;
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
  SELECT n.nspname || '.' || c.relname AS "from", k.conname AS name, a.attname AS column, tn.nspname || '.' || tc.relname AS "to", ta.attname AS "toColumn"
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class tc ON tc.oid = k.confrelid JOIN pg_namespace tn ON tn.oid = tc.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
    JOIN pg_attribute ta ON ta.attrelid = tc.oid AND ta.attnum = k.confkey[1]
   WHERE k.contype = 'f' AND cardinality(k.conkey) = 1
     AND n.nspname || '.' || c.relname = ANY ($1) AND tn.nspname || '.' || tc.relname = ANY ($1)
   ORDER BY 1, 2`;

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
    };
    found.set(key, live);
    live.columns.set(name, { name, type, indexed, nullable });
    if (unique) live.uniqueColumns.add(name);
  }
  const references = await pool.query<LiveReference & { from: string }>(referencesQuery, [[...found.keys()]]);
  for (const { from, ...reference } of references.rows) found.get(from)!.references.push(reference);
  return found;
}
