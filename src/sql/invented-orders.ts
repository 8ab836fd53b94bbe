/**
 * The order database as a calculator: statements run on it over rows that somebody invented, given in the
 * statement itself. Types, collation and masks are the real ones, and no row of the shop is read: a
 * statement in which a table is left standing is refused. For `weir policy test`.
 */
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { MaskedRows } from '../access.js';
import { OrderDatabase, type OrderDatabaseOptions } from './order-database.js';
import type { LiveSchema, LiveTable } from './schema.js';
import type { Statement } from './statement.js';

/** By "schema.table"; values by column, a column that is not named is NULL. */
export type RowsByTable = ReadonlyMap<string, readonly Readonly<Record<string, unknown>>[]>;

export class InventedOrders extends OrderDatabase {
  readonly #stands: readonly (readonly [name: string, rows: string])[];

  constructor(options: OrderDatabaseOptions, live: LiveSchema, rows: RowsByTable) {
    super(options);
    this.#stands = [...live].map(([name, table]) => [
      `${escapeIdentifier(table.schema)}.${escapeIdentifier(table.table)}`,
      recordset(table, rows.get(name) ?? []),
    ]);
  }

  override count(statement: Parameters<OrderDatabase['count']>[0]): Promise<number> {
    return super.count({ ...statement, text: this.#onInvented(statement.text) });
  }

  /** Every read goes through `read`, where its text is changed. */
  override comesAtOnce(): boolean {
    return false;
  }

  override read(
    statement: Statement,
    request: Parameters<OrderDatabase['read']>[1],
  ): AsyncGenerator<MaskedRows, void, void> {
    return super.read({ ...statement, text: this.#onInvented(statement.text) }, request);
  }

  #onInvented(text: string): string {
    // Split first and joined at the end: an invented value that looks like a table's name is left alone.
    let parts: readonly (string | { readonly rows: string })[] = [text];
    for (const [name, rows] of this.#stands) {
      parts = parts.flatMap((part) =>
        typeof part === 'string'
          ? part.split(name).flatMap((piece, index) => (index === 0 ? [piece] : [{ rows }, piece]))
          : [part],
      );
    }
    if (parts.length === 1) throw new Error('the statement names no table that rows were invented for');
    return parts.map((part) => (typeof part === 'string' ? part : part.rows)).join('');
  }
}

function recordset({ columns }: LiveTable, rows: readonly Readonly<Record<string, unknown>>[]): string {
  const shape = [...columns.values()].map(({ name, type }) => `${escapeIdentifier(name)} ${type}`).join(', ');
  const values = escapeLiteral(JSON.stringify(rows));
  return `ROWS FROM (pg_catalog.jsonb_to_recordset(${values}::jsonb) AS (${shape}))`;
}
