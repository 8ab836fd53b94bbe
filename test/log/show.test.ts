/** "Who has read order X?": the log as people read it, on a real database. */
import pg from 'pg';
import t from 'tap';
import { Digester } from '../../src/log/digest.js';
import { findPeople, showLog, type ShowFilter, type ShownEntry } from '../../src/log/show.js';
import { decisionFor, openLog, person, rowsOf, testKey } from './open-log.js';
import { forge, sampleLog, type Sample } from './verify-sample.js';

const root = t;
const digester = new Digester(testKey, 'e1');

async function show(
  t: Pick<typeof root, 'equal' | 'teardown'>,
  sample: Sample,
  filter: ShowFilter,
  digesters = [digester],
): Promise<ShownEntry[]> {
  const pool = new pg.Pool({ connectionString: sample.store.runtimeUrl, max: 1 });
  t.teardown(() => pool.end());
  const shown: ShownEntry[] = [];
  for await (const entry of showLog(pool, digesters, filter)) shown.push(entry);
  t.equal(pool.idleCount, pool.totalCount, 'the connection is back in its pool');
  return shown;
}

const names = (shown: readonly ShownEntry[]): string[] => shown.map(({ entry }) => entry);

void t.test('without a filter everything is shown, newest first', async (t) => {
  const sample = await sampleLog(root);
  const shown = await show(t, sample, {});
  const newestFirst = [...sample.entries].reverse().map(({ writer, number }) => `${writer}/${number}`);
  t.same(names(shown), newestFirst);
  t.same(names(await show(t, sample, { limit: 4 })), newestFirst.slice(0, 4));
});

void t.test(
  'an entry is shown with who, when, through what, which columns and how many records',
  async (t) => {
    const sample = await sampleLog(root);
    const { li } = sample;
    const [read] = await show(t, sample, { actorIds: [li.actorId], kind: 'read', limit: 1 });
    const { at } = sample.bodyOf(sample.read(li, 5));
    t.same(read, {
      entry: sample.read(li, 5),
      atMicros: at,
      at: new Date(at / 1000).toISOString(),
      kind: 'read',
      fault: undefined,
      actorId: li.actorId,
      person: 'li',
      issuer: 'https://issuer.test',
      displayName: undefined,
      tool: 'desk',
      act: undefined,
      role: 'support-agent',
      door: 'rest',
      route: 'GET /rest/:table',
      request: sample.bodyOf(sample.read(li, 5)).request,
      statement: 'orders?select=order_no,receiver_phone&order_no=eq',
      reason: undefined,
      ticket: undefined,
      table: 'orders',
      columns: { order_no: 'clear', receiver_phone: 'last4' },
      records: 1,
      part: 0,
      meters: [li.meterKey],
      outcome: 'released',
      error: undefined,
      limit: undefined,
      flags: [],
    });
    const [flagged] = (await show(t, sample, { actorIds: [sample.wang.actorId] })).filter(
      ({ flags }) => flags.length > 0,
    );
    t.match(flagged, { displayName: '王芳', flags: [{ rule: 'recordsPerRead', value: 2, threshold: 2 }] });
    t.match(await show(t, sample, { kind: 'refusal' }), [
      { outcome: 'refused', error: 'pin-required', person: 'li' },
    ]);
    t.match(await show(t, sample, { kind: 'close' }), [{ outcome: 'noted' }, { person: undefined }]);
  },
);

void t.test('who has read order 1? Everybody who did, and nobody else', async (t) => {
  const sample = await sampleLog(root);
  const { li, wang } = sample;
  const shown = await show(t, sample, { record: { table: 'orders', key: '1' } });
  t.same(names(shown), [sample.read(wang, 4), sample.read(li, 4), sample.read(li, 1)]);
  t.same(names(await show(t, sample, { record: { table: 'orders', key: '3' } })), [sample.read(li, 2)]);
  t.same(await show(t, sample, { record: { table: 'orders', key: '99' } }), []);
  t.same(
    await show(t, sample, { record: { table: 'shipments', key: '1' } }),
    [],
    'another table has other records',
  );
  t.same(
    await show(t, sample, { record: { table: 'orders', key: 'a' } }),
    [],
    "a person's digest is no record's",
  );
});

void t.test('who has read about one customer?', async (t) => {
  const sample = await sampleLog(root);
  const { li, wang } = sample;
  t.same(names(await show(t, sample, { subject: 'b' })), [
    sample.read(wang, 3),
    sample.read(li, 2),
    sample.read(wang, 1),
  ]);
  const both = { subject: 'b', record: { table: 'orders', key: '3' } };
  t.same(names(await show(t, sample, both)), [sample.read(li, 2)]);
});

void t.test('a digest that stands across two others is not taken for a record', async (t) => {
  const sample = await sampleLog(root);
  const wanted = digester.digest('orders', 'record', ['77']);
  const across = Buffer.concat([Buffer.alloc(4, 1), wanted, Buffer.alloc(4, 1)]);
  await forge(sample, (forger) =>
    forger.run(
      'UPDATE weir.read_digests SET records = $3 WHERE writer = $1 AND number = $2',
      ...sample.read(sample.li, 4).split('/'),
      across,
    ),
  );
  t.same(await show(t, sample, { record: { table: 'orders', key: '77' } }), []);
  const twice = Buffer.concat([across, wanted]);
  await forge(sample, (forger) =>
    forger.run(
      'UPDATE weir.read_digests SET records = $3 WHERE writer = $1 AND number = $2',
      ...sample.read(sample.li, 4).split('/'),
      twice,
    ),
  );
  t.same(names(await show(t, sample, { record: { table: 'orders', key: '77' } })), [
    sample.read(sample.li, 4),
  ]);
});

void t.test('a record is found under the key of each epoch that is known', async (t) => {
  const sample = await sampleLog(root);
  const later = new Digester(Buffer.alloc(32, 8), 'e2');
  const { log } = await openLog(t, sample.store.runtimeUrl, { digester: later });
  const actor = await log.directory.identify(person('li'));
  await log.record(decisionFor(person('li'), actor), actor, rowsOf(['1'], ['a']));
  await log.close();
  const record = { table: 'orders', key: '1' };
  t.equal((await show(t, sample, { record }, [digester, later])).length, 4);
  t.equal((await show(t, sample, { record }, [later])).length, 1);
  t.equal((await show(t, sample, { record }, [digester])).length, 3);
  t.same(await show(t, sample, { record }, []), [], 'without any key nothing can be found');
});

void t.test('filters by person, time, door, kind and table go together', async (t) => {
  const sample = await sampleLog(root);
  const { li, wang } = sample;
  const from = sample.bodyOf(sample.read(li, 2)).at;
  const to = sample.bodyOf(sample.read(li, 4)).at;
  const some = await show(t, sample, {
    actorIds: [li.actorId],
    kind: 'read',
    sinceMicros: from,
    untilMicros: to,
  });
  t.same(names(some), [sample.read(li, 3), sample.read(li, 2)], 'from then on, and before then');
  t.equal((await show(t, sample, { actorIds: [li.actorId, wang.actorId], table: 'orders' })).length, 9);
  t.equal((await show(t, sample, { actorIds: [] })).length, 0);
  t.equal((await show(t, sample, { table: 'order' })).length, 0);
  t.equal((await show(t, sample, { door: 'rest' })).length, 11);
  t.equal((await show(t, sample, { door: 'admin' })).length, 0);
  const record = { table: 'orders', key: '1' };
  t.same(names(await show(t, sample, { record, actorIds: [wang.actorId] })), [sample.read(wang, 4)]);
  t.same(names(await show(t, sample, { record, limit: 1 })), [sample.read(wang, 4)]);
  t.same(names(await show(t, sample, { record, untilMicros: to })), [sample.read(li, 1)]);
});

void t.test('people are found by subject, display name or actor id, and by issuer', async (t) => {
  const sample = await sampleLog(root);
  const pool = new pg.Pool({ connectionString: sample.store.runtimeUrl, max: 1 });
  t.teardown(() => pool.end());
  const wang = {
    actorId: sample.wang.actorId,
    issuer: 'https://issuer.test',
    kind: 'person',
    subject: 'wang',
    displayName: '王芳',
  };
  t.same(await findPeople(pool, 'wang'), [wang]);
  t.same(await findPeople(pool, '王芳'), [wang]);
  t.same(await findPeople(pool, sample.wang.actorId.toUpperCase()), [wang]);
  t.same(await findPeople(pool, 'wang', 'https://issuer.test'), [wang]);
  t.same(await findPeople(pool, 'wang', 'https://elsewhere.test'), []);
  t.same(await findPeople(pool, "wang' OR true --"), []);
  t.match(await findPeople(pool, 'li'), [{ subject: 'li', displayName: undefined }]);
});

void t.test('an erased person is shown by pseudonym', async (t) => {
  const sample = await sampleLog(root);
  await forge(sample, (forger) => forger.run(`DELETE FROM weir.actors WHERE subject = 'li'`));
  const [entry] = await show(t, sample, { actorIds: [sample.li.actorId], limit: 1 });
  t.match(entry, { actorId: sample.li.actorId, person: undefined, role: 'support-agent' });
});

void t.test('an entry that cannot be read is shown as such, not left out', async (t) => {
  const sample = await sampleLog(root);
  const entry = sample.read(sample.li, 4);
  await forge(sample, (forger) =>
    forger.run(
      `UPDATE weir.entries SET body = '{"kind":"read"}' WHERE writer = $1 AND number = $2`,
      ...entry.split('/'),
    ),
  );
  const shown = await show(t, sample, { kind: 'read', actorIds: [sample.li.actorId] });
  t.match(shown[1], { entry, fault: 'its version is not known here', person: 'li', kind: undefined });
});

void t.test('who stops asking early leaves a connection that can be used again', async (t) => {
  const sample = await sampleLog(root);
  const pool = new pg.Pool({ connectionString: sample.store.runtimeUrl, max: 1 });
  t.teardown(() => pool.end());
  for await (const entry of showLog(pool, [digester], {})) {
    t.ok(entry);
    break;
  }
  t.equal(pool.idleCount, 1);
  t.equal((await findPeople(pool, 'li')).length, 1);
});

void t.test('a connection that breaks off is an error, and ends nothing else', async (t) => {
  const sample = await sampleLog(root);
  const pool = new pg.Pool({ connectionString: sample.store.runtimeUrl, max: 2 });
  pool.on('error', () => undefined);
  t.teardown(() => pool.end());
  const entries = showLog(pool, [digester], {});
  await entries.next();
  await forge(sample, (forger) =>
    forger.run(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'weir_runtime' AND datname = current_database()`,
    ),
  );
  await t.rejects(async () => {
    for await (const entry of entries) t.ok(entry);
    throw new Error('the rest had been read already');
  });
  t.equal((await findPeople(pool, 'li')).length, 1, 'the pool goes on with another');
});
