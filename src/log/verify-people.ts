/**
 * Which people each meter has met, and on which day last: replayed from the digest lists, to hold against
 * the people that each entry charges. Sixteen bytes a pair in flat arrays; pairs whose day no longer
 * matters are let go when room is needed, and beyond its bound it gives up rather than guess.
 */
import type { PeopleCharge } from '../quota/charge.js';
import type { Subjects } from './verify-lists.js';

/** Dates before today on which somebody still counts as seen. */
const memoryDays = 29;
/** A slot: digest (high, low), meter + 1 (0: free), last day. */
const stride = 4;
const hexLength = 16;

export class PeopleMemory {
  readonly #maxPairs: number;
  readonly #byAge = new Int32Array(memoryDays + 1);
  #slots = new Int32Array(stride << 12);
  #mask = (1 << 12) - 1;
  #size = 0;
  #newestDay = 0;

  constructor(maxPairs: number) {
    this.#maxPairs = maxPairs;
  }

  /**
   * Meets the people of one read.
   * @param meter a small number of its own for each meter
   * @returns whether they are what the charge says; undefined: there is no room for more people
   */
  meet(
    meter: number,
    { text, start, end }: Subjects,
    day: number,
    charged: PeopleCharge,
  ): boolean | undefined {
    this.#newestDay = Math.max(this.#newestDay, day);
    const byAge = this.#byAge.fill(0);
    let fresh = 0;
    let returning = 0;
    for (let at = start; at < end; at += hexLength) {
      const high = word(text, at);
      const low = word(text, at + hexLength / 2);
      // All zeros: the row has no person.
      if (high === 0 && low === 0) continue;
      let slot = this.#find(high, low, meter);
      // Only somebody new needs room.
      if (this.#slots[slot + 2] === 0 && this.#size >= this.#roomFor()) {
        if (!this.#grow()) return undefined;
        slot = this.#find(high, low, meter);
      }
      const slots = this.#slots;
      if (slots[slot + 2] === 0) {
        slots[slot] = high;
        slots[slot + 1] = low;
        slots[slot + 2] = meter + 1;
        this.#size++;
        fresh++;
      } else {
        const age = day - slots[slot + 3]!;
        if (age <= 0) continue;
        if (age > memoryDays) fresh++;
        else {
          byAge[age]!++;
          returning++;
        }
      }
      slots[slot + 3] = day;
    }
    if (fresh !== charged.fresh) return false;
    for (const [lastDay, n] of charged.returning) {
      if (byAge[day - lastDay] !== n) return false;
      returning -= n;
    }
    return returning === 0;
  }

  #find(high: number, low: number, meter: number): number {
    const slots = this.#slots;
    // Digests are random already; the meter only has to set the same person of two meters apart.
    let at = (high ^ Math.imul(meter + 1, 0x9e3779b1)) & this.#mask;
    for (;;) {
      const slot = at * stride;
      const found = slots[slot + 2]!;
      if (found === 0 || (found === meter + 1 && slots[slot] === high && slots[slot + 1] === low))
        return slot;
      at = (at + 1) & this.#mask;
    }
  }

  #roomFor(): number {
    return Math.min(this.#maxPairs, Math.floor((this.#mask + 1) * 0.6));
  }

  /** Lets go of what is out of date; takes twice the room where that was not much. @returns false at the bound */
  #grow(): boolean {
    // One day more than memory: meters of zones to the west may be a day behind.
    const oldest = this.#newestDay - memoryDays - 1;
    const old = this.#slots;
    let kept = 0;
    for (let slot = 0; slot < old.length; slot += stride)
      if (old[slot + 2] !== 0 && old[slot + 3]! >= oldest) kept++;
    if (kept * 2 > this.#roomFor()) {
      if (this.#roomFor() < this.#maxPairs) this.#mask = this.#mask * 2 + 1;
      // So little was let go that this would happen again at once.
      else if (kept > this.#maxPairs * 0.9) return false;
    }
    this.#slots = new Int32Array((this.#mask + 1) * stride);
    this.#size = kept;
    for (let slot = 0; slot < old.length; slot += stride) {
      if (old[slot + 2] === 0 || old[slot + 3]! < oldest) continue;
      const place = this.#find(old[slot]!, old[slot + 1]!, old[slot + 2]! - 1);
      for (let i = 0; i < stride; i++) this.#slots[place + i] = old[slot + i]!;
    }
    return true;
  }
}

const nibbles = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(value) ? 0 : value;
});

/** Eight hexadecimal digits as a signed 32-bit number. */
function word(text: string, at: number): number {
  let value = 0;
  for (let i = at; i < at + 8; i++) value = (value << 4) | nibbles[text.charCodeAt(i)]!;
  return value;
}
