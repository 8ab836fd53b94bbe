/** Record and charge on a real PostgreSQL: what is told to the caller is what stands in the database. */
import pg from 'pg';
import t from 'tap';
import type { WeirError } from '../../src/errors.js';
import { LimitReached } from '../../src/errors.js';
import type { EntryBody } from '../../src/log/entry.js';
import { decisionFor, freshStore, openLog, perDay, perMinute, person, rowsOf } from './open-log.js';

async function entriesOf(url: string): Promise<EntryBody[]> {
  const client = new pg.Client(url);
  await client.connect();
  const { rows } = await client.query<{ body: string }>(
    'SELECT body FROM weir.entries ORDER BY writer, number',
  );
  await client.end();
  return rows.map(({ body }) => JSON.parse(body) as EntryBody);
}

void t.test(
  'a read is recorded with its records, people, charge and limits before the caller hears of it',
  async (t) => {
    const store = await freshStore(t);
    const { log } = await openLog(t, store.runtimeUrl);
    const actor = await log.directory.identify(person('li'));
    const rows = rowsOf(['1', '2', '3'], ['c1', 'c1', null]);
    const receipt = await log.record(
      decisionFor(person('li'), actor, { limits: [perDay('records', 10)] }),
      actor,
      rows,
    );
    t.equal(receipt.rows, rows);
    const [open, read] = await entriesOf(store.superuserUrl);
    t.match(open, { kind: 'open', number: 1, zone: 'Asia/Shanghai' });
    t.match(read, {
      kind: 'read',
      number: 2,
      actor: actor.actorId,
      read: { table: 'orders', records: 3, see: { order_no: 'clear', receiver_phone: 'last4' } },
      charge: { sequence: 1, amounts: { queries: 1, records: 3, people: [1] } },
      limits: [['records', 'day', 10]],
    });
    t.notMatch(JSON.stringify(read), /WR1|"li"/, 'no value and no name is in the entry');
  },
);

void t.test(
  'a read over a limit is refused, recorded and not charged; the next that fits goes on',
  async (t) => {
    const store = await freshStore(t);
    const { log } = await openLog(t, store.runtimeUrl);
    const actor = await log.directory.identify(person('li'));
    const decision = () => decisionFor(person('li'), actor, { limits: [perMinute('records', 5)] });
    await log.record(decision(), actor, rowsOf(['1', '2', '3', '4'], ['a', 'b', 'c', 'd']));
    const refused = await log
      .record(decision(), actor, rowsOf(['5', '6'], ['e', 'f']))
      .catch((error: unknown) => error);
    t.type(refused, LimitReached);
    t.match(refused, {
      code: 'limit-reached',
      limit: '5 records per minute',
      remaining: 1,
      windowSeconds: 60,
    });
    await log.record(decision(), actor, rowsOf(['7'], ['g']));
    const kinds = (await entriesOf(store.superuserUrl)).map(({ kind, error, charge }) => [
      kind,
      error,
      charge?.sequence,
    ]);
    t.same(kinds, [
      ['open', undefined, undefined],
      ['read', undefined, 1],
      ['refusal', 'limit-reached', undefined],
      ['read', undefined, 2],
    ]);
  },
);

void t.test('people are counted once a day however often they are read, by whatever process', async (t) => {
  const store = await freshStore(t);
  const one = await openLog(t, store.runtimeUrl);
  const two = await openLog(t, store.runtimeUrl);
  const limits = [perDay('people', 3)];
  const actor = await one.log.directory.identify(person('li'));
  const same = await two.log.directory.identify(person('li'));
  t.same(same, actor, 'the same person is the same actor in every process');
  const read = (log: typeof one.log, key: string, people: string[]) =>
    log.record(
      decisionFor(person('li'), actor, { limits }),
      actor,
      rowsOf(
        people.map((_, i) => `${key}${i}`),
        people,
      ),
    );
  await read(one.log, '1', ['a', 'b', 'a']);
  await read(two.log, '2', ['b', 'a']);
  await read(two.log, '3', ['c']);
  await read(one.log, '4', ['c', 'b', 'a']);
  await t.rejects(read(one.log, '5', ['d']), LimitReached);
  await t.rejects(read(two.log, '6', ['e']), LimitReached);
});

void t.test('with misses used up a look-up is refused whether it would hit or miss', async (t) => {
  const store = await freshStore(t);
  const { log } = await openLog(t, store.runtimeUrl);
  const actor = await log.directory.identify(person('li'));
  const decision = () => decisionFor(person('li'), actor, { limits: [perDay('misses', 1)], lookups: 1 });
  await log.record(decision(), actor, rowsOf([], []));
  await t.rejects(log.record(decision(), actor, rowsOf([], [])), LimitReached);
  await t.rejects(log.record(decision(), actor, rowsOf(['1'], ['a'])), LimitReached);
});

void t.test('rows without a personal column are recorded but free', async (t) => {
  const store = await freshStore(t);
  const { log } = await openLog(t, store.runtimeUrl);
  const actor = await log.directory.identify(person('li'));
  const decision = decisionFor(person('li'), actor, {
    limits: [perDay('records', 1), perDay('people', 1)],
    personal: false,
  });
  await log.record(decision, actor, rowsOf(['1', '2', '3'], ['a', 'b', 'c']));
  const read = (await entriesOf(store.superuserUrl)).at(-1)!;
  t.equal(read.read?.records, 3);
  t.notOk(read.charge?.amounts.records);
});

void t.test('a bulk read is flagged in the entry as it is written', async (t) => {
  const store = await freshStore(t);
  const { log, observed } = await openLog(t, store.runtimeUrl);
  const actor = await log.directory.identify(person('li'));
  const bulk = { recordsPerRead: 3, recordsPerDay: 5, consecutive: 4 };
  const read = (keys: string[]) =>
    log.record(decisionFor(person('li'), actor, { bulk }), actor, rowsOf(keys, keys));
  t.same((await read(['1', '5'])).flags, []);
  t.same((await read(['9', '20', '30'])).flags, [
    { rule: 'recordsPerRead', value: 3, threshold: 3 },
    { rule: 'recordsPerDay', value: 5, threshold: 5 },
  ]);
  t.match((await read(['101', '102', '103', '104'])).flags.at(-1), { rule: 'consecutive', value: 4 });
  t.match((await entriesOf(store.superuserUrl)).at(-1)?.flags, [
    ['recordsPerRead', 4, 3],
    ['recordsPerDay', 9, 5],
    ['consecutive', 4, 4],
  ]);
  t.equal(observed.filter(({ event }) => event === 'flagged').length, 2);
});

void t.test(
  'hundreds of concurrent reads of one person share commits and never overrun the limit',
  async (t) => {
    const store = await freshStore(t);
    const { log, observed } = await openLog(t, store.runtimeUrl);
    const actor = await log.directory.identify(person('li'));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 300 }, (_, i) =>
        log.record(
          decisionFor(person('li'), actor, { limits: [perMinute('records', 200)] }),
          actor,
          rowsOf([String(i)], [String(i)]),
        ),
      ),
    );
    t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 200);
    const batches = observed.filter(({ event }) => event === 'batch').length;
    t.ok(batches < 20, `${batches} commits for 300 reads`);
    const numbers = (await entriesOf(store.superuserUrl)).map(({ number }) => number);
    t.same(
      numbers,
      Array.from({ length: 301 }, (_, i) => i + 1),
      'numbers without a gap',
    );
  },
);

void t.test("a row that another process holds locked does not hold up other people's reads", async (t) => {
  const store = await freshStore(t);
  const { log } = await openLog(t, store.runtimeUrl);
  const [li, wang] = [
    await log.directory.identify(person('li')),
    await log.directory.identify(person('wang')),
  ];
  const holder = new pg.Client(store.superuserUrl);
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT FROM weir.meters WHERE meter_id = $1 FOR UPDATE', [li.meterId]);
  const waiting = log.record(decisionFor(person('li'), li), li, rowsOf(['1'], ['a']));
  let done = false;
  void waiting.then(
    () => (done = true),
    () => {},
  );
  for (let i = 0; i < 20; i++) {
    await log.record(decisionFor(person('wang'), wang), wang, rowsOf([String(i)], ['b']));
  }
  t.notOk(done, 'the read of the locked person waits');
  await holder.query('COMMIT');
  await holder.end();
  await waiting;
});

void t.test('a row that stays locked refuses its reads at their deadline and nobody else', async (t) => {
  const store = await freshStore(t);
  const { log } = await openLog(t, store.runtimeUrl, { deadlineMs: 500 });
  const li = await log.directory.identify(person('li'));
  const holder = new pg.Client(store.superuserUrl);
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT FROM weir.meters WHERE meter_id = $1 FOR UPDATE', [li.meterId]);
  await t.rejects(log.record(decisionFor(person('li'), li), li, rowsOf(['1'], ['a'])), {
    code: 'log-unavailable',
  });
  t.equal(log.downReason, undefined, 'the log as a whole is up');
  await holder.query('ROLLBACK');
  await holder.end();
  await log.record(decisionFor(person('li'), li), li, rowsOf(['1'], ['a']));
});

void t.test('a corrupted meter refuses its own person and nobody else', async (t) => {
  const store = await freshStore(t);
  const { log } = await openLog(t, store.runtimeUrl);
  const [li, wang] = [
    await log.directory.identify(person('li')),
    await log.directory.identify(person('wang')),
  ];
  const admin = new pg.Client(store.superuserUrl);
  await admin.connect();
  await admin.query(`UPDATE weir.meters SET state = '\\xffffffff' WHERE meter_id = $1`, [li.meterId]);
  await admin.end();
  const [bad, good] = await Promise.allSettled([
    log.record(decisionFor(person('li'), li), li, rowsOf(['1'], ['a'])),
    log.record(decisionFor(person('wang'), wang), wang, rowsOf(['2'], ['b'])),
  ]);
  t.match(bad, { status: 'rejected', reason: { code: 'log-unavailable' } });
  t.equal(good.status, 'fulfilled');
});

void t.test('one poisoned entry does not take the others of its batch with it', async (t) => {
  const store = await freshStore(t);
  const { log } = await openLog(t, store.runtimeUrl);
  const actor = await log.directory.identify(person('li'));
  // Longer than an entry may be: the database refuses this one row.
  const poison = { ...decisionFor(person('li'), actor), statement: 'x'.repeat(70_000) };
  const outcomes = await Promise.allSettled([
    ...Array.from({ length: 5 }, (_, i) =>
      log.record(decisionFor(person('li'), actor), actor, rowsOf([`a${i}`], ['a'])),
    ),
    log.record(poison, actor, rowsOf(['bad'], ['b'])),
    ...Array.from({ length: 5 }, (_, i) =>
      log.record(decisionFor(person('li'), actor), actor, rowsOf([`b${i}`], ['c'])),
    ),
  ]);
  t.same(
    outcomes.map(({ status }) => status === 'fulfilled'),
    [...Array(5).fill(true), false, ...Array(5).fill(true)],
  );
  const numbers = (await entriesOf(store.superuserUrl)).map(({ number }) => number);
  t.same(
    numbers,
    Array.from({ length: numbers.length }, (_, i) => i + 1),
    'and leaves no gap',
  );
});

void t.test('a clean stop writes a closing entry, and nothing is accepted after it', async (t) => {
  const store = await freshStore(t);
  const { log } = await openLog(t, store.runtimeUrl);
  const actor = await log.directory.identify(person('li'));
  await log.close();
  t.equal((await entriesOf(store.superuserUrl)).at(-1)?.kind, 'close');
  await t.rejects(log.record(decisionFor(person('li'), actor), actor, rowsOf(['1'], ['a'])), {
    code: 'draining',
  });
});

// Found by the verifier: a read whose meter was locked went behind the closing entry.
void t.test(
  'nothing comes to stand behind the closing entry, not even a read that waited for its meter',
  async (t) => {
    const store = await freshStore(t);
    const { log } = await openLog(t, store.runtimeUrl);
    const actor = await log.directory.identify(person('li'));
    const holder = new pg.Client(store.superuserUrl);
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM weir.meters WHERE meter_id = $1 FOR UPDATE', [actor.meterId]);
    const waiting = log.record(decisionFor(person('li'), actor), actor, rowsOf(['1'], ['a']));
    const closing = log.close();
    await t.rejects(log.record(decisionFor(person('li'), actor), actor, rowsOf(['2'], ['a'])), {
      code: 'draining',
    });
    await holder.query('COMMIT');
    await holder.end();
    await waiting;
    await closing;
    t.same(
      (await entriesOf(store.superuserUrl)).map(({ kind }) => kind),
      ['open', 'read', 'close'],
    );
  },
);

void t.test('a full queue answers busy at once', async (t) => {
  const store = await freshStore(t);
  const { log } = await openLog(t, store.runtimeUrl, { maxWaiting: 10 });
  const actor = await log.directory.identify(person('li'));
  const outcomes = await Promise.allSettled(
    Array.from({ length: 400 }, (_, i) =>
      log.record(decisionFor(person('li'), actor), actor, rowsOf([String(i)], ['a'])),
    ),
  );
  const codes = outcomes.filter((o) => o.status === 'rejected').map((o) => (o.reason as WeirError).code);
  t.ok(codes.length > 0 && codes.every((code) => code === 'busy'));
});

void t.test(
  'a database whose commits stop being durable is not written to any more, until they are again',
  async (t) => {
    const store = await freshStore(t);
    const { log } = await openLog(t, store.runtimeUrl);
    const actor = await log.directory.identify(person('li'));
    const read = () => log.record(decisionFor(person('li'), actor), actor, rowsOf(['1'], ['a']));
    const admin = new pg.Client(store.superuserUrl);
    await admin.connect();
    const name = new URL(store.superuserUrl).pathname.slice(1);
    const reconnect = () =>
      admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'weir log'`,
      );
    await read();
    await admin.query(`ALTER ROLE weir_runtime IN DATABASE "${name}" SET synchronous_commit = off`);
    await reconnect();
    await t.rejects(read(), { code: 'log-unavailable' });
    await t.rejects(read(), { code: 'log-unavailable' });
    await admin.query(`ALTER ROLE weir_runtime IN DATABASE "${name}" SET synchronous_commit = on`);
    const deadline = Date.now() + 10_000;
    while (Date.now() < deadline) {
      if (
        await read().then(
          () => true,
          () => false,
        )
      )
        break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    t.ok(Date.now() < deadline, 'it recovers alone');
    await admin.end();
  },
);
