/**
 * Limits as the commit decides them, in simulated time: several writers that share one meter row, a clock that steps and
 * crosses clock changes and month ends, policies that are replaced between two reads, scopes and claims. Checked
 * against a plain list of what the entries say was released.
 */
import fc from 'fast-check';
import t from 'tap';
import type { MaskedRows } from '../../src/access.js';
import { LimitReached } from '../../src/errors.js';
import { decideBatch, type Decided, type ReadItem } from '../../src/log/decide.js';
import type { EntryBody } from '../../src/log/entry.js';
import { Neighbours } from '../../src/log/neighbours.js';
import { limitsInForce } from '../../src/policy/limits-in-force.js';
import { counts, windows, type Limit } from '../../src/policy/model.js';
import { DayClock } from '../../src/quota/day-clock.js';
import { Meter } from '../../src/quota/meter.js';

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

const limit: fc.Arbitrary<Limit> = fc.record({
  count: fc.constantFrom(...counts.filter((count) => count !== 'bytes')),
  window: fc.constantFrom(...windows),
  max: fc.integer({ min: 1, max: 12 }),
  scope: fc.constantFrom(undefined, undefined, 'export'),
});

const read = fc.record({
  step: fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 0, max: 20 * second }) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 4_000 * second }) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 20 * 3_600 * second }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 33 * 86_400 * second }) },
    { weight: 1, arbitrary: fc.integer({ min: -7_200 * second, max: 0 }) },
  ),
  writer: fc.nat(2),
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
  sets: fc.tuple(fc.array(limit, { maxLength: 4 }), fc.array(limit, { maxLength: 4 })),
  reads: fc.array(read, { minLength: 1, maxLength: 30 }),
});

type Read = typeof read extends fc.Arbitrary<infer T> ? T : never;

const meterId = 7;
const toTelephony = {
  as: 'fill',
  service: 'telephony',
  body: [],
  reserves: { records: 0, people: 0 },
} as const;

function itemOf({ found, kind, scopes, claim }: Read, limits: readonly Limit[]): ReadItem {
  const keys = (kind === 'reveal' || kind === 'fill' ? found.slice(0, 1) : found).map((n) => String(n * 10));
  return {
    kind: 'read',
    context: { request: 'r', door: 'rest', route: 'GET /rest/orders', actor: 'a', tool: 'desk' },
    actor: { actorId: 'a', meterId, meterKey: 'actor:a' },
    table: 'orders',
    see: {},
    rows: { values: keys.map(() => []), recordKeys: keys, part: 0, last: true } as unknown as MaskedRows,
    records: Buffer.alloc(8 * keys.length),
    subjects: Buffer.alloc(8 * keys.length),
    people: [...new Set(keys)],
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

/** Every read through one of three writers; the meter travels between them as the bytes of its row. @returns what the log then holds */
function play(
  { zone, start, sets, reads }: typeof story extends fc.Arbitrary<infer T> ? T : never,
  refused: (error: LimitReached, again: (micros: number) => Decided, at: number) => void,
): Played[] {
  const clock = clocks.get(zone)!;
  const positions = [0, 1, 2].map((n) => ({ writer: `w${n}`, nextNumber: 1, lastAt: 0 }));
  const seen = new Map<string, number>();
  const log: Played[] = [];
  let row: Buffer | null = null;
  let now = Date.parse(start) * 1000;
  for (const one of reads) {
    now += one.step;
    const item = itemOf(one, sets[one.set]!);
    const decide = (
      micros: number,
      position = positions[one.writer]!,
    ): { decided: Decided; meter: Meter } => {
      const meter = Meter.decode(row);
      const lastDays = new Map(seen);
      const decided = decideBatch(
        [item],
        new Map([[meterId, meter]]),
        new Map([[meterId, lastDays]]),
        micros,
        position,
        clock,
        new Neighbours(),
      );
      return { decided, meter };
    };
    const { decided, meter } = decide(now);
    const [outcome] = decided.outcomes;
    const body = JSON.parse(decided.entries[0]!.body) as EntryBody;
    positions[one.writer] = { writer: body.writer, nextNumber: body.number + 1, lastAt: body.at };
    log.push({ body, item });
    if ('refused' in outcome!) {
      refused(outcome.refused as LimitReached, (micros) => decide(micros).decided, body.at);
      continue;
    }
    row = meter.encode();
    for (const { digest, day } of decided.touched) seen.set(digest, day);
  }
  return log;
}

function amountOf({ body, item }: Played, count: Limit['count']): number {
  const amount = body.charge!.amounts[count] as number | undefined;
  return count === 'people' ? item.people.length : (amount ?? 0);
}

/** What the window held right after that entry, from the entries themselves. */
function held(log: readonly Played[], upTo: number, { count, window }: Limit): number {
  const { body } = log[upTo]!;
  const within = log.slice(0, upTo + 1).filter(({ body: other }) => {
    if (other.charge === undefined) return false;
    if (window === 'minute') return other.at > body.at - 60 * second;
    if (window === 'hour') return other.at > body.at - 3_600 * second;
    return other.charge!.day > body.charge!.day - (window === 'day' ? 1 : 30);
  });
  if (count !== 'people') return within.reduce((sum, one) => sum + amountOf(one, count), 0);
  // In a minute and an hour only who is new that day counts, so this is the most that it can be.
  if (window === 'minute' || window === 'hour') return 0;
  return new Set(within.flatMap(({ item }) => item.people)).size;
}

const runs = { numRuns: 1_200, seed: 2211 };

void t.test(
  'whoever decides and whatever changes in between, no limit in force is ever overrun',
  async (t) => {
    let released = 0;
    let refusals = 0;
    fc.assert(
      fc.property(story, (told) => {
        const log = play(told, () => refusals++);
        return log.every(({ body, item }, at) => {
          if (body.charge === undefined) return true;
          released++;
          return item.limits.every(
            (one) =>
              (one.count === 'people' ? item.people.length : amountOf(log[at]!, one.count)) === 0 ||
              held(log, at, one) <= one.max ||
              // Who comes again on the same day adds nobody, even where a new policy allows fewer than were seen.
              (one.count === 'people' && addsNobody(log, at, one.window)),
          );
        });
      }),
      runs,
    );
    t.ok(released > 5_000 && refusals > 2_000, `${released} released, ${refusals} refused`);
  },
);

function addsNobody(log: readonly Played[], at: number, window: Limit['window']): boolean {
  const { body, item } = log[at]!;
  const span = window === '30d' ? 30 : 1;
  const before = log
    .slice(0, at)
    .filter(({ body: other }) => other.charge !== undefined && other.charge.day > body.charge!.day - span);
  const known = new Set(before.flatMap((one) => one.item.people));
  return item.people.every((digest) => known.has(digest));
}

void t.test('a refusal names its limit and when to come back, and then the same read succeeds', async (t) => {
  let waits = 0;
  fc.assert(
    fc.property(story, (told) => {
      let sound = true;
      const log = play(told, (error, again, at) => {
        const { retryAfterSeconds, limit, max } = error;
        if (!(error instanceof LimitReached) || retryAfterSeconds === undefined) return (sound = false);
        if (!new RegExp(`^${max} \\w+ per (minute|hour|day|30d)$`).test(limit)) return (sound = false);
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
