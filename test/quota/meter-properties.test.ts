import t from 'tap';
import fc from 'fast-check';
import { counts, windows, type Limit } from '../../src/policy/model.js';
import { chargeOf } from '../../src/quota/charge.js';
import { DayClock } from '../../src/quota/day-clock.js';
import { countDistinct } from '../../src/quota/distinct.js';
import { Meter } from '../../src/quota/meter.js';
import { NaiveMeter, only, printedDay } from './naive-meter.js';

const second = 1_000_000;
const zones = ['Europe/Berlin', 'America/New_York', 'Asia/Shanghai', 'Australia/Lord_Howe'];
const clocks = new Map(zones.map((zone) => [zone, new DayClock(zone)]));

/** Days before something happens to the calendar: clocks change, a month or a year ends, a leap day. */
const starts = [
  '2024-02-27T11:00:00Z',
  '2023-02-27T11:00:00Z',
  '2024-03-09T20:00:00Z',
  '2024-03-30T20:00:00Z',
  '2024-04-06T10:00:00Z',
  '2024-10-05T10:00:00Z',
  '2024-10-26T20:00:00Z',
  '2024-11-02T20:00:00Z',
  '2024-12-30T23:00:00Z',
].map((iso) => Date.parse(iso) * 1_000);

/** Microseconds from one read to the next; some clocks step backwards. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 5 * second }) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 90 * second }) },
  { weight: 3, arbitrary: fc.integer({ min: 58, max: 62 }).map((seconds) => seconds * second - 1) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 70 * 60 * second }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 30 * 3_600 * second }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 35 * 86_400 * second }) },
  { weight: 1, arbitrary: fc.integer({ min: -7_200 * second, max: 0 }) },
);

const read = fc.record({
  step,
  records: fc.integer({ min: 0, max: 6 }),
  bytes: fc.integer({ min: 0, max: 100_000 }),
  people: fc.array(
    fc.integer({ min: 0, max: 11 }).map((n) => `person-${String.fromCharCode(97 + n)}`),
    { maxLength: 5 },
  ),
});

const limit: fc.Arbitrary<Limit> = fc.record({
  count: fc.constantFrom('queries' as const, 'records' as const, 'people' as const),
  window: fc.constantFrom(...windows),
  max: fc.integer({ min: 0, max: 14 }),
  scope: fc.constant(undefined),
});

const story = fc.record({
  zone: fc.constantFrom(...zones),
  start: fc.constantFrom(...starts),
  offset: fc.integer({ min: 0, max: 20 * 3_600 * second }),
  reads: fc.array(read, { minLength: 1, maxLength: 40 }),
  limits: fc.array(limit, { maxLength: 4 }),
});

type Story = typeof story extends fc.Arbitrary<infer T> ? T : never;

interface Step {
  readonly micros: number;
  readonly people: readonly string[];
  readonly charge: ReturnType<typeof chargeOf>;
  readonly exceeded: ReturnType<Meter['check']>;
  readonly meter: Meter;
  readonly naive: NaiveMeter;
  readonly seen: ReadonlyMap<string, number>;
  readonly clock: DayClock;
}

/** Plays a story as the commit does, and shows each decision before anything is charged. */
function play({ zone, start, offset, reads, limits }: Story, decided: (step: Step) => void): NaiveMeter {
  const clock = clocks.get(zone)!;
  const naive = new NaiveMeter(zone);
  const seen = new Map<string, number>();
  const meter = Meter.empty();
  let now = start + offset;
  for (const { step, records, bytes, people } of reads) {
    now += step;
    const instant = meter.next(now, clock);
    const { fresh, returning, touched } = countDistinct(people, seen, instant.day);
    const charge = chargeOf({ queries: 1, records, bytes, people: { fresh, returning } });
    const exceeded = meter.check(limits, charge, instant, clock);
    decided({ micros: instant.micros, people, charge, exceeded, meter, naive, seen, clock });
    if (exceeded !== undefined) continue;
    meter.charge(charge, instant);
    naive.add(instant.micros, charge, people);
    for (const digest of touched) seen.set(digest, instant.day);
  }
  return naive;
}

const runs = { numRuns: 1_500 };

void t.test('no 60 s and no 3,600 s, aligned or not, ever hold more than the limit', async () => {
  fc.assert(
    fc.property(story, (told) => {
      const naive = play(told, () => {});
      for (const { count, window, max } of told.limits) {
        if (window !== 'minute' && window !== 'hour') continue;
        const length = (window === 'minute' ? 60 : 3_600) * second;
        // The fullest interval can be slid until it ends at a read.
        for (const { micros } of naive.reads) {
          if (naive.between(count, micros - length, micros) > max) return false;
        }
      }
      return true;
    }),
    runs,
  );
});

void t.test(
  'no date and no 30 dates ever hold more than the limit, by the dates that Intl prints',
  async () => {
    fc.assert(
      fc.property(story, (told) => {
        const naive = play(told, () => {});
        for (const { count, window, max } of told.limits) {
          if (window !== 'day' && window !== '30d') continue;
          for (const { micros } of naive.reads) if (naive.calendar(count, window, micros) > max) return false;
        }
        return true;
      }),
      runs,
    );
  },
);

void t.test('day and 30d equal a count by hand at every decision, people included', async () => {
  fc.assert(
    fc.property(story, (told) => {
      play(told, ({ meter, naive, micros, clock }) => {
        for (const ahead of [0, 3_600 * second, 86_400 * second, 29 * 86_400 * second]) {
          const instant = { micros: micros + ahead, day: clock.day(micros + ahead) };
          if (instant.day !== printedDay(told.zone, instant.micros))
            throw new Error('another date than Intl');
          for (const count of ['queries', 'records', 'bytes', 'people'] as const) {
            for (const window of ['day', '30d'] as const) {
              const used = meter.used(count, window, instant);
              // Somebody seen on two dates counts on the later one alone: only now can be compared for people.
              const byHand = naive.calendar(count, window, instant.micros);
              if (used !== byHand) throw new Error(`${count} ${window}: ${used}, by hand ${byHand}`);
            }
          }
        }
      });
    }),
    runs,
  );
});

void t.test('minute and hour count at least the real interval, and at most one bucket more', async () => {
  fc.assert(
    fc.property(story, (told) => {
      play(told, ({ meter, naive, micros, clock }) => {
        for (const [window, length, bucket] of [
          ['minute', 60 * second, second],
          ['hour', 3_600 * second, 60 * second],
        ] as const) {
          for (const count of ['queries', 'records', 'bytes', 'people'] as const) {
            const used = meter.used(count, window, { micros, day: clock.day(micros) });
            const least = naive.between(count, micros - length, micros);
            const most = naive.between(count, micros - length - bucket, micros);
            if (used < least || used > most)
              throw new Error(`${count} ${window}: ${used}, not ${least} to ${most}`);
          }
        }
      });
    }),
    runs,
  );
});

void t.test(
  'a refusal is never for nothing: with one bucket more in view the limit is overrun',
  async (t) => {
    let refusals = 0;
    fc.assert(
      fc.property(story, (told) => {
        play(told, ({ exceeded, naive, micros }) => {
          if (exceeded === undefined) return;
          refusals++;
          const { limit, amount } = exceeded;
          const used =
            limit.window === 'minute'
              ? naive.between(limit.count, micros - 61 * second, micros)
              : limit.window === 'hour'
                ? naive.between(limit.count, micros - 61 * 60 * second, micros)
                : naive.calendar(limit.count, limit.window, micros);
          if (used + amount <= limit.max) throw new Error('it would have fitted');
          if (exceeded.remaining !== Math.max(0, limit.max - exceeded.used))
            throw new Error('remaining is wrong');
        });
      }),
      runs,
    );
    t.ok(refusals > 1_000, `${refusals} refusals`);
  },
);

void t.test('after the wait that is told the same read fits, and a second earlier it does not', async (t) => {
  let waits = 0;
  fc.assert(
    fc.property(story, (told) => {
      play(told, ({ exceeded, meter, micros, seen, people, clock }) => {
        if (exceeded === undefined) return;
        const { limit, amount, retryAfterSeconds, neverFits, windowSeconds } = exceeded;
        const after = (seconds: number) => {
          const instant = { micros: micros + seconds * second, day: clock.day(micros + seconds * second) };
          let charge = only(limit.count, amount);
          if (limit.count === 'people' && limit.window === '30d') {
            // The same read then: without those whom today has already shown, with those who will be fresh again.
            const unseen = people.filter((person) => seen.get(person) !== clock.day(micros));
            charge = chargeOf({ people: countDistinct(unseen, seen, instant.day) });
          }
          return meter.check([limit], charge, instant, clock);
        };
        if (neverFits) {
          if (retryAfterSeconds !== windowSeconds) throw new Error('never, but another wait than the window');
          for (const days of [0, 1, 2, 30, 31, 60]) {
            const later = after(days * 86_400);
            if (later === undefined) throw new Error('it fits after all');
          }
          return;
        }
        waits++;
        if (retryAfterSeconds < 1) throw new Error('no wait');
        if (after(retryAfterSeconds) !== undefined) throw new Error('it does not fit after the wait');
        if (after(retryAfterSeconds - 1) === undefined)
          throw new Error('it would have fitted a second earlier');
      });
    }),
    runs,
  );
  t.ok(waits > 1_000, `${waits} waits`);
});

void t.test('a refused charge changes nothing, and neither does asking', async () => {
  fc.assert(
    fc.property(story, (told) => {
      let last: Buffer | undefined;
      let refused = false;
      play(told, ({ meter, exceeded, charge, micros, clock }) => {
        const now = meter.encode();
        if (refused && last !== undefined && !now.equals(last)) throw new Error('a refusal left a trace');
        meter.check(told.limits, charge, { micros: micros + 1e12, day: clock.day(micros + 1e12) }, clock);
        meter.remaining(told.limits, { micros: micros + 1e12, day: clock.day(micros + 1e12) }, clock);
        if (!meter.encode().equals(now)) throw new Error('asking changed the meter');
        last = now;
        refused = exceeded !== undefined;
      });
    }),
    runs,
  );
});

void t.test('a meter stored and read again at any point goes on as if it had never left memory', async () => {
  fc.assert(
    fc.property(story, fc.infiniteStream(fc.boolean()), (told, coins) => {
      let stored = Meter.empty();
      let previous: Parameters<Parameters<typeof play>[1]>[0] | undefined;
      const follow = (step: NonNullable<typeof previous>) => {
        if (previous !== undefined && previous.exceeded === undefined) {
          stored.charge(previous.charge, { micros: previous.micros, day: step.clock.day(previous.micros) });
        }
        if (coins.next().value) stored = Meter.decode(stored.encode());
        const instant = { micros: step.micros, day: step.clock.day(step.micros) };
        if (!stored.encode().equals(step.meter.encode())) throw new Error('other bytes');
        for (const count of counts) {
          for (const window of windows) {
            if (stored.used(count, window, instant) !== step.meter.used(count, window, instant)) {
              throw new Error(`${count} ${window} differs`);
            }
          }
        }
        const other = stored.check(told.limits, step.charge, instant, step.clock);
        if (JSON.stringify(other) !== JSON.stringify(step.exceeded)) throw new Error('another decision');
        previous = step;
      };
      play(told, follow);
    }),
    runs,
  );
});

void t.test('time told to a key strictly increases however the clock jumps', async () => {
  fc.assert(
    fc.property(story, (told) => {
      const naive = play({ ...told, limits: [] }, () => {});
      return naive.reads.every((one, at) => at === 0 || one.micros > naive.reads[at - 1]!.micros);
    }),
    runs,
  );
});
