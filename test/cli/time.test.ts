import t from 'tap';
import { CliError } from '../../src/cli/context.js';
import { formatTime, parseDurationSeconds, parseTimeMicros, readRange } from '../../src/cli/time.js';

const nowMicros = Date.UTC(2026, 10, 22, 8, 0, 0) * 1000;
const shanghai = { nowMicros, zone: 'Asia/Shanghai' };
const iso = (micros: number) => new Date(micros / 1000).toISOString();

void t.test('durations carry a unit', async (t) => {
  t.equal(parseDurationSeconds('90s'), 90);
  t.equal(parseDurationSeconds('15m'), 900);
  t.equal(parseDurationSeconds('2h'), 7200);
  t.equal(parseDurationSeconds('7d'), 604_800);
  for (const text of ['', '5', '0s', '-1h', '1.5h', '1w', 'h', '1h ']) {
    t.throws(() => parseDurationSeconds(text), /number and a unit/, JSON.stringify(text));
  }
});

void t.test('a time without an offset is the time of day in the configured zone', async (t) => {
  const cases: [text: string, utc: string][] = [
    ['2h', '2026-11-22T06:00:00.000Z'],
    ['2026-11-22', '2026-11-21T16:00:00.000Z'],
    ['2026-11-22T14:05', '2026-11-22T06:05:00.000Z'],
    ['2026-11-22 14:05:09.5', '2026-11-22T06:05:09.500Z'],
    ['2026-11-22T14:05Z', '2026-11-22T14:05:00.000Z'],
    ['2026-11-22T14:05:00+08:00', '2026-11-22T06:05:00.000Z'],
    ['2026-11-22T14:05-0130', '2026-11-22T15:35:00.000Z'],
  ];
  for (const [text, utc] of cases) t.equal(iso(parseTimeMicros(text, shanghai)), utc, text);
  t.equal(parseTimeMicros('2026-11-22T00:00:00.000001Z', shanghai) % 1000, 1, 'microseconds are kept');
});

void t.test('days begin where they begin in the zone, also when clocks change', async (t) => {
  const berlin = { nowMicros, zone: 'Europe/Berlin' };
  t.equal(iso(parseTimeMicros('2026-03-29', berlin)), '2026-03-28T23:00:00.000Z');
  t.equal(iso(parseTimeMicros('2026-03-30', berlin)), '2026-03-29T22:00:00.000Z');
  t.equal(iso(parseTimeMicros('2026-10-26', berlin)), '2026-10-25T23:00:00.000Z');
});

void t.test('what is no time is refused', async (t) => {
  for (const text of [
    'yesterday',
    '2026-02-30',
    '2026-13-01',
    '2026-11-22T25:00',
    '2026-11-22T14',
    '1732262400',
    '',
  ]) {
    t.throws(() => parseTimeMicros(text, shanghai), JSON.stringify(text));
  }
});

void t.test('a time is shown in the zone', async (t) => {
  t.equal(formatTime(nowMicros, 'Asia/Shanghai'), '2026-11-22 16:00:00');
  t.equal(formatTime(nowMicros, 'UTC'), '2026-11-22 08:00:00');
});

void t.test('a range says which of its ends is wrong', async (t) => {
  t.strictSame(readRange({}, 'UTC', nowMicros), { sinceMicros: undefined, untilMicros: undefined });
  t.throws(() => readRange({ from: 'x' }, 'UTC', nowMicros), { message: '--from is no time' });
  t.throws(() => readRange({ to: 'x' }, 'UTC', nowMicros), { message: '--to is no time' });
  t.throws(() => readRange({ from: '1h', to: '2h' }, 'UTC', nowMicros), CliError);
});
