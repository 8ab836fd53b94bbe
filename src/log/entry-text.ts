/**
 * An entry's body as canonical JSON text: to the byte what JSON.stringify writes, at a fraction of the time.
 * Most of an entry is what it was last time (statement, policy, forms of the columns, limits), so the text of
 * such members is kept: of strings by their member's name, of objects by their identity.
 */
import type { EntryBody } from './entry.js';

/** Members whose strings come again and again; never those that differ from entry to entry. */
const recurring = [
  'actor',
  'door',
  'epoch',
  'kind',
  'meter',
  'policy',
  'role',
  'route',
  'service',
  'statement',
  'table',
  'tool',
  'writer',
];
/** Members that are objects with names of ours; others may hold names that need escaping. */
const objects = ['amounts', 'charge', 'fill', 'read', 'write'];

/** What a member is written with. Of one look-up by name: what is neither recurring nor an object is written as it comes. */
interface Name {
  /** "name": and with a comma before it. */
  readonly first: string;
  readonly further: string;
  readonly kind: 'recurring' | 'object' | undefined;
}

const names = new Map<string, Name>([
  ...recurring.map((name) => written(name, 'recurring')),
  ...objects.map((name) => written(name, 'object')),
]);

function written(name: string, kind: Name['kind']): [string, Name] {
  return [name, { first: `"${name}":`, further: `,"${name}":`, kind }];
}

/** ASCII without anything to escape. */
const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

const maxStrings = 20_000;
const strings = new Map<string, string>();
const frozen = new WeakMap<object, string>();

/** @param parts members of the body, in the order in which they are to stand */
export function entryText(...parts: readonly Partial<EntryBody>[]): string {
  let text = '';
  for (const part of parts) text = isContext(part) ? withContext(text, part) : withMembers(text, part);
  return `{${text}}`;
}

type Context = Partial<EntryBody> & { readonly actor: string };

function isContext(part: Partial<EntryBody>): part is Context {
  for (const first in part) return first === 'request' && typeof part.actor === 'string';
  return false;
}

/** What a context said behind its request. */
interface Kept {
  readonly names: readonly string[];
  readonly values: readonly unknown[];
  readonly text: string;
}

const maxContexts = 10_000;
/** By actor, the last one: somebody at work says it again and again. */
const contexts = new Map<string, Kept>();

function withContext(before: string, context: Context): string {
  const { request, actor } = context;
  let kept = contexts.get(actor);
  if (kept === undefined || !says(kept, context)) {
    const { request: _request, ...rest } = context;
    kept = { names: Object.keys(rest), values: Object.values(rest), text: withMembers('', rest) };
    if (contexts.size >= maxContexts) contexts.clear();
    contexts.set(actor, kept);
  }
  const text = withMembers(before, { request });
  if (kept.text === '') return text;
  return text === '' ? kept.text : `${text},${kept.text}`;
}

function says({ names, values }: Kept, context: Context): boolean {
  let at = 0;
  for (const name in context) {
    if (name === 'request') continue;
    if (names[at] !== name || values[at] !== context[name as never]) return false;
    at += 1;
  }
  return at === names.length;
}

/** Its text is kept. For objects that nobody changes any more and that entry after entry shares. */
export function keepText<T extends object>(shared: T): T {
  frozen.set(shared, JSON.stringify(shared));
  return shared;
}

function withMembers(before: string, members: object): string {
  let text = before;
  for (const name in members) {
    const value: unknown = members[name as never];
    if (value === undefined) continue;
    const { first, further, kind } = names.get(name) ?? remembered(name);
    text += text === '' ? first : further;
    text += memberText(kind, value);
  }
  return text;
}

/** All names are ours, so these are few. */
function remembered(name: string): Name {
  const entry = written(name, undefined);
  names.set(...entry);
  return entry[1];
}

function memberText(kind: Name['kind'], value: unknown): string {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  if (typeof value === 'string') {
    if (kind === 'recurring') return keptString(value);
    return plain.test(value) ? `"${value}"` : JSON.stringify(value);
  }
  if (typeof value === 'object' && value !== null) {
    const kept = frozen.get(value);
    if (kept !== undefined) return kept;
    if (kind === 'object' && !Array.isArray(value)) return `{${withMembers('', value)}}`;
  }
  return JSON.stringify(value);
}

function keptString(value: string): string {
  let text = strings.get(value);
  if (text === undefined) {
    if (strings.size >= maxStrings) strings.clear();
    strings.set(value, (text = JSON.stringify(value)));
  }
  return text;
}
