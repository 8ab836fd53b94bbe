/**
 * Amounts of every count over the last `span` units of time (seconds, minutes or days), kept only
 * for units in which something happened. Time never runs backwards; what has fallen out is never
 * counted, whether or not it is still stored. Asking changes nothing.
 *
 * A meter is read, charged and written for every batch, and nearly all of its buckets stay as they are.
 * So the sums and the newest bucket are numbers, and all older buckets stay bytes, as stored, until
 * they fall out: the work grows with what changes, not with how busy somebody was.
 */
import { counts } from '../policy/model.js';
import { corrupted, numberLength, writeNumber, type StateReader } from './state-bytes.js';

/** Units that belong to times: `[time, n]`, times ascending. */
export type TimedUnits = readonly (readonly [time: number, n: number])[];

const width = counts.length;
// Step, mask (a bit a count: there is no room in it for a ninth), and eight numbers of eight bytes at the most.
const rowLength = 2 + width * 8;
const none = Buffer.alloc(0);

export class Buckets {
  readonly #span: number;
  /** Time of the newest bucket. */
  #now = 0;
  /** Over all buckets stored. */
  readonly #sums = zeros();
  readonly #newest = zeros();
  /** Rows of the older buckets, from oldest to youngest; shared with the state they came from until written to. */
  #rows: Buffer = none;
  #first = 0;
  #end = 0;
  /** The time that the first row's step starts from, and the time of the last row. */
  #base = 0;
  #last = 0;

  constructor(span: number) {
    this.#span = span;
  }

  /** Sum of a count over the last `span` units up to `now`, which must not lie before the newest bucket. */
  sum(count: number, now: number): number {
    const gone = now - this.#span;
    if (this.#now <= gone) return 0;
    let sum = this.#sums[count]!;
    let time = this.#base;
    let row: number[] | undefined;
    for (let at = this.#first; at < this.#end;) {
      time += this.#rows[at]!;
      if (time > gone) break;
      at = readRow(this.#rows, at, (row ??= zeros()));
      sum -= row[count]!;
    }
    return sum;
  }

  /** What a count holds in the bucket of that time: the newest one, or a later one that is still empty. */
  at(count: number, time: number): number {
    return time === this.#now ? this.#newest[count]! : 0;
  }

  /** Whether there is a bucket of each time that holds at least so many units of the count. */
  holds(count: number, units: TimedUnits): boolean {
    let found = 0;
    this.#walk((time, row) => {
      const wanted = units[found];
      if (wanted?.[0] === time && row[count]! >= wanted[1]) found++;
      return true;
    });
    return found === units.length;
  }

  /**
   * The bucket that must be the last to fall out before `need` units have gone.
   * @param staying units that do not become free when their bucket falls out
   * @returns its time; that of the newest bucket where even all of them do not hold `need`
   */
  lastToGo(count: number, need: number, now: number, staying: TimedUnits): number {
    let last = now;
    let freed = 0;
    this.#walk((time, row) => {
      if (time <= now - this.#span) return true;
      last = time;
      freed += row[count]!;
      for (const [at, n] of staying) if (at === time) freed -= n;
      return freed < need;
    });
    return last;
  }

  /** Newest bucket that holds something of the count; undefined where nothing is left at `now`. */
  newest(count: number, now: number): number | undefined {
    let newest: number | undefined;
    this.#walk((time, row) => {
      if (row[count]! > 0 && time > now - this.#span) newest = time;
      return true;
    });
    return newest;
  }

  /** Lets go of what has fallen out and makes the bucket of `now` the newest, ready for `add`. */
  open(now: number): void {
    if (now === this.#now) return;
    const gone = now - this.#span;
    if (this.#now <= gone) {
      this.#sums.fill(0);
      this.#first = this.#end;
    } else {
      this.#keepNewest();
      this.#expire(gone);
    }
    this.#newest.fill(0);
    this.#now = now;
  }

  /** Adds to the newest bucket. */
  add(count: number, amount: number): void {
    this.#newest[count]! += amount;
    this.#sums[count]! += amount;
  }

  /** Takes units out of older buckets, which must hold them. */
  take(count: number, units: TimedUnits): void {
    const rows = Buffer.allocUnsafe(this.#end - this.#first + rowLength);
    const row = zeros();
    let end = 0;
    let time = this.#base;
    let last = this.#base;
    let next = 0;
    for (let at = this.#first; at < this.#end;) {
      time += this.#rows[at]!;
      at = readRow(this.#rows, at, row);
      if (units[next]?.[0] === time) {
        row[count]! -= units[next]![1];
        this.#sums[count]! -= units[next]![1];
        next++;
      }
      const wasEnd = end;
      end = writeRow(rows, end, time - last, row);
      if (end > wasEnd) last = time;
    }
    this.#rows = rows;
    this.#first = 0;
    this.#end = end;
    this.#last = last;
  }

  /** Bytes that `encode` needs at the most. */
  encodedLength(): number {
    return 2 * rowLength + numberLength(this.#end - this.#first) + 2 + this.#end - this.#first;
  }

  /**
   * Sums, the newest bucket, then the rows of the others. A row is the time since the one before, a
   * bit a count that is not zero, and those amounts.
   * @returns the offset after it
   */
  encode(bytes: Buffer, start: number): number {
    let at = writeAmounts(bytes, start, this.#sums);
    at = writeAmounts(bytes, at, this.#newest);
    const length = this.#end - this.#first;
    at = writeNumber(bytes, at, length);
    if (length === 0) return at;
    bytes[at] = this.#now - this.#base;
    bytes[at + 1] = this.#now - this.#last;
    this.#rows.copy(bytes, at + 2, this.#first, this.#end);
    return at + 2 + length;
  }

  /**
   * @param now time of the newest bucket
   * @throws WeirError internal: not what `encode` writes; the rows themselves are believed, the checksum vouches for them
   */
  static decode(reader: StateReader, span: number, now: number): Buckets {
    const buckets = new Buckets(span);
    buckets.#now = now;
    readAmounts(reader, buckets.#sums);
    readAmounts(reader, buckets.#newest);
    for (let count = 0; count < width; count++) {
      if (buckets.#sums[count]! < buckets.#newest[count]!) throw corrupted('a sum is too small');
    }
    const length = reader.number();
    if (length === 0) return buckets;
    buckets.#base = now - reader.byte();
    buckets.#last = now - reader.byte();
    if (buckets.#last >= now || buckets.#base >= buckets.#last) throw corrupted('a bucket is out of order');
    buckets.#rows = reader.bytes(length);
    buckets.#end = length;
    return buckets;
  }

  /** From the oldest to the newest bucket, for as long as `visit` wants more; `row` is good only while it runs. */
  #walk(visit: (time: number, row: readonly number[]) => boolean): void {
    const row = zeros();
    let time = this.#base;
    for (let at = this.#first; at < this.#end;) {
      time += this.#rows[at]!;
      at = readRow(this.#rows, at, row);
      if (!visit(time, row)) return;
    }
    visit(this.#now, this.#newest);
  }

  #keepNewest(): void {
    // Always so where the rows are still a view of the stored state: it ends with them.
    if (this.#end + rowLength > this.#rows.length) {
      const used = this.#end - this.#first;
      const rows = Buffer.allocUnsafe(used + (used >> 1) + rowLength);
      this.#rows.copy(rows, 0, this.#first, this.#end);
      this.#rows = rows;
      this.#first = 0;
      this.#end = used;
    }
    // Where no row is left the last one may be long ago; a step must fit a byte.
    if (this.#first === this.#end) this.#base = this.#last = this.#now - 1;
    const end = writeRow(this.#rows, this.#end, this.#now - this.#last, this.#newest);
    if (end > this.#end) this.#last = this.#now;
    this.#end = end;
  }

  #expire(gone: number): void {
    let row: number[] | undefined;
    while (this.#first < this.#end) {
      const time = this.#base + this.#rows[this.#first]!;
      if (time > gone) return;
      this.#first = readRow(this.#rows, this.#first, (row ??= zeros()));
      this.#base = time;
      for (let count = 0; count < width; count++) this.#sums[count]! -= row[count]!;
    }
  }
}

function zeros(): number[] {
  return [0, 0, 0, 0, 0, 0, 0, 0];
}

/** Writes nothing for a row of zeros. @returns the offset after the row */
function writeRow(bytes: Buffer, start: number, step: number, amounts: readonly number[]): number {
  bytes[start] = step;
  const end = writeAmounts(bytes, start + 1, amounts);
  return end === start + 2 ? start : end;
}

/** @returns the offset after a bit a count that is not zero, and those amounts */
function writeAmounts(bytes: Buffer, start: number, amounts: readonly number[]): number {
  let mask = 0;
  let at = start + 1;
  for (let count = 0; count < width; count++) {
    const amount = amounts[count]!;
    if (amount === 0) continue;
    mask |= 1 << count;
    if (amount < 128) bytes[at++] = amount;
    else at = writeNumber(bytes, at, amount);
  }
  bytes[start] = mask;
  return at;
}

/** Reads the amounts of a row whose step stands at `start`. @returns the offset after the row */
function readRow(bytes: Buffer, start: number, into: number[]): number {
  const mask = bytes[start + 1]!;
  let at = start + 2;
  for (let count = 0; count < width; count++) {
    if ((mask & (1 << count)) === 0) {
      into[count] = 0;
      continue;
    }
    let byte = bytes[at++]!;
    let amount = byte & 127;
    for (let scale = 128; byte >= 128; scale *= 128) {
      byte = bytes[at++]!;
      amount += (byte & 127) * scale;
    }
    into[count] = amount;
  }
  return at;
}

function readAmounts(reader: StateReader, into: number[]): void {
  const mask = reader.byte();
  for (let count = 0; count < width; count++) {
    if ((mask & (1 << count)) === 0) continue;
    into[count] = reader.number();
    if (into[count] === 0) throw corrupted('it holds a zero');
  }
}
