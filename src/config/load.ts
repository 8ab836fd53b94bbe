/**
 * File and environment → one frozen Config, or every fault at once. The environment wins over the file.
 * Refuses unknown keys and unknown WEIR_ variables, and coerces nothing: a port in quotes is a fault.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Ajv } from 'ajv';
import { describe } from './explain.js';
import { ConfigFaults, type ConfigFault } from './faults.js';
import { configKeys, writeKey, type ConfigKey } from './keys.js';
import { checkMeaning } from './meaning.js';
import { nearest } from '../spelling.js';
import { configSchema, placeVariables, type Config } from './schema.js';
import { ConfigSource, type KeyPath } from './source.js';

export type Environment = Readonly<Record<string, string | undefined>>;

const ajv = new Ajv({ allErrors: true, useDefaults: true, strict: true, verbose: true });
ajv.addVocabulary(['env', 'secret', 'path']);
const validate = ajv.compile<Config>(configSchema);

/**
 * @param options.file YAML; undefined: the environment alone
 * @param options.cwd what paths in the environment are relative to; paths in the file are relative to the file
 * @throws ConfigFaults
 */
export function loadConfig(options: {
  readonly file?: string | undefined;
  /** What the file holds; default: it is read. */
  readonly text?: string | undefined;
  readonly env: Environment;
  readonly cwd?: string;
}): Config {
  const { file, env, cwd = '.' } = options;
  const [text, unreadable] =
    file === undefined || options.text !== undefined
      ? [options.text, []]
      : readFile(resolve(cwd, file), file);
  const source = new ConfigSource(file, text);
  const faults: ConfigFault[] = [...unreadable, ...source.faults];
  // What cannot be read has no keys to complain about.
  if (faults.length > 0) throw new ConfigFaults(faults);

  const fileFolder = file === undefined ? resolve(cwd) : dirname(resolve(cwd, file));
  const named = new Set<string>();
  const unset = new Set<string>();
  for (const key of expand(source)) {
    const value = source.get(key.path);
    if (key.secret && isReference(value)) {
      if ('env' in value) named.add(value.env);
      // An overriding variable makes the reference pointless, not wrong.
      if (key.env === undefined || env[key.env] === undefined) {
        const found = readSecret(value, env, fileFolder);
        if (typeof found === 'string') source.set(key.path, found);
        else {
          faults.push({ where: source.where(key.path), ...found });
          unset.add(writeKey(key.path));
          source.set(key.path, undefined);
        }
      }
    } else if (key.isPath && typeof value === 'string') {
      source.set(key.path, resolve(fileFolder, value));
    }
    if (key.env !== undefined && env[key.env] !== undefined) {
      const found = readVariable(key, env[key.env]!, cwd);
      if ('message' in found) {
        faults.push({ where: key.env, ...found });
        unset.add(writeKey(key.path));
      } else source.set(key.path, found.value, key.env);
    }
  }
  faults.push(...unknownVariables(env, named));

  if (!validate(source.values)) {
    for (const error of validate.errors ?? []) {
      const fault = describe(error, source, unset);
      if (fault !== undefined) faults.push(fault);
    }
  }
  faults.push(...checkMeaning(source));
  if (faults.length > 0) throw new ConfigFaults(withoutRepeats(faults));
  return deepFreeze(source.values) as unknown as Config;
}

function readFile(path: string, shown: string): [string | undefined, ConfigFault[]] {
  try {
    return [readFileSync(path, 'utf8'), []];
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    const hint = 'name a readable file with --config FILE or WEIR_CONFIG';
    return [undefined, [{ where: shown, message: `the file cannot be read (${code})`, hint }]];
  }
}

/** The keys, with those inside list items once for each item. */
function expand(source: ConfigSource): (Omit<ConfigKey, 'path'> & { path: KeyPath })[] {
  return configKeys.flatMap((key) => {
    const paths = key.path.reduce<KeyPath[]>(
      (heads, part) =>
        part === '[]'
          ? heads.flatMap((head) => {
              const list = source.get(head);
              return Array.isArray(list) ? list.map((_, index) => [...head, index]) : [];
            })
          : heads.map((head) => [...head, part]),
      [[]],
    );
    return paths.map((path) => ({ ...key, path }));
  });
}

function isReference(value: unknown): value is { env: string } | { file: string } {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length === 1 && ['env', 'file'].includes(entries[0]![0]) && typeof entries[0]![1] === 'string'
  );
}

function readSecret(
  reference: { env: string } | { file: string },
  env: Environment,
  folder: string,
): string | { message: string; hint: string } {
  if ('env' in reference) {
    const value = env[reference.env];
    if (value !== undefined && value !== '') return value;
    return {
      message: `the variable ${reference.env} is not set`,
      hint: `set ${reference.env}, or name another variable`,
    };
  }
  try {
    const text = readFileSync(resolve(folder, reference.file), 'utf8').trim();
    if (text !== '') return text;
    return {
      message: `the file ${reference.file} is empty`,
      hint: 'write the secret into it, and nothing else',
    };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    const message = `the file ${reference.file} cannot be read (${code})`;
    return { message, hint: 'paths are relative to the configuration file; check path and permissions' };
  }
}

function readVariable(
  key: { type: string; isPath: boolean; env: string | undefined },
  text: string,
  cwd: string,
): { value: unknown } | { message: string; hint: string } {
  if (text === '') return { message: 'is set but empty', hint: `unset ${key.env}, or give it a value` };
  if (key.type === 'integer') {
    if (/^(0|[1-9][0-9]{0,14})$/.test(text)) return { value: Number(text) };
    return { message: 'must be a whole number', hint: 'write digits only, without sign, spaces or unit' };
  }
  return { value: key.isPath ? resolve(cwd, text) : text };
}

function unknownVariables(env: Environment, named: ReadonlySet<string>): ConfigFault[] {
  const known = [...Object.keys(placeVariables), ...configKeys.flatMap(({ env: name }) => name ?? [])];
  return Object.keys(env)
    .filter((name) => name.startsWith('WEIR_') && !known.includes(name) && !named.has(name))
    .sort()
    .map((name) => {
      const meant = nearest(name, known);
      const hint =
        meant === undefined ? `known are ${known.join(', ')}` : `did you mean ${meant}? Otherwise unset it`;
      return { where: name, message: 'there is no such variable', hint };
    });
}

function withoutRepeats(faults: readonly ConfigFault[]): ConfigFault[] {
  return [...new Map(faults.map((fault) => [`${fault.where}\n${fault.message}`, fault])).values()];
}

function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object') {
    for (const item of Object.values(value)) deepFreeze(item);
    Object.freeze(value);
  }
  return value;
}
