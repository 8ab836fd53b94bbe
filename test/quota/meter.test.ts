import t from 'tap';
import { counts, windows, type Limit } from '../../src/policy/model.js';
import { amountOf, chargeOf, describeLimit, newToday } from '../../src/quota/charge.js';
import { DayClock } from '../../src/quota/day-clock.js';
import { Meter } from '../../src/quota/meter.js';
import { only } from './naive-meter.js';

const clock = new DayClock('Europe/Berlin');
const second = 1_000_000;
// 12:00:00 in Berlin, a whole minute.
const noon = Date.parse('2024-05-14T10:00:00Z') * 1_000;
const at = (micros: number) => ({ micros, day: clock.day(micros) });
const limit = (count: Limit['count'], max: number, window: Limit['window']): Limit => ({
  count,
  window,
  max,
  scope: undefined,
});

void t.test('an empty meter has used nothing of anything', async (t) => {
  const meter = Meter.empty();
  for (const count of counts) for (const window of windows) t.equal(meter.used(count, window, at(noon)), 0);
  t.equal(meter.sequence, 0);
  t.equal(meter.lastMicros, 0);
});

void t.test('every count is kept in every window, whether or not a limit uses it', async (t) => {
  const meter = Meter.empty();
  const people = { fresh: 3, returning: [] };
  meter.charge(
    { queries: 1, records: 2, people, lookups: 4, misses: 5, reveals: 6, bytes: 2 ** 40, fills: 7 },
    at(noon),
  );
  for (const window of windows) {
    t.same(
      counts.map((count) => meter.used(count, window, at(noon + second))),
      [1, 2, 3, 4, 5, 6, 2 ** 40, 7],
      window,
    );
  }
  t.equal(meter.sequence, 1);
  t.equal(meter.lastMicros, noon);
});

void t.test(
  'the next instant is now, but later than the last charge even if the clock stepped back',
  async (t) => {
    const meter = Meter.empty();
    t.same(meter.next(noon + 0.7, clock), at(noon));
    meter.charge(only('queries', 1), at(noon));
    t.same(meter.next(noon - 3_600 * second, clock), at(noon + 1));
    t.same(meter.next(noon + 5, clock), at(noon + 5));
  },
);

void t.test('the next instant is on no earlier day even if the configured zone moved west', async (t) => {
  const meter = Meter.empty();
  const shanghai = new DayClock('Asia/Shanghai');
  const evening = Date.parse('2024-05-14T20:00:00Z') * 1_000;
  meter.charge(only('queries', 1), { micros: evening, day: shanghai.day(evening) });
  const next = meter.next(evening + second, clock);
  t.equal(next.day, shanghai.day(evening));
  t.equal(clock.day(next.micros), next.day - 1);
  meter.charge(only('queries', 1), next);
  t.equal(meter.used('queries', 'day', next), 2);
});

void t.test('a charge that just fills the limit fits, one more does not', async (t) => {
  const meter = Meter.empty();
  const limits = [limit('records', 10, 'day')];
  t.equal(meter.check(limits, only('records', 10), at(noon), clock), undefined);
  meter.charge(only('records', 10), at(noon));
  t.same(meter.check(limits, only('records', 1), at(noon + second), clock), {
    limit: limits[0],
    used: 10,
    amount: 1,
    remaining: 0,
    // From 12:00:01 to midnight in Berlin.
    retryAfterSeconds: 12 * 3_600 - 1,
    windowSeconds: 86_400,
    neverFits: false,
  });
});

void t.test('an amount of zero fits a limit that is used up', async (t) => {
  const meter = Meter.empty();
  meter.charge(only('records', 10), at(noon));
  const limits = [limit('records', 5, 'day'), limit('misses', 0, 'day'), limit('people', 0, '30d')];
  t.equal(meter.check(limits, only('queries', 1), at(noon + 1), clock), undefined);
});

void t.test('what is larger than the limit never fits, and is told before any wait', async (t) => {
  const meter = Meter.empty();
  meter.charge(only('queries', 1), at(noon));
  const limits = [limit('queries', 1, 'day'), limit('records', 10, 'minute')];
  const exceeded = meter.check(limits, chargeOf({ queries: 1, records: 11 }), at(noon + 1), clock);
  t.match(exceeded, { limit: limits[1], amount: 11, remaining: 10, retryAfterSeconds: 60, neverFits: true });
});

void t.test('of several limits the one with the longest wait is told', async (t) => {
  const meter = Meter.empty();
  meter.charge(only('records', 10), at(noon));
  const limits = [limit('records', 10, 'minute'), limit('records', 10, '30d'), limit('records', 10, 'hour')];
  t.equal(meter.check(limits, only('records', 1), at(noon + 1), clock)?.limit.window, '30d');
});

void t.test('a full minute allows no second burst across its edge', async (t) => {
  const meter = Meter.empty();
  const limits = [limit('records', 10, 'minute')];
  meter.charge(only('records', 10), at(noon + 0.9 * second));
  t.ok(meter.check(limits, only('records', 1), at(noon + 60.8 * second), clock));
  const exceeded = meter.check(limits, only('records', 1), at(noon + 60.95 * second), clock);
  t.equal(exceeded?.retryAfterSeconds, 1);
  t.equal(meter.check(limits, only('records', 1), at(noon + 61 * second), clock), undefined);
});

void t.test('the wait lasts until enough, not all, of the window has gone', async (t) => {
  const meter = Meter.empty();
  const limits = [limit('records', 10, 'hour')];
  meter.charge(only('records', 4), at(noon));
  meter.charge(only('records', 6), at(noon + 600 * second));
  const now = at(noon + 601 * second);
  t.equal(meter.check(limits, only('records', 4), now, clock)?.retryAfterSeconds, 61 * 60 - 601);
  t.equal(meter.check(limits, only('records', 5), now, clock)?.retryAfterSeconds, 71 * 60 - 601);
});

void t.test('a limit lowered below what is used waits for all that is too much', async (t) => {
  const meter = Meter.empty();
  for (let day = 0; day < 5; day++) meter.charge(only('records', 10), at(noon + day * 86_400 * second));
  const now = at(noon + 4 * 86_400 * second + 1);
  const exceeded = meter.check([limit('records', 20, '30d')], only('records', 10), now, clock);
  t.match(exceeded, { used: 50, remaining: 0, neverFits: false });
  // The first four days must go; the fourth does at the midnight 30 days after it began.
  const wanted = clock.startOfDay(clock.day(noon) + 3 + 30);
  t.equal(exceeded?.retryAfterSeconds, Math.ceil((wanted - now.micros) / second));
});

void t.test('somebody who returns counts for the day, and moves rather than adds in 30 days', async (t) => {
  const meter = Meter.empty();
  const day = clock.day(noon);
  meter.charge(only('people', 5), at(noon));
  const next = at(noon + 86_400 * second);
  meter.charge(chargeOf({ people: { fresh: 1, returning: [[day, 3]] } }), next);
  t.equal(meter.used('people', 'day', next), 4);
  t.equal(meter.used('people', '30d', next), 6);
  t.equal(meter.used('people', 'minute', next), 4);
  t.equal(meter.used('people', '30d', at(noon + 30 * 86_400 * second)), 4, 'two of the first day have gone');
});

void t.test(
  'a day whose people have all returned is forgotten without moving the days around it',
  async (t) => {
    const meter = Meter.empty();
    const first = clock.day(noon);
    const on = (days: number) => at(noon + days * 86_400 * second);
    for (const days of [0, 2, 4, 6]) meter.charge(only('people', 10 + days), on(days));
    // All of the first day, the third and the newest before today; some of the fifth.
    const returning = [
      [first, 10],
      [first + 2, 12],
      [first + 4, 1],
      [first + 6, 16],
    ] as const;
    meter.charge(chargeOf({ people: { fresh: 0, returning } }), on(7));
    const copy = Meter.decode(meter.encode());
    for (const one of [meter, copy]) {
      t.equal(one.used('people', '30d', on(7)), 52);
      t.equal(one.used('people', '30d', on(33)), 52, 'the fifth day is in the window');
      t.equal(one.used('people', '30d', on(34)), 39, 'and leaves it alone');
      t.equal(one.used('people', '30d', on(37)), 0);
      one.charge(chargeOf({ people: { fresh: 1, returning: [[first + 4, 13]] } }), on(8));
      t.equal(one.used('people', '30d', on(36)), 53, 'seen on the eighth and ninth day');
      t.equal(one.used('people', '30d', on(37)), 14);
    }
    t.same(copy.encode(), meter.encode());
  },
);

void t.test('a read waits until it fits, counting those who will be fresh by then', async (t) => {
  const meter = Meter.empty();
  const day = clock.day(noon);
  meter.charge(only('people', 5), at(noon));
  meter.charge(only('people', 5), at(noon + 86_400 * second));
  const now = at(noon + 2 * 86_400 * second);
  // Tomorrow's free places of the first day are those of the very people who are to return.
  const charge = chargeOf({ people: { fresh: 1, returning: [[day, 5]] } });
  const exceeded = meter.check([limit('people', 10, '30d')], charge, now, clock);
  t.equal(exceeded?.amount, 1);
  t.equal(exceeded?.retryAfterSeconds, Math.ceil((clock.startOfDay(day + 31) - now.micros) / second));
  const tooMany = chargeOf({ people: { fresh: 6, returning: [[day, 5]] } });
  t.equal(meter.check([limit('people', 10, '30d')], tooMany, now, clock)?.neverFits, true);
});

void t.test('each limit says what remains and when nothing counts any more', async (t) => {
  const meter = Meter.empty();
  meter.charge(only('records', 4), at(noon));
  meter.charge(only('records', 5), at(noon + 10 * second));
  meter.charge(only('queries', 1), at(noon + 20 * second));
  const now = at(noon + 30 * second);
  const limits = [
    limit('records', 10, 'minute'),
    limit('records', 8, 'hour'),
    limit('records', 10, 'day'),
    limit('records', 10, '30d'),
    limit('misses', 3, 'day'),
  ];
  const midnight = clock.startOfDay(now.day + 1);
  t.same(
    meter.remaining(limits, now, clock).map(({ used, remaining, windowSeconds, resetSeconds }) => ({
      used,
      remaining,
      windowSeconds,
      resetSeconds,
    })),
    [
      { used: 9, remaining: 1, windowSeconds: 60, resetSeconds: 41 },
      { used: 9, remaining: 0, windowSeconds: 3_600, resetSeconds: 3_630 },
      { used: 9, remaining: 1, windowSeconds: 86_400, resetSeconds: (midnight - now.micros) / second },
      {
        used: 9,
        remaining: 1,
        windowSeconds: 2_592_000,
        resetSeconds: (clock.startOfDay(now.day + 30) - now.micros) / second,
      },
      { used: 0, remaining: 3, windowSeconds: 86_400, resetSeconds: 0 },
    ],
  );
});

void t.test('a charge that cannot be is refused and changes nothing', async (t) => {
  const meter = Meter.empty();
  const day = clock.day(noon);
  meter.charge(only('people', 2), at(noon));
  const before = meter.encode();
  const later = at(noon + 86_400 * second);
  const impossible = {
    'the same microsecond': [only('queries', 1), at(noon)],
    'an earlier microsecond': [only('queries', 1), at(noon - 1)],
    'a time that is no number': [only('queries', 1), { micros: NaN, day }],
    'an earlier day': [only('queries', 1), { micros: noon + 1, day: day - 1 }],
    'a negative amount': [only('records', -1), later],
    'a broken amount': [only('records', 0.5), later],
    'an amount beyond counting': [only('bytes', 2 ** 53), later],
    'people below zero': [chargeOf({ people: { fresh: -1, returning: [[day, 2]] } }), later],
    'nobody returning': [chargeOf({ people: { fresh: 0, returning: [[day, 0]] } }), later],
    'more returning than were seen': [chargeOf({ people: { fresh: 0, returning: [[day, 3]] } }), later],
    'returning twice from one day': [
      chargeOf({
        people: {
          fresh: 0,
          returning: [
            [day, 1],
            [day, 1],
          ],
        },
      }),
      later,
    ],
    'returning from today': [chargeOf({ people: { fresh: 0, returning: [[day, 1]] } }), at(noon + 1)],
    'returning from 30 days ago': [
      chargeOf({ people: { fresh: 0, returning: [[day, 1]] } }),
      at(noon + 30 * 86_400 * second),
    ],
  } as const;
  for (const [name, [charge, instant]] of Object.entries(impossible)) {
    t.throws(() => meter.charge(charge, instant), { code: 'internal' }, name);
    t.same(meter.encode(), before, name);
  }
  meter.charge(only('bytes', Number.MAX_SAFE_INTEGER), later);
  t.throws(() => meter.charge(only('bytes', 1), at(later.micros + 1)), 'a sum beyond counting');
});

void t.test('a limit is told in the words of the role file', async (t) => {
  t.equal(describeLimit(limit('records', 500, 'day')), '500 records per day');
  t.equal(describeLimit(limit('people', 900, '30d')), '900 people per 30d');
});

void t.test('people amount to different numbers in the day and in 30 days', async (t) => {
  const charge = chargeOf({ people: { fresh: 2, returning: [[5, 3]] }, records: 7 });
  t.equal(newToday(charge.people), 5);
  t.equal(amountOf(charge, 'people', 'minute'), 5);
  t.equal(amountOf(charge, 'people', 'day'), 5);
  t.equal(amountOf(charge, 'people', '30d'), 2);
  t.equal(amountOf(charge, 'records', '30d'), 7);
});
