/**
 * The facts of a read straight from the text of its body. Bodies are written in one canonical form, and
 * most of each body stands in thousands of others (who and how, which columns, which limits): those
 * stretches are parsed and checked once and then recognised. Whatever is not exactly in that form is left to
 * the full check in verify-facts.ts, so this can be wrong only by accepting; a test holds the two together.
 *
 * Why cutting at `,"at":` is safe: within a JSON string a quote is escaped, so such a stretch of text is never
 * inside a value; and each part, braces put around it, must be canonical JSON by itself.
 */
import type { Limit } from '../policy/model.js';
import type { Charge } from '../quota/charge.js';
import type { EntryBody, EntryCharge, EntryRead } from './entry.js';
import { areLimits, chargeFault, contextFault, readFault } from './read-entry.js';
import { chargeFrom, factsOf, limitsFrom, type EntryRow, type Facts } from './verify-facts.js';

interface Context {
  readonly actor: string;
  readonly policy: string | undefined;
  readonly meter: string;
  /** What stands between the read and the charge's number. */
  readonly chargeHead: string;
}

const digestsLength = 64;

export class EntryReader {
  readonly #contexts = new Memo(learnContext);
  readonly #tables = new Memo(learnTable);
  readonly #amounts = new Memo(learnAmounts);
  readonly #limits = new Memo(learnLimits);
  #at = 0;

  /** @returns the facts; or what is wrong with the row, in words */
  read(row: EntryRow): Facts | string {
    return this.quick(row) ?? factsOf(row);
  }

  /** @returns undefined: not certain, ask the full check */
  quick(row: EntryRow): Facts | undefined {
    const [writer, number, at, actorId, flagged, text] = row;
    if (flagged !== 'f' || !isPositive(number) || !isPositive(at) || !isPlain(writer, 0, writer.length))
      return undefined;
    this.#at = 0;
    if (!this.#pass(text, `{"v":1,"writer":"${writer}","number":${number},"request":"`)) return undefined;
    if (this.#plain(text) === undefined || !this.#pass(text, '",')) return undefined;
    const context = this.#contexts.get(this.#until(text, ',"at":'));
    if (context === undefined || context.actor !== actorId) return undefined;
    if (!this.#pass(text, `,"at":${at},"kind":"read","read":{`)) return undefined;
    const part = this.#tables.get(this.#until(text, ',"records":'));
    if (part === undefined || !this.#pass(text, ',"records":')) return undefined;
    const records = this.#number(text);
    if (records < 0 || !this.#pass(text, ',"digests":"')) return undefined;
    const digests = this.#plain(text);
    if (digests?.length !== digestsLength || !this.#pass(text, '","epoch":"')) return undefined;
    if (this.#plain(text) === undefined || !this.#pass(text, '","consecutive":')) return undefined;
    const consecutive = this.#number(text);
    if (consecutive < 0 || consecutive > records || !this.#pass(text, context.chargeHead)) return undefined;
    const sequence = this.#number(text);
    if (sequence < 1 || !this.#pass(text, ',"day":')) return undefined;
    const day = this.#number(text);
    if (day < 0 || !this.#pass(text, ',"amounts":{')) return undefined;
    const charge = this.#amounts.get(this.#until(text, '}},"limits":['));
    if (charge === undefined || !this.#pass(text, '}},"limits":[') || !text.endsWith(']}')) return undefined;
    const limits = this.#limits.get(text.slice(this.#at, -2));
    if (limits === undefined) return undefined;
    const { actor, policy, meter } = context;
    const read = { part, records, digests, meter, sequence, day, charge, limits };
    return { kind: 'read', actor, policy, zone: undefined, read };
  }

  #pass(text: string, expected: string): boolean {
    if (!text.startsWith(expected, this.#at)) return false;
    this.#at += expected.length;
    return true;
  }

  /** Everything up to that mark; to the end where there is none. */
  #until(text: string, mark: string): string {
    const end = text.indexOf(mark, this.#at);
    const part = text.slice(this.#at, end < 0 ? undefined : end);
    this.#at += part.length;
    return part;
  }

  /** The rest of a string without escapes, up to its quote; not empty. */
  #plain(text: string): string | undefined {
    const end = text.indexOf('"', this.#at);
    if (end <= this.#at || !isPlain(text, this.#at, end)) return undefined;
    const plain = text.slice(this.#at, end);
    this.#at = end;
    return plain;
  }

  /** A whole number as JSON writes it; -1 where there is none. */
  #number(text: string): number {
    const start = this.#at;
    let value = 0;
    let digit = text.charCodeAt(start) - 48;
    while (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digit = text.charCodeAt(++this.#at) - 48;
    }
    const length = this.#at - start;
    const sound = length > 0 && length <= 15 && (length === 1 || text.charCodeAt(start) !== 48);
    return sound ? value : -1;
  }
}

/** Text → what it means, as far as it is sound; the sound ones are remembered. Bounded. */
class Memo<T> {
  readonly #learn: (text: string) => T | undefined;
  readonly #known = new Map<string, T>();

  constructor(learn: (text: string) => T | undefined) {
    this.#learn = learn;
  }

  get(text: string): T | undefined {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const learned = this.#learn(text);
    if (learned === undefined) return undefined;
    if (this.#known.size >= maxRemembered) this.#known.clear();
    // A copy: a slice would keep the whole body that it was cut from.
    this.#known.set(Buffer.from(text).toString(), learned);
    return learned;
  }
}

const maxRemembered = 20_000;

function learnContext(text: string): Context | undefined {
  const context = parse<EntryBody>(`{${text}}`);
  if (
    context === undefined ||
    contextFault({ ...context, request: '-' }, true) !== Object.keys(context).length + 1
  ) {
    return undefined;
  }
  const actor = context.actor!;
  const meter = `actor:${actor}`;
  return {
    actor,
    policy: context.policy,
    meter,
    chargeHead: `},"charge":{"meter":${JSON.stringify(meter)},"sequence":`,
  };
}

/** Table, columns, part and whether it is the last. @returns the number of the part */
function learnTable(text: string): number | undefined {
  const read = parse<EntryRead>(`{${text}}`);
  const others = { records: 0, digests: '-'.repeat(digestsLength), epoch: '-', consecutive: 0 };
  return read === undefined || Object.keys(read).length !== 4 || readFault({ ...read, ...others })
    ? undefined
    : read.part;
}

function learnAmounts(text: string): Charge | undefined {
  const amounts = parse<EntryCharge['amounts']>(`{${text}}`);
  return amounts === undefined || chargeFault({ meter: '-', sequence: 1, day: 0, amounts })
    ? undefined
    : chargeFrom(amounts);
}

function learnLimits(text: string): Limit[] | undefined {
  const limits = parse(`[${text}]`);
  return areLimits(limits) ? limitsFrom(limits) : undefined;
}

/** @returns undefined unless it is JSON in canonical form */
function parse<T>(text: string): T | undefined {
  try {
    const value = JSON.parse(text) as T;
    return JSON.stringify(value) === text ? value : undefined;
  } catch {
    return undefined;
  }
}

function isPositive(digits: string): boolean {
  const first = digits.charCodeAt(0);
  return first > 48 && first <= 57 && digits.length <= 16 && Number(digits) <= Number.MAX_SAFE_INTEGER;
}

/** Printable ASCII without quote and backslash: stands in JSON as it is. */
function isPlain(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return false;
  }
  return end > start;
}
