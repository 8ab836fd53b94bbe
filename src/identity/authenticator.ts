/**
 * Token → Principal. Promises: whoever is returned here was vouched for by a configured issuer, for this
 * gateway, in a token that is valid now. Refuses by name of the rule that failed, and says nothing of the
 * token's content. Order: form, issuer, key, signature, claims; nothing in a token is believed before its
 * signature, except which issuer and key to check it with.
 */
import { compactVerify, errors } from 'jose';
import type { Principal } from '../access.js';
import type { Clock } from '../clock.js';
import { WeirError } from '../errors.js';
import { readClaims, type ClaimLimits } from './claims.js';
import { checkLength, readCompactForm, readPayload } from './compact-form.js';
import { issuerFaults, type IssuerConfig } from './issuer.js';
import { KeySet, type KeySetLimits } from './jwks.js';
import type { VettedKey } from './key-vetting.js';
import { digestToken, TokenCache, type VerifiedToken } from './token-cache.js';
import { tokenInvalid } from './token-refusal.js';

export interface AuthenticatorOptions {
  readonly issuers: readonly IssuerConfig[];
  readonly clock: Clock;
  /** For exp, nbf and iat. Default 30, at most 300. */
  readonly clockToleranceSeconds?: number;
  /** How far ahead exp may lie. Default 86400. */
  readonly maxTokenAgeSeconds?: number;
  /** Default 10000. */
  readonly maxCachedTokens?: number;
  /** Only the demo sets it. */
  readonly allowDemoKeys?: boolean;
  readonly keyLimits?: Partial<KeySetLimits>;
}

export interface Readiness {
  readonly ok: boolean;
  /** Why not; each names the issuer. */
  readonly reasons: readonly string[];
}

interface Issuer {
  readonly config: IssuerConfig;
  readonly types: ReadonlySet<string>;
  readonly keys: KeySet;
}

export class Authenticator {
  readonly #issuers: ReadonlyMap<string, Issuer>;
  readonly #clock: Clock;
  readonly #limits: ClaimLimits;
  readonly #cache: TokenCache;
  /** Several requests with one new token wait for one verification. */
  readonly #pending = new Map<string, Promise<VerifiedToken>>();
  #forgotten = 0;
  #closed = false;
  #verifications = 0;

  /** @throws TypeError naming every option that is wrong */
  constructor(options: AuthenticatorOptions) {
    const { clockToleranceSeconds = 30, maxTokenAgeSeconds = 86_400, maxCachedTokens = 10_000 } = options;
    checkOptions(options.issuers, clockToleranceSeconds);
    this.#clock = options.clock;
    this.#limits = { clockToleranceSeconds, maxTokenAgeSeconds };
    this.#cache = new TokenCache(maxCachedTokens);
    this.#issuers = new Map(
      options.issuers.map((config) => [
        config.issuer,
        {
          config,
          types: new Set(config.typ.map((type) => type.toLowerCase())),
          keys: new KeySet({
            source: config.jwks,
            algorithms: config.algorithms,
            allowDemoKeys: options.allowDemoKeys ?? false,
            clock: options.clock,
            ...(options.keyLimits === undefined ? {} : { limits: options.keyLimits }),
          }),
        },
      ]),
    );
  }

  /** Tokens whose signature was checked (not taken from the cache), since start. */
  get verifications(): number {
    return this.#verifications;
  }

  get cachedTokens(): number {
    return this.#cache.size;
  }

  /** The principal of a token that was verified before and still counts, without waiting; undefined: ask `authenticate`. */
  known(token: string): Principal | undefined {
    if (this.#closed) return undefined;
    const cached = this.#cache.get(digestToken(token));
    if (cached === undefined) return undefined;
    const now = this.#clock.nowMicros();
    const isGood = now >= cached.validFromMicros && now < cached.principal.expiresAtMicros;
    return isGood && cached.keys.isCurrent(cached.key, now) ? cached.principal : undefined;
  }

  /**
   * @param token the compact form, without "Bearer "
   * @returns frozen; the same object for the same token as long as it is cached
   * @throws WeirError token-invalid, token-expired, issuer-unavailable, draining (after close)
   */
  async authenticate(token: string): Promise<Principal> {
    if (this.#closed) throw new WeirError('draining');
    checkLength(token);
    const digest = digestToken(token);
    const cached = this.#cache.get(digest);
    if (cached === undefined) return (await this.#verifyOnce(token, digest)).principal;

    const now = this.#clock.nowMicros();
    if (now >= cached.principal.expiresAtMicros) {
      this.#cache.delete(digest);
      throw new WeirError('token-expired');
    }
    if (now >= cached.validFromMicros && cached.keys.isCurrent(cached.key, now)) return cached.principal;
    // The keys are due to be read again, or the clock was set back. A token stands no longer than its key.
    if (now >= cached.validFromMicros && (await cached.keys.find(cached.key.kid)) === cached.key)
      return cached.principal;
    this.#cache.delete(digest);
    return (await this.#verifyOnce(token, digest)).principal;
  }

  /** Reads keys that are due. Ready: every issuer has usable keys, and none publishes a demo key outside the demo. */
  async ready(): Promise<Readiness> {
    const found = await Promise.all(
      [...this.#issuers].map(async ([name, { keys }]) =>
        (await keys.reasons()).map((reason) => `issuer ${name}: ${reason}`),
      ),
    );
    const reasons = found.flat();
    return { ok: reasons.length === 0, reasons };
  }

  /**
   * Drops cached tokens, so that each is verified anew when it is next shown. A token that is being verified
   * meanwhile is let through to its request but not cached.
   * @returns how many were dropped
   */
  forget(predicate: (principal: Principal) => boolean): number {
    this.#forgotten++;
    return this.#cache.forget(predicate);
  }

  /** Stops reading keys and empties the cache. */
  close(): void {
    this.#closed = true;
    for (const { keys } of this.#issuers.values()) keys.close();
    this.forget(() => true);
  }

  #verifyOnce(token: string, digest: string): Promise<VerifiedToken> {
    const pending = this.#pending.get(digest);
    if (pending !== undefined) return pending;
    const forgotten = this.#forgotten;
    const verifying = this.#verify(token)
      .then((verified) => {
        if (forgotten === this.#forgotten) this.#cache.add(digest, verified);
        return verified;
      })
      .finally(() => this.#pending.delete(digest));
    this.#pending.set(digest, verifying);
    return verifying;
  }

  async #verify(token: string): Promise<VerifiedToken> {
    const form = readCompactForm(token);
    const claims = readPayload(form);
    const iss = claims['iss'];
    if (typeof iss !== 'string') throw tokenInvalid('the claim "iss" is missing or not a string');
    const issuer = this.#issuers.get(iss);
    if (issuer === undefined) throw tokenInvalid('the claim "iss" names no configured issuer');
    if (form.type === undefined || !issuer.types.has(form.type))
      throw tokenInvalid('the header "typ" is not that of an access token');
    if (!issuer.config.algorithms.includes(form.algorithm))
      throw tokenInvalid('the header "alg" is not accepted from this issuer');
    const key = await issuer.keys.find(form.keyId);
    if (key === undefined) throw tokenInvalid('the header "kid" names no key of the issuer');
    if (form.algorithm !== key.algorithm)
      throw tokenInvalid('the header "alg" is not the algorithm of its key');
    this.#verifications++;
    await checkSignature(token, key);
    const read = readClaims(claims, issuer.config, this.#limits, this.#clock.nowMicros());
    return { ...read, key, keys: issuer.keys };
  }
}

/** @throws WeirError token-invalid */
export async function checkSignature(token: string, key: VettedKey): Promise<void> {
  try {
    await compactVerify(token, key.key, { algorithms: [key.algorithm] });
  } catch (error) {
    if (error instanceof errors.JOSEError) throw tokenInvalid('the signature does not verify', error);
    throw error;
  }
}

function checkOptions(issuers: readonly IssuerConfig[], clockToleranceSeconds: number): void {
  const faults = issuers.flatMap((config, index) =>
    issuerFaults(config).map((fault) => `issuers[${index}].${fault}`),
  );
  if (issuers.length === 0) faults.push('issuers is empty');
  if (new Set(issuers.map(({ issuer }) => issuer)).size < issuers.length)
    faults.push('issuers holds one issuer twice');
  if (!(clockToleranceSeconds >= 0 && clockToleranceSeconds <= 300))
    faults.push('clockToleranceSeconds must be between 0 and 300');
  if (faults.length > 0) throw new TypeError(faults.join('; '));
}
