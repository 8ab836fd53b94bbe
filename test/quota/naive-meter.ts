/**
 * A meter that is too simple to be wrong: a list of all reads, counted anew for every question over
 * real intervals of time and over dates as Intl prints them.
 */
import { chargeOf, type Charge } from '../../src/quota/charge.js';
import type { Count, Window } from '../../src/policy/model.js';

export interface NaiveRead {
  readonly micros: number;
  readonly day: number;
  readonly charge: Charge;
  /** Everybody whom the read showed, each once. */
  readonly people: readonly string[];
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Days since 1970-01-01 of the local date, straight from Intl. */
export function printedDay(zone: string, micros: number): number {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone });
    formats.set(zone, format);
  }
  return Date.parse(`${format.format(Math.floor(micros / 1_000))}T00:00:00Z`) / 86_400_000;
}

export class NaiveMeter {
  readonly reads: NaiveRead[] = [];
  readonly #zone: string;

  constructor(zone: string) {
    this.#zone = zone;
  }

  add(micros: number, charge: Charge, people: readonly string[]): void {
    this.reads.push({ micros, day: printedDay(this.#zone, micros), charge, people: [...new Set(people)] });
  }

  /** Amount of a count in the closed interval [from, to]. People: those seen for the first time on that date. */
  between(count: Count, from: number, to: number): number {
    let sum = 0;
    for (const [at, read] of this.reads.entries()) {
      if (read.micros < from || read.micros > to) continue;
      if (count !== 'people') sum += read.charge[count];
      else {
        const earlier = new Set(
          this.reads.slice(0, at).flatMap((other) => (other.day === read.day ? other.people : [])),
        );
        sum += read.people.filter((person) => !earlier.has(person)).length;
      }
    }
    return sum;
  }

  /** Amount of a count on the dates `from` to `to`; people: how many different ones. */
  onDays(count: Count, from: number, to: number): number {
    const reads = this.reads.filter((read) => read.day >= from && read.day <= to);
    if (count === 'people') return new Set(reads.flatMap((read) => read.people)).size;
    return reads.reduce((sum, read) => sum + read.charge[count], 0);
  }

  calendar(count: Count, window: Extract<Window, 'day' | '30d'>, micros: number): number {
    const today = printedDay(this.#zone, micros);
    return this.onDays(count, window === 'day' ? today : today - 29, today);
  }
}

/** A charge of one count only. */
export function only(count: Count, amount: number): Charge {
  return count === 'people'
    ? chargeOf({ people: { fresh: amount, returning: [] } })
    : chargeOf({ [count]: amount });
}
