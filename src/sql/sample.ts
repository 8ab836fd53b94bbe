/**
 * Some values of columns, as text, for `weir policy drift` to look at. They stay in this process: what is told
 * of them is counts.
 */
import { escapeIdentifier, type Pool } from 'pg';
import type { LiveTable } from './schema.js';

export const sampleRows = 1_000;
/** Of a large table only some blocks are read, with about so many rows. */
const blockRows = 20_000;

/** Types that hold nothing to read. All others could be text about a person, or a number that is a phone: also those that the shop has made. */
const unreadable = /^(boolean|date|time|interval|uuid|bytea|oid)/;

/**
 * @param names columns of the table
 * @returns by column, values that are not NULL; a column that may not be read, or is of no such type, is absent
 */
export async function sampleColumns(
  pool: Pool,
  table: LiveTable,
  names: readonly string[],
): Promise<Map<string, readonly string[]>> {
  const { columns, rows } = await sampleOf(pool, table, names);
  return new Map(
    columns.map((name, index) => [
      name,
      rows.flatMap((row) => (row[index] === null || row[index] === undefined ? [] : [row[index]])),
    ]),
  );
}

/** @returns the two columns' values row by row, where neither is NULL; empty where one may not be read */
export async function samplePairs(
  pool: Pool,
  table: LiveTable,
  [one, other]: readonly [string, string],
): Promise<(readonly [string, string])[]> {
  const { columns, rows } = await sampleOf(pool, table, [one, other]);
  const [at, beside] = [columns.indexOf(one), columns.indexOf(other)];
  return rows.flatMap((row) =>
    row[at] == null || row[beside] == null ? [] : [[row[at], row[beside]] as const],
  );
}

async function sampleOf(
  pool: Pool,
  table: LiveTable,
  names: readonly string[],
): Promise<{ columns: string[]; rows: (string | null)[][] }> {
  const from = `${escapeIdentifier(table.schema)}.${escapeIdentifier(table.table)}`;
  const { rows: allowed } = await pool.query<{ name: string }>(
    `SELECT name FROM unnest($1::text[]) AS name WHERE has_column_privilege($2::regclass, name, 'SELECT')`,
    [names.filter((name) => !unreadable.test(table.columns.get(name)?.type ?? 'oid')), from],
  );
  if (allowed.length === 0) return { columns: [], rows: [] };
  const columns = allowed.map(({ name }) => name);
  const list = columns.map((name) => `${escapeIdentifier(name)}::text`).join(', ');
  const { rows: size } = await pool.query<{ kind: string; rows: number }>(
    'SELECT relkind AS kind, reltuples::float8 AS rows FROM pg_class WHERE oid = $1::regclass',
    [from],
  );
  const percent = Math.min(100, (100 * blockRows) / Math.max(1, size[0]?.rows ?? 1));
  // Views and foreign tables have no blocks of their own.
  const blocks = /[rpm]/.test(size[0]?.kind ?? '') ? ` TABLESAMPLE SYSTEM (${percent})` : '';
  const some = `(SELECT ${columns.map((name) => escapeIdentifier(name)).join(', ')} FROM ${from}${blocks} LIMIT ${4 * blockRows}) AS sampled`;
  const { rows } = await pool.query<(string | null)[]>({
    text: `SELECT ${list} FROM ${some} ORDER BY random() LIMIT ${sampleRows}`,
    rowMode: 'array',
  });
  return { columns, rows };
}
