/** Short reads share connections: answers stay with their questions, and what one of them meets does not reach the others. */
import pg from 'pg';
import t, { type Test } from 'tap';
import { NoAnswer, SharedConnections } from '../../src/sql/shared-connections.js';
import { freshDatabase } from '../support/database.js';

async function open(t: Test, size = 4, giveUpMs = 6_000) {
  const { url } = await freshDatabase(t);
  const lost: Error[] = [];
  const shared = new SharedConnections({
    url,
    size,
    connectTimeoutMs: 2_000,
    giveUpMs,
    applicationName: 'shared',
    settings: { statement_timeout: '5000' },
    onIdleError: (error) => lost.push(error),
  });
  t.teardown(() => shared.close());
  const admin = new pg.Client(url);
  await admin.connect();
  t.teardown(() => admin.end());
  const connections = async (): Promise<number> => {
    const { rows } = await admin.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'shared'`,
    );
    return rows[0]!.n;
  };
  const ask = async (n: number): Promise<number> => {
    const { rows } = await shared.query({
      name: 'echo',
      text: 'SELECT $1::int',
      values: [n],
    });
    return Number(rows[0]![0]);
  };
  return { shared, admin, lost, connections, ask };
}

void t.test('many at once each get their own answer, over few connections', async (t) => {
  const { ask, connections } = await open(t);
  const numbers = Array.from({ length: 300 }, (_, n) => n);
  t.same(await Promise.all(numbers.map(ask)), numbers);
  t.equal(await connections(), 4);
});

void t.test('a single reader needs a single connection', async (t) => {
  const { ask, connections } = await open(t);
  for (let n = 0; n < 20; n++) t.equal(await ask(n), n);
  t.equal(await connections(), 1);
});

void t.test('an error of one query is that query’s alone', async (t) => {
  const { shared, ask } = await open(t, 1);
  const bad = shared.query({
    name: 'bad',
    text: 'SELECT 1 / $1::int',
    values: [0],
  });
  const answers = await Promise.allSettled([ask(1), bad, ask(2), ask(3)]);
  t.same(
    answers.map((answer) =>
      answer.status === 'fulfilled' ? answer.value : (answer.reason as { code: string }).code,
    ),
    [1, '22012', 2, 3],
  );
});

void t.test(
  'a connection that is lost takes its reads with it, and the next read gets another',
  async (t) => {
    const { shared, admin, ask, lost } = await open(t, 1);
    t.equal(await ask(1), 1);
    const slow = shared.query({ text: 'SELECT pg_sleep(5)' });
    // Heard from the beginning: their refusal may come before that of the query below.
    const answers = Promise.allSettled([slow, ask(2)]);
    await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'shared'`,
    );
    for (const answer of await answers) t.equal(answer.status, 'rejected');
    t.equal(await ask(3), 3);
    t.same(lost, [], 'reported by the reads that failed, not as an idle loss');
  },
);

void t.test('a server that does not answer is hung up on', async (t) => {
  const { shared, ask } = await open(t, 1);
  t.equal(await ask(1), 1);
  const slow = shared.query({ text: 'SELECT pg_sleep(4)' });
  const behind = ask(2);
  setImmediate(() => shared.hangUp(new Error('gave up')));
  for (const answer of await Promise.allSettled([slow, behind])) t.equal(answer.status, 'rejected');
  t.equal(await ask(3), 3);
});

void t.test(
  'whoever waits for too long is given up, with those behind it, and the next read gets another',
  async (t) => {
    const { shared, ask, lost } = await open(t, 1, 300);
    t.equal(await ask(1), 1);
    const answers = await Promise.allSettled([shared.query({ text: 'SELECT pg_sleep(4)' }), ask(2)]);
    for (const answer of answers) {
      t.equal(answer.status, 'rejected');
      t.ok((answer as PromiseRejectedResult).reason instanceof NoAnswer);
    }
    t.equal(await ask(3), 3);
    t.same(lost, []);
  },
);

void t.test('nobody listens: each read hears so, and none waits for ever', async (t) => {
  const shared = new SharedConnections({
    url: 'postgres://nobody@127.0.0.1:1/none',
    size: 2,
    connectTimeoutMs: 1_000,
    giveUpMs: 6_000,
    applicationName: 'shared',
    settings: {},
    onIdleError: () => t.fail('no idle connection was lost'),
  });
  t.teardown(() => shared.close());
  const answers = await Promise.allSettled(
    Array.from({ length: 20 }, () => shared.query({ text: 'SELECT 1' })),
  );
  t.ok(answers.every((answer) => answer.status === 'rejected'));
});

void t.test('closed means closed', async (t) => {
  const { shared, ask, connections } = await open(t);
  await ask(1);
  await shared.close();
  await t.rejects(ask(2));
  t.equal(await connections(), 0);
});
