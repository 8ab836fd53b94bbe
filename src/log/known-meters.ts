/**
 * Meters as this process left them, with everybody whom they have met in the days that count (quota/distinct.ts). While nobody else charges them, a batch can be
 * decided without asking the database first: the write then checks that they still are what they were (batch-writer.ts,
 * docs/decisions/0013-one-exchange-a-batch.md), so that nothing here has to be right for a limit to hold. Bounded.
 *
 * A meter that other processes charge as well is not kept: each time it is found changed, it has to be found unchanged
 * twice as often before its people are loaded again.
 */
import type { Meter } from '../quota/meter.js';

export interface KnownMeter {
  readonly meter: Meter;
  /** Its state in the database. */
  readonly bytes: Buffer;
  /** Everybody whom it has met in the days that count, with the last one. */
  readonly people: Map<string, number>;
}

interface Left {
  bytes: Buffer;
  /** How often in a row it was found as it was left. */
  unchanged: number;
  /** How often it has to be. */
  needed: number;
  known: KnownMeter | undefined;
  /** People of it that are counted in all, also while somebody has taken it. */
  people: number;
}

/** Whoever has met more is asked about by name. */
export const maxPeople = 10_000;
const maxNeeded = 64;
const maxLeft = 20_000;
const maxKnown = 2_000;
const maxKnownPeople = 500_000;

export class KnownMeters {
  /** Both: the one that was used longest ago first. While one is half empty nobody is about to leave, and its order can wait. */
  readonly #left = new Map<number, Left>();
  readonly #known = new Map<number, Left>();
  #people = 0;

  /** All of them or none; whoever takes them gives them back by `committed`, or they are forgotten. */
  take(meterIds: readonly number[]): Map<number, KnownMeter> | undefined {
    const taken = new Map<number, KnownMeter>();
    for (const id of meterIds) {
      const known = this.#known.get(id)?.known;
      if (known === undefined) return undefined;
      taken.set(id, known);
    }
    for (const id of meterIds) this.#known.get(id)!.known = undefined;
    return taken;
  }

  /** Those whose people should be asked for, a few at a time. */
  worthKnowing(meterIds: readonly number[], atMost: number): number[] {
    const worth: number[] = [];
    for (const id of meterIds) {
      const left = this.#left.get(id);
      if (left !== undefined && left.known === undefined && left.unchanged >= left.needed) worth.push(id);
      if (worth.length === atMost) break;
    }
    return worth;
  }

  /** As it was found under its lock. @returns everybody whom it has met, where that is known */
  locked(meterId: number, state: Buffer | null): Map<string, number> | undefined {
    const left = this.#left.get(meterId);
    if (left === undefined) return undefined;
    const people = left.known?.people;
    this.#release(meterId, left);
    const same = state !== null && left.bytes.equals(state);
    left.unchanged = same ? left.unchanged + 1 : 0;
    if (!same) left.needed = Math.min(Math.max(1, 2 * left.needed), maxNeeded);
    return same ? people : undefined;
  }

  /** @param people everybody whom it has met; undefined: that is not known */
  committed(meterId: number, meter: Meter, bytes: Buffer, people: Map<string, number> | undefined): void {
    let left = this.#left.get(meterId);
    if (left === undefined) left = { bytes, unchanged: 0, needed: 0, known: undefined, people: 0 };
    left.bytes = bytes;
    usedNow(this.#left, meterId, left, maxLeft);
    if (people === undefined) this.#release(meterId, left);
    else if (people.size >= maxPeople) {
      left.needed = Infinity;
      this.#release(meterId, left);
    } else {
      left.known = { meter, bytes, people };
      this.#people += people.size - left.people;
      left.people = people.size;
      const crowded = 2 * this.#people > maxKnownPeople;
      usedNow(this.#known, meterId, left, crowded ? 0 : maxKnown);
    }
    while (this.#known.size > maxKnown || this.#people > maxKnownPeople) {
      const [oldest, its] = this.#known.entries().next().value!;
      this.#release(oldest, its);
    }
    while (this.#left.size > maxLeft) {
      const [oldest, its] = this.#left.entries().next().value!;
      this.#release(oldest, its);
      this.#left.delete(oldest);
    }
  }

  /** No longer certain: the next lock tells whether they are what they were. */
  #release(meterId: number, left: Left): void {
    left.known = undefined;
    if (!this.#known.delete(meterId)) return;
    this.#people -= left.people;
    left.people = 0;
  }
}

function usedNow(lefts: Map<number, Left>, meterId: number, left: Left, max: number): void {
  if (2 * lefts.size > max) lefts.delete(meterId);
  lefts.set(meterId, left);
}
