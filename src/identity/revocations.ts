/**
 * Which verified tokens no longer count. Holds the list as it was last read from the gateway's own database
 * and how old that reading is. Promises: whoever passes `check` was not on the list two seconds ago;
 * when it cannot be read for longer than that, nobody passes (fail closed). Does no I/O itself.
 */
import type { Principal } from '../access.js';
import { WeirError } from '../errors.js';

export interface Revoked {
  readonly kind: 'person' | 'tool' | 'jti';
  /** null: of every issuer. */
  readonly issuer: string | null;
  readonly value: string;
}

export interface RevocationsOptions {
  /** Any monotonic clock; the one by which readings are dated. */
  readonly nowMillis: () => number;
  /** How old the last reading may be. Default 2,000: what `weir revoke` promises. */
  readonly maxAgeMillis?: number;
  /** Asks for a reading where one is promising; resolves, never rejects, when it has come or failed. */
  readonly refresh?: () => Promise<void>;
}

export type IsRevoked = (principal: Principal) => boolean;

export class Revocations {
  readonly #options: RevocationsOptions;
  readonly #maxAgeMillis: number;
  readonly #listeners: ((isRevoked: IsRevoked) => void)[] = [];
  /** By kind and value: the issuers (null: any). */
  #list: ReadonlyMap<string, ReadonlySet<string | null>> = new Map();
  #content = '[]';
  #readAtMillis = Number.NEGATIVE_INFINITY;

  constructor(options: RevocationsOptions) {
    this.#options = options;
    this.#maxAgeMillis = options.maxAgeMillis ?? 2_000;
  }

  /** Called whenever the list has changed. */
  onChange(listener: (isRevoked: IsRevoked) => void): void {
    this.#listeners.push(listener);
  }

  /** @param asOfMillis when the reading was begun: what was revoked before is on it */
  take(list: readonly Revoked[], asOfMillis: number): void {
    this.#readAtMillis = Math.max(this.#readAtMillis, asOfMillis);
    const content = JSON.stringify(list.map(({ kind, issuer, value }) => [kind, issuer, value]));
    if (content === this.#content) return;
    const issuers = new Map<string, Set<string | null>>();
    for (const { kind, issuer, value } of list) {
      const key = `${kind}\0${value}`;
      issuers.set(key, (issuers.get(key) ?? new Set()).add(issuer));
    }
    this.#content = content;
    this.#list = issuers;
    for (const listener of this.#listeners) listener((principal) => this.isRevoked(principal));
  }

  /** The list is young enough to go by. */
  get readable(): boolean {
    return this.#options.nowMillis() - this.#readAtMillis <= this.#maxAgeMillis;
  }

  /**
   * For the path of every request and every chunk: no promise unless the list is too old, as after a process
   * that was held up; then a reading is waited for, once.
   * @throws WeirError token-revoked, revocations-unavailable
   */
  check(principal: Principal): Promise<void> | undefined {
    if (this.readable) return this.#refuse(principal);
    return this.#checkAnew(principal);
  }

  /** By person, tool or token id; whoever acts through the token counts like its person and its tool. */
  isRevoked({ issuer, person, tool, act, tokenId }: Principal): boolean {
    if (this.#list.size === 0) return false;
    return (
      this.#holds('person', person, issuer) ||
      this.#holds('person', act, issuer) ||
      this.#holds('tool', tool, issuer) ||
      this.#holds('tool', act, issuer) ||
      this.#holds('jti', tokenId, issuer)
    );
  }

  async #checkAnew(principal: Principal): Promise<void> {
    await this.#options.refresh?.();
    if (!this.readable) throw new WeirError('revocations-unavailable', { retryAfterSeconds: 1 });
    this.#refuse(principal);
  }

  #refuse(principal: Principal): undefined {
    if (this.isRevoked(principal))
      throw new WeirError('token-revoked', { hint: 'ask whoever is in charge of access' });
  }

  #holds(kind: Revoked['kind'], value: string | undefined, issuer: string): boolean {
    if (value === undefined) return false;
    const issuers = this.#list.get(`${kind}\0${value}`);
    return issuers !== undefined && (issuers.has(null) || issuers.has(issuer));
  }
}
