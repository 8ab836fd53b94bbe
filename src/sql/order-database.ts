/**
 * Runs compiled statements on the order database and makes MaskedRows of what comes back: nothing else
 * does. Small answers come in one round trip, others through a cursor, chunk by chunk, so that memory
 * stays flat whatever is asked. Read-only sessions with everything fixed that parsing depends on.
 */
import { performance } from 'node:perf_hooks';
import type { Pool, PoolClient, QueryArrayConfig, QueryArrayResult } from 'pg';
import Cursor from 'pg-cursor';
import type { MaskedRows } from '../access.js';
import type { MaskKeys } from '../mask/mask.js';
import { openPool } from '../store/pool.js';
import type { PipelinedQuery } from '../store/pipeline.js';
import type { Value } from '../store/wire.js';
import { EmbeddedReader, RowCount } from './embedded-rows.js';
import { PoolShares, type PoolShare } from './pool-shares.js';
import { NoAnswer, SharedConnections } from './shared-connections.js';
import type { Statement } from './statement.js';
import { slow, translateUpstream } from './upstream-errors.js';

export interface OrderDatabaseOptions {
  readonly url: string;
  readonly poolSize: number;
  readonly connectTimeoutMs: number;
  /** The server's limit on one statement; a second later the gateway gives the connection up itself. */
  readonly statementTimeoutMs: number;
  /** One long read, from first to last chunk; it holds a connection and a snapshot all the while. */
  readonly streamTimeoutMs: number;
  /** For masks on output that need a secret. */
  readonly maskKeys?: MaskKeys;
  readonly onIdleError: (error: Error) => void;
}

/** Rows of one chunk, and so of one entry, of a long read. */
export const chunkRows = 1000;

/** Of those whose rows hold rows of other tables. */
const chunkEmbedding = 250;

/** Connections for reads by a pin, besides those of the pool. */
const sharedSize = 4;

/** Statements that a session keeps prepared. Their text can be large (the address mask), so not many. */
const maxPrepared = 100;

/** Everything as the text that PostgreSQL writes; doors encode it. */
const asText = { getTypeParser: () => (text: string) => text };

type Row = (string | null)[];

/** What a read of the role's may take. */
interface Bounds {
  readonly statementMs?: number | undefined;
  readonly share?: PoolShare | undefined;
}

interface Connected {
  readonly client: PoolClient;
  readonly release: (broken?: Error) => void;
}

export class OrderDatabase {
  readonly pool: Pool;
  readonly #shared: SharedConnections;
  readonly #shares: PoolShares;
  readonly #names = new Map<string, string>();
  readonly #giveUpMs: number;
  readonly #statementMs: number;
  /** statement_timeout of those connections whose time is not the usual one. */
  readonly #times = new WeakMap<PoolClient, number>();
  readonly #streamTimeoutMs: number;
  readonly #maskKeys: MaskKeys;

  constructor(options: OrderDatabaseOptions) {
    this.#statementMs = options.statementTimeoutMs;
    this.#giveUpMs = options.statementTimeoutMs + 1000;
    this.#streamTimeoutMs = options.streamTimeoutMs;
    this.#maskKeys = options.maskKeys ?? { token: undefined };
    const connect = {
      url: options.url,
      connectTimeoutMs: options.connectTimeoutMs,
      applicationName: 'weir',
      onIdleError: options.onIdleError,
      settings: {
        default_transaction_read_only: 'on',
        search_path: 'pg_catalog,pg_temp',
        standard_conforming_strings: 'on',
        client_encoding: 'UTF8',
        DateStyle: 'ISO,YMD',
        IntervalStyle: 'iso_8601',
        TimeZone: 'UTC',
        extra_float_digits: '1',
        statement_timeout: String(options.statementTimeoutMs),
        idle_in_transaction_session_timeout: '60000',
      },
    };
    this.pool = openPool({ ...connect, size: options.poolSize });
    this.#shares = new PoolShares(options.poolSize, options.connectTimeoutMs);
    this.#shared = new SharedConnections({ ...connect, size: sharedSize, giveUpMs: this.#giveUpMs });
  }

  /** @throws WeirError upstream-down, upstream-slow, upstream-failed, value-invalid, concurrency-reached */
  async count(
    statement: { readonly text: string; readonly values: readonly unknown[] },
    statementMs?: number,
    share?: PoolShare,
  ): Promise<number> {
    return this.#withClient(
      async (client) => {
        const result = await this.#query(client, statement.text, statement.values);
        return Number(result.rows[0]?.[0]);
      },
      { statementMs, share },
    );
  }

  /** Few rows, which come in one piece: `readAtOnce` is `read` with less ado. */
  comesAtOnce(statement: Statement): boolean {
    return statement.rowLimit !== undefined && statement.rowLimit <= chunkOf(statement);
  }

  /** The only chunk of a statement that comes at once. @param statementMs as for read. @throws as count */
  async readAtOnce(statement: Statement, statementMs?: number, share?: PoolShare): Promise<MaskedRows> {
    // Connections that are shared have one time for all.
    const shared = statement.pinned && (statementMs ?? Infinity) >= this.#statementMs;
    const rows = shared
      ? await this.#lookUp(statement)
      : await this.#readShort(statement, { statementMs, share });
    return maskedRows(rows, statement, this.#maskKeys, 0, true);
  }

  /**
   * Chunks in order, at least one, the final one with `last`. Ends the upstream cursor when the caller
   * stops asking. @param request its signal is looked at only by reads that take long
   * @param statementMs of the role; only a shorter time than the usual one matters
   * @param share of the pool's connections; reads by a pin use others. @throws as count
   */
  async *read(
    statement: Statement,
    request: { readonly signal: AbortSignal },
    statementMs?: number,
    share?: PoolShare,
  ): AsyncGenerator<MaskedRows, void, void> {
    const bounds = { statementMs, share };
    if (this.comesAtOnce(statement)) yield await this.readAtOnce(statement, statementMs, share);
    else yield* this.#readLong(statement, request.signal, bounds);
  }

  async #readShort({ text, values }: Statement, bounds: Bounds): Promise<Row[]> {
    const query = (client: PoolClient) => this.#query(client, text, values);
    return (await this.#withClient(query, bounds)).rows;
  }

  async *#readLong(
    statement: Statement,
    signal: AbortSignal,
    bounds: Bounds,
  ): AsyncGenerator<MaskedRows, void, void> {
    const { client, release } = await this.#connect(bounds);
    const deadline = performance.now() + this.#streamTimeoutMs;
    const chunkRows = chunkOf(statement);
    const count = statement.embedded && new RowCount(statement.embedded);
    let cursor: Cursor<Row> | undefined;
    let broken: Error | undefined;
    try {
      // To the server a cursor is one statement from its first row to its last, however long the client takes.
      await this.#bounded(
        client.query(`BEGIN READ ONLY; SET LOCAL statement_timeout = ${Math.ceil(this.#streamTimeoutMs)}`),
      );
      cursor = client.query(
        new Cursor<Row>(statement.text, [...statement.values], { rowMode: 'array', types: asText }),
      );
      // One row ahead, so that the last chunk is known as such when it is released.
      let pending = await this.#bounded(cursor.read(chunkRows + 1));
      for (let part = 0; ; part++) {
        if (signal.aborted) return;
        const last = pending.length <= chunkRows;
        const chunk = last ? pending : pending.slice(0, chunkRows);
        yield maskedRows(chunk, statement, this.#maskKeys, part, last, count);
        if (last) return;
        if (performance.now() > deadline) throw slow(new Error('the read took longer than streamTimeoutMs'));
        pending = [pending[chunkRows]!, ...(await this.#bounded(cursor.read(chunkRows)))];
      }
    } catch (thrown) {
      broken = thrown instanceof Error ? thrown : new Error('unknown');
      throw translateUpstream(thrown);
    } finally {
      // Bounded: to a connection that was lost meanwhile the cursor waits for an answer that never comes.
      if (broken === undefined)
        await this.#bounded(endRead(client, cursor)).catch((error: Error) => (broken = error));
      release(broken);
    }
  }

  async ping(): Promise<void> {
    await this.#withClient((client) => this.#query(client, 'SELECT 1', []));
  }

  async close(): Promise<void> {
    await Promise.all([this.#shared.close(), this.pool.end()]);
  }

  async #withClient<T>(work: (client: PoolClient) => Promise<T>, bounds: Bounds = {}): Promise<T> {
    const { client, release } = await this.#connect(bounds);
    try {
      const result = await work(client);
      release();
      return result;
    } catch (thrown) {
      const translated = translateUpstream(thrown);
      // A connection that failed, or may still be busy with a statement that we gave up, is not reused.
      release(translated.code === 'value-invalid' ? undefined : translated);
      throw translated;
    }
  }

  /** @returns `release` gives back the connection and its place in the role's share, both at once */
  async #connect({ statementMs, share }: Bounds): Promise<Connected> {
    const leave = share === undefined ? () => undefined : await this.#shares.enter(share);
    let client: PoolClient | undefined;
    try {
      client = await this.pool.connect();
      const taken = client;
      await this.#setTime(taken, Math.min(statementMs ?? Infinity, this.#statementMs));
      return {
        client: taken,
        release: (broken) => {
          taken.release(broken);
          leave();
        },
      };
    } catch (thrown) {
      const translated = translateUpstream(thrown);
      client?.release(translated);
      leave();
      throw translated;
    }
  }

  /** Of the session: it is ours until it is given back, and the next one sets it anew where theirs differs. */
  async #setTime(client: PoolClient, milliseconds: number): Promise<void> {
    if ((this.#times.get(client) ?? this.#statementMs) === milliseconds) return;
    await this.#bounded(client.query(`SET statement_timeout = ${milliseconds}`));
    this.#times.set(client, milliseconds);
  }

  /** Short reads do not wait for long ones: they have connections of their own. */
  async #lookUp({ text, values }: Statement): Promise<Row[]> {
    const query: PipelinedQuery = { text, name: this.#nameFor(text), values: values.map(valueOf) };
    try {
      return (await this.#shared.query(query)).rows as Row[];
    } catch (thrown) {
      throw thrown instanceof NoAnswer ? slow(thrown) : translateUpstream(thrown);
    }
  }

  #query(client: PoolClient, text: string, values: readonly unknown[]): Promise<QueryArrayResult<Row>> {
    return this.#bounded(client.query<Row>(this.#configOf(text, values)));
  }

  #configOf(text: string, values: readonly unknown[]): QueryArrayConfig {
    return { text, values: values as unknown[], rowMode: 'array', types: asText, name: this.#nameFor(text) };
  }

  /** The server's statement_timeout comes first; this is for a server that no longer answers at all. */
  #bounded<T>(work: Promise<T>): Promise<T> {
    const started = performance.now();
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(slow(new Error(`no answer in ${Math.round(performance.now() - started)} ms`)));
      }, this.#giveUpMs);
      const settle = <Outcome>(outcome: (value: Outcome) => void) => {
        return (value: Outcome) => {
          clearTimeout(timer);
          outcome(value);
        };
      };
      // What comes too late is heard all the same, so that it is no unhandled rejection.
      work.then(settle(resolve), settle(reject));
    });
  }

  #nameFor(text: string): string | undefined {
    let name = this.#names.get(text);
    if (name === undefined && this.#names.size < maxPrepared) {
      name = `weir_${this.#names.size}`;
      this.#names.set(text, name);
    }
    return name;
  }
}

function chunkOf({ embedded }: Statement): number {
  return embedded === undefined ? chunkRows : chunkEmbedding;
}

/** As the protocol takes it: what is no list as it is, a list as PostgreSQL writes an array of text. */
function valueOf(value: unknown): Value {
  if (!Array.isArray(value)) return value as Value;
  return `{${value.map((each) => `"${String(each).replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
}

async function endRead(client: PoolClient, cursor: Cursor<Row> | undefined): Promise<void> {
  await cursor?.close();
  await client.query('COMMIT');
}

/** Takes the two hidden columns off each row and applies the masks that are computed on output, in place. */
function maskedRows(
  rows: Row[],
  statement: Statement,
  keys: MaskKeys,
  part: number,
  last: boolean,
  count?: RowCount,
): MaskedRows {
  const { outputMasks, embedded } = statement;
  const { length: width } = statement.columns;
  // Tables that come inside the rows stand behind the table's own columns, one column each.
  const own = embedded?.ownWidth ?? width;
  const selected = own + (embedded?.tables.length ?? 0);
  const recordKeys: string[] = [];
  const subjectKeys: (string | null)[] = [];
  for (const row of rows) {
    recordKeys.push(row[selected] ?? '');
    subjectKeys.push(row[selected + 1] ?? null);
    row.length = selected;
    for (const { at, apply } of outputMasks) row[at] = apply(row[at] ?? null, keys);
  }
  if (embedded === undefined)
    return { width, values: rows, recordKeys, subjectKeys, part, last } as unknown as MaskedRows;
  const reader = new EmbeddedReader(embedded, keys);
  for (const row of rows) row.push(...reader.read(row.splice(own)));
  const sum = reader.keys.reduce((rowsSoFar, { recordKeys: { length } }) => rowsSoFar + length, rows.length);
  (count ?? new RowCount(embedded)).add(sum);
  const chunk = { width, values: rows, recordKeys, subjectKeys, embedded: reader.keys, part, last };
  return chunk as unknown as MaskedRows;
}
