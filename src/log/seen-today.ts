/**
 * People whom a meter has already seen on its current day, as far as this process committed them: they
 * need neither a question to the database nor a write. Only ever told after a commit. Bounded.
 */
export class SeenToday {
  readonly #byMeter = new Map<number, { day: number; digests: Set<string> }>();
  readonly #maxDigests: number;
  #size = 0;

  constructor(maxDigests = 200_000) {
    this.#maxDigests = maxDigests;
  }

  /** @returns the last day if it is known, and it is the newest this process knows of the meter */
  dayOf(meterId: number, digest: string): number | undefined {
    const known = this.#byMeter.get(meterId);
    return known?.digests.has(digest) ? known.day : undefined;
  }

  add(meterId: number, day: number, digests: Iterable<string>): void {
    let known = this.#byMeter.get(meterId);
    if (known !== undefined && known.day !== day) {
      if (known.day > day) return;
      this.#drop(meterId);
      known = undefined;
    }
    if (known === undefined) this.#byMeter.set(meterId, (known = { day, digests: new Set() }));
    const before = known.digests.size;
    for (const digest of digests) known.digests.add(digest);
    this.#size += known.digests.size - before;
    while (this.#size > this.#maxDigests) this.#drop(this.#byMeter.keys().next().value!);
  }

  #drop(meterId: number): void {
    this.#size -= this.#byMeter.get(meterId)?.digests.size ?? 0;
    this.#byMeter.delete(meterId);
  }
}
