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
  readonly bytes: Buffer;
  /** How often in a row it was found as it was left. */
  readonly unchanged: number;
  /** How often it has to be. */
  readonly needed: number;
  readonly known?: KnownMeter | undefined;
}

/** Whoever has met more is asked about by name. */
export const maxPeople = 10_000;
const maxNeeded = 64;
const maxLeft = 20_000;
const maxKnown = 2_000;
const maxKnownPeople = 500_000;

export class KnownMeters {
  /** The one that was used longest ago first. */
  readonly #left = new Map<number, Left>();
  readonly #known = new Map<number, number>();
  #people = 0;

  /** All of them or none; whoever takes them gives them back by `committed`, or they are forgotten. */
  take(meterIds: readonly number[]): Map<number, KnownMeter> | undefined {
    for (const id of meterIds) if (!this.#known.has(id)) return undefined;
    const taken = new Map<number, KnownMeter>();
    for (const id of meterIds) {
      const known = this.#left.get(id)?.known;
      if (known !== undefined) taken.set(id, known);
      this.#release(id);
    }
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
    const same = state !== null && left.bytes.equals(state);
    this.#release(meterId);
    this.#left.set(meterId, {
      bytes: left.bytes,
      unchanged: same ? left.unchanged + 1 : 0,
      needed: same ? left.needed : Math.min(Math.max(1, 2 * left.needed), maxNeeded),
    });
    return same ? left.known?.people : undefined;
  }

  /** @param people everybody whom it has met; undefined: that is not known */
  committed(meterId: number, meter: Meter, bytes: Buffer, people: Map<string, number> | undefined): void {
    const { unchanged = 0, needed = 0 } = this.#left.get(meterId) ?? {};
    this.#release(meterId);
    this.#left.delete(meterId);
    const tooMany = people !== undefined && people.size >= maxPeople;
    const known = people === undefined || tooMany ? undefined : { meter, bytes, people };
    this.#left.set(meterId, { bytes, unchanged, needed: tooMany ? Infinity : needed, known });
    if (known !== undefined) {
      this.#known.set(meterId, known.people.size);
      this.#people += known.people.size;
    }
    while (this.#known.size > maxKnown || this.#people > maxKnownPeople)
      this.#release(this.#known.keys().next().value!);
    while (this.#left.size > maxLeft) {
      const oldest = this.#left.keys().next().value!;
      this.#release(oldest);
      this.#left.delete(oldest);
    }
  }

  /** No longer certain: the next lock tells whether they are what they were. */
  #release(meterId: number): void {
    const size = this.#known.get(meterId);
    if (size === undefined) return;
    this.#known.delete(meterId);
    this.#people -= size;
    const left = this.#left.get(meterId)!;
    this.#left.set(meterId, { ...left, known: undefined });
  }
}
