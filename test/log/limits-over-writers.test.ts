/** Limits over several writers on a real PostgreSQL: whatever the interleaving, and whichever policy each read came under. */
import fc from 'fast-check';
import pg from 'pg';
import t from 'tap';
import { LimitReached } from '../../src/errors.js';
import type { EntryBody } from '../../src/log/entry.js';
import { verifyLog } from '../../src/log/verify.js';
import type { Limit } from '../../src/policy/model.js';
import { decisionFor, freshStore, openLog, perDay, person, rowsOf } from './open-log.js';

const writers = 3;
const perHour = (count: Limit['count'], max: number): Limit => ({
  count,
  window: 'hour',
  max,
  scope: undefined,
});

const round = fc.record({
  /** Two policies: each read comes under one of them, as while a new set is taken up by one process after the other. */
  policies: fc.tuple(
    fc.record({ queries: fc.integer({ min: 5, max: 20 }), records: fc.integer({ min: 5, max: 40 }) }),
    fc.record({ queries: fc.integer({ min: 5, max: 20 }), people: fc.integer({ min: 2, max: 8 }) }),
  ),
  reads: fc.array(
    fc.record({
      writer: fc.nat(writers - 1),
      policy: fc.nat(1),
      people: fc.array(fc.nat(9), { maxLength: 4 }),
      /** Waits for all that is under way before it is asked. */
      alone: fc.boolean(),
    }),
    { minLength: 30, maxLength: 45 },
  ),
});

void t.test('no interleaving of three writers overruns a limit, and the log says the same', async (t) => {
  const store = await freshStore(t);
  const logs = await Promise.all(Array.from({ length: writers }, () => openLog(t, store.runtimeUrl)));
  const refusals: LimitReached[] = [];
  for (const [n, { policies, reads }] of fc.sample(round, { numRuns: 8, seed: 7 }).entries()) {
    const limits = [
      [perHour('queries', policies[0].queries), perDay('records', policies[0].records)],
      [perHour('queries', policies[1].queries), perDay('people', policies[1].people)],
    ];
    const asking = person(`person-${n}`);
    let underWay: Promise<unknown>[] = [];
    for (const [i, { writer, policy, people, alone }] of reads.entries()) {
      if (alone) await Promise.all(underWay.splice(0));
      const { log } = logs[writer]!;
      const actor = await log.directory.identify(asking);
      const rows = rowsOf(
        people.map((_, row) => String(i * 100 + row * 7)),
        people.map((one) => `customer-${one}`),
      );
      const recorded = log.record(decisionFor(asking, actor, { limits: limits[policy]! }), actor, rows);
      underWay.push(
        recorded.catch((error: unknown) => {
          if (!(error instanceof LimitReached)) throw error;
          refusals.push(error);
        }),
      );
    }
    await Promise.all(underWay);
    underWay = [];
  }

  const client = new pg.Client(store.superuserUrl);
  await client.connect();
  t.teardown(() => client.end());
  const { rows } = await client.query<{ body: string }>(
    `SELECT body FROM weir.entries WHERE body::jsonb->>'kind' = 'read' ORDER BY (body::jsonb->'charge'->>'sequence')::int`,
  );
  const used = new Map<string, number>();
  for (const { body } of rows) {
    const { charge, limits, actor } = JSON.parse(body) as EntryBody;
    const { day, amounts } = charge!;
    for (const count of ['queries', 'records', 'people']) {
      const amount =
        count === 'people'
          ? ((amounts['people'] as number[] | undefined)?.[0] ?? 0)
          : Number(amounts[count] ?? 0);
      const key = `${actor} ${day} ${count}`;
      used.set(key, (used.get(key) ?? 0) + amount);
      const max = limits!.find(([name]) => name === count)?.[2] ?? Infinity;
      if (amount > 0 && used.get(key)! > max) t.fail(`${count}: ${used.get(key)} of ${max}`);
    }
  }
  t.ok(rows.length > 60 && refusals.length > 60, `${rows.length} released, ${refusals.length} refused`);
  for (const { limit, retryAfterSeconds } of refusals) {
    t.match(limit, /^\d+ (queries per hour|records per day|people per day)$/);
    t.ok(retryAfterSeconds! > 0);
  }
  const { faults } = await verifyLog({ source: { url: store.runtimeUrl } });
  t.same(
    faults.filter(({ kind }) => kind !== 'policy'),
    [],
  );
});
