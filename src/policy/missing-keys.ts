/** Masks of a set that need a secret which is not configured: a set with one of these must not be served. */
import type { MaskKeys } from '../mask/mask.js';
import { isToken } from '../mask/token.js';
import type { PolicySet } from './model.js';

/** @returns one fault for each role, in words */
export function missingKeys(set: PolicySet, keys: MaskKeys): string[] {
  if (keys.token !== undefined) return [];
  return [...set.roles.values()].flatMap(({ role, tables }) => {
    const shown = [...tables].flatMap(([table, { see }]) =>
      [...see].filter(([, mask]) => isToken(mask)).map(([column]) => `${table}.${column}`),
    );
    if (shown.length === 0) return [];
    return [
      `role ${role} sees ${shown.join(', ')} as token, and masks.tokenKey is not configured: ` +
        'make a key with openssl rand -base64 32, or use another mask',
    ];
  });
}
