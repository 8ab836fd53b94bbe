/**
 * Which writer takes what. The first takes all that fits into one batch of it, since a commit costs the same for one
 * read or many; beyond that the one that has least to do. What one person has under way stays with one writer, so
 * that writers do not wait for each other's meters.
 */
interface Load<Writer> {
  readonly writer: Writer;
  /** Waiting and being written. */
  rows: number;
}

interface Person<Writer> {
  load: Load<Writer>;
  /** Under way. */
  reads: number;
}

/** Of rows; with so many, a writer's time goes into the rows and no longer into the commit. */
const fullBatch = 320;
/** Of whom nothing is under way; kept, since they come back. */
const maxIdle = 10_000;

export class Dispatch<Writer> {
  readonly #loads: readonly Load<Writer>[];
  readonly #people = new Map<number, Person<Writer>>();

  /** @param writers at least one */
  constructor(writers: readonly Writer[]) {
    this.#loads = writers.map((writer) => ({ writer, rows: 0 }));
  }

  /** @param rows of what is to be written. @returns who writes it; `leave` once that is over, whatever came of it */
  take(meterId: number, rows: number): Writer {
    let person = this.#people.get(meterId);
    if (person === undefined) {
      if (this.#people.size >= maxIdle) this.#forgetIdle();
      this.#people.set(meterId, (person = { load: this.#choose(), reads: 0 }));
    } else if (person.reads === 0) person.load = this.#choose();
    const { load } = person;
    person.reads++;
    load.rows += rows;
    return load.writer;
  }

  /** @param rows as for `take` */
  leave(meterId: number, rows: number): void {
    const person = this.#people.get(meterId)!;
    person.load.rows -= rows;
    person.reads--;
  }

  #forgetIdle(): void {
    for (const [meterId, { reads }] of this.#people) if (reads === 0) this.#people.delete(meterId);
  }

  #choose(): Load<Writer> {
    const [first] = this.#loads;
    if (first!.rows < fullBatch) return first!;
    return this.#loads.reduce((least, load) => (load.rows < least.rows ? load : least));
  }
}
