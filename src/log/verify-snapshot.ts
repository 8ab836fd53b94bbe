/**
 * One moment of the gateway database, read over two connections: entries stream over one, what lies beside
 * them is asked over the other. Reads only, and needs no more than SELECT.
 */
import pg from 'pg';
import type { Pool, PoolClient } from 'pg';
import Cursor from 'pg-cursor';
import { CopyOut } from './verify-copy.js';

/** The pool must be able to give two connections. */
export type LogSource = { readonly url: string } | { readonly pool: Pool };

type Client = pg.Client | PoolClient;

/** Everything as the text that PostgreSQL writes: parsing what is only compared would cost time. */
const asText = { getTypeParser: () => (text: string) => text };

const applicationName = 'weir log verify';

export class LogSnapshot {
  readonly #stream: Client;
  readonly #beside: Client;

  private constructor(stream: Client, beside: Client) {
    this.#stream = stream;
    this.#beside = beside;
  }

  static async open(source: LogSource): Promise<LogSnapshot> {
    const stream = await connect(source);
    let beside: Client | undefined;
    try {
      beside = await connect(source);
      await stream.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
      await beside.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const { rows } = await stream.query<{ id: string }>('SELECT pg_export_snapshot() AS id');
      await beside.query(`SET TRANSACTION SNAPSHOT ${stream.escapeLiteral(rows[0]!.id)}`);
      for (const client of [stream, beside]) await client.query(settings);
      // In the order of an index: a sort of the whole log would go to disk.
      await stream.query(`SELECT set_config(name, 'off', true) FROM unnest($1::text[]) AS name`, [
        orderedScans,
      ]);
      return new LogSnapshot(stream, beside);
    } catch (error) {
      await Promise.all([hangUp(stream, true), beside && hangUp(beside, true)]);
      throw error;
    }
  }

  /** Rows by COPY, for which `sql` must hold no parameters. The next chunks come while one is being worked on. */
  copy<T>(
    sql: string,
    chunkRows: number,
    take: (bytes: Buffer, start: number) => T,
  ): AsyncGenerator<T[], void, void> {
    const copy = new CopyOut(`COPY (${sql}) TO STDOUT (FORMAT binary)`, chunkRows, take);
    return this.#stream.query(copy).chunks();
  }

  /** As streamRows. */
  stream<Row>(sql: string, values: readonly unknown[], chunkRows: number): AsyncGenerator<Row[], void, void> {
    return streamRows(this.#stream, sql, values, chunkRows);
  }

  /** One answer of bounded size. Columns as text. */
  async ask<Row>(sql: string, values: readonly unknown[], name?: string): Promise<Row[]> {
    const config = {
      text: sql,
      values: [...values],
      rowMode: 'array' as const,
      types: asText as unknown as pg.CustomTypesConfig,
    };
    const { rows } = await this.#beside.query(name === undefined ? config : { ...config, name });
    return rows as Row[];
  }

  /** @param failed the connections may be in any state: they are not used again */
  async close(failed: boolean): Promise<void> {
    await Promise.all([hangUp(this.#stream, failed), hangUp(this.#beside, failed)]);
  }
}

const orderedScans = [
  'enable_seqscan',
  'enable_bitmapscan',
  'enable_sort',
  'enable_hashjoin',
  'enable_mergejoin',
];

/** A long read in one transaction is what this is; whatever would end or slow it is switched off for it. */
const settings = `
  SELECT set_config(name, CASE vartype WHEN 'bool' THEN 'off' ELSE '0' END, true) FROM pg_catalog.pg_settings
   WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout', 'jit',
                  'max_parallel_workers_per_gather', 'enable_bitmapscan')`;

/** Chunk by chunk, columns as text; the next chunk is on its way while the last is being worked on. */
export async function* streamRows<Row>(
  client: Client,
  sql: string,
  values: readonly unknown[],
  chunkRows: number,
): AsyncGenerator<Row[], void, void> {
  const cursor = client.query(
    new Cursor<Row>(sql, [...values], { rowMode: 'array', types: asText as unknown as pg.CustomTypesConfig }),
  );
  let next = cursor.read(chunkRows);
  let failed = false;
  try {
    for (let rows = await next; rows.length > 0; rows = await next) {
      next = cursor.read(chunkRows);
      // Its failure is heard at the next turn; until then it must not count as unheard.
      next.catch(() => undefined);
      yield rows;
    }
  } finally {
    await next.catch(() => (failed = true));
    // After a failure the server has closed it by itself, and would never answer.
    if (!failed) await cursor.close();
  }
}

/** A connection of the pool, or of its own. It goes back with `hangUp`. */
export async function connect(source: LogSource): Promise<Client> {
  const client =
    'pool' in source
      ? await source.pool.connect()
      : new pg.Client({ connectionString: source.url, application_name: applicationName, keepAlive: true });
  // A connection that breaks fails the query in work; without a listener it would also end the process.
  client.on('error', ignore);
  if (!('release' in client)) await client.connect();
  return client;
}

/** @param failed it may be in any state, and is not used again */
export async function hangUp(client: Client, failed: boolean): Promise<void> {
  if (!failed) await client.query('ROLLBACK').catch(() => (failed = true));
  if ('release' in client) {
    client.release(failed);
    client.off('error', ignore);
  } else await client.end().catch(() => undefined);
}

const ignore = (): void => undefined;
