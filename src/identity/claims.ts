/**
 * From the claims of a verified token to a Principal. Pure. What is missing or of the wrong shape is
 * refused by the claim's name; nothing is repaired. Ids are compared byte for byte everywhere, so a
 * person id that could look like another one by invisible or combining characters is refused here.
 */
import type { ClaimValue, Principal } from '../access.js';
import { WeirError } from '../errors.js';
import { pathNames, type ClaimPath, type IssuerConfig } from './issuer.js';
import { limitsClaim, readLimitsClaim } from './limits-claim.js';
import { tokenInvalid } from './token-refusal.js';

export interface ClaimLimits {
  readonly clockToleranceSeconds: number;
  /** How far ahead `exp` may lie, and how far after `iat`. */
  readonly maxTokenAgeSeconds: number;
}

export interface ReadClaims {
  readonly principal: Principal;
  /** Before this the token is refused (nbf and iat, less the tolerance). */
  readonly validFromMicros: number;
}

const maxTextLength = 255;
const maxListLength = 128;
const maxCopiedClaims = 64;

type Claims = Readonly<Record<string, unknown>>;

/**
 * @returns a principal frozen to its depth; `expiresAtMicros` is the moment from which the gateway refuses the token: exp plus the tolerance
 * @throws WeirError token-invalid, token-expired
 */
export function readClaims(
  claims: Claims,
  config: IssuerConfig,
  limits: ClaimLimits,
  nowMicros: number,
): ReadClaims {
  checkAudience(claims['aud'], config.audience);
  const times = readTimes(claims, limits, nowMicros / 1_000_000);
  const paths = config.claims;
  const tool = readId(claims, paths.tool);
  if (tool === undefined) throw tokenInvalid(`the claim "${paths.tool}" is missing`);
  const person = readId(claims, paths.person);
  const principal: Principal = {
    issuer: config.issuer,
    // RFC 9068 §2.2, §5: a client's own token carries the client's id as its sub. That is nobody's person.
    person: person === tool ? undefined : person,
    displayName: readDisplayName(claims, paths.displayName),
    tool,
    act: readAct(claims, paths.act),
    roles: Object.freeze(readRoles(claims, paths.roles)),
    scopes: Object.freeze(readScopes(claims, paths.scope)),
    tokenId: readId(claims, 'jti'),
    expiresAtMicros: times.expiresAtMicros,
    claims: copyScalars(claims),
    ...(claims[limitsClaim] === undefined ? {} : { limits: readLimitsClaim(claims[limitsClaim]) }),
  };
  return { principal: Object.freeze(principal), validFromMicros: times.validFromMicros };
}

function checkAudience(aud: unknown, audience: string): void {
  const list: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (list.length === 0 || !list.every((entry) => typeof entry === 'string'))
    throw tokenInvalid('the claim "aud" is missing or neither a string nor a list of strings');
  if (!list.includes(audience)) throw tokenInvalid('the claim "aud" does not name this gateway');
}

function readTimes(
  claims: Claims,
  limits: ClaimLimits,
  now: number,
): { expiresAtMicros: number; validFromMicros: number } {
  const { clockToleranceSeconds: tolerance, maxTokenAgeSeconds: maxAge } = limits;
  const exp = readSeconds(claims, 'exp');
  const nbf = readSeconds(claims, 'nbf');
  const iat = readSeconds(claims, 'iat');
  if (exp === undefined) throw tokenInvalid('the claim "exp" is missing');
  if (exp > now + maxAge + tolerance) throw tokenInvalid('the claim "exp" lies too far ahead');
  if (iat !== undefined && exp - iat > maxAge)
    throw tokenInvalid('the token is valid for too long ("exp" after "iat")');
  if (nbf !== undefined && nbf > now + tolerance) throw tokenInvalid('the claim "nbf" lies ahead');
  if (iat !== undefined && iat > now + tolerance) throw tokenInvalid('the claim "iat" lies ahead');
  if (now >= exp + tolerance) throw new WeirError('token-expired');
  return {
    expiresAtMicros: Math.floor((exp + tolerance) * 1_000_000),
    validFromMicros: Math.ceil((Math.max(nbf ?? 0, iat ?? 0) - tolerance) * 1_000_000),
  };
}

function readSeconds(claims: Claims, name: string): number | undefined {
  const value = claims[name];
  if (value === undefined) return undefined;
  // 1e999 is valid JSON and parses to Infinity.
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw tokenInvalid(`the claim "${name}" is not a number`);
  return value;
}

/** The claim at the path; own members only, so that "constructor" is a claim like any other. */
function at(claims: Claims, path: ClaimPath): unknown {
  let value: unknown = claims;
  for (const name of pathNames(path)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Claims)[name];
  }
  return value;
}

/** Control and invisible formatting characters, halves of surrogate pairs, line and paragraph separators. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

function readId(claims: Claims, path: ClaimPath): string | undefined {
  const value = at(claims, path);
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '' || value.length > maxTextLength)
    throw tokenInvalid(`the claim "${path}" is not a string of 1 to ${maxTextLength} characters`);
  if (unprintable.test(value) || value !== value.trim() || value !== value.normalize('NFC'))
    throw tokenInvalid(`the claim "${path}" holds characters that are not accepted in an id`);
  return value;
}

/** RFC 8693 §4.1. Delegation that cannot be named is refused: the log would take it for the person's own doing. */
function readAct(claims: Claims, path: ClaimPath): string | undefined {
  const act = readId(claims, path);
  const [outermost = path] = pathNames(path);
  if (act === undefined && Object.hasOwn(claims, outermost))
    throw tokenInvalid(`the claim "${outermost}" is there but does not hold "${path}"`);
  return act;
}

/** Decoration: one that is not fit to be shown is left out. */
function readDisplayName(claims: Claims, path: ClaimPath): string | undefined {
  const value = at(claims, path);
  return typeof value === 'string' && value !== '' && isPlain(value) ? value : undefined;
}

function isPlain(value: string): boolean {
  return value.length <= maxTextLength && !unprintable.test(value);
}

function readRoles(claims: Claims, path: ClaimPath): string[] {
  const value = at(claims, path) ?? [];
  const list: readonly unknown[] | undefined =
    typeof value === 'string' ? splitWords(value) : Array.isArray(value) ? value : undefined;
  if (list === undefined || list.length > maxListLength || !list.every(isRoleName))
    throw tokenInvalid(`the claim "${path}" is neither a list of role names nor a string of them`);
  return [...new Set(list)];
}

function isRoleName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && isPlain(value);
}

/** RFC 6749 §3.3 */
const scopeGrammar = /^[\x21\x23-\x5b\x5d-\x7e ]*$/;

function readScopes(claims: Claims, path: ClaimPath): string[] {
  const value = at(claims, path) ?? '';
  if (typeof value !== 'string' || !scopeGrammar.test(value))
    throw tokenInvalid(`the claim "${path}" is not a string of scopes`);
  return [...new Set(splitWords(value))];
}

function splitWords(value: string): string[] {
  return value.split(' ').filter((word) => word !== '');
}

/** Row filters compare with these: what could not be compared exactly is left out, and the filter then refuses. */
function copyScalars(claims: Claims): Readonly<Record<string, ClaimValue>> {
  // Without prototype: a filter on claim.constructor must find nothing.
  const copy = Object.create(null) as Record<string, ClaimValue>;
  let count = 0;
  for (const [name, value] of Object.entries(claims)) {
    if (count >= maxCopiedClaims || !isPlain(name) || !isExactScalar(value)) continue;
    copy[name] = value;
    count++;
  }
  return Object.freeze(copy);
}

function isExactScalar(value: unknown): value is ClaimValue {
  if (typeof value === 'string') return isPlain(value);
  // A larger number has lost digits already.
  if (typeof value === 'number') return Math.abs(value) <= Number.MAX_SAFE_INTEGER;
  return typeof value === 'boolean';
}
