/**
 * Verified tokens by the SHA-256 of their text, at most so many, the least recently used one leaving
 * first. Holds no token: what is in memory cannot be replayed.
 */
import { hash } from 'node:crypto';
import type { Principal } from '../access.js';
import type { KeySet } from './jwks.js';
import type { VettedKey } from './key-vetting.js';

export interface VerifiedToken {
  readonly principal: Principal;
  readonly validFromMicros: number;
  readonly key: VettedKey;
  readonly keys: KeySet;
}

export class TokenCache {
  readonly #max: number;
  /** In order of last use: a Map iterates as inserted. */
  readonly #tokens = new Map<string, VerifiedToken>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#tokens.size;
  }

  get(digest: string): VerifiedToken | undefined {
    const found = this.#tokens.get(digest);
    // While it is half empty nobody is about to leave, and the order can wait.
    if (found !== undefined && 2 * this.#tokens.size > this.#max) {
      this.#tokens.delete(digest);
      this.#tokens.set(digest, found);
    }
    return found;
  }

  add(digest: string, token: VerifiedToken): void {
    this.#tokens.set(digest, token);
    while (this.#tokens.size > this.#max) {
      const oldest = this.#tokens.keys().next();
      if (oldest.done === true) return;
      this.#tokens.delete(oldest.value);
    }
  }

  delete(digest: string): void {
    this.#tokens.delete(digest);
  }

  /** @returns how many were dropped */
  forget(predicate: (principal: Principal) => boolean): number {
    const before = this.#tokens.size;
    for (const [digest, { principal }] of this.#tokens) if (predicate(principal)) this.#tokens.delete(digest);
    return before - this.#tokens.size;
  }
}

export function digestToken(token: string): string {
  return hash('sha256', token, 'base64');
}
