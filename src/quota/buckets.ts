/**
 * Amounts of every count over the last `span` units of time (seconds, minutes or days), kept only
 * for units in which something happened, with running sums. Time never runs backwards; units that
 * have fallen out are never counted, whether or not they are still stored. Reading changes nothing.
 */
import { counts } from '../policy/model.js';
import { corrupted, numberLength, writeNumber, type StateReader } from './state-bytes.js';

// One row a bucket: its time, then one number a count. The first row holds the sums of all the others
// (its time is unused), so that a meter is three arrays and no other garbage.
const stride = counts.length + 1;
const spareRows = 3;

export class Buckets {
  readonly #span: number;
  #rows: Float64Array;
  /** Offsets into #rows: oldest bucket, and the place after the newest. */
  #first = stride;
  #end = stride;

  constructor(span: number, rows = 0) {
    this.#span = span;
    this.#rows = new Float64Array((1 + rows + spareRows) * stride);
  }

  /** Sum of a count over the last `span` units up to `now`, which may lie after the newest bucket. */
  sum(count: number, now: number): number {
    const rows = this.#rows;
    const gone = now - this.#span;
    let sum = rows[1 + count]!;
    for (let at = this.#first; at < this.#end && rows[at]! <= gone; at += stride)
      sum -= rows[at + 1 + count]!;
    return sum;
  }

  /** What a count holds in the bucket of exactly this time. */
  at(count: number, time: number): number {
    const row = this.#find(time);
    return row < 0 ? 0 : this.#rows[row + 1 + count]!;
  }

  /**
   * The bucket that must be the last to fall out before `need` units have gone.
   * @param staying `[time, n]`: n units of that bucket that do not become free by falling out
   * @returns its time; that of the newest bucket where even all of them do not hold `need`
   */
  lastToGo(
    count: number,
    need: number,
    now: number,
    staying: readonly (readonly [number, number])[],
  ): number {
    const rows = this.#rows;
    let time = now;
    let freed = 0;
    for (let at = this.#first; at < this.#end; at += stride) {
      if (rows[at]! <= now - this.#span) continue;
      time = rows[at]!;
      freed += rows[at + 1 + count]!;
      for (const [day, n] of staying) if (day === time) freed -= n;
      if (freed >= need) break;
    }
    return time;
  }

  /** Newest bucket that holds something of the count; `undefined` where nothing is left at `now`. */
  newest(count: number, now: number): number | undefined {
    for (let at = this.#end - stride; at >= this.#first; at -= stride) {
      if (this.#rows[at]! <= now - this.#span) return undefined;
      if (this.#rows[at + 1 + count]! > 0) return this.#rows[at]!;
    }
    return undefined;
  }

  /** Lets go of what has fallen out and makes the bucket of `now` the newest, ready for `add`. */
  open(now: number): void {
    this.#expire(now);
    if (this.#end > this.#first && this.#rows[this.#end - stride] === now) return;
    if (this.#end === this.#rows.length) this.#makeRoom();
    this.#rows.fill(0, this.#end, this.#end + stride);
    this.#rows[this.#end] = now;
    this.#end += stride;
  }

  /** Adds to the newest bucket. */
  add(count: number, amount: number): void {
    this.#rows[this.#end - stride + 1 + count]! += amount;
    this.#rows[1 + count]! += amount;
  }

  /** Takes units out of the bucket of that time, which must hold them. */
  take(count: number, time: number, amount: number): void {
    const row = this.#find(time);
    this.#rows[row + 1 + count]! -= amount;
    this.#rows[1 + count]! -= amount;
  }

  /** Lets go of what has fallen out. @returns bytes that `encode` at the same `now` needs at the most */
  encodedLength(now: number): number {
    this.#expire(now);
    // No amount is larger than the sum of its count. Times are steps within the window: one byte.
    let row = 2;
    for (let i = 1; i < stride; i++) row += this.#rows[i] === 0 ? 0 : numberLength(this.#rows[i]!);
    return 1 + ((this.#end - this.#first) / stride) * row;
  }

  /**
   * Number of buckets, then for each the time since the one before (the first: since the edge of the
   * window), a bit a count that is not zero, and those amounts. `encodedLength(now)` must come first.
   * @returns the offset after it
   */
  encode(bytes: Uint8Array, start: number, now: number): number {
    const rows = this.#rows;
    let at = start + 1;
    let written = 0;
    let previous = now - this.#span;
    for (let row = this.#first; row < this.#end; row += stride) {
      const head = at;
      let mask = 0;
      at += 2;
      for (let i = 1; i < stride; i++) {
        const amount = rows[row + i]!;
        if (amount === 0) continue;
        mask |= 1 << (i - 1);
        if (amount < 128) bytes[at++] = amount;
        else at = writeNumber(bytes, at, amount);
      }
      if (mask === 0) {
        at = head;
        continue;
      }
      bytes[head] = rows[row]! - previous;
      bytes[head + 1] = mask;
      previous = rows[row]!;
      written++;
    }
    bytes[start] = written;
    return at;
  }

  /** @throws WeirError internal: not what `encode` writes */
  static decode(reader: StateReader, span: number, now: number): Buckets {
    const size = reader.byte();
    if (size > span) throw corrupted('it has too many buckets');
    const buckets = new Buckets(span, size);
    const rows = buckets.#rows;
    const end = (1 + size) * stride;
    let time = now - span;
    for (let row = stride; row < end; row += stride) {
      const step = reader.byte();
      time += step;
      if (step === 0 || time > now) throw corrupted('a bucket is out of order');
      const mask = reader.byte();
      if (mask === 0 || mask >= 1 << (stride - 1)) throw corrupted('a bucket holds no known count');
      rows[row] = time;
      for (let i = 1; i < stride; i++) {
        if ((mask & (1 << (i - 1))) === 0) continue;
        const amount = reader.number();
        if (amount === 0) throw corrupted('a bucket holds a zero');
        rows[row + i] = amount;
        rows[i]! += amount;
      }
    }
    buckets.#end = end;
    return buckets;
  }

  #expire(now: number): void {
    const rows = this.#rows;
    const gone = now - this.#span;
    while (this.#first < this.#end && rows[this.#first]! <= gone) {
      for (let i = 1; i < stride; i++) rows[i]! -= rows[this.#first + i]!;
      this.#first += stride;
    }
  }

  #find(time: number): number {
    for (let at = this.#end - stride; at >= this.#first; at -= stride) {
      if (this.#rows[at] === time) return at;
    }
    return -1;
  }

  #makeRoom(): void {
    const used = this.#end - this.#first;
    // Sliding the buckets down costs a copy; doing so only when half the room is free keeps it rare.
    if (used * 2 <= this.#rows.length) this.#rows.copyWithin(stride, this.#first, this.#end);
    else {
      const larger = new Float64Array(this.#rows.length * 2);
      larger.set(this.#rows.subarray(0, stride));
      larger.set(this.#rows.subarray(this.#first, this.#end), stride);
      this.#rows = larger;
    }
    this.#first = stride;
    this.#end = stride + used;
  }
}
