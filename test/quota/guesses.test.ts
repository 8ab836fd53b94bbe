/** The memory of look-ups: what it counts, what it forgets, and that it never grows without a bound. */
import fc from 'fast-check';
import t from 'tap';
import { chargeOf } from '../../src/quota/charge.js';
import { DayClock } from '../../src/quota/day-clock.js';
import { guessesRefused, maxRemembered, type Guess } from '../../src/quota/guesses.js';
import { Meter } from '../../src/quota/meter.js';

const clock = new DayClock('Asia/Shanghai');
const start = Date.parse('2026-11-22T15:00:00Z') * 1_000;

function lookUp(meter: Meter, guesses: readonly Guess[], micros: number): number {
  const instant = meter.next(micros, clock);
  const alike = meter.guessing(guesses, instant);
  if (alike < guessesRefused) meter.charge(chargeOf({ queries: 1 }), instant, guesses);
  return alike;
}

void t.test(
  'for any look-ups it says what a plain list of the last hour says, from whichever process',
  async () => {
    const step = fc.record({
      seconds: fc.oneof(fc.nat(60), fc.nat(3_700), fc.constantFrom(3_599, 3_600, 3_601)),
      guesses: fc.array(fc.record({ alike: fc.nat(2), whole: fc.nat(4) }), { maxLength: 3 }),
      reload: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let meter = Meter.empty();
        const list: (Guess & { second: number })[] = [];
        let micros = start;
        for (const { seconds, guesses, reload } of steps) {
          micros += seconds * 1_000_000 + 1;
          const second = Math.floor(micros / 1_000_000);
          const within = [...list.filter((one) => one.second > second - 3_600), ...guesses];
          const expected = Math.max(
            0,
            ...guesses.map(
              ({ alike }) =>
                new Set(within.filter((one) => one.alike === alike).map((one) => one.whole)).size,
            ),
          );
          if (lookUp(meter, guesses, micros) !== expected) return false;
          if (expected < guessesRefused) list.push(...guesses.map((guess) => ({ ...guess, second })));
          if (reload) meter = Meter.decode(meter.encode());
        }
        return true;
      }),
      { numRuns: 500, seed: 22 },
    );
  },
);

void t.test('what is older than an hour leaves no trace in the row', async (t) => {
  const meter = Meter.empty();
  lookUp(meter, [{ alike: 1, whole: 2 }], start);
  t.ok(meter.encode().length > meter.encodeCounts().length);
  t.equal(Meter.decode(meter.encode()).encodeCounts().compare(meter.encodeCounts()), 0);
  const later = meter.next(start + 3_600 * 1_000_000, clock);
  meter.charge(chargeOf({ queries: 1 }), later);
  t.equal(meter.encode().compare(meter.encodeCounts()), 0);
});

void t.test('more different values in an hour than are remembered are refused too', async (t) => {
  const meter = Meter.empty();
  for (let n = 0; n < maxRemembered; n++)
    if (lookUp(meter, [{ alike: n, whole: n }], start + n) >= guessesRefused)
      return t.fail(`refused at ${n}`);
  t.ok(lookUp(meter, [{ alike: 5_000, whole: 1 }], start + 5_000) >= guessesRefused);
  t.ok(meter.encode().length < 12_000);
  t.equal(
    lookUp(meter, [{ alike: 5_000, whole: 1 }], start + 3_700 * 1_000_000),
    1,
    'an hour later it goes on',
  );
});
