/**
 * Makes tokens, good and bad, with node:crypto alone: a library that refuses to make a bad token cannot be
 * asked for one. The signature covers exactly the text that is sent.
 */
import { constants, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

export interface ForgeKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** As published. */
  readonly jwk: Readonly<Record<string, unknown>>;
}

export function makeKey(algorithm: string, kid: string): ForgeKey {
  const { privateKey, publicKey } = generate(algorithm);
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' };
  return { kid, algorithm, privateKey, publicKey, jwk };
}

function generate(algorithm: string): { privateKey: KeyObject; publicKey: KeyObject } {
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519');
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  if (algorithm === 'ES384') return generateKeyPairSync('ec', { namedCurve: 'P-384' });
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

export function signBytes(algorithm: string, key: KeyObject, text: string): Buffer {
  const bytes = Buffer.from(text);
  if (algorithm === 'EdDSA') return sign(null, bytes, key);
  const digest = `sha${algorithm.slice(2)}`;
  if (algorithm.startsWith('ES')) return sign(digest, bytes, { key, dsaEncoding: 'ieee-p1363' });
  if (algorithm.startsWith('PS'))
    return sign(digest, bytes, {
      key,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    });
  return sign(digest, bytes, key);
}

export function encode(part: string | object): string {
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
}

/** Signs header and payload as they are; strings stand for their own JSON text. */
export function forge(key: ForgeKey, header: string | object, payload: string | object): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${signBytes(key.algorithm, key.privateKey, input).toString('base64url')}`;
}
