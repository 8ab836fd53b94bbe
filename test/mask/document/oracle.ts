/**
 * What documentMask must give, worked out another way: JSON.parse, a walk over the paths of what is there, and
 * JSON.stringify. It shares nothing with the engine but the masks. Slow, and unkind to memory.
 */
import type { DocumentShape, MaskedDocument } from '../../../src/mask/document/document-mask.js';
import { maskOf } from '../../../src/mask/masks.js';

/** A number as its text. */
class Digits {
  constructor(readonly text: string) {}
}

type Json = null | boolean | string | Digits | Json[] | Map<string, Json>;

class Unfit extends Error {}

/** @returns 'unfit' where the document must be refused */
export function expectedOf(text: string, shape: DocumentShape): MaskedDocument | 'unfit' {
  try {
    return mask(parse(text), shape);
  } catch (thrown) {
    if (thrown instanceof Unfit) return 'unfit';
    throw thrown;
  }
}

function refuse(): never {
  throw new Unfit();
}

function parse(text: string): Json {
  try {
    JSON.parse(text);
  } catch {
    refuse();
  }
  if (text.includes('\0') || /\p{Surrogate}/u.test(text)) refuse();
  let keys = 0;
  const wrapped = text.replace(
    /("(?:[^"\\]|\\.)*")(\s*:)?|-?[0-9][0-9.eE+-]*/gu,
    (found: string, string: string | undefined, colon: string | undefined) => {
      if (string === undefined) return `{"number":"${found}"}`;
      if (colon === undefined) return `{"string":${string}}`;
      keys += 1;
      // Names that are numbers would change their places; and JSON.parse of Node 24.21 mistakes names with escapes
      // ('{"_\\u0061":1}') for others that it has read before.
      return `"_${Buffer.from(JSON.parse(string) as string, 'utf16le').toString('hex')}":`;
    },
  );
  const read: unknown = JSON.parse(wrapped);
  if (keys !== countKeys(read)) refuse();
  return unwrap(read, 0);
}

function countKeys(value: unknown): number {
  if (value === null || typeof value !== 'object') return 0;
  const within = Object.values(value).reduce<number>((sum, one) => sum + countKeys(one), 0);
  return within + Object.keys(value).filter((name) => name.startsWith('_')).length;
}

function unwrap(value: unknown, depth: number): Json {
  if (value === null || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return depth >= 64 ? refuse() : value.map((one) => unwrap(one, depth + 1));
  const entries = Object.entries(value as Record<string, unknown>);
  const [[name, first] = ['', undefined]] = entries;
  if (name === 'number' && typeof first === 'string') return new Digits(first);
  if (name === 'string' && typeof first === 'string') return sound(first);
  if (depth >= 64) refuse();
  const nameOf = (key: string): string => sound(Buffer.from(key.slice(1), 'hex').toString('utf16le'));
  return new Map(entries.map(([key, one]) => [nameOf(key), unwrap(one, depth + 1)]));
}

function sound(text: string): string {
  return text.includes('\0') || /\p{Surrogate}/u.test(text) ? refuse() : text;
}

interface Spec {
  /** What is left of the path: names, "*", "[*]". */
  readonly rest: readonly string[];
  /** Undefined: listed and not shown. */
  readonly mask: string | undefined;
}

function segmentsOf(path: string): string[] {
  const found = path.replace(/^\$\.?/, '').match(/"[^"]*"|\[\*\]|[^.[\]"]+/g) ?? [];
  return found.map((one) => (one.startsWith('"') ? one.slice(1, -1) : one));
}

function specsOf(shape: DocumentShape, fromDocument: boolean): Spec[] {
  return shape.fields
    .filter((path) => path.startsWith('$') === fromDocument)
    .map((path) => ({ rest: segmentsOf(path), mask: shape.see.get(path) }));
}

function mask(document: Json, shape: DocumentShape): MaskedDocument {
  const many = shape.records.endsWith('[*]');
  const names = segmentsOf(shape.records).filter((name) => name !== '[*]');
  const found = names.reduce<Json>(
    (place, name) => (place instanceof Map ? place.get(name) : undefined) ?? refuse(),
    document,
  );
  if (many !== Array.isArray(found)) refuse();
  const records = (Array.isArray(found) ? found : [found]).map((row) => {
    if (!(row instanceof Map)) refuse();
    return {
      text: textOf(project(row, specsOf(shape, false)) ?? new Map()),
      record: keyOf(row, shape.record) ?? refuse(),
      subject: shape.subject === undefined ? null : keyOf(row, shape.subject),
    };
  });
  const marker = many ? ['RECORDS'] : 'RECORDS';
  const around = textOf(frameOf(document, names, specsOf(shape, true), marker));
  const [head = '', tail = ''] = around.split('"RECORDS"');
  const frame = records.map((_, index) => (index === 0 ? head : ','));
  frame.push(records.length === 0 ? head + tail : tail);
  return {
    frame,
    records: records.map(({ text }) => text),
    recordKeys: records.map(({ record }) => record),
    subjectKeys: records.map(({ subject }) => subject),
  };
}

/** What stands around the records, which come last. */
function frameOf(value: Json, names: readonly string[], specs: readonly Spec[], marker: Json): Json {
  const [name, ...further] = names;
  if (name === undefined) return marker;
  if (!(value instanceof Map)) refuse();
  const others = specs.filter(({ rest }) => rest[0] !== name);
  const around = project(value, others) ?? new Map<string, Json>();
  if (!(around instanceof Map)) refuse();
  const within = specs.filter(({ rest }) => rest[0] === name).map(afterFirst);
  return new Map([...around, [name, frameOf(value.get(name) ?? null, further, within, marker)]]);
}

function afterFirst({ rest, mask }: Spec): Spec {
  return { rest: rest.slice(1), mask };
}

function keyOf(row: Map<string, Json>, name: string): string | null {
  const value = row.get(name) ?? null;
  if (value instanceof Digits) return /^(-?[1-9][0-9]*|0)$/.test(value.text) ? value.text : refuse();
  if (value === null || value === '') return null;
  return typeof value === 'string' ? value : refuse();
}

/** @returns undefined: nothing of it is shown */
function project(value: Json, specs: readonly Spec[]): Json | undefined {
  if (specs.every(({ mask }) => mask === undefined)) return undefined;
  const leaf = specs.find(({ rest }) => rest.length === 0);
  if (leaf?.mask !== undefined) return shown(value, leaf.mask);
  if (value === null) return null;
  const within = (name: string): Spec[] => specs.filter(({ rest }) => rest[0] === name).map(afterFirst);
  if (specs[0]?.rest[0] === '[*]')
    return Array.isArray(value) ? value.map((one) => project(one, within('[*]')) ?? null) : refuse();
  if (!(value instanceof Map)) refuse();
  const listed = new Set(specs.map(({ rest }) => rest[0] ?? '').filter((name) => name !== '*'));
  const output = new Map<string, Json>();
  for (const name of listed) {
    const always = within(name).some(({ rest, mask }) => rest.length === 0 && mask === 'null');
    const there = value.has(name) ? project(value.get(name) ?? null, within(name)) : undefined;
    if (there !== undefined || always) output.set(name, there ?? null);
  }
  for (const [name, one] of value) {
    const there = listed.has(name) ? undefined : project(one, within('*'));
    if (there !== undefined) output.set(name, there);
  }
  return output;
}

function shown(value: Json, name: string): Json {
  if (value === null || name === 'null') return null;
  if (value instanceof Map || Array.isArray(value)) refuse();
  if (name === 'clear') return value;
  if (typeof value === 'boolean') refuse();
  return maskOf(name).apply(value instanceof Digits ? value.text : value);
}

function textOf(value: Json): string {
  if (value instanceof Digits) return value.text;
  if (Array.isArray(value)) return `[${value.map(textOf).join(',')}]`;
  if (!(value instanceof Map)) return JSON.stringify(value);
  return `{${[...value].map(([key, one]) => `${JSON.stringify(key)}:${textOf(one)}`).join(',')}}`;
}
