/**
 * One issuer's keys, as fresh as they can be had and never asked for more often than the cool-down
 * allows: a flood of invented key ids costs the key host one request per cool-down, whether the host
 * answers or not, and callers that wait share that request.
 *
 * Freshness. A URL is read again after `maxAgeSeconds`, a file after one cool-down. When that fails,
 * the last good keys serve for `maxStaleSeconds` more (an hour: long enough to mend a key host, short
 * enough that a withdrawn key does not outlive the day); after that nobody gets in. A key that is no
 * longer published stops counting at once, also for tokens that were verified with it before.
 */
import type { Clock } from '../clock.js';
import { WeirError } from '../errors.js';
import type { JwksSource } from './issuer.js';
import { readSource, SourceFault } from './jwks-source.js';
import { vetKey, type VettedKey, type VettingRules } from './key-vetting.js';
import { JsonFault, parseStrictObject } from './strict-json.js';

export interface KeySetLimits {
  readonly coolDownSeconds: number;
  readonly maxAgeSeconds: number;
  readonly maxStaleSeconds: number;
  readonly timeoutMilliseconds: number;
  readonly maxBytes: number;
  readonly maxKeys: number;
}

export const defaultKeySetLimits: KeySetLimits = Object.freeze({
  coolDownSeconds: 30,
  maxAgeSeconds: 600,
  maxStaleSeconds: 3600,
  timeoutMilliseconds: 5000,
  maxBytes: 262_144,
  maxKeys: 100,
});

export interface KeySetOptions extends VettingRules {
  readonly source: JwksSource;
  readonly clock: Clock;
  readonly limits?: Partial<KeySetLimits>;
}

interface LoadedKeys {
  readonly bytes: Buffer;
  readonly keys: ReadonlyMap<string, VettedKey>;
  /** What was not taken, and why. */
  readonly remarks: readonly string[];
  readonly holdsDemoKey: boolean;
}

export class KeySet {
  readonly #options: KeySetOptions;
  readonly #limits: KeySetLimits;
  readonly #closing = new AbortController();
  #loaded: LoadedKeys | undefined;
  #loadedAtMicros = Number.NEGATIVE_INFINITY;
  #triedAtMicros = Number.NEGATIVE_INFINITY;
  #failure: SourceFault | undefined;
  #refreshing: Promise<void> | undefined;

  constructor(options: KeySetOptions) {
    this.#options = options;
    const limits = { ...defaultKeySetLimits, ...options.limits };
    this.#limits = 'file' in options.source ? { ...limits, maxAgeSeconds: limits.coolDownSeconds } : limits;
  }

  /**
   * The key with exactly this id, reading the source again where that may help.
   * @returns undefined where the issuer publishes no such key
   * @throws WeirError issuer-unavailable: nothing was ever loaded, it is too old, or the id is new and the source is down
   */
  async find(kid: string): Promise<VettedKey | undefined> {
    if (!this.#isFresh(this.#options.clock.nowMicros())) await this.#refresh();
    if (this.#loaded?.keys.has(kid) !== true) await this.#refresh();
    const loaded = this.#servable();
    const key = loaded?.keys.get(kid);
    if (loaded === undefined || (key === undefined && this.#failure !== undefined)) throw this.#unavailable();
    return key;
  }

  /** Whether the key still counts without asking anybody. For the path of every request: no promise, no allocation. */
  isCurrent(key: VettedKey, nowMicros: number): boolean {
    return this.#isFresh(nowMicros) && this.#loaded?.keys.get(key.kid) === key;
  }

  /** Reads the source where it is due. @returns why tokens of this issuer cannot be trusted or verified; empty: they can */
  async reasons(): Promise<string[]> {
    if (!this.#isFresh(this.#options.clock.nowMicros())) await this.#refresh();
    const loaded = this.#servable();
    if (loaded === undefined) return [this.#failure?.message ?? 'its keys have not been read'];
    if (loaded.keys.size === 0) return ['it publishes no usable key', ...loaded.remarks];
    return loaded.holdsDemoKey ? [...loaded.remarks] : [];
  }

  /** Breaks off a read that is under way. */
  close(): void {
    this.#closing.abort();
  }

  #isFresh(nowMicros: number): boolean {
    return within(nowMicros, this.#loadedAtMicros, this.#limits.maxAgeSeconds);
  }

  /** The keys, fresh or stale within bounds. A clock that was set back costs a read, not the keys. */
  #servable(): LoadedKeys | undefined {
    const ageMicros = this.#options.clock.nowMicros() - this.#loadedAtMicros;
    const { maxAgeSeconds, maxStaleSeconds } = this.#limits;
    return ageMicros < (maxAgeSeconds + maxStaleSeconds) * 1_000_000 ? this.#loaded : undefined;
  }

  #unavailable(): WeirError {
    return new WeirError('issuer-unavailable', {
      retryAfterSeconds: this.#limits.coolDownSeconds,
      cause: this.#failure,
    });
  }

  #refresh(): Promise<void> {
    if (this.#refreshing !== undefined) return this.#refreshing;
    const now = this.#options.clock.nowMicros();
    if (this.#closing.signal.aborted || within(now, this.#triedAtMicros, this.#limits.coolDownSeconds))
      return Promise.resolve();
    this.#refreshing = this.#load().finally(() => {
      // From the end of the read, so that a host which takes its time is not asked back to back.
      this.#triedAtMicros = this.#options.clock.nowMicros();
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #load(): Promise<void> {
    try {
      const bytes = await readSource(this.#options.source, this.#limits, this.#closing.signal);
      if (this.#loaded?.bytes.equals(bytes) !== true)
        this.#loaded = await vetKeySet(bytes, this.#options, this.#limits.maxKeys, this.#loaded?.keys);
      this.#loadedAtMicros = this.#options.clock.nowMicros();
      this.#failure = undefined;
    } catch (error) {
      if (!(error instanceof SourceFault)) throw error;
      this.#failure = error;
    }
  }
}

/** A clock that was set back does not keep anything fresh or cooling down. */
function within(nowMicros: number, sinceMicros: number, seconds: number): boolean {
  const elapsed = nowMicros - sinceMicros;
  return elapsed >= 0 && elapsed < seconds * 1_000_000;
}

/**
 * @param known keys of the set before: one that is unchanged stays the same object
 * @throws SourceFault where the bytes are no key set; a bad key in a good set is left out with a remark
 */
export async function vetKeySet(
  bytes: Buffer,
  rules: VettingRules,
  maxKeys: number,
  known?: ReadonlyMap<string, VettedKey>,
): Promise<LoadedKeys> {
  const published = readKeys(bytes);
  if (published.length > maxKeys) throw new SourceFault('the key set holds too many keys');
  const keys = new Map<string, VettedKey>();
  const remarks: string[] = [];
  let holdsDemoKey = false;
  const uses = countKeyIds(published);
  for (const [index, jwk] of published.entries()) {
    const vetted = await vetKey(jwk, rules);
    if ('refused' in vetted) {
      remarks.push(`key ${index + 1} ${vetted.refused}`);
      holdsDemoKey ||= vetted.demo;
      continue;
    }
    const key = vetted.accepted;
    // Which of two keys is meant would be for the order of the file to say: neither is used.
    if ((uses.get(key.kid) ?? 0) > 1) {
      remarks.push(`key ${index + 1} has the kid of another key`);
      continue;
    }
    const before = known?.get(key.kid);
    const same = before?.thumbprint === key.thumbprint && before.algorithm === key.algorithm;
    keys.set(key.kid, same ? before : key);
  }
  return { bytes, keys, remarks, holdsDemoKey };
}

function readKeys(bytes: Buffer): readonly unknown[] {
  try {
    const { keys } = parseStrictObject(bytes, 8);
    if (Array.isArray(keys)) return keys as unknown[];
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    throw new SourceFault(`the key set ${error.message}`, error);
  }
  throw new SourceFault('the key set has no list of keys');
}

function countKeyIds(published: readonly unknown[]): Map<unknown, number> {
  const uses = new Map<unknown, number>();
  for (const jwk of published) {
    const kid = (jwk as { kid?: unknown } | null)?.kid;
    uses.set(kid, (uses.get(kid) ?? 0) + 1);
  }
  return uses;
}
