/** What a schema validator found, in words: the place, what is wrong, and what to write instead. Never the value. */
import type { ErrorObject } from 'ajv';
import type { ConfigFault } from './faults.js';
import { configKeys, writeKey } from './keys.js';
import { nearest } from '../spelling.js';
import type { ConfigSource } from './source.js';

const wrongTypes: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  integer: ['must be a whole number', 'write digits only, without quotes or unit'],
  string: ['must be text', 'put it in quotes'],
  array: ['must be a list', 'write [one, two], or each item on its own line after "- "'],
  object: ['must hold keys', 'write its keys on the lines below it, indented'],
};

/** @returns undefined where another fault says it already */
export function describe(
  error: ErrorObject,
  source: ConfigSource,
  unset: ReadonlySet<string>,
): ConfigFault | undefined {
  const path = pointer(error.instancePath);
  const params = error.params as Record<string, unknown>;
  if (error.keyword === 'additionalProperties') {
    const name = String(params['additionalProperty']);
    const siblings = Object.keys((error.parentSchema as { properties?: object }).properties ?? {});
    const meant = nearest(name, siblings);
    const hint = meant === undefined ? `known here: ${siblings.join(', ')}` : `did you mean ${meant}?`;
    return { where: source.where([...path, name]), message: 'there is no such key', hint };
  }
  if (error.keyword === 'required') {
    const missing = [...path, String(params['missingProperty'])];
    if (unset.has(writeKey(missing))) return undefined;
    const variable = configKeys.find((key) => writeKey(key.path) === writeKey(missing))?.env;
    const hint = variable === undefined ? 'add it to the file' : `add it to the file, or set ${variable}`;
    return { where: source.where(missing), message: 'is missing and has no default', hint };
  }
  if (unset.has(writeKey(path))) return undefined;
  return { where: source.where(path), ...explain(error, params) };
}

function explain(error: ErrorObject, params: Record<string, unknown>): { message: string; hint: string } {
  const about = (error.parentSchema as { description?: string } | undefined)?.description;
  const preset = (error.parentSchema as { default?: unknown } | undefined)?.default;
  const meaning =
    (about === undefined || about === '' ? 'see docs/configuration.md' : about) +
    (preset === undefined ? '' : `; ${JSON.stringify(preset)} unless set`);
  switch (error.keyword) {
    case 'type': {
      const type = String(params['type']);
      if ((error.parentSchema as { secret?: boolean }).secret === true) {
        return { message: 'must be text', hint: 'write it in quotes, or as {env: NAME} or {file: PATH}' };
      }
      const [message, hint] = wrongTypes[type] ?? ['has the wrong type', meaning];
      return { message, hint };
    }
    case 'minimum':
      return { message: `must be at least ${String(params['limit'])}`, hint: meaning };
    case 'maximum':
      return { message: `must be at most ${String(params['limit'])}`, hint: meaning };
    case 'minLength':
      return { message: 'must not be empty', hint: meaning };
    case 'maxLength':
      return { message: `must not be longer than ${String(params['limit'])} characters`, hint: meaning };
    case 'minItems':
      return { message: `must hold at least ${String(params['limit'])}`, hint: meaning };
    case 'enum':
      return {
        message: 'is none of the known values',
        hint: `write one of ${(params['allowedValues'] as string[]).join(', ')}`,
      };
    case 'minProperties':
    case 'maxProperties': {
      const names = Object.keys((error.parentSchema as { properties: object }).properties);
      return { message: 'must hold exactly one key', hint: `write either ${names.join(' or ')}` };
    }
    default:
      return { message: 'does not have the expected form', hint: meaning };
  }
}

function pointer(instancePath: string): (string | number)[] {
  return instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}
