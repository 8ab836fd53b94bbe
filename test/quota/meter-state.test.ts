import t from 'tap';
import fc from 'fast-check';
import { counts, windows } from '../../src/policy/model.js';
import { chargeOf } from '../../src/quota/charge.js';
import { DayClock } from '../../src/quota/day-clock.js';
import { Meter } from '../../src/quota/meter.js';
import { checksum, numberLength, StateReader, writeNumber } from '../../src/quota/state-bytes.js';

const clock = new DayClock('Asia/Shanghai');
const second = 1_000_000;
const noon = Date.parse('2024-05-14T04:00:00Z') * 1_000;

function busy(seconds = 60): Meter {
  const meter = Meter.empty();
  const amounts = { queries: 1, records: 20, lookups: 1, misses: 1, reveals: 1, bytes: 40_000, fills: 1 };
  const charge = chargeOf({ ...amounts, people: { fresh: 15, returning: [] } });
  for (let at = 0; at < seconds; at++) meter.charge(charge, meter.next(noon + at * second, clock));
  return meter;
}

void t.test('a key that was never charged starts from nothing', async (t) => {
  t.equal(Meter.decode(null).sequence, 0);
  t.same(Meter.decode(Meter.empty().encode()).encode(), Meter.empty().encode());
});

void t.test('a decoded meter counts as the one that was encoded', async (t) => {
  const meter = busy();
  const copy = Meter.decode(meter.encode());
  for (const ahead of [0, 1, 30, 61, 3_000, 90_000]) {
    const micros = meter.lastMicros + ahead * second;
    const instant = { micros, day: clock.day(micros) };
    for (const count of counts) {
      for (const window of windows) {
        t.equal(
          copy.used(count, window, instant),
          meter.used(count, window, instant),
          `${count} ${window} ${ahead}`,
        );
      }
    }
  }
  t.equal(copy.sequence, 60);
  t.equal(copy.lastMicros, meter.lastMicros);
  t.equal(copy.lastDay, meter.lastDay);
});

void t.test('a state from before requests were filled reads and writes as it did', async (t) => {
  const state = Buffer.from(
    'Ac2eiR8CwPbgy6CMhgORmwF/AhQPAQEBw7gCQQEDCwYFAX8BFA8BAQHAuAJ/AhQPAQEBw7gCfwIUDwEBAcO4AgB/AhQPAQEBw7gCfwIUDwEBAcO4AgA=',
    'base64',
  );
  const meter = Meter.decode(state);
  const now = { micros: noon + 5 * second, day: clock.day(noon) };
  t.same(
    counts.map((count) => meter.used(count, 'minute', now)),
    [2, 20, 15, 1, 1, 1, 40_003, 0],
  );
  t.same(meter.encode(), state);
  meter.charge(chargeOf({ fills: 1 }), meter.next(now.micros + 1, clock));
  t.equal(Meter.decode(meter.encode()).used('fills', 'day', now), 1);
});

void t.test('a state read from the middle of a larger buffer is the same', async (t) => {
  const state = busy().encode();
  const larger = Buffer.concat([Buffer.from('before'), state, Buffer.from('after')]);
  t.same(Meter.decode(larger.subarray(6, 6 + state.length)).encode(), state);
});

void t.test('what has fallen out of its window takes no room', async (t) => {
  const meter = busy();
  const before = meter.encode().length;
  meter.charge(chargeOf({ queries: 1 }), meter.next(noon + 40 * 86_400 * second, clock));
  t.ok(before > 500, `${before} bytes while busy`);
  t.ok(meter.encode().length < 40, `${meter.encode().length} bytes after 40 days`);
});

void t.test('somebody busy for an hour takes no more room than one minute and one hour need', async (t) => {
  const meter = busy(3_600);
  const copy = Meter.decode(meter.encode());
  const now = { micros: meter.lastMicros, day: meter.lastDay };
  t.equal(copy.used('queries', 'minute', now), 61);
  t.equal(copy.used('queries', 'hour', now), 3_600);
  t.ok(meter.encode().length < 2_000, `${meter.encode().length} bytes`);
});

void t.test('charges of nothing between others leave no bucket and move none', async (t) => {
  const meter = Meter.empty();
  const at = (seconds: number) => ({ micros: noon + seconds * second, day: clock.day(noon) });
  meter.charge(chargeOf({ queries: 1 }), at(0));
  meter.charge(chargeOf({}), at(10));
  meter.charge(chargeOf({ queries: 2 }), at(20));
  meter.charge(chargeOf({}), at(30));
  meter.charge(chargeOf({ queries: 4 }), at(40));
  const copy = Meter.decode(meter.encode());
  for (const [seconds, used] of [
    [60, 7],
    [61, 6],
    [80, 6],
    [81, 4],
    [100, 4],
    [101, 0],
  ] as const) {
    t.equal(copy.used('queries', 'minute', at(seconds)), used, `after ${seconds} s`);
  }
});

void t.test('charges of nothing leave only the sequence and the time', async (t) => {
  const meter = Meter.empty();
  for (let at = 0; at < 200; at++) meter.charge(chargeOf({}), meter.next(noon + at * second, clock));
  t.equal(meter.sequence, 200);
  t.ok(meter.encode().length < 30);
});

void t.test('any one changed byte is noticed', async (t) => {
  const state = busy(5).encode();
  for (let at = 0; at < state.length; at++) {
    for (const flip of [1, 0x10, 0x80, 0xff]) {
      const damaged = Buffer.from(state);
      damaged[at]! ^= flip;
      t.throws(() => Meter.decode(damaged), { code: 'internal' });
    }
  }
});

void t.test(
  'a state that is cut, prolonged, empty, of another version or written as text is refused',
  async (t) => {
    const state = busy(5).encode();
    for (let length = 0; length < state.length; length++) {
      t.throws(() => Meter.decode(state.subarray(0, length)), { code: 'internal' });
    }
    t.throws(() => Meter.decode(Buffer.concat([state, Buffer.of(0)])), { code: 'internal' });
    t.throws(() => Meter.decode(Buffer.from(`\\x${state.toString('hex')}`)), { code: 'internal' });
    const newer = Buffer.from(state);
    newer[0] = 3;
    t.throws(() => Meter.decode(newer), { code: 'internal', cause: { message: /version is unknown/ } });
  },
);

void t.test('bytes that no gateway writes are refused even under a right checksum', async (t) => {
  const sealed = (...body: number[]) => {
    const bytes = Buffer.from([1, 0, 0, 0, 0, ...body]);
    bytes.writeUInt32LE(checksum(bytes, 5), 1);
    return bytes;
  };
  // sequence, micros, day; then for seconds, minutes and days: sums, newest bucket, length of the other rows
  const head = [1, 100, 0];
  const seven = [1, 7, 1, 7, 0];
  const nothing = [0, 0, 0];
  const good = Meter.decode(sealed(...head, ...seven, ...nothing, ...nothing));
  t.equal(good.used('queries', 'minute', { micros: 100, day: 0 }), 7);
  const wrong: [fault: string, ...body: number[]][] = [
    ['it ends early', ...head, 1],
    ['it ends early', ...head, ...nothing, ...nothing, 1, 9, 1, 7, 3, 2, 1, 1, 1],
    ['bytes follow its end', ...head, ...nothing, ...nothing, ...nothing, 0],
    // The last row not before the newest; the first row after the last.
    ['a bucket is out of order', ...head, 1, 9, 1, 7, 3, 2, 0, 1, 1, 2, ...nothing, ...nothing],
    ['a bucket is out of order', ...head, 1, 9, 1, 7, 3, 1, 1, 1, 1, 2, ...nothing, ...nothing],
    ['it holds a zero', ...head, 1, 0, 0, 0, ...nothing, ...nothing],
    ['a sum is too small', ...head, 1, 6, 1, 7, 0, ...nothing, ...nothing],
    ['a number is not in its shortest form', 0x81, 0, 100, 0, ...nothing, ...nothing, ...nothing],
    ['a number is too large', ...Array<number>(12).fill(0x80), 1, 100, 0, ...nothing, ...nothing, ...nothing],
    [
      'a number is too large',
      ...Array<number>(7).fill(0xff),
      0x7f,
      100,
      0,
      ...nothing,
      ...nothing,
      ...nothing,
    ],
  ];
  for (const [fault, ...body] of wrong) {
    t.throws(() => Meter.decode(sealed(...body)), {
      code: 'internal',
      cause: { message: `the state of a meter is corrupted: ${fault}` },
    });
  }
});

void t.test('every number comes back as it was written, in as many bytes as foretold', async (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.maxSafeNat(), fc.nat(), fc.nat(300)), (value) => {
      const bytes = Buffer.alloc(10);
      const end = writeNumber(bytes, 0, value);
      const reader = new StateReader(bytes.subarray(0, end), 0);
      const back = reader.number();
      reader.end();
      return back === value && end === numberLength(value);
    }),
  );
  for (const edge of [0, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 49, Number.MAX_SAFE_INTEGER]) {
    const bytes = Buffer.alloc(10);
    t.equal(new StateReader(bytes.subarray(0, writeNumber(bytes, 0, edge)), 0).number(), edge);
    t.equal(writeNumber(bytes, 0, edge), numberLength(edge));
  }
});
