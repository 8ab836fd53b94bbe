/**
 * One connection on which prepared queries follow each other without waiting for answers. pg opens it, and from
 * then on its bytes are read and written here: pg's own pipeline makes five writes, a description of every column
 * and a dozen objects for each query, which is half of what a look-up costs the gateway. An error is that query's
 * alone; the loss of the connection reaches every query under way, and nothing is asked twice.
 */
import type { Duplex } from 'node:stream';
import type { Client } from 'pg';
import { Outgoing, readError, readRow, readTag, type Value } from './wire.js';

export interface PipelinedQuery {
  readonly text: string;
  /** The server keeps the statement prepared under it. */
  readonly name?: string | undefined;
  /** Without a name and without any it goes by the simple protocol. */
  readonly values?: readonly Value[];
  /** Columns of the answer that come as bytes, see wire.ts; the others come as PostgreSQL's text. */
  readonly binary?: readonly boolean[];
}

export interface PipelinedAnswer {
  readonly rows: (string | Buffer | null)[][];
  /** "COMMIT", "INSERT 0 12"; the last one of several. */
  readonly tag: string;
}

export type Answered = (error: Error | undefined, answer: PipelinedAnswer) => void;

interface Asked {
  readonly query: PipelinedQuery;
  readonly rows: (string | Buffer | null)[][];
  tag: string;
  /** Its statement is being prepared with it. */
  preparing: boolean;
  /** The last one of those that were sent as one. */
  readonly last: boolean;
  error: Error | undefined;
  readonly answered: Answered;
}

/** Not run: one of the same exchange failed before it. */
export class NotRun extends Error {}

const headBytes = 5;
const nothing = Buffer.alloc(0);

export class Pipeline {
  readonly #client: Client;
  readonly #stream: Duplex;
  readonly #outgoing = new Outgoing();
  readonly #prepared = new Set<string>();
  #asked: Asked[] = [];
  /** Answered, but told only when the server is through with the exchange that they belong to. */
  #done: Asked[] = [];
  #left: Buffer = nothing;
  /** Asked and on their way; the others are still here. */
  #sent = 0;
  #flushing = false;
  #lost: Error | undefined;
  #idle: (() => void) | undefined;

  private constructor(client: Client) {
    this.#client = client;
    this.#stream = streamOf(client);
    this.#stream.removeAllListeners('data');
    this.#stream.on('data', (bytes: Buffer) => this.#read(bytes));
    client.on('error', (error) => this.#lose(error));
    client.on('end', () => this.#lose(new Error('Connection terminated')));
  }

  /** @param client not connected yet, and nobody else's. @throws what pg throws */
  static async open(client: Client): Promise<Pipeline> {
    // Without a listener a connection that is lost would end the process.
    client.on('error', () => undefined);
    try {
      await client.connect();
    } catch (error) {
      streamOf(client).destroy();
      throw error;
    }
    return new Pipeline(client);
  }

  /** Why nothing can be asked any more. */
  get lost(): Error | undefined {
    return this.#lost;
  }

  /** What is asked in one turn of the event loop goes out together at its end, or with `flush`. */
  ask(query: PipelinedQuery, answered: Answered): void {
    let preparing: boolean;
    try {
      if (this.#lost !== undefined) throw this.#lost;
      preparing = this.#write(query, true);
    } catch (error) {
      process.nextTick(() => answered(error as Error, none));
      return;
    }
    this.#asked.push({ query, rows: [], tag: '', preparing, last: true, error: undefined, answered });
    if (this.#sent === 0) this.#flushSoon();
  }

  /**
   * Sends all queries in one go and as one: the server answers in one piece, and after the first that fails it
   * runs none of the others (NotRun). A transaction that was begun stays open then, and is the caller's to roll
   * back. Never rejects: each answer tells for itself.
   */
  exchange(queries: readonly PipelinedQuery[]): Promise<PromiseSettledResult<PipelinedAnswer>[]> {
    return new Promise((resolve) => {
      const answers: PromiseSettledResult<PipelinedAnswer>[] = [];
      const answered: Answered = (error, value) => {
        answers.push(
          error === undefined ? { status: 'fulfilled', value } : { status: 'rejected', reason: error },
        );
        if (answers.length === queries.length) resolve(answers);
      };
      const [only] = queries;
      if (queries.length === 1) this.ask(only!, answered);
      else this.#askAsOne(queries, answered);
      this.flush();
    });
  }

  #askAsOne(queries: readonly PipelinedQuery[], answered: Answered): void {
    for (const query of queries) {
      const last = query === queries.at(-1);
      let preparing = false;
      // Half of them written is worse than none: whatever follows would belong to them.
      if (this.#lost === undefined) {
        try {
          preparing = this.#write(query, last);
        } catch (error) {
          this.destroy(error as Error);
        }
      }
      this.#asked.push({ query, rows: [], tag: '', preparing, last, error: undefined, answered });
    }
    if (this.#lost !== undefined) this.#lose(this.#lost);
  }

  flush(): void {
    const bytes = this.#outgoing.take();
    this.#sent = this.#asked.length;
    if (bytes !== undefined && this.#stream.writable) this.#stream.write(bytes);
  }

  /** Everybody under way hears of it. */
  destroy(reason: Error): void {
    this.#lose(reason);
    // Not end(): that would wait for the server to take its leave.
    this.#stream.destroy(reason);
  }

  /** Waits for what is under way, then takes leave. */
  async close(): Promise<void> {
    if (this.#asked.length > 0 && this.#lost === undefined)
      await new Promise<void>((resolve) => (this.#idle = resolve));
    await this.#client.end();
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.flush();
    });
  }

  /** @param last Sync follows. @returns whether its statement is prepared with it */
  #write({ name, text, values = noValues, binary }: PipelinedQuery, last: boolean): boolean {
    if (name === undefined && values.length === 0 && last) {
      this.#outgoing.query(text);
      return false;
    }
    const known = name !== undefined && this.#prepared.has(name);
    if (!known) this.#outgoing.parse(name ?? '', text);
    if (name !== undefined) this.#prepared.add(name);
    this.#outgoing.bind(name ?? '', values, binary, last);
    return !known;
  }

  #read(chunk: Buffer): void {
    const bytes = this.#left.length === 0 ? chunk : Buffer.concat([this.#left, chunk]);
    let at = 0;
    while (at + headBytes <= bytes.length) {
      const end = at + 1 + bytes.readInt32BE(at + 1);
      if (end > bytes.length) break;
      this.#message(bytes[at]!, bytes, at + headBytes, end);
      at = end;
    }
    this.#left = at === bytes.length ? nothing : bytes.subarray(at);
  }

  #message(code: number, bytes: Buffer, at: number, end: number): void {
    const asked = this.#asked[0];
    if (asked === undefined) return;
    switch (code) {
      case dataRow:
        asked.rows.push(readRow(bytes, at, asked.query.binary));
        return;
      case commandComplete:
        asked.tag = readTag(bytes, at, end);
        if (!asked.last) this.#next();
        return;
      case parseComplete:
        asked.preparing = false;
        return;
      case errorResponse:
        asked.error = readError(bytes, at, end);
        this.#skip(asked.error);
        return;
      case readyForQuery:
        this.#next();
        if (this.#sent === 0 && this.#asked.length > 0) this.#flushSoon();
        this.#tellDone();
        if (this.#asked.length === 0) this.#idle?.();
        return;
    }
  }

  /** What the server does not run after an error. */
  #skip(error: Error): void {
    for (let asked = this.#asked[0]!; !asked.last; asked = this.#asked[0]!) {
      this.#next();
      this.#asked[0]!.error = new NotRun('not run', { cause: error });
    }
  }

  #next(): void {
    this.#done.push(this.#asked.shift()!);
    this.#sent--;
  }

  #tellDone(): void {
    const done = this.#done;
    this.#done = [];
    for (const asked of done) {
      const { query, preparing, error, answered } = asked;
      if (preparing && query.name !== undefined) this.#prepared.delete(query.name);
      answered(error, error === undefined ? asked : none);
    }
  }

  #lose(reason: Error): void {
    this.#lost ??= reason;
    const asked = [...this.#done, ...this.#asked];
    this.#done = [];
    this.#asked = [];
    // What the server said before it went says more; but that something was not run it has not confirmed.
    for (const { error, answered } of asked)
      answered(error === undefined || error instanceof NotRun ? reason : error, none);
    this.#idle?.();
  }
}

// Messages of the server's; what is not among them (notices, settings, descriptions) is passed over.
const parseComplete = 49;
const commandComplete = 67;
const dataRow = 68;
const errorResponse = 69;
const readyForQuery = 90;

const noValues: readonly Value[] = [];
const none: PipelinedAnswer = { rows: [], tag: '' };

/** pg's types do not show it. */
function streamOf(client: Client): Duplex {
  return (client as unknown as { connection: { stream: Duplex } }).connection.stream;
}
