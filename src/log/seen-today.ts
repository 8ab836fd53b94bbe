/**
 * People whom a meter has already seen on its current day, as far as this process committed them: they
 * need neither a question to the database nor a write. Only ever told after a commit. Bounded.
 */
import type { LastDays } from './accounts.js';

const nobody: ReadonlySet<string> = new Set();

/** Last days of one meter's people: what the database told, and what this process has committed since midnight. */
export class KnownDays implements LastDays {
  #told: Map<string, number> | undefined;
  readonly #day: number;
  readonly #seenOnDay: ReadonlySet<string>;

  constructor(day: number, seenOnDay: ReadonlySet<string>) {
    this.#day = day;
    this.#seenOnDay = seenOnDay;
  }

  get(digest: string): number | undefined {
    const told = this.#told?.get(digest);
    if (!this.#seenOnDay.has(digest)) return told;
    return told === undefined ? this.#day : Math.max(told, this.#day);
  }

  set(digest: string, day: number): void {
    (this.#told ??= new Map()).set(digest, day);
  }
}

export class SeenToday {
  readonly #byMeter = new Map<number, { day: number; digests: Set<string> }>();
  readonly #maxDigests: number;
  #size = 0;

  constructor(maxDigests = 200_000) {
    this.#maxDigests = maxDigests;
  }

  /** Those whom the meter is known to have seen on that day. */
  on(meterId: number, day: number): ReadonlySet<string> {
    const known = this.#byMeter.get(meterId);
    return known?.day === day ? known.digests : nobody;
  }

  /** For one batch, to be filled with what the database tells. */
  lastDays(meterId: number): KnownDays {
    const known = this.#byMeter.get(meterId);
    return new KnownDays(known?.day ?? 0, known?.digests ?? nobody);
  }

  add(meterId: number, day: number, digest: string): void {
    let known = this.#byMeter.get(meterId);
    if (known !== undefined && known.day !== day) {
      if (known.day > day) return;
      this.#drop(meterId);
      known = undefined;
    }
    if (known === undefined) this.#byMeter.set(meterId, (known = { day, digests: new Set() }));
    if (known.digests.has(digest)) return;
    known.digests.add(digest);
    this.#size += 1;
    while (this.#size > this.#maxDigests) this.#drop(this.#byMeter.keys().next().value!);
  }

  #drop(meterId: number): void {
    this.#size -= this.#byMeter.get(meterId)?.digests.size ?? 0;
    this.#byMeter.delete(meterId);
  }
}
