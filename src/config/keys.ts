/** The keys of the configuration as a flat list, read off the schema: what loads, dumps and documents it. */
import { configSchema } from './schema.js';

export interface ConfigKey {
  /** Parts of the key; '[]' stands for the items of a list. */
  readonly path: readonly string[];
  readonly type: 'string' | 'integer' | 'array';
  readonly env: string | undefined;
  readonly secret: boolean;
  /** The value is a path of the file system. */
  readonly isPath: boolean;
  readonly default: unknown;
  readonly description: string;
}

interface SchemaNode {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly default?: unknown;
  readonly description?: string;
  readonly env?: string;
  readonly secret?: boolean;
  readonly path?: boolean;
}

/** Every key that holds a value, in the order of the schema: `identity.issuers[].claims.person`. */
export const configKeys: readonly ConfigKey[] = Object.freeze(walk(configSchema as SchemaNode, []));

function walk(node: SchemaNode, path: readonly string[]): ConfigKey[] {
  if (node.type === 'object') {
    return Object.entries(node.properties ?? {}).flatMap(([name, child]) => walk(child, [...path, name]));
  }
  const key: ConfigKey = Object.freeze({
    path,
    type: node.type as ConfigKey['type'],
    env: node.env,
    secret: node.secret === true,
    isPath: node.path === true,
    default: node.default,
    description: node.description ?? '',
  });
  const inItems = node.items?.type === 'object' ? walk(node.items, [...path, '[]']) : [];
  return [key, ...inItems];
}

/** `identity.issuers[].claims.person`; list positions are written `[0]`. */
export function writeKey(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    if (part === '[]') return `${text}[]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}
