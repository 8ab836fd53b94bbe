/**
 * From which addresses each token has been used. A token with an id that comes from a second address may have been
 * copied, or its holder may have changed the network: it is told, and nothing is refused. What other gateways
 * have seen is asked for once, when a token comes from an address that is new to this process; that is waited for, for a
 * moment only, so that the very first read from there can be flagged. Without an answer the process goes by itself.
 * Bounded: the tokens used least recently are forgotten first, and of one token so many addresses are told.
 */
import type { Principal } from '../access.js';

/** From then on the token is known to go round, and telling each address would only make noise. */
export const maxAddresses = 16;

/** What the gateways on one database have seen together (store/token-uses.ts). */
export interface SharedUses {
  /** @returns how many addresses there are now, and which of them this one is, from 1 (undefined: beyond maxAddresses) */
  add(
    token: string,
    address: string,
    untilMicros: number,
  ): Promise<{ readonly addresses: number; readonly place: number | undefined }>;
}

export interface TokenAddressesOptions {
  /** About 300 bytes each. */
  readonly maxTokens?: number;
  /** Undefined: this process alone. */
  readonly shared?: SharedUses;
  readonly onFailure?: (error: unknown) => void;
}

/** What is still to be said of one address: how many there are, to the operators and in an entry. */
interface Use {
  tell?: number | undefined;
  flag?: number | undefined;
  /** It was said once. */
  said?: true;
  /** The others know of it. */
  shared: boolean;
}

type Uses = Map<string, Use>;

const patienceMillis = 250;
/** After a failure nobody waits for so long. */
const pauseMillis = 1_000;

export class TokenAddresses {
  readonly #max: number;
  readonly #shared: SharedUses | undefined;
  readonly #onFailure: (error: unknown) => void;
  #askAgainAtMillis = Number.NEGATIVE_INFINITY;
  /** In order of last use: a Map iterates as inserted. */
  readonly #tokens = new Map<string, Uses>();

  constructor({ maxTokens = 20_000, shared, onFailure }: TokenAddressesOptions = {}) {
    this.#max = maxTokens;
    this.#shared = shared;
    this.#onFailure = onFailure ?? (() => undefined);
  }

  /**
   * To be told of each request. No promise unless the address is new to this process.
   * @returns how many addresses there are now, where this one is new and not the first; never rejects
   */
  notice(principal: Principal, address: string): number | undefined | Promise<number | undefined> {
    const key = keyOf(principal);
    if (key === undefined) return undefined;
    const uses = this.#usesOf(key);
    let use = uses.get(address);
    if (use === undefined) {
      if (uses.size >= maxAddresses) return undefined;
      uses.set(address, (use = { shared: this.#shared === undefined }));
      // The first address needs no flag.
      if (uses.size > 1) use.tell = use.flag = uses.size;
    }
    if (!use.shared && performance.now() >= this.#askAgainAtMillis)
      return this.#ask(key, address, use, principal);
    return use.tell === undefined ? undefined : told(use);
  }

  /** For the entry of a read: as `notice`, once for each new address, at the first read that comes from it. */
  takeFlag(principal: Principal, address: string): number | undefined {
    const key = keyOf(principal);
    const use = key === undefined ? undefined : this.#tokens.get(key)?.get(address);
    if (use?.flag === undefined) return undefined;
    const { flag } = use;
    use.flag = undefined;
    return flag;
  }

  #usesOf(key: string): Uses {
    let uses = this.#tokens.get(key);
    if (uses === undefined) {
      this.#tokens.set(key, (uses = new Map()));
      if (this.#tokens.size > this.#max) this.#tokens.delete(this.#tokens.keys().next().value!);
    } else if (2 * this.#tokens.size > this.#max) {
      // While it is half empty nobody is about to be forgotten, and the order can wait.
      this.#tokens.delete(key);
      this.#tokens.set(key, uses);
    }
    return uses;
  }

  async #ask(key: string, address: string, use: Use, principal: Principal): Promise<number | undefined> {
    // Whoever comes from there meanwhile does not wait.
    use.shared = true;
    const asking = this.#shared!.add(key, address, principal.expiresAtMicros).then(
      ({ addresses, place }) => {
        if (use.said !== true)
          use.tell = use.flag = place === undefined || place === 1 ? undefined : addresses;
        return true;
      },
      (error: unknown) => {
        use.shared = false;
        this.#onFailure(error);
        return false;
      },
    );
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<false>((resolve) => (timer = setTimeout(resolve, patienceMillis, false)));
    if (!(await Promise.race([asking, enough]))) this.#askAgainAtMillis = performance.now() + pauseMillis;
    clearTimeout(timer);
    return told(use);
  }
}

function told(use: Use): number | undefined {
  const { tell } = use;
  if (tell !== undefined) {
    use.tell = undefined;
    use.said = true;
  }
  return tell;
}

/** A principal stays the same object as long as its token is cached. */
const keys = new WeakMap<Principal, string>();

function keyOf(principal: Principal): string | undefined {
  const { issuer, tokenId } = principal;
  if (tokenId === undefined) return undefined;
  let key = keys.get(principal);
  if (key === undefined) keys.set(principal, (key = `${issuer}\0${tokenId}`));
  return key;
}
