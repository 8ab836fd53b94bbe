/**
 * What a published key must be before a signature is checked with it. Each key gets exactly one
 * algorithm for life (RFC 8725 §3.1), so that no token can choose how its own signature is read.
 * Refused, each with a reason for the operator: secrets and private keys, weak RSA keys, keys for
 * encryption, keys without an id, demo keys outside the demo.
 */
import { calculateJwkThumbprint, importJWK, type CryptoKey, type JWK } from 'jose';
import { maxKeyIdLength } from './compact-form.js';
import { isDemoKeyId } from './demo-key.js';

export interface VettedKey {
  readonly kid: string;
  readonly algorithm: string;
  /** RFC 7638; tells a key from another one published under the same id. */
  readonly thumbprint: string;
  readonly key: CryptoKey;
}

export interface VettingRules {
  /** In order of preference, for keys that name none. */
  readonly algorithms: readonly string[];
  readonly allowDemoKeys: boolean;
}

export type Vetted = { readonly accepted: VettedKey } | { readonly refused: string; readonly demo: boolean };

interface Material {
  /** Public members only, so that no other member has a say in the import. */
  readonly jwk: JWK;
  readonly fits: readonly string[];
}

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv', 'k'];
const rsaAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const curveAlgorithms: Readonly<Record<string, readonly string[]>> = {
  'EC P-256': ['ES256'],
  'EC P-384': ['ES384'],
  'EC P-521': ['ES512'],
  'OKP Ed25519': ['EdDSA', 'Ed25519'],
};

/** @param jwk one member of a JWKS, as parsed. Never throws for a bad key: says why it is refused. */
export async function vetKey(jwk: unknown, rules: VettingRules): Promise<Vetted> {
  const refused = (reason: string, demo = false): Vetted => ({ refused: reason, demo });
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) return refused('is not an object');
  const members = jwk as Record<string, unknown>;
  const { kid, use, alg, key_ops: operations } = members;
  if (members['kty'] === 'oct') return refused('is a shared secret');
  if (privateMembers.some((name) => Object.hasOwn(members, name))) return refused('is a private key');
  if (typeof kid !== 'string' || kid === '' || kid.length > maxKeyIdLength)
    return refused('has no usable kid');
  if (!rules.allowDemoKeys && isDemoKeyId(kid)) return refused('is a demo key', true);
  if (use !== undefined && use !== 'sig') return refused('is not for signatures (use)');
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify')))
    return refused('is not for verifying (key_ops)');

  const material = members['kty'] === 'RSA' ? rsaMaterial(members) : curveMaterial(members);
  if (typeof material === 'string') return refused(material);
  const usable = rules.algorithms.filter((name) => material.fits.includes(name));
  const algorithm = alg === undefined ? usable[0] : usable.find((name) => name === alg);
  if (algorithm === undefined) return refused('is for an algorithm that is not accepted');
  try {
    const key = (await importJWK(material.jwk, algorithm)) as CryptoKey;
    return { accepted: { kid, algorithm, thumbprint: await calculateJwkThumbprint(material.jwk), key } };
  } catch {
    return refused('cannot be imported');
  }
}

function curveMaterial({ kty, crv, x, y }: Record<string, unknown>): Material | string {
  const fits = curveAlgorithms[`${String(kty)} ${String(crv)}`];
  if (fits === undefined) return 'has a type or curve that is not accepted';
  if (decode(x) === undefined) return 'has a malformed x';
  if (kty === 'OKP') return { jwk: { kty, crv: crv as string, x: x as string }, fits };
  if (decode(y) === undefined) return 'has a malformed y';
  return { jwk: { kty: 'EC', crv: crv as string, x: x as string, y: y as string }, fits };
}

function rsaMaterial({ n, e }: Record<string, unknown>): Material | string {
  const [modulusBytes, exponentBytes] = [decode(n), decode(e)];
  if (modulusBytes === undefined || exponentBytes === undefined) return 'has a malformed n or e';
  // Bounded before they become numbers: verifying with a huge modulus is slow enough to stop a gateway.
  if (modulusBytes.length > 1025 || exponentBytes.length > 8) return 'has an n or e that is too long';
  const modulus = toInteger(modulusBytes);
  const exponent = toInteger(exponentBytes);
  if (modulus < 1n << 2047n) return 'is an RSA key of less than 2048 bits';
  if (exponent < 3n || exponent % 2n === 0n) return 'has an RSA exponent that protects nothing';
  if (hasRocaFingerprint(modulus)) return 'comes from a generator whose keys can be factored (ROCA)';
  return { jwk: { kty: 'RSA', n: n as string, e: e as string }, fits: rsaAlgorithms };
}

/**
 * CVE-2017-15361: the broken generator makes moduli that are powers of 65537 modulo each of the first
 * primes; a sound modulus is that by chance about once in 2^27.
 */
function hasRocaFingerprint(modulus: bigint): boolean {
  return smallPrimes.every((prime) => {
    const remainder = Number(modulus % BigInt(prime));
    let power = 1;
    do {
      if (power === remainder) return true;
      power = (power * 65537) % prime;
    } while (power !== 1);
    return false;
  });
}

const smallPrimes = Array.from({ length: 165 }, (_, index) => index + 3).filter((candidate) => {
  for (let divisor = 2; divisor * divisor <= candidate; divisor++)
    if (candidate % divisor === 0) return false;
  return true;
});

function toInteger(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`);
}

function decode(text: unknown): Buffer | undefined {
  if (typeof text !== 'string' || text === '') return undefined;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}
