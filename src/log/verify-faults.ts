/**
 * What is wrong with a log. Every fault is counted; the first ones, in the order of the log, are told
 * in words. A fault names the entry and says what contradicts what, never a value of an entry.
 */

/** Which check failed. */
export type FaultKind =
  /** The body cannot be read, or a column contradicts it. */
  | 'body'
  /** An entry is missing, repeated or out of order. */
  | 'order'
  /** The lists of digests beside an entry. */
  | 'digests'
  /** The charge contradicts the read, the meter's other charges, or the calendar. */
  | 'charge'
  /** Released although a limit was used up. */
  | 'limit'
  /** A stored meter contradicts the log. */
  | 'meter'
  /** A policy set that an entry names is not kept. */
  | 'policy';

export interface Fault {
  /** "writer/number"; undefined where no entry can be named. */
  readonly entry: string | undefined;
  readonly kind: FaultKind;
  readonly what: string;
}

/** May be seen in another light by later entries, until `list` is called. */
export interface OpenFault {
  entry: string | undefined;
  kind: FaultKind;
  what: string;
  /** Where it shows, in the order in which the log is read. */
  readonly position: number;
}

export class Faults {
  readonly #most: number;
  readonly #first: OpenFault[] = [];
  #count = 0;

  /** @param most how many are told in words */
  constructor(most: number) {
    this.#most = most;
  }

  get count(): number {
    return this.#count;
  }

  /** @param position of the entry at which it shows; checks run ahead of one another, the list is in this order */
  add(position: number, entry: string | undefined, kind: FaultKind, what: string): OpenFault {
    const fault = { entry, kind, what, position };
    this.#count++;
    let place = this.#first.length;
    while (place > 0 && this.#first[place - 1]!.position > position) place--;
    if (place < this.#most) {
      this.#first.splice(place, 0, fault);
      this.#first.length = Math.min(this.#first.length, this.#most);
    }
    return fault;
  }

  list(): Fault[] {
    return this.#first.map(({ entry, kind, what }) => ({ entry, kind, what }));
  }
}

export function entryName(writer: string, number: number | string): string {
  return `${writer}/${number}`;
}
