/**
 * Brings revocations to this process: at once by LISTEN, and by asking every second, because a connection
 * that went away without a word tells nothing. Each reading is bounded in time; one that fails costs its
 * connection, and the next begins with a new one, until it is closed.
 */
import type pg from 'pg';
import type { Duplex } from 'node:stream';
import { openClient } from './pool.js';
import { inForceQuery, revocationChannel, type RevocationKind } from './revocations.js';

export interface RevokedRow {
  readonly kind: RevocationKind;
  readonly issuer: string | null;
  readonly value: string;
}

export interface RevocationFeedOptions {
  readonly url: string;
  readonly nowMillis: () => number;
  /** Every reading, also an unchanged one. @param asOfMillis when it was begun */
  readonly onRead: (list: RevokedRow[], asOfMillis: number) => void;
  /** Once when readings begin to fail and once when they work again. @param error undefined: they work */
  readonly onState: (error: Error | undefined) => void;
}

const pollMillis = 1_000;
const retryMillis = 250;
/** For connecting, and again for an answer. */
const patienceMillis = 1_000;

export class RevocationFeed {
  readonly #options: RevocationFeedOptions;
  #client: pg.Client | undefined;
  #reading: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #readAgain = false;
  #failing: Error | undefined;
  /** undefined before the first reading. */
  #works: boolean | undefined;
  #closed = false;

  constructor(options: RevocationFeedOptions) {
    this.#options = options;
  }

  /** @throws what the driver throws where the first reading fails; nothing is left open then */
  async open(): Promise<void> {
    await this.#read();
    if (this.#failing === undefined) return;
    const error = this.#failing;
    await this.close();
    throw error;
  }

  /** A reading begun now, or the one under way; none where the last one failed, since nobody is to wait for that. */
  async refresh(): Promise<void> {
    if (this.#failing === undefined && !this.#closed) await this.#read();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#hangUp();
    await this.#reading;
  }

  #read(): Promise<void> {
    clearTimeout(this.#timer);
    return (this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = undefined;
      if (this.#closed) return;
      const wait = this.#readAgain ? 0 : this.#failing === undefined ? pollMillis : retryMillis;
      this.#readAgain = false;
      this.#timer = setTimeout(() => void this.#read(), wait);
      this.#timer.unref();
    }));
  }

  async #readOnce(): Promise<void> {
    try {
      const client = (this.#client ??= await this.#connect());
      const asOfMillis = this.#options.nowMillis();
      const { rows } = await client.query<RevokedRow>(inForceQuery);
      if (this.#closed) return;
      this.#options.onRead(rows, asOfMillis);
      this.#tell(undefined);
    } catch (thrown) {
      this.#hangUp();
      if (!this.#closed) this.#tell(thrown instanceof Error ? thrown : new Error('unknown'));
    }
  }

  #tell(error: Error | undefined): void {
    const works = error === undefined;
    const changed = this.#works !== works;
    this.#works = works;
    this.#failing = error;
    if (changed) this.#options.onState(error);
  }

  async #connect(): Promise<pg.Client> {
    const client = openClient({
      url: this.#options.url,
      connectTimeoutMs: patienceMillis,
      queryTimeoutMs: patienceMillis,
      applicationName: 'weir revocations',
      settings: { default_transaction_read_only: 'on', search_path: 'pg_catalog,pg_temp' },
      pipeline: false,
    });
    client.on('error', () => this.#lost(client));
    client.on('end', () => this.#lost(client));
    client.on('notification', () => {
      // A reading under way may have begun before what is told of was committed.
      if (this.#reading !== undefined) this.#readAgain = true;
      else void this.#read();
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${revocationChannel}`);
      return client;
    } catch (thrown) {
      destroy(client);
      throw thrown;
    }
  }

  #lost(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    if (!this.#closed && this.#reading === undefined) void this.#read();
  }

  #hangUp(): void {
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) destroy(client);
  }
}

/** Not end(): that would wait for a server that may not answer. */
function destroy(client: pg.Client): void {
  (client as unknown as { connection: { stream: Duplex } }).connection.stream.destroy();
}
