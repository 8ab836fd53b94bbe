/**
 * One writer of the log: an id of its own, its first entry, a sign of life now and then, its last entry. A process
 * may have several, so that one can decide while the database writes for another; each has numbers without a gap.
 */
import { randomUUID } from 'node:crypto';
import { drizzle } from 'drizzle-orm/node-postgres';
import type { Pool } from 'pg';
import { meters } from '../store/schema.js';
import { BatchWriter, type BatchWriterOptions } from './batch-writer.js';
import type { Item, Outcome } from './decide.js';

export interface LogWriterOptions extends Omit<BatchWriterOptions, 'writer' | 'writerMeterId'> {
  /** For the writer's own row; the batches have a connection of their own. */
  readonly pool: Pool;
  readonly zone: string;
  readonly heartbeatSeconds: number;
  readonly version: string;
}

/** While the log is down: how often a heartbeat is tried, so that it comes up again without a request. */
const probeMs = 1000;

export class LogWriter {
  readonly id: string;
  readonly #batches: BatchWriter;
  readonly #heartbeatMs: number;
  #heartbeat: NodeJS.Timeout | undefined;
  #lastHeartbeatMs = Date.now();
  #lastHeartbeatNumber = 0;

  private constructor(id: string, writerMeterId: number, options: LogWriterOptions) {
    this.id = id;
    this.#heartbeatMs = options.heartbeatSeconds * 1000;
    this.#batches = new BatchWriter({ ...options, writer: id, writerMeterId });
  }

  /** @throws WeirError, or what the driver throws */
  static async open(options: LogWriterOptions): Promise<LogWriter> {
    const id = randomUUID();
    const [row] = await drizzle(options.pool)
      .insert(meters)
      .values({ key: `writer:${id}` })
      .returning({ id: meters.meterId });
    const writer = new LogWriter(id, row!.id, options);
    const { zone, version } = options;
    await writer.commit({ kind: 'open', context: undefined, zone, version });
    writer.#heartbeat = setInterval(() => writer.#beat(), probeMs);
    writer.#heartbeat.unref();
    return writer;
  }

  /** Why nothing can be recorded now; undefined when all is well. */
  get downReason(): string | undefined {
    return this.#batches.downReason;
  }

  /** @throws as BatchWriter.commit */
  commit(item: Item): Promise<Outcome> {
    return this.#batches.commit(item);
  }

  /** Puts the closing entry behind everything that is waiting. */
  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    await this.#batches.close({ kind: 'close', context: undefined });
  }

  #beat(): void {
    const due = Date.now() - this.#lastHeartbeatMs >= this.#heartbeatMs;
    const down = this.#batches.downReason !== undefined;
    if (!due && !down) return;
    // Entries are a sign of life themselves.
    if (!down && this.#batches.lastNumber > this.#lastHeartbeatNumber) {
      this.#lastHeartbeatNumber = this.#batches.lastNumber;
      this.#lastHeartbeatMs = Date.now();
      return;
    }
    this.#lastHeartbeatMs = Date.now();
    this.#batches.commit({ kind: 'heartbeat', context: undefined }).then(
      () => (this.#lastHeartbeatNumber = this.#batches.lastNumber),
      () => {},
    );
  }
}
