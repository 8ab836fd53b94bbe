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
  /** Told once; undefined from then on. */
  answered: Answered | undefined;
}

const headBytes = 5;
const nothing = Buffer.alloc(0);

export class Pipeline {
  readonly #client: Client;
  readonly #stream: Duplex;
  readonly #outgoing = new Outgoing();
  readonly #prepared = new Set<string>();
  #asked: Asked[] = [];
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
      preparing = this.#write(query);
    } catch (error) {
      process.nextTick(() => answered(error as Error, none));
      return;
    }
    this.#asked.push({ query, rows: [], tag: '', preparing, answered });
    if (this.#sent === 0) this.#flushSoon();
  }

  /** Sends all queries in one go. Never rejects: each answer tells for itself. */
  exchange(queries: readonly PipelinedQuery[]): Promise<PromiseSettledResult<PipelinedAnswer>[]> {
    return new Promise((resolve) => {
      const answers: PromiseSettledResult<PipelinedAnswer>[] = [];
      queries.forEach((query, at) =>
        this.ask(query, (error, value) => {
          answers[at] =
            error === undefined ? { status: 'fulfilled', value } : { status: 'rejected', reason: error };
          // Answers come in order, those of a lost connection too.
          if (at === queries.length - 1) resolve(answers);
        }),
      );
      this.flush();
    });
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

  /** @returns whether its statement is prepared with it */
  #write({ name, text, values = noValues, binary }: PipelinedQuery): boolean {
    if (name === undefined && values.length === 0) {
      this.#outgoing.query(text);
      return false;
    }
    const known = name !== undefined && this.#prepared.has(name);
    if (!known) this.#outgoing.parse(name ?? '', text);
    if (name !== undefined) this.#prepared.add(name);
    this.#outgoing.bind(name ?? '', values, binary);
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
        return;
      case readyForQuery:
        this.#asked.shift();
        if (--this.#sent === 0 && this.#asked.length > 0) this.#flushSoon();
        tell(asked, undefined);
        if (this.#asked.length === 0) this.#idle?.();
        return;
      case parseComplete:
        asked.preparing = false;
        return;
      case errorResponse:
        if (asked.preparing && asked.query.name !== undefined) this.#prepared.delete(asked.query.name);
        tell(asked, readError(bytes, at, end));
        return;
    }
  }

  #lose(reason: Error): void {
    this.#lost ??= reason;
    const asked = this.#asked;
    this.#asked = [];
    for (const each of asked) tell(each, reason);
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

function tell(asked: Asked, error: Error | undefined): void {
  const { answered } = asked;
  asked.answered = undefined;
  answered?.(error, error === undefined ? asked : none);
}

/** pg's types do not show it. */
function streamOf(client: Client): Duplex {
  return (client as unknown as { connection: { stream: Duplex } }).connection.stream;
}
