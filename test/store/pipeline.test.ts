/** The gateway's own end of PostgreSQL's protocol: what goes in comes out, whatever it holds and however it is cut up. */
import pg, { DatabaseError } from 'pg';
import t, { type Test } from 'tap';
import { NotRun, Pipeline, type PipelinedAnswer, type PipelinedQuery } from '../../src/store/pipeline.js';
import { openClient } from '../../src/store/pool.js';
import { freshDatabase } from '../support/database.js';

async function open(t: Test) {
  const { url } = await freshDatabase(t);
  const client = openClient({
    url,
    connectTimeoutMs: 2_000,
    applicationName: 'pipeline',
    settings: {},
    pipeline: false,
  });
  const pipeline = await Pipeline.open(client);
  t.teardown(() => pipeline.close());
  const ask = (query: PipelinedQuery): Promise<PipelinedAnswer> =>
    new Promise((resolve, reject) =>
      pipeline.ask(query, (error, answer) => (error === undefined ? resolve(answer) : reject(error))),
    );
  return { url, pipeline, ask };
}

const echo = { name: 'echo', text: 'SELECT $1::text, $2::int8, $3::bool, $4::bytea' };

void t.test('values of every kind and length come back as they went', async (t) => {
  const { ask } = await open(t);
  const texts = ['', 'a', '欧阳修', '𠮷', 'é'.repeat(511), '上海'.repeat(300), 'x'.repeat(70_000)];
  const bytes = [Buffer.alloc(0), Buffer.from([0, 255, 10]), Buffer.alloc(100_000, 7)];
  const cases = texts.flatMap((text) => bytes.map((each) => [text, -42, true, each] as const));
  const answers = await Promise.all(
    cases.map((values) => ask({ ...echo, values, binary: [false, false, false, true] })),
  );
  answers.forEach(({ rows, tag }, at) => {
    const [text, , , sent] = cases[at]!;
    t.same(rows, [[text, '-42', 't', sent]]);
    t.equal(tag, 'SELECT 1');
  });
  t.same((await ask({ ...echo, values: [null, null, null, null] })).rows, [[null, null, null, null]]);
});

void t.test('many rows, whose bytes arrive in pieces', async (t) => {
  const { ask } = await open(t);
  const wide = { text: `SELECT n, repeat('测', n % 50) FROM generate_series(1, 20000) AS n` };
  const [simple, extended] = await Promise.all([
    ask(wide),
    ask({ text: `${wide.text} WHERE n > $1`, values: [0] }),
  ]);
  t.equal(simple.rows.length, 20_000);
  t.ok(simple.rows.every(([n, text], at) => Number(n) === at + 1 && text === '测'.repeat((at + 1) % 50)));
  t.same(extended.rows, simple.rows);
});

void t.test('what fails is prepared anew, and nothing else is disturbed', async (t) => {
  const { ask } = await open(t);
  const late = { name: 'late', text: 'SELECT a FROM made_later WHERE a = $1', values: [1] };
  const codeOf = (reason: unknown) => (reason instanceof DatabaseError ? reason.code : reason);
  const first = await Promise.allSettled([ask(late), ask({ ...echo, values: ['x', 1, false, null] })]);
  t.equal(codeOf((first[0] as PromiseRejectedResult).reason), '42P01');
  t.equal(first[1].status, 'fulfilled');
  await ask({ text: 'CREATE TABLE made_later (a int)' });
  t.same((await ask(late)).rows, []);
  // Prepared, but its value is none: it must not be prepared twice.
  const refused = await ask({ ...late, values: ['no number'] }).catch((error: unknown) => error);
  t.equal(codeOf(refused), '22P02');
  t.equal((refused as DatabaseError).severity, 'ERROR');
  t.same((await ask(late)).rows, []);
  await t.rejects(ask({ text: "SELECT '\0'" }), TypeError);
});

void t.test('an exchange runs up to what fails, and is the caller’s to roll back', async (t) => {
  const { ask, pipeline } = await open(t);
  await ask({ text: 'CREATE TABLE kept (a int)' });
  const [begin, commit] = ['BEGIN', 'COMMIT'].map((text) => ({ name: text, text }));
  const keep = (a: number) => ({ name: 'keep', text: 'INSERT INTO kept SELECT 1 / $1::int', values: [a] });
  const told = async (...queries: PipelinedQuery[]) =>
    (await pipeline.exchange(queries)).map((answer) =>
      answer.status === 'fulfilled' ? answer.value.tag : (answer.reason as { code?: string }).code,
    );
  t.same(await told(begin!, keep(0), commit!), ['BEGIN', '22012', undefined]);
  const [failed, notRun] = await pipeline.exchange([keep(1), commit!]);
  t.equal((failed as PromiseRejectedResult).reason.code, '25P02');
  t.ok((notRun as PromiseRejectedResult).reason instanceof NotRun);
  t.same(await told({ text: 'ROLLBACK' }), ['ROLLBACK']);
  const whole = told(begin!, keep(1), keep(-1), { text: 'SELECT a FROM kept' }, commit!);
  t.same(await Promise.all([whole, told({ text: 'SELECT 7' })]), [
    ['BEGIN', 'INSERT 0 1', 'INSERT 0 1', 'SELECT 2', 'COMMIT'],
    ['SELECT 1'],
  ]);
  t.same((await ask({ text: 'SELECT a FROM kept ORDER BY a' })).rows, [['-1'], ['1']]);
});

void t.test('of an exchange whose connection is lost nothing is told to be not run', async (t) => {
  const { ask, pipeline } = await open(t);
  const { rows } = await ask({ text: 'SELECT pg_backend_pid()' });
  const answers = await pipeline.exchange([
    { text: 'SELECT pg_terminate_backend($1::int)', values: [rows[0]![0]!] },
    { name: 'sleep', text: 'SELECT pg_sleep(5)' },
    { text: 'COMMIT' },
  ]);
  const last = answers.at(-1)!;
  t.equal(last.status, 'rejected');
  t.notOk((last as PromiseRejectedResult).reason instanceof NotRun);
});

void t.test('a lost connection is heard of by all that wait, and by those that come after', async (t) => {
  const { url, ask, pipeline } = await open(t);
  const admin = new pg.Client(url);
  await admin.connect();
  t.teardown(() => admin.end());
  const waiting = Promise.allSettled([ask({ text: 'SELECT pg_sleep(5)' }), ask({ text: 'SELECT 1' })]);
  await admin.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pipeline'`,
  );
  for (const { status } of await waiting) t.equal(status, 'rejected');
  t.ok(pipeline.lost);
  await t.rejects(ask({ text: 'SELECT 1' }));
  const [told] = await pipeline.exchange([{ text: 'SELECT 1' }]);
  t.equal(told!.status, 'rejected');
});

void t.test('it takes its leave after what is under way', async (t) => {
  const { ask, pipeline } = await open(t);
  const slow = ask({ text: `SELECT 'done' FROM pg_sleep(0.2)` });
  await Promise.all([pipeline.close(), t.resolveMatch(slow, { rows: [['done']] })]);
});
