/**
 * The facts of a read straight from the bytes of its body, many times faster than parsing it. Most of a
 * body stands byte for byte in thousands of others: who asked how, which columns, which limits. So each
 * body that has passed the full check (verify-facts.ts) becomes a pattern, in which that stays as it is and
 * only what differs from read to read may differ, within the forms that the full check allows. What fits no
 * known pattern is checked in full. It may be wrong only if it accepts too much; a test holds the two together.
 */
import type { Charge, PeopleCharge } from '../quota/charge.js';
import type { EntryBody, EntryCharge } from './entry.js';
import { chargeFault, isPeopleList } from './read-entry.js';
import type { EntryRow } from './verify-copy.js';
import {
  chargeFrom,
  factsOf,
  peopleFrom,
  sharedKind,
  type Facts,
  type ReadFacts,
  type SharedFacts,
} from './verify-facts.js';

/** What may stand where reads differ. */
type Form = 'writer' | 'words' | 'positive' | 'natural' | 'boolean' | 'hash' | 'amounts' | 'people';

/** What differs from one read of a person to another, in the order in which a gateway writes it. */
const fields: readonly (readonly [member: string, form: Form])[] = [
  ['writer', 'writer'],
  ['number', 'positive'],
  ['request', 'words'],
  ['act', 'words'],
  ['statement', 'words'],
  ['ticket', 'words'],
  ['at', 'positive'],
  ['read.part', 'natural'],
  ['read.last', 'boolean'],
  ['read.records', 'natural'],
  ['read.digests', 'hash'],
  ['read.consecutive', 'natural'],
  ['charge.sequence', 'positive'],
  ['charge.day', 'natural'],
  ['charge.amounts', 'amounts'],
];

/** A field, and what stands before it. */
interface Step {
  readonly before: Uint8Array;
  readonly form: Form;
  readonly field: number;
  /** Words that stood there last, with their quotes: most often they stand there again. */
  last: Uint8Array;
}

interface Pattern {
  readonly steps: readonly Step[];
  /** What stands after the last field. */
  readonly tail: Uint8Array;
  readonly kind: Facts['kind'];
  readonly policy: string | undefined;
  /** What the steps do not differ in. */
  readonly always: Pick<ReadFacts, 'reveal' | 'fill' | 'write' | 'reserves' | 'reserved' | 'limits'>;
  /** Of each table that came inside the rows: is it charged? */
  readonly also: readonly boolean[] | undefined;
  /** Meters of tool and token that are charged as well. */
  readonly shared: readonly string[] | undefined;
}

interface Actor {
  readonly actor: string;
  readonly meter: string;
  /** What this person's reads looked like, the latest first. */
  readonly recent: Pattern[];
}

const maxRecent = 8;
/** Of all people together; about 1.5 kB each. */
const maxPatterns = 10_000;
const maxAmounts = 20_000;
const freelyLearned = 500;
/** Tables inside the rows of a read whose counts are read quickly; their fields follow the others. */
const maxAlso = 10;
/** Behind those: of each meter that many share its sequence, and its people. */
const sharedField = fields.length + maxAlso;
const maxShared = 2;
const hashLength = 64;
/** From so many bytes on, calling out of JavaScript to compare them is worth it. */
const longLength = 64;
const [numberField, atField, partField, recordsField, consecutiveField, sequenceField, dayField] = [
  'number',
  'at',
  'read.part',
  'read.records',
  'read.consecutive',
  'charge.sequence',
  'charge.day',
].map((name) => fields.findIndex(([member]) => member === name)) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

export class EntryReader {
  readonly #actors = new Map<string, Actor>();
  readonly #amounts = new Map<string, Charge>();
  readonly #people = new Map<string, PeopleCharge>();
  #patterns = 0;
  #learned = 0;
  #recognised = 0;
  // What the last pattern found, by field; texts by where they stand.
  readonly #numbers = new Float64Array(sharedField + 2 * maxShared);
  readonly #peopleAt = new Float64Array(maxShared);
  readonly #peopleEnd = new Float64Array(maxShared);
  #at = 0;
  #hashAt = 0;
  #amountsAt = 0;
  #amountsEnd = 0;

  /** @returns the facts; or what is wrong with the row, in words */
  read(row: EntryRow): Facts | string {
    const quick = this.quick(row);
    if (quick !== undefined) {
      this.#recognised++;
      return quick;
    }
    const { writer, number, at, actor, flagged, bytes, start, end } = row;
    const body = bytes.toString('utf8', start, end);
    const facts = factsOf({ writer: writer.text, number, at, actorId: actor?.text ?? null, flagged, body });
    if (typeof facts !== 'string' && facts.read !== undefined && !flagged) this.#learn(body, facts);
    return facts;
  }

  /** @returns undefined: it fits nothing that is known yet, or not quite */
  quick(row: EntryRow): Facts | undefined {
    const known = row.actor === null ? undefined : this.#actors.get(row.actor.text);
    if (known === undefined || row.flagged) return undefined;
    const { recent } = known;
    for (let i = 0; i < recent.length; i++) {
      const pattern = recent[i]!;
      if (!this.#fits(pattern, row)) continue;
      if (i > 0) recent.unshift(...recent.splice(i, 1));
      return this.#take(row, known, pattern);
    }
    return undefined;
  }

  #fits({ steps, tail }: Pattern, row: EntryRow): boolean {
    const { bytes } = row;
    this.#at = row.start;
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i]!;
      if (!this.#pass(bytes, step.before) || !this.#passForm(bytes, step, row)) return false;
    }
    return this.#pass(bytes, tail) && this.#at === row.end;
  }

  #passForm(bytes: Buffer, step: Step, { writer }: EntryRow): boolean {
    switch (step.form) {
      case 'writer':
        return this.#passQuoted(bytes, writer.ascii);
      case 'words':
        return this.#pass(bytes, step.last) || this.#passWords(bytes, step);
      case 'positive':
        return this.#passNumber(bytes, step.field) && this.#numbers[step.field] !== 0;
      case 'natural':
        return this.#passNumber(bytes, step.field);
      case 'boolean':
        return this.#pass(bytes, trueBytes) || this.#pass(bytes, falseBytes);
      case 'hash':
        return this.#passHash(bytes);
      case 'amounts':
        return this.#passAmounts(bytes);
      case 'people':
        return this.#passPeople(bytes, (step.field - sharedField) >> 1);
    }
  }

  #pass(bytes: Buffer, expected: Uint8Array): boolean {
    const at = this.#at;
    const end = at + expected.length;
    if (expected.length > longLength) {
      if (end > bytes.length || bytes.compare(expected, 0, expected.length, at, end) !== 0) return false;
    } else {
      for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false;
    }
    this.#at = end;
    return true;
  }

  #passQuoted(bytes: Buffer, text: Uint8Array): boolean {
    const start = this.#at;
    if (bytes[start] !== quote || bytes[start + text.length + 1] !== quote) return false;
    this.#at = start + 1;
    if (!this.#pass(bytes, text)) return false;
    this.#at++;
    return true;
  }

  /** A string that stands in JSON as it is: no quote, no escape, no control character. */
  #passWords(bytes: Buffer, step: Step): boolean {
    const start = this.#at;
    if (bytes[start] !== quote) return false;
    let at = start + 1;
    for (let byte = bytes[at]!; byte !== quote; byte = bytes[++at]!)
      if (!(byte >= 0x20) || byte === backslash) return false;
    this.#at = at + 1;
    if (at === start + 1) return false;
    // Short ones are ids, which hardly come again.
    if (at - start > longLength) step.last = Buffer.from(bytes.subarray(start, at + 1));
    return true;
  }

  /** A whole number as JSON writes it, and small enough to be exact. */
  #passNumber(bytes: Buffer, field: number): boolean {
    const start = this.#at;
    let at = start;
    let value = 0;
    for (let digit = bytes[at]! - zero; digit >= 0 && digit <= 9; digit = bytes[++at]! - zero)
      value = value * 10 + digit;
    this.#at = at;
    this.#numbers[field] = value;
    const length = at - start;
    return (
      length > 0 &&
      length <= 16 &&
      value <= Number.MAX_SAFE_INTEGER &&
      (length === 1 || bytes[start] !== zero)
    );
  }

  /** SHA-256 in lower-case hexadecimal digits. */
  #passHash(bytes: Buffer): boolean {
    const start = this.#at + 1;
    const end = start + hashLength;
    let digits = bytes[start - 1] === quote && bytes[end] === quote ? 1 : 0;
    // Without a branch in the loop, which is what takes the time.
    for (let at = start; at < end; at++) digits &= hexDigits[bytes[at]!]!;
    this.#hashAt = start;
    this.#at = end + 1;
    return digits === 1;
  }

  /** From { to the next }. What stands between is looked at when it is taken. */
  #passAmounts(bytes: Buffer): boolean {
    this.#amountsAt = this.#at;
    const end = bytes.indexOf(closingBrace, this.#at) + 1;
    this.#at = this.#amountsEnd = end;
    return end > 0;
  }

  /** From [ to where as many are closed as were opened. What stands between is looked at when it is taken. */
  #passPeople(bytes: Buffer, shared: number): boolean {
    const start = this.#at;
    if (bytes[start] !== openingBracket) return false;
    let open = 0;
    let at = start;
    do {
      const byte = bytes[at++];
      if (byte === openingBracket) open++;
      else if (byte === closingBracket) open--;
      else if (byte !== comma && !(byte! >= zero && byte! <= nine)) return false;
    } while (open > 0);
    this.#peopleAt[shared] = start;
    this.#peopleEnd[shared] = this.#at = at;
    return true;
  }

  #take(row: EntryRow, { actor, meter }: Actor, pattern: Pattern): Facts | undefined {
    const { kind, policy, always } = pattern;
    const { limits, reveal, fill, write, reserves, reserved } = always;
    const { bytes } = row;
    const numbers = this.#numbers;
    const records = numbers[recordsField]!;
    const also = pattern.also?.map((personal, i) => ({ records: numbers[fields.length + i]!, personal }));
    const all = also === undefined ? records : also.reduce((sum, inside) => sum + inside.records, records);
    if (
      reserved > records ||
      (kind !== 'read' && records > 1) ||
      numbers[numberField] !== row.number ||
      numbers[atField] !== row.at ||
      numbers[consecutiveField]! > all
    ) {
      return undefined;
    }
    const charge = this.#charge(bytes.toString('latin1', this.#amountsAt, this.#amountsEnd));
    const digests = bytes.toString('latin1', this.#hashAt, this.#hashAt + hashLength);
    const shared = pattern.shared && this.#shared(bytes, pattern.shared);
    if (charge === undefined || shared?.length !== pattern.shared?.length) return undefined;
    const read = {
      part: numbers[partField]!,
      records,
      also,
      reveal,
      fill,
      write,
      reserves,
      reserved,
      digests,
      meter,
      sequence: numbers[sequenceField]!,
      day: numbers[dayField]!,
      charge,
      shared,
      limits,
    };
    return { kind, actor, policy, zone: undefined, read };
  }

  #charge(text: string): Charge | undefined {
    const known = this.#amounts.get(text);
    if (known !== undefined) return known;
    const amounts = parse<EntryCharge['amounts']>(text);
    if (amounts === undefined || chargeFault({ meter: '-', sequence: 1, day: 0, amounts })) return undefined;
    const charge = chargeFrom(amounts);
    if (this.#amounts.size >= maxAmounts) this.#amounts.clear();
    this.#amounts.set(text, charge);
    return charge;
  }

  /** @returns fewer than there are keys where one is not sound */
  #shared(bytes: Buffer, keys: readonly string[]): SharedFacts[] {
    return keys.flatMap((meter, i) => {
      const sequence = this.#numbers[sharedField + 2 * i]!;
      const people = this.#peopleOf(bytes.toString('latin1', this.#peopleAt[i], this.#peopleEnd[i]));
      return people === undefined ? [] : [{ per: sharedKind(meter), meter, sequence, people }];
    });
  }

  #peopleOf(text: string): PeopleCharge | undefined {
    const known = this.#people.get(text);
    if (known !== undefined) return known;
    const list = parse<unknown>(text);
    if (!isPeopleList(list)) return undefined;
    const people = peopleFrom(list);
    if (this.#people.size >= maxAmounts) this.#people.clear();
    this.#people.set(text, people);
    return people;
  }

  /** @param text a body that is sound */
  #learn(text: string, { kind, actor, read }: Facts): void {
    // A pattern costs as much as many checks: where hardly two reads are alike, they are not worth it.
    if (this.#learned > freelyLearned + this.#recognised / 16) return;
    this.#learned++;
    const body = JSON.parse(text) as EntryBody;
    const found = patternOf(body);
    if (actor === undefined || read === undefined || found === undefined || read.meter !== `actor:${actor}`)
      return;
    let known = this.#actors.get(actor);
    if (known === undefined || this.#patterns >= maxPatterns) {
      if (this.#patterns >= maxPatterns) this.#forget();
      this.#actors.set(actor, (known = { actor, meter: read.meter, recent: [] }));
    }
    const { steps, tail } = found;
    const { reveal, fill, write, reserves, reserved, limits } = read;
    this.#patterns +=
      known.recent.unshift({
        steps,
        tail,
        kind,
        policy: body.policy,
        always: { reveal, fill, write, reserves, reserved, limits },
        also: read.also?.map(({ personal }) => personal),
        shared: read.shared?.map(({ meter }) => meter),
      }) > maxRecent
        ? 0
        : 1;
    known.recent.length = Math.min(known.recent.length, maxRecent);
  }

  #forget(): void {
    this.#patterns = 0;
    this.#actors.clear();
  }
}

const quote = 0x22;
const backslash = 0x5c;
const closingBrace = 0x7d;
const openingBracket = 0x5b;
const closingBracket = 0x5d;
const comma = 0x2c;
const zero = 0x30;
const nine = 0x39;
const hexDigits = Uint8Array.from({ length: 256 }, (_, code) =>
  /[0-9a-f]/.test(String.fromCharCode(code)) ? 1 : 0,
);
const nothing = Buffer.from('\0');
const trueBytes = Buffer.from('true');
const falseBytes = Buffer.from('false');

/**
 * The body with forms in the place of what differs.
 * @returns undefined where the members do not stand in the order of `fields`
 */
function patternOf(body: EntryBody): Pick<Pattern, 'steps' | 'tail'> | undefined {
  const marked = JSON.parse(JSON.stringify(body)) as Record<string, unknown>;
  const marks: number[] = [];
  fields.forEach(([member], i) => {
    const [named, inner] = member.split('.') as [string, string?];
    // What left is named as its kind.
    const outer = named === 'read' ? body.kind : named;
    if (marked[outer] === undefined) return;
    marks.push(i);
    if (inner === undefined) marked[outer] = `\u0001${i}\u0001`;
    else (marked[outer] as Record<string, unknown>)[inner] = `\u0001${i}\u0001`;
    if (member === 'charge.amounts' && body.charge?.shared !== undefined) {
      const shared = body.charge.shared.map(([meter], n) => {
        const [sequence, people] = [sharedField + 2 * n, sharedField + 2 * n + 1];
        marks.push(sequence, people);
        return [meter, `\u0001${sequence}\u0001`, `\u0001${people}\u0001`];
      });
      (marked.charge as Record<string, unknown>).shared = shared;
    }
    if (member !== 'read.consecutive' || body.read?.also === undefined) return;
    const also = body.read.also.map(([table, see, , personal], n) => {
      marks.push(fields.length + n);
      return [table, see, `\u0001${fields.length + n}\u0001`, personal];
    });
    (marked.read as Record<string, unknown>).also = also;
  });
  if ((body.read?.also?.length ?? 0) > maxAlso) return undefined;
  const [tail, ...pairs] = JSON.stringify(marked)
    .split(/"\\u0001(\d+)\\u0001"/)
    .reverse() as [string, ...string[]];
  const steps: Step[] = [];
  for (let i = pairs.length - 1; i > 0; i -= 2) {
    const field = Number(pairs[i - 1]);
    const form = formOf(field);
    if (form === undefined) return undefined;
    steps.push({ before: Buffer.from(pairs[i]!), form, field, last: nothing });
  }
  const ordered = steps.map(({ field }) => field).join() === marks.join();
  return ordered ? { steps, tail: Buffer.from(tail) } : undefined;
}

function formOf(field: number): Form | undefined {
  if (field < fields.length) return fields[field]?.[1];
  if (field < sharedField) return 'natural';
  return (field - sharedField) % 2 === 0 ? 'positive' : 'people';
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
