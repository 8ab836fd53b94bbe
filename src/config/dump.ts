/** Writes a configuration as YAML for people to read: every key, defaults included, no secret. */
import { stringify } from 'yaml';
import { configKeys } from './keys.js';
import type { Config } from './schema.js';

export const elided = '(set)';

/** @returns YAML in which each secret that is set reads "(set)" */
export function dumpConfig(config: Config): string {
  const copy = inOrder(config, []) as Record<string, unknown>;
  for (const { path, secret } of configKeys) {
    if (secret) elide(copy, path);
  }
  return stringify(copy, { lineWidth: 0 });
}

/** A copy with its keys in the order of the schema, whatever the order of the file. */
function inOrder(value: unknown, path: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => inOrder(item, [...path, '[]']));
  if (value === null || typeof value !== 'object') return value;
  const known = new Set(
    configKeys.flatMap((key) =>
      path.every((part, depth) => key.path[depth] === part) ? key.path[path.length]! : [],
    ),
  );
  const holder = value as Record<string, unknown>;
  return Object.fromEntries(
    [...known].filter((name) => name in holder).map((name) => [name, inOrder(holder[name], [...path, name])]),
  );
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
