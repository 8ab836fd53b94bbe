/** The order database goes away in the middle of a long read: that read fails, the gateway does not. */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import t, { type Test } from 'tap';
import { OrderDatabase } from '../../src/sql/order-database.js';
import type { Statement } from '../../src/sql/statement.js';
import { freshDatabase } from '../support/database.js';

const longRead = {
  text: 'SELECT g::text, g::text, g::text FROM generate_series(1, 100000) AS g',
  values: [],
  columns: [{ name: 'g', mask: 'clear', json: 'number' }],
  outputMasks: [],
  rowLimit: undefined,
} as unknown as Statement;

/** A database with a single connection, and the means to end that from the other side. */
async function open(t: Test) {
  const { url } = await freshDatabase(t);
  const orders = new OrderDatabase({
    url,
    poolSize: 1,
    connectTimeoutMs: 1_000,
    statementTimeoutMs: 1_000,
    streamTimeoutMs: 60_000,
    onIdleError: () => undefined,
  });
  t.teardown(() => orders.close());
  const lost = new Promise<void>((settle) =>
    orders.pool.on('acquire', (client) => client.once('end', settle)),
  );
  const end = async (): Promise<void> => {
    const admin = new pg.Client(url);
    await admin.connect();
    await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    await admin.end();
    await lost;
  };
  return { orders, end };
}

void t.test(
  'a long read whose connection is lost between two chunks fails, and the next read gets a new connection',
  async (t) => {
    const { orders, end } = await open(t);
    const rows = orders.read(longRead, new AbortController());
    t.equal((await rows.next()).done, false);
    await end();
    await t.rejects(rows.next(), { name: 'WeirError' });
    await orders.ping();
  },
);

void t.test(
  'a reader that stops after the connection was lost is let go, and the next read gets a new connection',
  async (t) => {
    const { orders, end } = await open(t);
    const rows = orders.read(longRead, new AbortController());
    t.equal((await rows.next()).done, false);
    await end();
    await rows.return();
    await orders.ping();
  },
);

void t.test('a read may take longer than one statement, as long as each chunk comes in time', async (t) => {
  const { url } = await freshDatabase(t);
  const statementTimeoutMs = 200;
  const options = {
    url,
    poolSize: 1,
    connectTimeoutMs: 1_000,
    statementTimeoutMs,
    onIdleError: () => undefined,
  };
  const slowRows = { ...longRead, text: longRead.text.replace('100000', '5000') } as Statement;
  const takeSlowly = async (orders: OrderDatabase): Promise<number> => {
    let rows = 0;
    for await (const chunk of orders.read(slowRows, new AbortController())) {
      rows += chunk.values.length;
      await delay(statementTimeoutMs / 2);
    }
    return rows;
  };
  const patient = new OrderDatabase({ ...options, streamTimeoutMs: 60_000 });
  t.teardown(() => patient.close());
  t.equal(await takeSlowly(patient), 5_000);
  await patient.ping();
  const hurried = new OrderDatabase({ ...options, streamTimeoutMs: statementTimeoutMs });
  t.teardown(() => hurried.close());
  await t.rejects(takeSlowly(hurried), { code: 'upstream-slow' });
  await hurried.ping();
});
