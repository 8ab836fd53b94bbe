/**
 * What a service behind the proxy door learns of who asks: a JWT in the header Weir-Principal, for that service
 * alone (`aud`), good for a minute, signed with a key of the gateway's whose public half lies at
 * /.well-known/jwks.json. The first key of the configuration signs; the others are only published, so that
 * tokens which they signed a moment ago, or sign in a gateway that is restarted later, still verify.
 *
 * A signature costs about 45 µs of processor time, so a token serves one principal, role and service for 15 s. It
 * therefore names no request: that travels beside it, as Weir-Request-Id.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  sign,
  verify,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import type { Principal } from '../access.js';
import type { Clock } from '../clock.js';

export const principalHeader = 'weir-principal';
export const principalTyp = 'weir-principal+jwt';
export const jwksPath = '/.well-known/jwks.json';

export const principalAlgorithms = ['EdDSA', 'ES256'] as const;
export type PrincipalAlgorithm = (typeof principalAlgorithms)[number];

const lifeSeconds = 60;
const reuseSeconds = 15;

export interface PrincipalKey {
  readonly kid: string;
  readonly algorithm: PrincipalAlgorithm;
  readonly key: KeyObject;
  /** The public half, as it is published. */
  readonly jwk: Readonly<Record<string, string>>;
}

/** For whom a token is made; an object, so that a token is kept for as long as its principal is. */
type Asker = Pick<Principal, 'issuer' | 'person' | 'tool' | 'act'>;

interface Signed {
  readonly role: string;
  readonly service: string;
  token: string;
  untilMicros: number;
}

export class PrincipalTokens {
  readonly #issuer: string;
  readonly #signer: PrincipalKey;
  readonly #clock: Clock;
  readonly #head: string;
  readonly #kept = new WeakMap<Asker, Signed[]>();
  /** The JWK set that services verify with. */
  readonly jwks: string;

  /** @param keys at least one; the first signs */
  constructor(issuer: string, keys: readonly PrincipalKey[], clock: Clock) {
    this.#issuer = issuer;
    this.#signer = keys[0]!;
    this.#clock = clock;
    const { algorithm: alg, kid } = this.#signer;
    this.#head = encode({ alg, kid, typ: principalTyp });
    this.jwks = JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });
  }

  /** @param principal of the authenticator's; the same object for the same token saves the signature */
  sign(principal: Asker, role: string, service: string): string {
    const now = this.#clock.nowMicros();
    let kept = this.#kept.get(principal);
    if (kept === undefined) this.#kept.set(principal, (kept = []));
    let last = kept.find((each) => each.service === service && each.role === role);
    if (last === undefined) kept.push((last = { role, service, token: '', untilMicros: 0 }));
    else if (now < last.untilMicros && now >= last.untilMicros - reuseSeconds * 1_000_000) return last.token;
    last.token = this.#make(principal, role, service, Math.floor(now / 1_000_000));
    last.untilMicros = now + reuseSeconds * 1_000_000;
    return last.token;
  }

  #make({ issuer, person, tool, act }: Asker, role: string, service: string, iat: number): string {
    const claims = {
      iss: this.#issuer,
      aud: service,
      // Whose subject it is matters where several issuers' tokens are taken (RFC 9493).
      ...(person === undefined
        ? {}
        : { sub: person, sub_id: { format: 'iss_sub', iss: issuer, sub: person } }),
      client_id: tool,
      ...(act === undefined ? {} : { act: { sub: act } }),
      role,
      iat,
      exp: iat + lifeSeconds,
      jti: randomUUID(),
    };
    const signed = `${this.#head}.${encode(claims)}`;
    return `${signed}.${signature(this.#signer, Buffer.from(signed)).toString('base64url')}`;
  }
}

/** As configured. @returns without tokens where there is no key; the faults are for the operator, and hold no value */
export function openPrincipalTokens(
  { issuer, keys }: { readonly issuer?: string; readonly keys: readonly { readonly jwk: string }[] },
  clock: Clock,
): { readonly tokens: PrincipalTokens | undefined; readonly faults: readonly string[] } {
  const read = readPrincipalKeys(keys.map(({ jwk }) => jwk));
  if ('faults' in read) {
    const faults = read.faults.map(
      ([at, fault]) => `principal.keys[${at}].jwk ${fault}: weir service key makes one`,
    );
    return { tokens: undefined, faults };
  }
  const whole = issuer !== undefined && read.keys.length > 0;
  return { tokens: whole ? new PrincipalTokens(issuer, read.keys, clock) : undefined, faults: [] };
}

/** What forbids to serve a catalogue with services. */
export const keyMissing =
  'services are told who asks by tokens that the gateway signs, and it has no key: make one with weir service key, and name it under principal.keys';

/** @param text a private JWK, as JSON. @returns the key; or why it cannot be used, without a value of it */
export function readPrincipalKey(text: string): PrincipalKey | string {
  let jwk: JsonWebKey & Record<string, unknown>;
  try {
    jwk = JSON.parse(text) as typeof jwk;
  } catch {
    return 'is not JSON';
  }
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) return 'is no JWK';
  const algorithm = algorithmOf(jwk);
  if (algorithm === undefined) return 'is neither an Ed25519 nor a P-256 key';
  if (typeof jwk.d !== 'string') return 'is not the private half of a key';
  if (jwk['alg'] !== undefined && jwk['alg'] !== algorithm) return `is not for ${algorithm} (alg)`;
  if (jwk['use'] !== undefined && jwk['use'] !== 'sig') return 'is not for signatures (use)';
  const { kid } = jwk;
  if (kid !== undefined && (typeof kid !== 'string' || !/^[\x21-\x7e]{1,200}$/.test(kid)))
    return 'has a kid that is no short plain text';
  try {
    const key = createPrivateKey({ key: jwk, format: 'jwk' });
    const { kty, crv, x, y } = createPublicKey(key).export({ format: 'jwk' }) as Record<string, string>;
    // Members in the order in which RFC 7638 hashes them.
    const material = { crv: crv!, kty: kty!, x: x!, ...(y === undefined ? {} : { y }) };
    if (jwk.x !== material.x || (y !== undefined && jwk.y !== y)) return 'has halves of two keys';
    const id = (kid as string | undefined) ?? thumbprint(material);
    const made = { kid: id, algorithm, key, jwk: { ...material, kid: id, alg: algorithm, use: 'sig' } };
    return works(made) ? made : 'has halves of two keys';
  } catch {
    return 'cannot be read as a private key';
  }
}

/** @param keys texts of private JWKs. @returns all of them, or what is wrong with each that cannot be used, by its place */
export function readPrincipalKeys(
  keys: readonly string[],
): { readonly keys: PrincipalKey[] } | { readonly faults: (readonly [at: number, fault: string])[] } {
  const faults: [number, string][] = [];
  const read: PrincipalKey[] = [];
  for (const [at, text] of keys.entries()) {
    const key = readPrincipalKey(text);
    if (typeof key === 'string') faults.push([at, key]);
    else if (read.some(({ kid }) => kid === key.kid)) faults.push([at, 'has the kid of another one']);
    else read.push(key);
  }
  return faults.length > 0 ? { faults } : { keys: read };
}

/** A fresh private key. @param idPrefix of its kid, before the thumbprint. @returns a JWK, as JSON */
export function makePrincipalKey(algorithm: PrincipalAlgorithm = 'EdDSA', idPrefix = ''): string {
  const { privateKey } =
    algorithm === 'EdDSA'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { kty, crv, x, y, d } = privateKey.export({ format: 'jwk' }) as Record<string, string>;
  const material = { crv: crv!, kty: kty!, x: x!, ...(y === undefined ? {} : { y }) };
  const kid = idPrefix + thumbprint(material);
  return JSON.stringify({ ...material, d, kid, alg: algorithm, use: 'sig' });
}

function algorithmOf({ kty, crv }: JsonWebKey): PrincipalAlgorithm | undefined {
  if (kty === 'OKP' && crv === 'Ed25519') return 'EdDSA';
  return kty === 'EC' && crv === 'P-256' ? 'ES256' : undefined;
}

/** JWS (RFC 7518 §3.4, RFC 8037 §3.1): ES256 writes r and s side by side, not as DER. */
function signature({ algorithm, key }: Pick<PrincipalKey, 'algorithm' | 'key'>, data: Buffer): Buffer {
  return algorithm === 'EdDSA'
    ? sign(null, data, key)
    : sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' });
}

function works(made: PrincipalKey): boolean {
  const data = Buffer.from('weir');
  const key = createPublicKey({ key: made.jwk as JsonWebKey, format: 'jwk' });
  const signed = signature(made, data);
  return made.algorithm === 'EdDSA'
    ? verify(null, data, key, signed)
    : verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signed);
}

function thumbprint(material: object): string {
  return createHash('sha256').update(JSON.stringify(material)).digest('base64url');
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
