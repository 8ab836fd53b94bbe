/** Writes a configuration as YAML for people to read: every key, defaults included, no secret. */
import { stringify } from 'yaml';
import { configKeys } from './keys.js';
import type { Config } from './schema.js';

export const elided = '(set)';

/** @returns YAML in which each secret that is set reads "(set)" */
export function dumpConfig(config: Config): string {
  const copy = structuredClone(config) as Record<string, unknown>;
  for (const { path, secret } of configKeys) {
    if (secret) elide(copy, path);
  }
  return stringify(copy, { lineWidth: 0 });
}

function elide(node: unknown, path: readonly string[]): void {
  const [name, ...rest] = path;
  if (name === undefined || node === null || typeof node !== 'object') return;
  if (name === '[]') {
    for (const item of node as unknown[]) elide(item, rest);
    return;
  }
  const holder = node as Record<string, unknown>;
  if (rest.length > 0) elide(holder[name], rest);
  else if (holder[name] !== undefined) holder[name] = elided;
}
