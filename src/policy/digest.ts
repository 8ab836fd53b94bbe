/**
 * The digest that names a policy set: SHA-256 over what the files say, not how they are laid out.
 * Comments, white space, quoting and the order of keys do not change it; anything else does. Pure.
 */
import { createHash } from 'node:crypto';

/** @param content canonical JSON @returns lower-case hex */
export function digestOf(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

/** JSON without white space, keys sorted by their UTF-16 code units (as in RFC 8785). */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`);
  return `{${members.join(',')}}`;
}
