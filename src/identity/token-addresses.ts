/**
 * From which addresses each token has been used in this process. A token with an id that comes from a second
 * address may have been copied, or its holder may have changed the network: it is told, and nothing is refused.
 * Bounded: the tokens used least recently are forgotten first, and of one token so many addresses are told.
 */
import type { Principal } from '../access.js';

interface Use {
  /** Address → whether its first read has been flagged. */
  readonly addresses: Map<string, boolean>;
}

/** From then on the token is known to go round, and telling each address would only make noise. */
const maxAddresses = 16;

export class TokenAddresses {
  readonly #max: number;
  /** In order of last use: a Map iterates as inserted. */
  readonly #tokens = new Map<string, Use>();

  /** @param maxTokens about 300 bytes each */
  constructor(maxTokens = 20_000) {
    this.#max = maxTokens;
  }

  /** To be told of each request. @returns how many addresses there are now, where this one is new and not the first */
  notice(principal: Principal, address: string): number | undefined {
    const key = keyOf(principal);
    if (key === undefined) return undefined;
    const use = this.#tokens.get(key);
    if (use === undefined) {
      // The first address needs no flag.
      this.#tokens.set(key, { addresses: new Map([[address, true]]) });
      if (this.#tokens.size > this.#max) this.#tokens.delete(this.#tokens.keys().next().value!);
      return undefined;
    }
    // While it is half empty nobody is about to be forgotten, and the order can wait.
    if (2 * this.#tokens.size > this.#max) {
      this.#tokens.delete(key);
      this.#tokens.set(key, use);
    }
    if (use.addresses.has(address) || use.addresses.size >= maxAddresses) return undefined;
    use.addresses.set(address, false);
    return use.addresses.size;
  }

  /** For the entry of a read: as `notice`, once for each new address, at the first read that comes from it. */
  takeFlag(principal: Principal, address: string): number | undefined {
    const key = keyOf(principal);
    const use = key === undefined ? undefined : this.#tokens.get(key);
    if (use?.addresses.get(address) !== false) return undefined;
    use.addresses.set(address, true);
    return use.addresses.size;
  }
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
