/** Figures that grow round by round, in the order in which they were first named. */
import type { Figure, Goal } from './report.js';

export class Rounds {
  readonly #figures = new Map<string, { unit: string; goal: Goal | undefined; rounds: number[] }>();

  /** @param value undefined: this system does not tell; the figure is left out then */
  add(name: string, unit: string, value: number | undefined, goal?: Goal): void {
    if (value === undefined) return;
    const figure = this.#figures.get(name) ?? { unit, goal, rounds: [] };
    figure.rounds.push(value);
    this.#figures.set(name, figure);
  }

  figures(): Figure[] {
    return [...this.#figures].map(([name, { unit, goal, rounds }]) => ({
      name,
      unit,
      rounds,
      ...(goal === undefined ? {} : { goal }),
    }));
  }
}

/** Interleaved, and each round in the other order than the one before, so that drift hits all alike. */
export function inTurn<T>(round: number, variants: readonly T[]): readonly T[] {
  return round % 2 === 0 ? variants : [...variants].reverse();
}

/** Microseconds on the CPU for each of so many; undefined where one of the readings is. */
export function microsEach(
  before: number | undefined,
  after: number | undefined,
  count: number,
): number | undefined {
  return before === undefined || after === undefined ? undefined : ((after - before) * 1e6) / count;
}
