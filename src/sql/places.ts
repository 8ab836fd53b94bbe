/**
 * How many reads of one person, and of one role, this process has under way at the order database at once. A place is
 * taken when a read is admitted and given back when its answer has ended, however that was.
 */
import { WeirError } from '../errors.js';
import type { CostPolicy } from '../policy/model.js';

/** Of one person, where the role does not say. More than any tool of a person's needs, less than would stop all others. */
export const defaultConcurrent = 100;

/** Of whom nothing is under way; kept, since they come back. */
const maxIdle = 10_000;

export class Places {
  readonly #ofPerson = new Map<string, number>();
  readonly #ofRole = new Map<string, number>();

  /** @returns gives the places back; may be called again. @throws WeirError concurrency-reached */
  take(role: string, actorId: string, cost: CostPolicy | undefined): () => void {
    const ofPerson = cost?.concurrent ?? defaultConcurrent;
    const ofRole = cost?.concurrentRole ?? Infinity;
    if ((this.#ofPerson.get(actorId) ?? 0) >= ofPerson) throw reached(`${ofPerson} reads of one person`);
    if ((this.#ofRole.get(role) ?? 0) >= ofRole) throw reached(`${ofRole} reads of the role ${role}`);
    add(this.#ofPerson, actorId, 1);
    add(this.#ofRole, role, 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      add(this.#ofPerson, actorId, -1);
      add(this.#ofRole, role, -1);
    };
  }
}

function add(taken: Map<string, number>, key: string, n: number): void {
  taken.set(key, (taken.get(key) ?? 0) + n);
  if (taken.size <= maxIdle) return;
  for (const [each, count] of taken) if (count === 0) taken.delete(each);
}

function reached(what: string): WeirError {
  return new WeirError('concurrency-reached', {
    detail: `${what} are under way already`,
    hint: 'ask again when one of them has ended',
    retryAfterSeconds: 1,
  });
}
