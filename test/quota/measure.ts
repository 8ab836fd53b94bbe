/**
 * Measures the metering core: `npx tsx test/quota/measure.ts`. Not a test: figures depend on the
 * machine. Processor time of the fastest of several rounds.
 */
import { cpus } from 'node:os';
import type { Limit } from '../../src/policy/model.js';
import { chargeOf } from '../../src/quota/charge.js';
import { DayClock } from '../../src/quota/day-clock.js';
import { countDistinct } from '../../src/quota/distinct.js';
import { Ledger, type LedgerCharge } from '../../src/quota/ledger.js';
import { Meter } from '../../src/quota/meter.js';

const clock = new DayClock('Asia/Shanghai');
const second = 1_000_000;
const noon = Date.parse('2024-05-14T04:00:00Z') * 1_000;
const day = clock.day(noon);
const people = { fresh: 15, returning: [[day - 1, 2]] } as const;
const firstCharge = chargeOf({
  queries: 1,
  records: 20,
  lookups: 1,
  misses: 1,
  reveals: 1,
  fills: 1,
  bytes: 40_000,
  people: { fresh: 15, returning: [] },
});
const charge = { ...firstCharge, people };
const limit = (count: Limit['count'], window: Limit['window']): Limit => ({
  count,
  window,
  max: 1e12,
  scope: undefined,
});
const limits = [
  limit('queries', 'minute'),
  limit('people', 'day'),
  limit('records', 'hour'),
  limit('records', '30d'),
  limit('misses', 'day'),
];

function say(name: string, unit: string, round: () => number): void {
  round();
  const figures = Array.from({ length: 9 }, round).sort((a, b) => (unit === 'ns' ? a - b : b - a));
  process.stdout.write(
    `${name.padEnd(58)} ${Math.round(figures[0]!).toLocaleString('en').padStart(12)} ${unit}\n`,
  );
}

function nanoseconds(times: number, work: (at: number) => void): number {
  const start = process.cpuUsage();
  for (let at = 0; at < times; at++) work(at);
  const { user, system } = process.cpuUsage(start);
  return ((user + system) * 1_000) / times;
}

/** Thirty busy days, then sixty busy minutes, then sixty busy seconds; all seven counts. */
function typical(days: number, minutes: number): Meter {
  const meter = Meter.empty();
  for (let at = days; at > 0; at--) meter.charge(firstCharge, meter.next(noon - at * 86_400 * second, clock));
  for (let at = minutes; at > 0; at--)
    meter.charge(firstCharge, meter.next(noon - (at + 1) * 60 * second, clock));
  for (let at = 0; at < 60; at++) meter.charge(firstCharge, meter.next(noon + at * second, clock));
  return meter;
}

process.stdout.write(`${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, node ${process.version}\n`);
for (const [name, days, minutes] of [
  ['60 busy seconds', 0, 0],
  ['60 busy seconds, 60 minutes and 29 days', 29, 59],
] as const) {
  const state = typical(days, minutes).encode();
  process.stdout.write(`\n${name}: ${state.length} bytes\n`);
  const some = days === 0 ? firstCharge : charge;
  const meter = Meter.decode(state);
  const instant = meter.next(noon + 60 * second, clock);
  say('decode', 'ns', () => nanoseconds(50_000, () => Meter.decode(state)));
  say('check, 5 limits', 'ns', () => nanoseconds(500_000, () => meter.check(limits, some, instant, clock)));
  say('encode', 'ns', () => nanoseconds(50_000, () => meter.encode()));
  say('decode, next, check, charge, encode', 'ns', () =>
    nanoseconds(50_000, () => {
      const one = Meter.decode(state);
      const at = one.next(noon + 60 * second, clock);
      if (one.check(limits, some, at, clock) !== undefined) throw new Error('refused');
      one.charge(some, at);
      one.encode();
    }),
  );
  say(
    'decode and encode once, 64 charges between: each',
    'ns',
    () =>
      nanoseconds(2_000, () => {
        const one = Meter.decode(state);
        for (let i = 0; i < 64; i++) {
          const at = one.next(noon + 60 * second, clock);
          if (one.check(limits, firstCharge, at, clock) !== undefined) throw new Error('refused');
          one.charge(firstCharge, at);
        }
        one.encode();
      }) / 64,
  );
}

process.stdout.write('\n');
for (const keys of [1, 1_000, 20_000]) {
  const entries: LedgerCharge[] = Array.from({ length: 300_000 }, (_, at) => ({
    key: `actor-${at % keys}`,
    sequence: Math.floor(at / keys) + 1,
    instant: { micros: noon + at * 2_000, day: clock.day(noon + at * 2_000) },
    charge: firstCharge,
    limits,
  }));
  say(`ledger, ${keys.toLocaleString('en')} keys, 5 limits`, 'applies/s', () => {
    const ledger = new Ledger(clock);
    let at = 0;
    const each = nanoseconds(entries.length, () => {
      if (ledger.apply(entries[at++]!) !== undefined) throw new Error('violation');
    });
    return 1e9 / each;
  });
}

process.stdout.write('\n');
say('DayClock.day within one day', 'ns', () => nanoseconds(2_000_000, (at) => clock.day(noon + at)));
say('DayClock.day, two days in turn', 'ns', () =>
  nanoseconds(500_000, (at) => clock.day(noon + (at & 1) * 86_400 * second)),
);
const fresh = new DayClock('Europe/Berlin');
say('DayClock.startOfDay of a day not asked before', 'ns', () =>
  nanoseconds(200, (at) => fresh.startOfDay(Math.floor(Math.random() * 1e5) + at)),
);
const digests = Array.from({ length: 200 }, (_, at) => `d${String(at).padStart(7, '0')}`);
const seen = new Map(digests.map((digest, at) => [digest, day - (at % 40)]));
say('countDistinct of 200 digests, most of them seen', 'ns', () =>
  nanoseconds(5_000, () => countDistinct(digests, seen, day)),
);
