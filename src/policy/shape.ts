/**
 * Holds a parsed file against its schema. Reports every fault of shape at its place and gives back
 * what is left: whatever is broken is undefined in it, so that the readers can go on and find the
 * rest of the faults in the same run. No value is coerced and no default filled in here.
 */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { Static, TSchema } from '@sinclair/typebox';
import type { PolicyFault } from './faults.js';
import { ownKeywords } from './schema.js';
import { pathOf, pointerOf, type Part, type PolicySource } from './source.js';
import { either, nearest, quote } from '../spelling.js';

/** A file of which any part may be missing. */
export type Partly<T> = T extends string | number | boolean
  ? T | undefined
  : T extends readonly (infer Item)[]
    ? readonly Partly<Item>[] | undefined
    : { readonly [Key in keyof T]?: Partly<T[Key]> | undefined } | undefined;

interface Finding {
  readonly path: readonly string[];
  readonly part: Part;
  readonly message: string;
  readonly hint: string;
}

const ajv = new Ajv({
  allErrors: true,
  verbose: true,
  strict: true,
  strictTypes: false,
  coerceTypes: false,
  useDefaults: false,
});
ajv.addVocabulary(ownKeywords);
const compiled = new WeakMap<TSchema, ValidateFunction>();

export function checkShape<T extends TSchema>(
  source: PolicySource,
  schema: T,
): { value: Partly<Static<T>>; faults: PolicyFault[] } {
  let validate = compiled.get(schema);
  if (validate === undefined) compiled.set(schema, (validate = ajv.compile(schema)));
  const value = copyOf(source.value);
  if (validate(value)) return { value: value as Partly<Static<T>>, faults: [] };

  const found = new Map<string, Finding>();
  for (const error of validate.errors ?? []) {
    const finding = describe(error);
    if (finding === undefined || isOpaque(source, error)) continue;
    const missing = error.keyword === 'required' ? finding.message : '';
    // The first error at a place is the plainest; an if/then/else repeats it.
    const place = `${error.instancePath} ${JSON.stringify(finding.path)} ${missing}`;
    if (!found.has(place)) found.set(place, finding);
  }
  for (const error of validate.errors ?? []) blank(value, error);
  return {
    value: value as Partly<Static<T>>,
    faults: [...found.values()].map(({ path, part, message, hint }) =>
      source.fault(path, part, message, hint),
    ),
  };
}

interface OwnSchema {
  readonly expects?: string;
  readonly properties?: Readonly<Record<string, { readonly expects?: string }>>;
  readonly propertyNames?: { readonly expects: string };
  readonly elsewhere?: Readonly<Record<string, string>>;
}

function describe(error: ErrorObject): Finding | undefined {
  // `if` only says that then or else failed; names that fail are told by `propertyNames`.
  if (error.keyword === 'if' || error.propertyName !== undefined) return undefined;
  const path = pathOf(error.instancePath);
  const schema = (error.parentSchema ?? {}) as OwnSchema;
  const params = error.params as Readonly<Record<string, unknown>>;
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownKey(path, String(params['additionalProperty']), schema);
    case 'required':
      return missingKey(path, String(params['missingProperty']), schema);
    case 'propertyNames': {
      const key = String(params['propertyName']);
      const hint = `write ${schema.propertyNames?.expects ?? 'another name'}`;
      return { path: [...path, key], part: 'key', message: `${quote(key)} cannot be used as a name`, hint };
    }
    case 'uniqueItems': {
      const index = Math.max(Number(params['i']), Number(params['j']));
      const message = `${quote(String((error.data as unknown[])[index]))} stands twice`;
      return { path: [...path, String(index)], part: 'value', message, hint: 'keep one of the two' };
    }
    default:
      return wrongValue(path, error, schema, params);
  }
}

function unknownKey(path: readonly string[], key: string, schema: OwnSchema): Finding {
  const place = { path: [...path, key], part: 'key' as const };
  const elsewhere = schema.elsewhere?.[key];
  if (elsewhere !== undefined)
    return { ...place, message: `${quote(key)} does not belong here`, hint: `write ${elsewhere}` };
  const keys = Object.keys(schema.properties ?? {});
  const meant = nearest(key, keys);
  const hint = meant === undefined ? `remove it; the keys here are ${keys.join(', ')}` : `write ${meant}`;
  return { ...place, message: `unknown key ${quote(key)}`, hint };
}

function missingKey(path: readonly string[], key: string, schema: OwnSchema): Finding {
  const from = path.length === 0 ? '' : ` from ${nameOf(path)}`;
  const expects = schema.properties?.[key]?.expects ?? 'its value';
  return { path, part: 'key', message: `${quote(key)} is missing${from}`, hint: `write ${key}: ${expects}` };
}

function wrongValue(
  path: readonly string[],
  error: ErrorObject,
  schema: OwnSchema,
  params: Readonly<Record<string, unknown>>,
): Finding {
  if (path.length === 0) {
    return {
      path,
      part: 'value',
      message: 'the file is not a mapping',
      hint: 'write lines of the form key: value',
    };
  }
  const what = nameOf(path);
  const hint = schema.expects === undefined ? 'correct it' : `write ${schema.expects}`;
  const { data } = error;
  if (data === null) return { path, part: 'key', message: `${what} has no value`, hint };
  switch (error.keyword) {
    case 'minProperties':
    case 'minItems':
    case 'minLength':
      return { path, part: 'key', message: `${what} is empty`, hint };
    case 'type': {
      const wanted = either([params['type']].flat().map((type) => kinds[String(type)] ?? String(type)));
      const inBrackets = params['type'] === 'array' && typeof data === 'string';
      const message = `${what} must be ${wanted}, not ${kindOf(data)}`;
      return { path, part: 'value', message, hint: inBrackets ? `write [${data.slice(0, 64)}]` : hint };
    }
    case 'minimum':
    case 'maximum':
      return { path, part: 'value', message: `${what} is out of range`, hint };
    default: {
      // enum, const, pattern, maxLength
      const words = Array.isArray(params['allowedValues']) ? params['allowedValues'].map(String) : [];
      const meant = typeof data === 'string' ? nearest(data, words) : undefined;
      const said =
        typeof data === 'string' ? quote(data) : typeof data === 'object' ? kindOf(data) : String(data);
      const message = `${what} cannot be ${said}`;
      return { path, part: 'value', message, hint: meant === undefined ? hint : `write ${meant}` };
    }
  }
}

/** Takes the broken thing out of the value, so that the readers do not trip over it. */
function blank(value: unknown, error: ErrorObject): void {
  const { keyword } = error;
  if (keyword === 'if' || keyword === 'required' || keyword === 'uniqueItems') return;
  if (error.propertyName !== undefined || keyword === 'propertyNames') return;
  const path = pathOf(error.instancePath);
  const last = keyword === 'additionalProperties' ? String(error.params['additionalProperty']) : path.pop();
  if (last === undefined) return;
  const holder = path.reduce<unknown>(
    (node, step) => (node as Record<string, unknown> | undefined)?.[step],
    value,
  );
  if (typeof holder !== 'object' || holder === null) return;
  if (keyword === 'additionalProperties') delete (holder as Record<string, unknown>)[last];
  else (holder as Record<string, unknown>)[last] = undefined;
}

/** Was the place refused while it was parsed? Then it is undefined here, and that is no news. */
function isOpaque(source: PolicySource, error: ErrorObject): boolean {
  const path = pathOf(error.instancePath);
  if (error.keyword === 'required') path.push(String(error.params['missingProperty']));
  return [...path.keys(), path.length].some((length) => source.opaque.has(pointerOf(path.slice(0, length))));
}

/** Copies what parseSource makes: plain objects without prototype, lists, scalars. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [key, inner] of Object.entries(value)) copy[key] = copyOf(inner);
  return copy;
}

/** A list's item is named after its list. */
function nameOf(path: readonly string[]): string {
  const last = path.findLast((step) => !/^\d+$/.test(step)) ?? 'the file';
  return path.at(-1) === last || path.length === 0 ? last : `an item of ${last}`;
}

const kinds: Record<string, string> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'yes or no',
  object: 'a mapping',
  array: 'a list',
};

function kindOf(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number') return 'a number';
  return kinds[typeof value] ?? typeof value;
}
