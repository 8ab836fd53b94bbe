/**
 * The facts of a read straight from the text of its body, several times faster than parsing it. Most of a
 * body stands word for word in thousands of others: who asked how, which columns, which limits. So each
 * body that has passed the full check (verify-facts.ts) becomes a pattern, in which that stays as it is and
 * only what differs from read to read may differ, within the forms that the full check allows. What fits no
 * known pattern is checked in full. It may be wrong only if it accepts too much; a test holds the two together.
 */
import type { Limit } from '../policy/model.js';
import type { Charge } from '../quota/charge.js';
import type { EntryBody, EntryCharge } from './entry.js';
import { chargeFault } from './read-entry.js';
import { chargeFrom, factsOf, type EntryRow, type Facts } from './verify-facts.js';

interface Pattern {
  /** Anchored at both ends; its groups are those of `take`. */
  readonly expression: RegExp;
  readonly policy: string | undefined;
  readonly limits: readonly Limit[];
}

interface Actor {
  readonly actor: string;
  readonly meter: string;
  /** What this person's reads looked like, the latest first. */
  readonly recent: Pattern[];
}

const maxRecent = 8;
const maxPatterns = 2_000;
const maxActors = 20_000;
const maxAmounts = 20_000;
const freelyLearned = 500;

export class EntryReader {
  readonly #patterns = new Map<string, Pattern>();
  readonly #actors = new Map<string, Actor>();
  readonly #amounts = new Map<string, Charge>();
  #learned = 0;
  #recognised = 0;

  /** @returns the facts; or what is wrong with the row, in words */
  read(row: EntryRow): Facts | string {
    const quick = this.quick(row);
    if (quick !== undefined) {
      this.#recognised++;
      return quick;
    }
    const facts = factsOf(row);
    if (typeof facts !== 'string' && facts.read !== undefined && row[4] === 'f') this.#learn(row[5], facts);
    return facts;
  }

  /** @returns undefined: it fits nothing that is known yet, or not quite */
  quick(row: EntryRow): Facts | undefined {
    const known = row[3] === null ? undefined : this.#actors.get(row[3]);
    if (known === undefined || row[4] !== 'f') return undefined;
    const { recent } = known;
    for (let i = 0; i < recent.length; i++) {
      const pattern = recent[i]!;
      const found = pattern.expression.exec(row[5]);
      if (found === null) continue;
      if (i > 0) recent.unshift(...recent.splice(i, 1));
      return this.#take(row, known, pattern, found);
    }
    return undefined;
  }

  #take(row: EntryRow, { actor, meter }: Actor, pattern: Pattern, found: RegExpExecArray): Facts | undefined {
    if (found[1] !== row[0] || found[2] !== row[1] || found[3] !== actor || found[4] !== row[2])
      return undefined;
    const part = Number(found[5]);
    const records = Number(found[6]);
    const consecutive = Number(found[8]);
    const sequence = Number(found[9]);
    const day = Number(found[10]);
    const charge = this.#charge(found[11]!);
    if (charge === undefined || consecutive > records) return undefined;
    const { policy, limits } = pattern;
    const read = { part, records, digests: found[7]!, meter, sequence, day, charge, limits };
    return { kind: 'read', actor, policy, zone: undefined, read };
  }

  #charge(text: string): Charge | undefined {
    const known = this.#amounts.get(text);
    if (known !== undefined) return known;
    const amounts = parse<EntryCharge['amounts']>(text);
    if (amounts === undefined || chargeFault({ meter: '-', sequence: 1, day: 0, amounts })) return undefined;
    const charge = chargeFrom(amounts);
    if (this.#amounts.size >= maxAmounts) this.#amounts.clear();
    this.#amounts.set(own(text), charge);
    return charge;
  }

  /** @param text a body that is sound */
  #learn(text: string, { actor, read }: Facts): void {
    // A pattern costs as much as many checks: where hardly two reads are alike, they are not worth it.
    if (this.#learned > freelyLearned + this.#recognised / 16) return;
    this.#learned++;
    const body = JSON.parse(text) as EntryBody;
    const source = patternOf(body);
    if (actor === undefined || read === undefined || source === undefined || read.meter !== `actor:${actor}`)
      return;
    let pattern = this.#patterns.get(source);
    if (pattern === undefined) {
      if (this.#patterns.size >= maxPatterns) this.#forget();
      pattern = { expression: new RegExp(source), policy: body.policy, limits: read.limits };
      this.#patterns.set(source, pattern);
    }
    let known = this.#actors.get(actor);
    if (known === undefined) {
      if (this.#actors.size >= maxActors) this.#actors.clear();
      const name = own(actor);
      this.#actors.set(name, (known = { actor: name, meter: `actor:${name}`, recent: [] }));
    }
    if (known.recent.includes(pattern)) return;
    known.recent.unshift(pattern);
    known.recent.length = Math.min(known.recent.length, maxRecent);
  }

  #forget(): void {
    this.#patterns.clear();
    this.#actors.clear();
  }
}

const positive = '([1-9][0-9]{0,14}|[1-8][0-9]{15})';
const natural = '(0|[1-9][0-9]{0,14})';
const id = '([0-9a-f-]{36})';
/** Text that stands in JSON as it is. No group: nothing is computed from it. */
const words = '"[^"\\\\\\u0000-\\u001f]+"';

/** What differs from read to read, in the order in which a gateway writes it: one group each, but for those without. */
const forms: readonly (readonly [member: string, form: string])[] = [
  ['writer', `"${id}"`],
  ['number', positive],
  ['request', words],
  ['actor', `"${id}"`],
  ['act', words],
  ['statement', words],
  ['at', positive],
  ['read.part', natural],
  ['read.last', '(?:true|false)'],
  ['read.records', natural],
  ['read.digests', '"([0-9a-f]{64})"'],
  ['read.consecutive', natural],
  // The person's own meter: what stood for "actor" once more.
  ['charge.meter', '"actor:\\3"'],
  ['charge.sequence', positive],
  ['charge.day', natural],
  ['charge.amounts', '(\\{[^}]*\\})'],
];

/**
 * The body with forms in the place of what differs.
 * @returns undefined where the members do not stand in that order, so that the groups would be others
 */
function patternOf(body: EntryBody): string | undefined {
  const marked = JSON.parse(JSON.stringify(body)) as Record<string, unknown>;
  const marks: number[] = [];
  forms.forEach(([member], i) => {
    const [outer, inner] = member.split('.') as [string, string?];
    if (marked[outer] === undefined) return;
    marks.push(i);
    if (inner === undefined) marked[outer] = `\u0001${i}\u0001`;
    else (marked[outer] as Record<string, unknown>)[inner] = `\u0001${i}\u0001`;
  });
  const found: number[] = [];
  const source = JSON.stringify(marked)
    .replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
    .replace(/"\\\\u0001(\d+)\\\\u0001"/g, (mark, i: string) => {
      found.push(Number(i));
      return forms[Number(i)]?.[1] ?? mark;
    });
  return found.join() === marks.join() ? `^${source}$` : undefined;
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

/** A copy: a piece cut from a body would keep the whole body in memory. */
function own(text: string): string {
  return Buffer.from(text).toString();
}
