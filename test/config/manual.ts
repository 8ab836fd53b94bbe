/** The rows of docs/configuration.md, as the schema has them. */
import { configKeys, writeKey, type ConfigKey } from '../../src/config/keys.js';

const code = (text: string) => `\`${text}\``;

export function rowOf(key: ConfigKey): string {
  const secret = key.secret ? ' **Secret.**' : '';
  const preset = key.default === undefined ? '—' : code(JSON.stringify(key.default));
  const env = key.env === undefined ? '' : code(key.env);
  return `| ${code(writeKey(key.path))} | ${env} | ${preset} | ${key.description}${secret} |`;
}

export const rows: readonly string[] = configKeys.map(rowOf);
