/**
 * The few messages of PostgreSQL's protocol (3.0) that prepared queries need, to and from bytes. What starts
 * a session (TLS, authentication, cancel) is pg's part; see pipeline.ts for why this is not.
 */
import { DatabaseError } from 'pg';

/** What a query's parameter may be. A Buffer travels as bytes, everything else as text. */
export type Value = string | number | boolean | Buffer | null;

const bytesKept = 32 * 1024;
const int32 = 4;
/** Below this, room for the longest UTF-8 is reserved without counting. */
const shortText = 512;
/** Execute without a limit on rows, then Sync. */
const executeLength = 10;
const executeAndSync = Buffer.from([69, 0, 0, 0, 9, 0, 0, 0, 0, 0, 83, 0, 0, 0, 4]);

/** Messages on their way out, gathered until somebody takes them. */
export class Outgoing {
  #bytes = Buffer.allocUnsafe(bytesKept);
  #start = 0;
  #end = 0;

  /** @throws TypeError */
  parse(name: string, text: string): void {
    refuseZero(text);
    const length = this.#begin(80, 2 * int32);
    this.#cString(name);
    this.#cString(text);
    this.#int16(0);
    this.#finish(length);
  }

  /** With Execute behind it. @param binary by column of the answer; undefined: all of it as text @param sync and Sync */
  bind(name: string, values: readonly Value[], binary: readonly boolean[] | undefined, sync: boolean): void {
    const length = this.#begin(66, 16 + 2 * values.length + 2 * (binary?.length ?? 0));
    // The portal without a name.
    this.#bytes[this.#end++] = 0;
    this.#cString(name);
    this.#reserve(4 + 2 * values.length);
    this.#int16(values.length);
    for (const value of values) this.#int16(typeof value === 'object' && value !== null ? 1 : 0);
    this.#int16(values.length);
    for (const value of values) this.#value(value);
    this.#reserve(2 + 2 * (binary?.length ?? 0) + executeAndSync.length);
    this.#int16(binary?.length ?? 0);
    if (binary !== undefined) for (const column of binary) this.#int16(column ? 1 : 0);
    this.#finish(length);
    this.#bytes.set(executeAndSync, this.#end);
    this.#end += sync ? executeAndSync.length : executeLength;
  }

  /** The simple protocol: no parameters. @throws TypeError */
  query(text: string): void {
    refuseZero(text);
    const length = this.#begin(81, 0);
    this.#cString(text);
    this.#finish(length);
  }

  /** What was gathered; undefined: nothing. Never written to again, so that it may be on its way for a while. */
  take(): Buffer | undefined {
    if (this.#start === this.#end) return undefined;
    const taken = this.#bytes.subarray(this.#start, this.#end);
    this.#start = this.#end;
    return taken;
  }

  /** @returns where the message's length stands */
  #begin(code: number, room: number): number {
    this.#reserve(1 + int32 + room);
    this.#bytes[this.#end++] = code;
    const length = this.#end - this.#start;
    this.#end += int32;
    return length;
  }

  #finish(length: number): void {
    const at = this.#start + length;
    this.#bytes.writeInt32BE(this.#end - at, at);
  }

  #value(value: Value): void {
    if (value === null) {
      this.#reserve(int32);
      this.#int32(-1);
    } else if (typeof value === 'object') {
      this.#reserve(int32 + value.length);
      this.#int32(value.length);
      this.#bytes.set(value, this.#end);
      this.#end += value.length;
    } else {
      const text = typeof value === 'string' ? value : String(value);
      this.#reserveText(text);
      const written = this.#bytes.write(text, this.#end + int32);
      this.#int32(written);
      this.#end += written;
    }
  }

  #cString(text: string): void {
    this.#reserveText(text);
    this.#end += this.#bytes.write(text, this.#end);
    this.#bytes[this.#end++] = 0;
  }

  #int16(n: number): void {
    this.#bytes[this.#end++] = n >> 8;
    this.#bytes[this.#end++] = n;
  }

  #int32(n: number): void {
    this.#end = this.#bytes.writeInt32BE(n, this.#end);
  }

  #reserveText(text: string): void {
    this.#reserve(int32 + 1 + (text.length <= shortText ? 3 * text.length : Buffer.byteLength(text)));
  }

  #reserve(room: number): void {
    if (this.#end + room <= this.#bytes.length) return;
    const waiting = this.#end - this.#start;
    const bytes = Buffer.allocUnsafe(Math.max(bytesKept, 2 * (waiting + room)));
    this.#bytes.copy(bytes, 0, this.#start, this.#end);
    this.#bytes = bytes;
    this.#start = 0;
    this.#end = waiting;
  }
}

/** What lies behind a zero would be read as another part of the message. */
function refuseZero(text: string): void {
  if (text.includes('\0')) throw new TypeError('a query holds a zero character');
}

/** A row's values: text, or bytes where these were asked for. Bytes are a view of what was received. */
export function readRow(
  bytes: Buffer,
  at: number,
  binary: readonly boolean[] | undefined,
): (string | Buffer | null)[] {
  const count = bytes.readInt16BE(at);
  const row = new Array<string | Buffer | null>(count);
  let start = at + 2;
  for (let column = 0; column < count; column++) {
    const length = bytes.readInt32BE(start);
    start += int32;
    if (length === -1) {
      row[column] = null;
      continue;
    }
    const end = start + length;
    row[column] = binary?.[column] === true ? bytes.subarray(start, end) : bytes.toString('utf8', start, end);
    start = end;
  }
  return row;
}

/** "COMMIT", "INSERT 0 12". */
export function readTag(bytes: Buffer, at: number, end: number): string {
  return bytes.toString('latin1', at, end - 1);
}

const errorFields = {
  C: 'code',
  D: 'detail',
  H: 'hint',
  W: 'where',
  s: 'schema',
  t: 'table',
  c: 'column',
  n: 'constraint',
  R: 'routine',
} as const;

export function readError(bytes: Buffer, at: number, end: number): DatabaseError {
  const told = new Map<string, string>();
  while (at < end && bytes[at] !== 0) {
    const stop = bytes.indexOf(0, at + 1);
    told.set(String.fromCharCode(bytes[at]!), bytes.toString('utf8', at + 1, stop));
    at = stop + 1;
  }
  const error = new DatabaseError(told.get('M') ?? 'the server told no reason', end - at, 'error');
  // V is the same word in every language of the server's.
  error.severity = told.get('V') ?? told.get('S');
  for (const [letter, member] of Object.entries(errorFields)) error[member] = told.get(letter);
  return error;
}
