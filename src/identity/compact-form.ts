/**
 * The outside of a token, checked before any key is looked at: JWS compact serialisation in its one
 * canonical spelling (RFC 7515 §2, §7.1), and a header that asks for nothing the gateway would have to
 * fetch, trust or interpret. jose tolerates spaces, padding and stray trailing bits in places; here two
 * different strings never stand for the same token.
 */
import { JsonFault, parseStrictObject } from './strict-json.js';
import { tokenInvalid } from './token-refusal.js';

const maxTokenLength = 8192;
export const maxKeyIdLength = 256;
const maxDepth = 16;

/** Headers by which a token brings its own key or changes what is signed (RFC 7515 §4.1, RFC 7797). */
const refusedHeaders = ['jwk', 'jku', 'x5u', 'x5c', 'crit', 'b64'] as const;

export interface CompactForm {
  readonly algorithm: string;
  readonly keyId: string;
  /** Lower case; undefined where the header has none. */
  readonly type: string | undefined;
  readonly payload: Uint8Array;
}

/** Before anything is done with the text, hashing included. @throws WeirError token-invalid */
export function checkLength(token: string): void {
  if (token.length > maxTokenLength) throw tokenInvalid(`the token is longer than ${maxTokenLength} bytes`);
}

/**
 * @param token of checked length
 * @throws WeirError token-invalid
 */
export function readCompactForm(token: string): CompactForm {
  const parts = token.split('.');
  const [head, body, signature] = parts;
  if (parts.length !== 3 || head === undefined || body === undefined || signature === undefined)
    throw tokenInvalid('the token is not a signed JWT in compact form (three parts)');
  if (signature === '') throw tokenInvalid('the token is not signed');
  const headerBytes = decodeStrict(head, 'header');
  const payload = decodeStrict(body, 'payload');
  decodeStrict(signature, 'signature');
  return { ...readHeader(headerBytes), payload };
}

/** @throws WeirError token-invalid */
export function readPayload(form: CompactForm): Record<string, unknown> {
  return readObject(form.payload, 'payload');
}

function readHeader(bytes: Uint8Array): Omit<CompactForm, 'payload'> {
  const header = readObject(bytes, 'header');
  for (const name of refusedHeaders)
    if (Object.hasOwn(header, name)) throw tokenInvalid(`the header "${name}" is not accepted`);
  const { alg, kid, typ } = header;
  if (typeof alg !== 'string') throw tokenInvalid('the header "alg" is missing or not a string');
  if (typeof kid !== 'string' || kid === '')
    throw tokenInvalid('the header "kid" is missing or not a string');
  if (kid.length > maxKeyIdLength) throw tokenInvalid('the header "kid" is too long');
  if (typ !== undefined && typeof typ !== 'string') throw tokenInvalid('the header "typ" is not a string');
  return { algorithm: alg, keyId: kid, type: typ?.toLowerCase() };
}

function readObject(bytes: Uint8Array, part: string): Record<string, unknown> {
  try {
    return parseStrictObject(bytes, maxDepth);
  } catch (error) {
    if (error instanceof JsonFault) throw tokenInvalid(`the token's ${part} ${error.message}`);
    throw error;
  }
}

/** Only the canonical spelling survives the round trip: no padding, spaces, other alphabet, or set bits past the end. */
function decodeStrict(part: string, name: string): Uint8Array {
  const bytes = Buffer.from(part, 'base64url');
  if (bytes.toString('base64url') !== part)
    throw tokenInvalid(`the token's ${name} is not canonical base64url`);
  return bytes;
}
