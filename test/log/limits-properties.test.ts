/**
 * Limits as the commit decides them, in simulated time: several writers that share the meters of people, of a tool and
 * of tokens, a clock that steps and crosses clock changes and month ends, policies that are replaced between two reads (and
 * change whose reads a limit counts), scopes and claims. Checked against a plain list of what the entries say was released.
 */
import fc from 'fast-check';
import t from 'tap';
import type { MaskedRows } from '../../src/access.js';
import { LimitReached } from '../../src/errors.js';
import { decideBatch, type Decided, type ReadItem, type WriterPosition } from '../../src/log/decide.js';
import type { EntryBody } from '../../src/log/entry.js';
import { Neighbours } from '../../src/log/neighbours.js';
import { limitsInForce } from '../../src/policy/limits-in-force.js';
import { counts, windows, type Limit } from '../../src/policy/model.js';
import { DayClock } from '../../src/quota/day-clock.js';
import { Meter } from '../../src/quota/meter.js';
import { sharedMeterKey, sharedMetersOf } from '../../src/quota/shared-meter.js';

const second = 1_000_000;
const zones = ['Europe/Berlin', 'America/New_York', 'Asia/Shanghai', 'Australia/Lord_Howe'];
const clocks = new Map(zones.map((zone) => [zone, new DayClock(zone)]));
const starts = [
  '2024-02-28T20:00:00Z',
  '2024-03-30T20:00:00Z',
  '2024-04-06T10:00:00Z',
  '2024-10-26T20:00:00Z',
  '2024-11-02T20:00:00Z',
  '2024-12-31T10:00:00Z',
];

const limit: fc.Arbitrary<Limit> = fc
  .record({
    count: fc.constantFrom(...counts.filter((count) => count !== 'bytes')),
    window: fc.constantFrom(...windows),
    max: fc.integer({ min: 1, max: 12 }),
    per: fc.constantFrom(undefined, 'tool', 'token'),
    scope: fc.constantFrom(undefined, undefined, 'export'),
  })
  .map(({ per, ...rest }) => (per === undefined ? rest : { ...rest, per }));

const read = fc.record({
  step: fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 0, max: 20 * second }) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 4_000 * second }) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 20 * 3_600 * second }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 33 * 86_400 * second }) },
    { weight: 1, arbitrary: fc.integer({ min: -7_200 * second, max: 0 }) },
  ),
  writer: fc.nat(2),
  person: fc.constantFrom(0, 0, 1),
  tool: fc.constantFrom('desk', 'desk', 'phone'),
  /** Of the person's two. */
  token: fc.constantFrom(0, 0, 1),
  found: fc.array(fc.nat(8), { maxLength: 4 }),
  kind: fc.constantFrom('browse', 'look-up', 'candidates', 'reveal', 'fill'),
  scopes: fc.constantFrom<string[]>([], ['export']),
  /** Which of the policy sets is in force by now. */
  set: fc.nat(1),
  claim: fc.option(
    fc.record({
      count: fc.constantFrom('records' as const, 'queries' as const),
      window: fc.constantFrom(...windows),
      max: fc.nat(9),
    }),
    { freq: 4 },
  ),
});

const story = fc.record({
  zone: fc.constantFrom(...zones),
  start: fc.constantFrom(...starts),
  sets: fc.tuple(fc.array(limit, { maxLength: 6 }), fc.array(limit, { maxLength: 6 })),
  reads: fc.array(read, { minLength: 1, maxLength: 50, size: 'max' }),
});

type Read = typeof read extends fc.Arbitrary<infer T> ? T : never;

const toTelephony = {
  as: 'fill',
  service: 'telephony',
  body: [],
  reserves: { records: 0, people: 0 },
} as const;

/** By key; the rows travel between writers as bytes, with the people that each has met. */
class Rows {
  readonly #rows = new Map<string, { id: number; state: Buffer | null; seen: Map<string, number> }>();

  of(key: string): { id: number; state: Buffer | null; seen: Map<string, number> } {
    let row = this.#rows.get(key);
    if (row === undefined)
      this.#rows.set(key, (row = { id: this.#rows.size + 1, state: null, seen: new Map() }));
    return row;
  }

  byId(id: number): { state: Buffer | null; seen: Map<string, number> } {
    return [...this.#rows.values()].find((row) => row.id === id)!;
  }

  keep(decided: Decided): void {
    for (const [id, meter] of decided.charged) this.byId(id).state = meter.encode();
    for (const { meterId, digest, day } of decided.touched) this.byId(meterId).seen.set(digest, day);
  }

  decide(item: ReadItem, micros: number, position: WriterPosition, clock: DayClock): Decided {
    const keys = [item.actor.meterKey, ...item.shared!.map(({ meterKey }) => meterKey)];
    const rows = keys.map((key) => this.of(key));
    return decideBatch(
      [item],
      new Map(rows.map(({ id, state, seen }) => [id, { meter: Meter.decode(state), people: new Map(seen) }])),
      micros,
      position,
      clock,
      new Neighbours(),
    );
  }
}

function itemOf(read: Read, limits: readonly Limit[], rows: Rows): ReadItem {
  const { found, kind, scopes, claim, person, tool, token } = read;
  const keys = (kind === 'reveal' || kind === 'fill' ? found.slice(0, 1) : found).map((n) => String(n * 10));
  const asking = { issuer: 'https://issuer.test', tool, tokenId: `${person} ${token}` };
  const meterKey = `actor:${person}`;
  return {
    kind: 'read',
    context: { request: 'r', door: 'rest', route: 'GET /rest/orders', actor: `${person}`, tool },
    actor: { actorId: `${person}`, meterId: rows.of(meterKey).id, meterKey },
    shared: sharedMetersOf({ limits }).map((per) => {
      const key = sharedMeterKey(per, 'agent', asking);
      return { per, meterKey: key, meterId: rows.of(key).id };
    }),
    table: 'orders',
    see: {},
    rows: { values: keys.map(() => []), recordKeys: keys, part: 0, last: true } as unknown as MaskedRows,
    digests: {
      count: keys.length,
      bytes: Buffer.alloc(2 * 8 * keys.length),
      people: [...new Set(keys)],
    },
    epoch: 'e1',
    limits: limitsInForce({ limits }, scopes, claim === null ? [] : [claim]),
    thresholds: {} as ReadItem['thresholds'],
    personal: true,
    lookups: kind === 'look-up' || kind === 'candidates' ? 1 : 0,
    candidates: kind === 'candidates',
    reveal: kind === 'reveal' ? 'receiver_phone' : undefined,
    sent: kind === 'fill' ? toTelephony : undefined,
    bytes: 10,
  };
}

interface Played {
  readonly body: EntryBody;
  readonly item: ReadItem;
}

/** Every read through one of three writers. @returns what the log then holds */
function play(
  { zone, start, sets, reads }: typeof story extends fc.Arbitrary<infer T> ? T : never,
  refused: (error: LimitReached, again: (micros: number) => Decided, at: number) => void,
): Played[] {
  const clock = clocks.get(zone)!;
  const positions = [0, 1, 2].map((n) => ({ writer: `w${n}`, nextNumber: 1, lastAt: 0 }));
  const rows = new Rows();
  const log: Played[] = [];
  let now = Date.parse(start) * 1000;
  for (const one of reads) {
    now += one.step;
    const item = itemOf(one, sets[one.set]!, rows);
    const decide = (micros: number): Decided => rows.decide(item, micros, positions[one.writer]!, clock);
    const decided = decide(now);
    const [outcome] = decided.outcomes;
    const body = JSON.parse(decided.entries[0]!.body) as EntryBody;
    positions[one.writer] = { writer: body.writer, nextNumber: body.number + 1, lastAt: body.at };
    log.push({ body, item });
    if ('refused' in outcome!) {
      if (decided.charged.size + decided.touched.length > 0) throw new Error('a refused read was charged');
      refused(outcome.refused as LimitReached, decide, body.at);
    } else rows.keep(decided);
  }
  return log;
}

function amountOf({ body, item }: Played, count: Limit['count']): number {
  const amount = body.charge!.amounts[count] as number | undefined;
  return count === 'people' ? item.digests.people.length : (amount ?? 0);
}

/** The meter that the limit is decided by. */
function meterOf({ charge }: EntryBody, per: Limit['per']): string | undefined {
  return per === undefined
    ? charge?.meter
    : charge?.shared?.map(([key]) => key).find((key) => key.startsWith(`${per}:`));
}

/** Charged to the same meter, up to that entry. */
function chargedWith(log: readonly Played[], upTo: number, per: Limit['per']): Played[] {
  const meter = meterOf(log[upTo]!.body, per);
  if (meter === undefined) throw new Error(`no meter of the ${per}`);
  return log.slice(0, upTo + 1).filter(({ body }) => meterOf(body, per) === meter);
}

/** What the window held right after that entry, from the entries themselves. */
function held(log: readonly Played[], upTo: number, { count, window, per }: Limit): number {
  const { body } = log[upTo]!;
  const within = chargedWith(log, upTo, per).filter(({ body: other }) => {
    if (other.charge === undefined) return false;
    if (window === 'minute') return other.at > body.at - 60 * second;
    if (window === 'hour') return other.at > body.at - 3_600 * second;
    return other.charge!.day > body.charge!.day - (window === 'day' ? 1 : 30);
  });
  if (count !== 'people') return within.reduce((sum, one) => sum + amountOf(one, count), 0);
  // In a minute and an hour only who is new that day counts, so this is the most that it can be.
  if (window === 'minute' || window === 'hour') return 0;
  return new Set(within.flatMap(({ item }) => item.digests.people)).size;
}

const runs = { numRuns: 900, seed: 2211 };

void t.test(
  'whoever decides and whatever changes in between, no limit in force is ever overrun',
  async (t) => {
    let released = 0;
    const refusals = { person: 0, tool: 0, token: 0 };
    fc.assert(
      fc.property(story, (told) => {
        const log = play(told, ({ limit: reached }) => {
          refusals[(/ of this (tool|token)$/.exec(reached)?.[1] as 'tool') ?? 'person']++;
        });
        return log.every(({ body, item }, at) => {
          if (body.charge === undefined) return true;
          released++;
          return item.limits.every(
            (one) =>
              (one.count === 'people' ? item.digests.people.length : amountOf(log[at]!, one.count)) === 0 ||
              held(log, at, one) <= one.max ||
              // Who comes again on the same day adds nobody, even where a new policy allows fewer than were seen.
              (one.count === 'people' && addsNobody(log, at, one)),
          );
        });
      }),
      runs,
    );
    t.ok(released > 5_000, `${released} released`);
    for (const [whose, many] of Object.entries(refusals)) t.ok(many > 300, `${many} refused of a ${whose}`);
  },
);

function addsNobody(log: readonly Played[], at: number, { window, per }: Limit): boolean {
  const { body, item } = log[at]!;
  const span = window === '30d' ? 30 : 1;
  const before = chargedWith(log, at, per)
    .slice(0, -1)
    .filter(({ body: other }) => other.charge !== undefined && other.charge.day > body.charge!.day - span);
  const known = new Set(before.flatMap((one) => one.item.digests.people));
  return item.digests.people.every((digest) => known.has(digest));
}

void t.test('a refusal names its limit and when to come back, and then the same read succeeds', async (t) => {
  let waits = 0;
  fc.assert(
    fc.property(story, (told) => {
      let sound = true;
      const log = play(told, (error, again, at) => {
        const { retryAfterSeconds, limit, max } = error;
        if (!(error instanceof LimitReached) || retryAfterSeconds === undefined) return (sound = false);
        if (!new RegExp(`^${max} \\w+ per (minute|hour|day|30d)( of this (tool|token))?$`).test(limit))
          return (sound = false);
        const { outcomes } = again(at + retryAfterSeconds * second);
        const [outcome] = outcomes;
        if ('refused' in outcome!) {
          // Waiting does not help what is larger than the limit; and by then another may be full, since on a new day people are new.
          const later = outcome.refused as LimitReached;
          sound &&= retryAfterSeconds === error.windowSeconds || later.limit !== limit;
        } else waits++;
        return undefined;
      });
      return sound && log.length === told.reads.length;
    }),
    runs,
  );
  t.ok(waits > 1_000, `${waits} came back in time`);
});
