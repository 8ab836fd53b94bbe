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
  const amounts = { queries: 1, records: 20, lookups: 1, misses: 1, reveals: 1, bytes: 40_000 };
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

void t.test('charges of nothing leave only the sequence and the time', async (t) => {
  const meter = Meter.empty();
  for (let at = 0; at < 200; at++) meter.charge(chargeOf({}), meter.next(noon + at * second, clock));
  t.equal(meter.sequence, 200);
  t.ok(meter.encode().length < 25);
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
    newer[0] = 2;
    t.throws(() => Meter.decode(newer), { code: 'internal', cause: { message: /version is unknown/ } });
  },
);

void t.test('bytes that no gateway writes are refused even under a right checksum', async (t) => {
  const sealed = (...body: number[]) => {
    const bytes = Buffer.from([1, 0, 0, 0, 0, ...body]);
    bytes.writeUInt32LE(checksum(bytes, 5), 1);
    return bytes;
  };
  // sequence 1, micros 100, day 0, then seconds, minutes, days
  t.equal(
    Meter.decode(sealed(1, 100, 0, 1, 61, 1, 7, 0, 0)).used('queries', 'minute', { micros: 100, day: 0 }),
    7,
  );
  const wrong: Record<string, number[]> = {
    'it ends early': [1, 100, 0, 1, 61, 1],
    'bytes follow its end': [1, 100, 0, 0, 0, 0, 0],
    'a bucket is out of order': [1, 100, 0, 2, 61, 1, 7, 0, 1, 7, 0, 0],
    'a bucket later than its end': [1, 100, 0, 1, 62, 1, 7, 0, 0],
    'a bucket holds no known count': [1, 100, 0, 1, 61, 0, 0, 0],
    'a bucket holds an unknown count': [1, 100, 0, 1, 61, 128, 7, 0, 0],
    'a bucket holds a zero': [1, 100, 0, 1, 61, 1, 0, 0, 0],
    'too many buckets': [1, 100, 0, 62],
    'a number not in its shortest form': [0x81, 0, 100, 0, 0, 0, 0],
    'a number too long': [0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 1, 100, 0, 0, 0, 0],
    'a number too large': [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 100, 0, 0, 0, 0],
  };
  for (const [name, body] of Object.entries(wrong)) {
    t.throws(() => Meter.decode(sealed(...body)), { code: 'internal' }, name);
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
