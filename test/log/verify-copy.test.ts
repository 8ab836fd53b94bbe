/** Rows by COPY are those that any other query gives. */
import t from 'tap';
import { withClient } from '../../src/demo/databases.js';
import { EntryRows, type EntryRow } from '../../src/log/verify-copy.js';
import { LogSnapshot } from '../../src/log/verify-snapshot.js';
import { forge, sampleLog } from './verify-sample.js';

const root = t;
const columns = 'writer, number, at, actor_id, flagged, body';

function keep({ writer, number, at, actor, flagged, bytes, start, end }: EntryRow): unknown[] {
  return [writer.text, number, at, actor?.text ?? null, flagged, bytes.toString('utf8', start, end)];
}

void t.test('all columns come as they are, in chunks, in order', async (t) => {
  const { store } = await sampleLog(root);
  await forge(await sampleLog(root), (forger) =>
    forger.run(`UPDATE weir.entries SET body = '{"订单":"€"}', number = 9007199254740991 WHERE number = 7`),
  );
  const sql = `SELECT ${columns} FROM weir.entries ORDER BY at`;
  const expected = await withClient(
    store.superuserUrl,
    async (db) => (await db.query<unknown[]>({ text: sql, rowMode: 'array' })).rows,
  );
  const snapshot = await LogSnapshot.open({ url: store.runtimeUrl });
  const rows = new EntryRows();
  const chunks: unknown[][][] = [];
  for await (const chunk of snapshot.copy(sql, 4, (bytes, start) => keep(rows.read(bytes, start))))
    chunks.push(chunk);
  t.same(
    chunks.map(({ length }) => length),
    [4, 4, 4, 3],
  );
  t.same(
    chunks.flat(),
    expected.map(([writer, number, at, ...rest]) => [writer, Number(number), Number(at), ...rest]),
  );
  const none = snapshot.copy(`SELECT ${columns} FROM weir.entries WHERE false`, 4, () => 0);
  t.same(await none.next(), { done: true, value: undefined });
  await snapshot.close(false);
});

void t.test('far more rows than fit into a chunk come, however slowly they are asked for', async (t) => {
  const { store } = await sampleLog(root);
  const snapshot = await LogSnapshot.open({ url: store.runtimeUrl });
  let taken = 0;
  let given = 0;
  const rows = snapshot.copy("SELECT repeat('x', 1000) FROM generate_series(1, 20000)", 100, () => taken++);
  for await (const chunk of rows) {
    given += chunk.length;
    await new Promise((resolve) => setImmediate(resolve));
    t.ok(taken - given < 1_000, 'it does not run ahead');
  }
  t.equal(given, 20_000);
  await snapshot.close(false);
});

void t.test('what the server or the taking refuses is thrown', async (t) => {
  const { store } = await sampleLog(root);
  for (const [sql, take, code] of [
    ['SELECT 1 FROM weir.nothing', () => 0, '42P01'],
    ['SELECT 1 / (3 - n) FROM generate_series(1, 9) AS n', () => 0, '22012'],
    [
      'SELECT 1',
      () => {
        throw Object.assign(new Error('no'), { code: 'mine' });
      },
      'mine',
    ],
  ] as const) {
    const snapshot = await LogSnapshot.open({ url: store.runtimeUrl });
    await t.rejects(
      async () => {
        for await (const chunk of snapshot.copy(sql, 1, take)) t.ok(chunk);
      },
      { code },
    );
    await snapshot.close(true);
  }
});

void t.test('a connection that breaks off in between is an error', async (t) => {
  const { store } = await sampleLog(root);
  const snapshot = await LogSnapshot.open({ url: store.runtimeUrl });
  const rows = snapshot.copy("SELECT repeat('x', 1000) FROM generate_series(1, 200000)", 100, () => 0);
  await rows.next();
  await withClient(store.superuserUrl, (db) =>
    db.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'weir_runtime' AND datname = current_database()`,
    ),
  );
  await t.rejects(async () => {
    for await (const chunk of rows) t.ok(chunk.length);
  });
  await snapshot.close(true);
});

void t.test('ids that begin alike are told apart', async (t) => {
  const row = (id: string): Buffer => {
    const field = (value: Buffer): Buffer[] => [Buffer.from([0, 0, 0, value.length]), value];
    const uuid = Buffer.from(id.replaceAll('-', ''), 'hex');
    return Buffer.concat(
      [uuid, Buffer.alloc(8, 1), Buffer.alloc(8), uuid, Buffer.from([1]), Buffer.from('{}')].flatMap(field),
    );
  };
  const rows = new EntryRows();
  const [a, b] = ['0190a1b2-0000-4000-8000-000000000001', '0190a1b2-0000-4000-8000-000000000002'] as const;
  for (const id of [a, b, a, b]) {
    const { writer, actor, number, at, flagged } = rows.read(row(id), 0);
    t.same([writer.text, actor?.text, flagged], [id, id, true]);
    t.same([String(writer.ascii), at], [id, 0]);
    t.equal(number, Number(0x0101010101010101n));
  }
});
