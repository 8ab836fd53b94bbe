/** A clock that stands still until a test moves it. */
import type { Clock } from '../../src/clock.js';

export class MovingClock implements Clock {
  #micros = 1_795_000_000_000_000;

  nowMicros(): number {
    return this.#micros;
  }

  get seconds(): number {
    return this.#micros / 1_000_000;
  }

  advance(seconds: number): void {
    this.#micros += seconds * 1_000_000;
  }
}
