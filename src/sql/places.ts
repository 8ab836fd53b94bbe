/**
 * How many reads of one person, and of one role, this process has under way at the order database at once. A place is
 * taken when a read is admitted and given back when its answer has ended, however that was.
 */
import { WeirError } from '../errors.js';
import type { CostPolicy } from '../policy/model.js';

/** Of one person, where the role does not say. More than any tool of a person's needs, less than would stop all others. */
export const defaultConcurrent = 100;

export class Places {
  readonly #taken = new Map<string, number>();

  /** @returns gives the places back; may be called again. @throws WeirError concurrency-reached */
  take(role: string, actorId: string, cost: CostPolicy | undefined): () => void {
    const person = `person ${actorId}`;
    const whole = `role ${role}`;
    const ofPerson = cost?.concurrent ?? defaultConcurrent;
    const ofRole = cost?.concurrentRole ?? Infinity;
    if (this.#count(person) >= ofPerson) throw reached(`${ofPerson} reads of one person`);
    if (this.#count(whole) >= ofRole) throw reached(`${ofRole} reads of the role ${role}`);
    this.#add(person, 1);
    this.#add(whole, 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#add(person, -1);
      this.#add(whole, -1);
    };
  }

  #count(key: string): number {
    return this.#taken.get(key) ?? 0;
  }

  #add(key: string, n: number): void {
    const count = this.#count(key) + n;
    if (count === 0) this.#taken.delete(key);
    else this.#taken.set(key, count);
  }
}

function reached(what: string): WeirError {
  return new WeirError('concurrency-reached', {
    detail: `${what} are under way already`,
    hint: 'ask again when one of them has ended',
    retryAfterSeconds: 1,
  });
}
