import t from 'tap';
import fc from 'fast-check';
import { windows, type Limit } from '../../src/policy/model.js';
import { chargeOf } from '../../src/quota/charge.js';
import { DayClock } from '../../src/quota/day-clock.js';
import { Ledger, type LedgerCharge } from '../../src/quota/ledger.js';
import { Meter } from '../../src/quota/meter.js';
import { only } from './naive-meter.js';

const clock = new DayClock('Asia/Shanghai');
const second = 1_000_000;
const noon = Date.parse('2024-05-14T04:00:00Z') * 1_000;
const limits: Limit[] = [{ count: 'records', window: 'day', max: 10, scope: undefined }];
const at = (micros: number) => ({ micros, day: clock.day(micros) });
const entry = (sequence: number, records: number, parts: Partial<LedgerCharge> = {}): LedgerCharge => ({
  key: 'person',
  sequence,
  instant: at(noon + sequence * second),
  charge: chargeOf({ queries: 1, records }),
  limits,
  ...parts,
});

void t.test('charges within the limit pass, each key by itself', async (t) => {
  const ledger = new Ledger(clock);
  t.equal(ledger.apply(entry(1, 5)), undefined);
  t.equal(ledger.apply(entry(2, 5)), undefined);
  t.equal(ledger.apply(entry(1, 10, { key: 'another' })), undefined);
  t.equal(ledger.meter('person')?.used('records', 'day', at(noon + 3 * second)), 10);
  t.equal(ledger.meter('nobody'), undefined);
});

void t.test('a charge that overruns a limit is named with what was used', async (t) => {
  const ledger = new Ledger(clock);
  ledger.apply(entry(1, 8));
  t.match(ledger.apply(entry(2, 3)), {
    kind: 'limit',
    key: 'person',
    sequence: 2,
    reason: '8 used and 3 more overrun 10 records per day',
    exceeded: { used: 8, amount: 3, limit: limits[0] },
  });
  t.match(
    ledger.apply(entry(3, 1)),
    { kind: 'limit', exceeded: { used: 11 } },
    'what was released counts on',
  );
});

void t.test('a missing, a repeated and a first charge that is not number 1 are told once', async (t) => {
  const ledger = new Ledger(clock);
  t.match(ledger.apply(entry(2, 1)), { kind: 'sequence', reason: 'charge 1 of this key should stand here' });
  t.equal(ledger.apply(entry(3, 1)), undefined);
  t.match(ledger.apply(entry(5, 1)), { kind: 'sequence', reason: 'charge 4 of this key should stand here' });
  t.match(ledger.apply(entry(5, 1, { instant: at(noon + 6 * second) })), { kind: 'sequence' });
  t.equal(ledger.apply(entry(6, 1, { instant: at(noon + 7 * second) })), undefined);
});

void t.test('time that stands still or runs back is impossible', async (t) => {
  const ledger = new Ledger(clock);
  ledger.apply(entry(1, 1));
  t.match(ledger.apply(entry(2, 1, { instant: at(noon + second) })), { kind: 'impossible', reason: /time/ });
  t.match(ledger.apply(entry(3, 1, { instant: at(noon) })), { kind: 'impossible', reason: /time/ });
  t.equal(ledger.apply(entry(4, 1)), undefined);
});

void t.test('an entry with a negative amount does not make room for others', async (t) => {
  const ledger = new Ledger(clock);
  ledger.apply(entry(1, 10));
  t.match(ledger.apply(entry(2, -10)), { kind: 'impossible', reason: /amount/ });
  t.match(ledger.apply(entry(3, 1)), { kind: 'limit' });
});

void t.test('people cannot return from a day on which they were not seen', async (t) => {
  const ledger = new Ledger(clock);
  ledger.apply(entry(1, 0, { charge: only('people', 2) }));
  const tomorrow = at(noon + 86_400 * second);
  const charge = chargeOf({ people: { fresh: 0, returning: [[clock.day(noon), 3]] } });
  t.match(ledger.apply(entry(2, 0, { charge, instant: tomorrow })), { kind: 'impossible', reason: /people/ });
});

void t.test('a zone moved west between two charges is no violation', async (t) => {
  const ledger = new Ledger(clock);
  ledger.apply(entry(1, 1));
  t.equal(
    ledger.apply(entry(2, 1, { instant: { micros: noon + 2 * second, day: clock.day(noon) - 1 } })),
    undefined,
  );
});

void t.test(
  'the ledger agrees with the meters that decided: what they let through passes, one more does not',
  async () => {
    const anyLimit: fc.Arbitrary<Limit> = fc.record({
      count: fc.constantFrom('queries' as const, 'records' as const),
      window: fc.constantFrom(...windows),
      max: fc.integer({ min: 0, max: 12 }),
      scope: fc.constant(undefined),
    });
    const anyRead = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      step: fc.oneof(
        fc.integer({ min: -second, max: 40 * second }),
        fc.integer({ min: 0, max: 90_000 * second }),
      ),
      records: fc.integer({ min: 0, max: 5 }),
    });
    fc.assert(
      fc.property(
        fc.array(anyLimit, { maxLength: 3 }),
        fc.array(anyRead, { maxLength: 60 }),
        (inForce, reads) => {
          const meters = new Map<string, Meter>();
          const ledger = new Ledger(clock);
          let now = noon;
          for (const { key, step, records } of reads) {
            now += step;
            const meter = meters.get(key) ?? Meter.empty();
            meters.set(key, meter);
            const instant = meter.next(now, clock);
            const charge = chargeOf({ queries: 1, records });
            const exceeded = meter.check(inForce, charge, instant, clock);
            if (exceeded !== undefined) continue;
            meter.charge(charge, instant);
            if (
              ledger.apply({ key, sequence: meter.sequence, instant, charge, limits: inForce }) !== undefined
            )
              return false;
            if (!ledger.meter(key)!.encode().equals(meter.encode())) return false;
          }
          // Whatever the meter refuses next, the ledger calls a violation.
          for (const [key, meter] of meters) {
            const instant = meter.next(now, clock);
            const charge = chargeOf({ queries: 1, records: 5 });
            const refused = meter.check(inForce, charge, instant, clock) !== undefined;
            const found = ledger.apply({
              key,
              sequence: meter.sequence + 1,
              instant,
              charge,
              limits: inForce,
            });
            if (refused !== (found?.kind === 'limit')) return false;
          }
          return true;
        },
      ),
      { numRuns: 1_000 },
    );
  },
);
