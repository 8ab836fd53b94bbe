/**
 * The gateway database's clock between two of its answers, for what is decided before the next one comes. Read a
 * moment late, as everything is that comes over a wire; how late bounds nobody's limit, since a meter never goes back.
 */
import { performance } from 'node:perf_hooks';

/** A process that slept longer than this does not know what time it is. */
const trustedMs = 5_000;

export class DatabaseClock {
  #micros = 0;
  #toldMs = -Infinity;

  /** @param micros since the Unix epoch, as the database has just said */
  tell(micros: number): void {
    this.#micros = micros;
    this.#toldMs = performance.now();
  }

  /** What is decided next asks the database. */
  forget(): void {
    this.#toldMs = -Infinity;
  }

  /** Microseconds since the Unix epoch; undefined: the database has not said for a while. */
  now(): number | undefined {
    const elapsedMs = performance.now() - this.#toldMs;
    return elapsedMs > trustedMs ? undefined : this.#micros + Math.floor(elapsedMs * 1000);
  }
}
