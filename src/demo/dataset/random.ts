/**
 * Chance that repeats itself: the same seed gives the same numbers on every machine and version of
 * Node. Integer arithmetic and division only; Math.pow and its kin may differ in the last digit.
 */

/** One stream for each entity, so that a customer can be made again without the ones before. */
export type Stream = 'customer' | 'order' | 'calendar' | 'catalogue';

const streams: Record<Stream, number> = { customer: 1, order: 2, calendar: 3, catalogue: 4 };

/** sfc32 (Doty-Humphrey). */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d = 1;

  constructor(a: number, b: number, c: number) {
    this.#a = a | 0;
    this.#b = b | 0;
    this.#c = c | 0;
    for (let i = 0; i < 12; i++) this.next();
  }

  /** 0 ≤ x < 1. */
  next(): number {
    const t = (this.#a + this.#b + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    this.#c |= 0;
    return (t >>> 0) / 0x100000000;
  }

  /** Whole number, 0 ≤ x < n. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** Whole number, both ends included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(percent: number): boolean {
    return this.next() * 100 < percent;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** Decimal digits, leading zeros included. */
  digits(count: number): string {
    let text = '';
    for (let i = 0; i < count; i++) text += String(this.below(10));
    return text;
  }
}

/** The stream of one entity: what is drawn from it depends on nothing else. */
export function randomFor(seed: number, stream: Stream, number: number): Random {
  return new Random(seed, number, Math.imul(streams[stream], 0x9e3779b9));
}

/** Draws from a list by weight, in the time of a binary search. */
export class Weighted<T> {
  readonly #values: readonly T[];
  readonly #upTo: Float64Array;

  /** @param entries [value, weight]; weights above 0 */
  constructor(entries: readonly (readonly [T, number])[]) {
    this.#values = entries.map(([value]) => value);
    this.#upTo = new Float64Array(entries.length);
    let sum = 0;
    entries.forEach(([, weight], i) => (this.#upTo[i] = sum += weight));
  }

  draw(random: Random): T {
    const at = random.next() * (this.#upTo[this.#upTo.length - 1] as number);
    let low = 0;
    let high = this.#upTo.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#upTo[middle] as number) > at) high = middle;
      else low = middle + 1;
    }
    return this.#values[low] as T;
  }
}

/** "a 3 b 1" → [['a', 3], ['b', 1]]. */
export function weights(text: string): [string, number][] {
  const words = text.trim().split(/\s+/);
  const pairs: [string, number][] = [];
  for (let i = 0; i + 1 < words.length; i += 2) pairs.push([words[i] as string, Number(words[i + 1])]);
  return pairs;
}
