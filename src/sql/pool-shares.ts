/**
 * How many of the pool's connections one role may hold at once, so that its long reads leave some for everybody
 * else's. Who comes when the share is used up waits for a turn, in order, and is refused when it does not come in
 * time. A role always has one connection, however small the pool.
 */
import { WeirError } from '../errors.js';

/** Percent, where the role does not say: no one role can keep all others waiting. */
export const defaultPoolShare = 75;

/** Whose connection it is to be. */
export interface PoolShare {
  readonly role: string;
  readonly percent: number | undefined;
}

interface Turn {
  readonly most: number;
  readonly go: () => void;
}

export class PoolShares {
  readonly #poolSize: number;
  readonly #waitMs: number;
  readonly #held = new Map<string, number>();
  readonly #waiting = new Map<string, Set<Turn>>();

  constructor(poolSize: number, waitMs: number) {
    this.#poolSize = poolSize;
    this.#waitMs = waitMs;
  }

  /** @returns gives the connection's place back, once. @throws WeirError concurrency-reached */
  async enter({ role, percent = defaultPoolShare }: PoolShare): Promise<() => void> {
    const most = Math.max(1, Math.floor((this.#poolSize * percent) / 100));
    // The whole pool: it has a queue of its own.
    if (most >= this.#poolSize) return () => undefined;
    // Who came before goes before.
    if (this.#waiting.has(role) || this.#holds(role) >= most) await this.#turn(role, most);
    else this.#held.set(role, this.#holds(role) + 1);
    return () => this.#leave(role);
  }

  #turn(role: string, most: number): Promise<void> {
    const turns = this.#waiting.get(role) ?? new Set<Turn>();
    this.#waiting.set(role, turns);
    return new Promise((resolve, reject) => {
      const turn: Turn = {
        most,
        go: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.#forget(role, turn);
        reject(usedUp(role, most));
      }, this.#waitMs);
      turns.add(turn);
    });
  }

  #leave(role: string): void {
    const left = this.#holds(role) - 1;
    if (left === 0) this.#held.delete(role);
    else this.#held.set(role, left);
    const [next] = this.#waiting.get(role) ?? [];
    // A change of policy may have made the share smaller meanwhile.
    if (next === undefined || left >= next.most) return;
    this.#forget(role, next);
    this.#held.set(role, left + 1);
    next.go();
  }

  #forget(role: string, turn: Turn): void {
    const turns = this.#waiting.get(role);
    turns?.delete(turn);
    if (turns?.size === 0) this.#waiting.delete(role);
  }

  #holds(role: string): number {
    return this.#held.get(role) ?? 0;
  }
}

function usedUp(role: string, most: number): WeirError {
  return new WeirError('concurrency-reached', {
    detail: `reads of the role ${role} hold its share of the connections to the order database (${most}) already`,
    hint: 'ask again when one of them has ended, or ask for less at once',
    retryAfterSeconds: 1,
  });
}
