/** Masks of a set that need a secret which is not configured: a set with one of these must not be served. */
import type { MaskKeys } from '../mask/mask.js';
import { isToken } from '../mask/token.js';
import type { PolicyFault } from './faults.js';
import type { LoadedPolicies } from './load.js';
import type { PolicySet } from './model.js';

const hint = 'make a key with openssl rand -base64 32, or use another mask';

/** @returns one fault for each role, in words */
export function missingKeys(set: PolicySet, keys: MaskKeys): string[] {
  return missing(set, keys).map(({ message }) => `${message}: ${hint}`);
}

/** The same for a set that is to be taken up while the gateway runs. */
export function missingKeyFaults({ set, sources }: LoadedPolicies, keys: MaskKeys): PolicyFault[] {
  return missing(set, keys).map(({ role, message }) =>
    sources.roles.get(role)!.fault(['tables'], 'key', message, hint),
  );
}

function missing(set: PolicySet, keys: MaskKeys): { role: string; message: string }[] {
  if (keys.token !== undefined) return [];
  return [...set.roles.values()].flatMap(({ role, tables, services = [] }) => {
    const shown = [...tables, ...services].flatMap(([table, { see }]) =>
      [...see].filter(([, mask]) => isToken(mask)).map(([column]) => `${table}.${column}`),
    );
    if (shown.length === 0) return [];
    return [
      {
        role,
        message: `role ${role} sees ${shown.join(', ')} as token, and masks.tokenKey is not configured`,
      },
    ];
  });
}
