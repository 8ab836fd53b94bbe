/**
 * The one connection that a writer commits over. Pipelined: what belongs to one round trip goes out
 * together. Every wait is bounded on both sides; when this side gives up, the socket is destroyed, so
 * that nothing can follow on a connection whose state is not known.
 */
import pg from 'pg';
import { Pipeline, type PipelinedAnswer, type PipelinedQuery } from '../store/pipeline.js';
import { sessionOptions } from '../store/pool.js';
import { rollback } from './sql.js';

export interface ConnectionOptions {
  readonly url: string;
  readonly connectTimeoutMs: number;
  /** One exchange (lock, or write and commit) may take this long. */
  readonly exchangeTimeoutMs: number;
  /** How long the server lets a statement wait for a meter row that another process holds. */
  readonly lockTimeoutMs: number;
}

export class WriterConnection {
  readonly #pipeline: Pipeline;
  readonly #exchangeTimeoutMs: number;

  private constructor(pipeline: Pipeline, exchangeTimeoutMs: number) {
    this.#pipeline = pipeline;
    this.#exchangeTimeoutMs = exchangeTimeoutMs;
  }

  static async open(options: ConnectionOptions): Promise<WriterConnection> {
    const client = new pg.Client({
      connectionString: options.url,
      connectionTimeoutMillis: options.connectTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: 2000,
      application_name: 'weir log',
      options: sessionOptions({
        lock_timeout: String(options.lockTimeoutMs),
        statement_timeout: String(options.exchangeTimeoutMs),
        // If this process hangs or vanishes in mid-transaction, its locks must not outlive it for long.
        idle_in_transaction_session_timeout: String(options.exchangeTimeoutMs),
        tcp_keepalives_idle: '5',
        tcp_keepalives_interval: '2',
        tcp_keepalives_count: '3',
        tcp_user_timeout: '10000',
        // Generic plans made while the tables were empty must not turn to sequential scans later.
        plan_cache_mode: 'force_generic_plan',
        enable_seqscan: 'off',
        enable_hashjoin: 'off',
        enable_mergejoin: 'off',
        search_path: 'pg_catalog,pg_temp',
      }),
    });
    const connection = new WriterConnection(await Pipeline.open(client), options.exchangeTimeoutMs);
    try {
      await connection.#refuseLooseCommits();
    } catch (error) {
      connection.#pipeline.close().catch(() => {});
      throw error;
    }
    return connection;
  }

  /** Checked at every connection, not only at start: a setting of the role or of the database may change in between. */
  async #refuseLooseCommits(): Promise<void> {
    const [answer] = await this.exchange([
      { text: `SELECT current_setting('synchronous_commit'), current_setting('fsync')` },
    ]);
    if (answer!.status === 'rejected') throw answer!.reason;
    const [synchronousCommit, fsync] = answer!.value.rows[0] as [string, string];
    if (synchronousCommit === 'off' || fsync !== 'on') {
      throw new Error(`commits are not durable: synchronous_commit = ${synchronousCommit}, fsync = ${fsync}`);
    }
  }

  get broken(): Error | undefined {
    return this.#pipeline.lost;
  }

  /**
   * Sends all queries as one and waits for all answers, bounded. After the first that fails none is run (NotRun) and
   * the transaction is rolled back. Never throws: each answer tells for itself.
   */
  async exchange(queries: readonly PipelinedQuery[]): Promise<PromiseSettledResult<PipelinedAnswer>[]> {
    const timer = setTimeout(
      () => this.destroy(new Error('the gateway database did not answer in time')),
      this.#exchangeTimeoutMs + 250,
    );
    try {
      const answers = await this.#pipeline.exchange(queries);
      if (queries.length > 1 && this.broken === undefined && answers.some(isRejected)) {
        const [undone] = await this.#pipeline.exchange([rollback]);
        if (isRejected(undone!)) this.destroy(undone.reason as Error);
      }
      return answers;
    } finally {
      clearTimeout(timer);
    }
  }

  destroy(reason: Error): void {
    this.#pipeline.destroy(reason);
  }

  /** A server that does not take its leave is not waited for. */
  async close(): Promise<void> {
    const timer = setTimeout(
      () => this.destroy(new Error('the gateway database did not hang up in time')),
      this.#exchangeTimeoutMs,
    );
    try {
      await this.#pipeline.close();
    } finally {
      clearTimeout(timer);
    }
  }
}

function isRejected(answer: PromiseSettledResult<unknown>): answer is PromiseRejectedResult {
  return answer.status === 'rejected';
}

/** SQLSTATE of an answer from the server; undefined when the connection failed instead. */
export function sqlstateOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}
