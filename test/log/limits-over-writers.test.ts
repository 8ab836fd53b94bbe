/**
 * Limits over several writers on a real PostgreSQL: of people, of the tool that they share and of their tokens, whatever
 * the interleaving, and whichever policy each read came under.
 */
import fc from 'fast-check';
import pg from 'pg';
import t from 'tap';
import type { Principal } from '../../src/access.js';
import { LimitReached } from '../../src/errors.js';
import type { EntryBody } from '../../src/log/entry.js';
import { verifyLog } from '../../src/log/verify.js';
import type { Limit } from '../../src/policy/model.js';
import { decisionFor, freshStore, openLog, person, rowsOf, type OpenedLog, type Store } from './open-log.js';

const writers = 3;
const people = 3;

const limit = (count: Limit['count'], window: Limit['window'], per?: Limit['per']) =>
  fc
    .integer({ min: 4, max: per === 'tool' ? 30 : 14 })
    .map((max): Limit => ({ count, window, max, scope: undefined, ...(per === undefined ? {} : { per }) }));

/** Each limits something else, and counts something else for whom the other counts it. */
const policies = fc.tuple(
  fc.tuple(limit('queries', 'hour'), limit('records', 'day', 'tool'), limit('people', 'day', 'token')),
  fc.tuple(limit('people', 'day'), limit('records', 'day', 'token'), limit('queries', 'hour', 'tool')),
);

const round = fc.record({
  /** Each read comes under one of them, as while a new set is taken up by one process after the other. */
  policies,
  reads: fc.array(
    fc.record({
      writer: fc.nat(writers - 1),
      person: fc.nat(people - 1),
      /** Of the person's two. */
      token: fc.nat(1),
      policy: fc.nat(1),
      subjects: fc.array(fc.nat(9), { maxLength: 4 }),
      /** Waits for all that is under way before it is asked. */
      alone: fc.boolean(),
    }),
    { minLength: 45, maxLength: 60 },
  ),
});

function tokenOf(round: number, of: number, token: number): Principal {
  return {
    ...person(`person-${round}-${of}`),
    tool: `desk-${round}`,
    tokenId: `token-${round}-${of}-${token}`,
  };
}

async function bodiesOf(t: { teardown(work: () => unknown): void }, store: Store): Promise<EntryBody[]> {
  const client = new pg.Client(store.superuserUrl);
  await client.connect();
  t.teardown(() => client.end());
  const { rows } = await client.query<{ body: string }>(
    `SELECT body FROM weir.entries WHERE body::jsonb->>'kind' = 'read'`,
  );
  return rows.map(({ body }) => JSON.parse(body) as EntryBody);
}

/** Each charge of each meter, in the order in which the meter counted them. */
function chargesByMeter(
  bodies: readonly EntryBody[],
): Map<string, { sequence: number; body: EntryBody; people: number }[]> {
  const byMeter = new Map<string, { sequence: number; body: EntryBody; people: number }[]>();
  for (const body of bodies) {
    const { meter, sequence, amounts, shared = [] } = body.charge!;
    const own = [meter, sequence, amounts['people'] ?? [0]] as const;
    for (const [key, at, [fresh]] of [own, ...shared] as [string, number, [number]][])
      byMeter.set(key, [...(byMeter.get(key) ?? []), { sequence: at, body, people: fresh }]);
  }
  for (const charges of byMeter.values()) charges.sort((a, b) => a.sequence - b.sequence);
  return byMeter;
}

async function verified(
  t: { same(found: unknown, wanted: unknown): void },
  { runtimeUrl }: Store,
): Promise<void> {
  const { faults } = await verifyLog({ source: { url: runtimeUrl } });
  t.same(
    faults.filter(({ kind }) => kind !== 'policy'),
    [],
  );
}

void t.test('no interleaving of three writers overruns a limit, and the log says the same', async (t) => {
  const store = await freshStore(t);
  const logs = await Promise.all(
    Array.from({ length: writers }, () => openLog(t, store.runtimeUrl, { deadlineMs: 30_000 })),
  );
  const refusals: LimitReached[] = [];
  for (const [n, { policies, reads }] of fc.sample(round, { numRuns: 8, seed: 7 }).entries()) {
    let underWay: Promise<unknown>[] = [];
    for (const [i, { writer, person: of, token, policy, subjects, alone }] of reads.entries()) {
      if (alone) await Promise.all(underWay.splice(0));
      const { log } = logs[writer]!;
      const asking = tokenOf(n, of, token);
      const actor = await log.directory.identify(asking);
      const rows = rowsOf(
        subjects.map((_, row) => String(i * 100 + row * 7)),
        subjects.map((one) => `customer-${one}`),
      );
      const recorded = log.record(decisionFor(asking, actor, { limits: policies[policy]! }), actor, rows);
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

  const bodies = await bodiesOf(t, store);
  const byMeter = chargesByMeter(bodies);
  for (const [meter, charges] of byMeter) {
    const per = ['tool', 'token'].find((kind) => meter.startsWith(`${kind}:`));
    const used = new Map<string, number>();
    for (const [i, { sequence, body, people: fresh }] of charges.entries()) {
      if (sequence !== i + 1) t.fail(`${meter}: charge ${sequence} comes as number ${i + 1}`);
      const { day, amounts } = body.charge!;
      for (const count of ['queries', 'records', 'people']) {
        const amount = count === 'people' ? fresh : Number(amounts[count] ?? 0);
        // All of an hour's reads lie within the hour; those of a day may lie on two.
        const key = count === 'queries' ? count : `${day} ${count}`;
        used.set(key, (used.get(key) ?? 0) + amount);
        const max = body.limits!.find(([name, , , of]) => name === count && of === per)?.[2] ?? Infinity;
        if (amount > 0 && used.get(key)! > max) t.fail(`${meter}: ${used.get(key)} ${count} of ${max}`);
      }
    }
  }
  const kinds = [...byMeter.keys()].map((key) => key.slice(0, key.indexOf(':')));
  for (const kind of ['actor', 'tool', 'token']) {
    const ending = kind === 'actor' ? /(day|hour)$/ : new RegExp(` of this ${kind}$`);
    const many = refusals.filter(({ limit: reached }) => ending.test(reached)).length;
    t.ok(kinds.includes(kind) && many > 10, `${many} refused for the limit of a ${kind}`);
  }
  t.ok(bodies.length > 60, `${bodies.length} released, ${refusals.length} refused`);
  for (const { limit: reached, retryAfterSeconds } of refusals) {
    t.match(reached, /^\d+ (queries per hour|records per day|people per day)( of this (tool|token))?$/);
    t.ok(retryAfterSeconds! > 0);
  }
  await verified(t, store);
});

void t.test(
  'a whole team that reads through one tool over several processes neither waits for ever nor takes more',
  async (t) => {
    const store = await freshStore(t);
    // Two writers in one of the processes, as a gateway has.
    const logs: OpenedLog[] = await Promise.all([
      openLog(t, store.runtimeUrl, { deadlineMs: 30_000, writers: 2 }),
      openLog(t, store.runtimeUrl, { deadlineMs: 30_000 }),
      openLog(t, store.runtimeUrl, { deadlineMs: 30_000 }),
    ]);
    const limits: Limit[] = [
      { count: 'records', window: 'day', max: 20, scope: undefined },
      { count: 'records', window: 'day', max: 200, scope: undefined, per: 'tool' },
      { count: 'records', window: 'day', max: 12, scope: undefined, per: 'token' },
    ];
    const reads = Array.from({ length: 600 }, async (_, i) => {
      const { log } = logs[i % 3]!;
      const asking = { ...person(`member-${i % 20}`), tokenId: `token-${i % 40}` };
      const actor = await log.directory.identify(asking);
      const rows = rowsOf([String(i * 2)], [`customer-${i % 7}`]);
      return log.record(decisionFor(asking, actor, { limits }), actor, rows).then(
        () => 'released',
        (error: unknown) => (error instanceof LimitReached ? 'refused' : String(error)),
      );
    });
    const outcomes = await Promise.all(reads);
    t.equal(outcomes.filter((outcome) => outcome === 'released').length, 200);
    t.equal(outcomes.filter((outcome) => outcome === 'refused').length, 400);
    const shared = (await bodiesOf(t, store)).map(({ charge }) => charge!.shared!);
    t.same(
      shared.map(([tool]) => tool![1]).sort((a, b) => a - b),
      Array.from({ length: 200 }, (_, i) => i + 1),
      'the meter of the tool counted each, once',
    );
    t.equal(
      shared.reduce((sum, [tool]) => sum + Number(tool![2][0]), 0),
      7,
      'and each customer once, whoever read them',
    );
    await verified(t, store);
  },
);
