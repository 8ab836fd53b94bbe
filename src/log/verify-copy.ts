/**
 * Rows by COPY in binary form: the fastest way out of PostgreSQL. A row is looked at where it lies in the
 * receive buffer, and is gone afterwards; whatever is to stay must be taken out of it at once.
 */
import type pg from 'pg';

/** A uuid as PostgreSQL and the bodies write it. */
export interface Id {
  readonly text: string;
  /** The same in ASCII. */
  readonly ascii: Buffer;
}

/** One row of weir.entries where it lies: valid until the next one is read. */
export interface EntryRow {
  readonly writer: Id;
  readonly number: number;
  readonly at: number;
  readonly actor: Id | null;
  readonly flagged: boolean;
  /** The body is bytes[start] to bytes[end - 1], UTF-8. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

const signatureLength = 11;

interface Connection {
  query(text: string): void;
  readonly stream: { pause(): void; resume(): void };
}

/** The message handlers that pg calls on a query that is not its own. */
export class CopyOut<T> implements pg.Submittable {
  readonly #sql: string;
  readonly #take: (bytes: Buffer, start: number) => T;
  readonly #chunkRows: number;
  #connection: Connection | undefined;
  #chunks: T[][] = [];
  #chunk: T[] = [];
  #begun = false;
  #ended = false;
  #failure: unknown;
  #wake: () => void = () => undefined;

  /**
   * @param sql COPY … TO STDOUT (FORMAT binary)
   * @param take what is kept of a row, whose first field begins at `start`
   */
  constructor(sql: string, chunkRows: number, take: (bytes: Buffer, start: number) => T) {
    this.#sql = sql;
    this.#chunkRows = chunkRows;
    this.#take = take;
  }

  async *chunks(): AsyncGenerator<T[], void, void> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#connection?.stream.resume();
        yield chunk;
      } else if (this.#failure !== undefined) throw this.#failure;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  submit(connection: pg.Connection): void {
    this.#connection = connection as unknown as Connection;
    this.#connection.query(this.#sql);
  }

  /** One row a message, but the first holds the head of the stream too, and the last only its end. */
  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    if (this.#failure !== undefined) return;
    try {
      let start = 0;
      if (!this.#begun) {
        this.#begun = true;
        const extension = signatureLength + 4;
        start = extension + 4 + chunk.readInt32BE(extension);
        if (start >= chunk.length) return;
      }
      if (chunk.readInt16BE(start) < 0) return;
      this.#chunk.push(this.#take(chunk, start + 2));
      if (this.#chunk.length >= this.#chunkRows) this.#hand();
    } catch (error) {
      this.handleError(error);
    }
  }

  handleError(error: unknown): void {
    this.#failure ??= error;
    this.#connection?.stream.resume();
    this.#wake();
  }

  handleReadyForQuery(): void {
    this.#hand();
    this.#ended = true;
    this.#wake();
  }

  handleCommandComplete(): void {}

  #hand(): void {
    if (this.#chunk.length > 0) this.#chunks.push(this.#chunk);
    this.#chunk = [];
    // One is waiting already: the server may wait, too.
    if (this.#chunks.length > 1) this.#connection?.stream.pause();
    this.#wake();
  }
}

/** Reads rows of (writer, number, at, actor_id, flagged, body). The row that it gives is the same object each time. */
export class EntryRows {
  readonly #ids = new Ids();
  readonly #row: { -readonly [K in keyof EntryRow]: EntryRow[K] } = {
    writer: { text: '', ascii: Buffer.alloc(0) },
    number: 0,
    at: 0,
    actor: null,
    flagged: false,
    bytes: Buffer.alloc(0),
    start: 0,
    end: 0,
  };

  /** @param start of the first field; each has its length before it, -1 for null */
  read(bytes: Buffer, start: number): EntryRow {
    const row = this.#row;
    row.writer = this.#ids.get(bytes, start + 4);
    row.number = wide(bytes, start + 24);
    row.at = wide(bytes, start + 36);
    const hasActor = bytes.readInt32BE(start + 44) > 0;
    row.actor = hasActor ? this.#ids.get(bytes, start + 48) : null;
    const flagged = start + (hasActor ? 68 : 52);
    row.flagged = bytes[flagged] === 1;
    row.bytes = bytes;
    row.start = flagged + 5;
    row.end = row.start + bytes.readInt32BE(flagged + 1);
    return row;
  }
}

/** int8 as a number; beyond 2^53 it is not exact, and then equals none that a body may hold. */
function wide(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}

const maxIds = 50_000;

/** 16 bytes → text, remembered: the same few stand in thousands of rows. */
class Ids {
  readonly #known = new Map<number, Id & { readonly raw: Buffer }>();

  get(bytes: Buffer, at: number): Id {
    const key = bytes.readUIntBE(at, 6);
    const known = this.#known.get(key);
    if (known !== undefined && isSame(known.raw, bytes, at)) return known;
    const hex = bytes.toString('hex', at, at + 16);
    const text = hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    const id = { text, ascii: Buffer.from(text), raw: Buffer.from(bytes.subarray(at, at + 16)) };
    if (this.#known.size >= maxIds) this.#known.clear();
    this.#known.set(key, id);
    return id;
  }
}

function isSame(raw: Buffer, bytes: Buffer, at: number): boolean {
  for (let i = 0; i < raw.length; i++) if (raw[i] !== bytes[at + i]) return false;
  return true;
}
