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

/** Of rows; with so many, a writer's time goes into the rows and no longer into the commit. */
const fullBatch = 320;

export class Dispatch<Writer> {
  readonly #loads: readonly Load<Writer>[];
  readonly #underWay = new Map<number, { readonly load: Load<Writer>; reads: number }>();

  /** @param writers at least one */
  constructor(writers: readonly Writer[]) {
    this.#loads = writers.map((writer) => ({ writer, rows: 0 }));
  }

  /** @param rows of what is to be written. @returns who writes it; `leave` once that is over, whatever came of it */
  take(meterId: number, rows: number): Writer {
    let person = this.#underWay.get(meterId);
    if (person === undefined) this.#underWay.set(meterId, (person = { load: this.#choose(), reads: 0 }));
    const { load } = person;
    person.reads++;
    load.rows += rows;
    return load.writer;
  }

  /** @param rows as for `take` */
  leave(meterId: number, rows: number): void {
    const person = this.#underWay.get(meterId)!;
    person.load.rows -= rows;
    if (--person.reads === 0) this.#underWay.delete(meterId);
  }

  #choose(): Load<Writer> {
    const [first] = this.#loads;
    if (first!.rows < fullBatch) return first!;
    return this.#loads.reduce((least, load) => (load.rows < least.rows ? load : least));
  }
}
