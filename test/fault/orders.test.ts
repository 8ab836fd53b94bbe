/**
 * The order database in every bad state that it can be in. What must hold each time: a clear 502 or 504 before
 * long, on the log; an answer that cannot be completed is broken off, never ended; not a word of the order
 * database in any answer or in the operators' log; and reads work again once it does.
 */
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import t, { type Test } from 'tap';
import { createOrderDatabase, ensureRoles, withClient } from '../../src/demo/databases.js';
import { Digester } from '../../src/log/digest.js';
import { createLogger } from '../../src/observe/logger.js';
import { testKey } from '../log/open-log.js';
import { ownCluster, passwordOf, sharedCluster } from '../support/cluster.js';
import { testShop } from '../support/database.js';
import { startGateway, type OpenedGateway } from '../support/gateway.js';
import { Relay } from './relay.js';
import {
  askOnce,
  deskPolicies,
  entriesOf,
  query,
  readiness,
  untilReady,
  verified,
  type Told,
} from './traffic.js';

t.setTimeout(300_000);
// Most of it is waiting.
t.jobs = 3;

const statementTimeoutMs = 600;
const connectTimeoutMs = 800;
/** Where no statement is to run out of time: on a slow machine it would, before what is tested comes about. */
const patientMs = 20_000;
/** The gateway gives a connection up a second after the server should have ended the statement; and a slow machine. */
const boundMs = connectTimeoutMs + statementTimeoutMs + 1_000 + 4_000;
const recoveryMs = 10_000;

const down = 'urn:weir:error:upstream-down';
const slow = 'urn:weir:error:upstream-slow';
const failed = 'urn:weir:error:upstream-failed';

const items = '  order_items:\n    browse: yes\n    see: {item_id: clear, order_id: clear, title: clear}';
const onePage = '/rest/orders?order=order_id&limit=3';

interface OpenOptions {
  readonly poolSize?: number;
  readonly statementMs?: number;
  readonly ordersUrl?: string;
}

interface Opened {
  readonly gateway: OpenedGateway;
  readonly token: string;
  readonly relay: Relay;
}

async function open(
  t: Test,
  { poolSize = 4, statementMs = statementTimeoutMs, ordersUrl }: OpenOptions = {},
): Promise<Opened> {
  const port = ordersUrl === undefined ? (await sharedCluster()).port : Number(new URL(ordersUrl).port);
  const relay = await Relay.open(t, port);
  const gateway = await startGateway(t, {
    policies: await deskPolicies(t, items),
    config: (config) => ({
      ...config,
      orders: {
        ...config.orders,
        url: relay.through(ordersUrl ?? config.orders.url),
        poolSize,
        statementTimeoutMs: statementMs,
        connectTimeoutMs,
      },
    }),
  });
  const token = await gateway.token({ role: 'desk', sub: 'li' });
  await untilReady(gateway, 200, recoveryMs);
  let first = await askOnce(gateway, onePage, token);
  // On a slow machine the first read may come before the gateway has warmed up.
  for (let again = 0; first.status === 503 && again < 10; again++)
    first = await askOnce(gateway, onePage, token);
  t.equal(first.status, 200, 'it works before');
  return { gateway, token, relay };
}

/** Several at once, so that the pool has to open connections as well. */
async function ask({ gateway, token }: Opened, times = 6, path = onePage): Promise<Told[]> {
  return Promise.all(Array.from({ length: times }, () => askOnce(gateway, path, token)));
}

interface Expected {
  readonly status: 502 | 504;
  readonly type: string;
}

/** All of them failed so, in time, with nothing of the order database in them, and on the log. */
async function checkFailed(
  t: Test,
  opened: Opened,
  told: readonly Told[],
  expected: readonly Expected[],
): Promise<void> {
  for (const each of told) {
    t.ok(
      expected.some(({ status, type }) => each.status === status && each.type === type),
      `${each.status} ${each.type} after ${Math.round(each.tookMs)} ms`,
    );
  }
  const late = told.filter(({ tookMs }) => tookMs > boundMs);
  t.same(late, [], `each within ${boundMs} ms`);
  const { gateway } = opened;
  const entries = await entriesOf(gateway.store.superuserUrl);
  for (const { requestId, type } of told) {
    const own = entries.filter(({ request }) => request === requestId);
    t.match(
      own,
      [{ kind: 'refusal', error: type?.replace('urn:weir:error:', '') }],
      'the refusal is on the log',
    );
  }
  checkTexts(t, opened, told);
}

/** What was answered is on the log, row for row. */
async function checkRecorded(t: Test, { gateway }: Opened, answered: readonly Told[]): Promise<void> {
  const entries = await entriesOf(gateway.store.superuserUrl);
  for (const { requestId, orders } of answered) {
    const own = entries.filter(({ request }) => request === requestId);
    t.match(own, [{ kind: 'read', read: { records: orders.length } }], 'what was answered is on the log');
  }
}

/** Texts of PostgreSQL, of its driver and of the network, and what our statements are made of. */
const foreign =
  /SELECT|FROM |LIMIT|relation|canceling|terminat|statement timeout|weir_reader|shop\.|"?orders"|permission denied|does not exist|connect ECONN|socket|Connection|postgres|schema/;

function checkTexts(t: Test, { gateway, relay }: Opened, told: readonly Told[]): void {
  const ports = [String(relay.port), new URL(gateway.ordersUrl).port];
  const speaks = (text: string) => {
    const said = withoutNumbersOfOurs(text);
    return foreign.test(said) || ports.some((port) => said.includes(port));
  };
  for (const { text } of told) t.notOk(speaks(text), text);
  const lines: string[] = [];
  const observe = createLogger('trace', { write: (line) => void lines.push(line) });
  for (const observation of gateway.observed) if (observation.event !== 'lifecycle') observe(observation);
  const own = lines.map(withoutFrames).filter((line) => speaks(line));
  t.same(own, [], 'not a word of it in the operators’ log');
  t.ok(
    lines.some((line) => line.includes('"failure"')),
    'which does tell of the failures',
  );
}

/** In which the digits of a port may come by chance. */
function withoutNumbersOfOurs(text: string): string {
  return text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}|"milliseconds":[\d.e-]+/g, '');
}

/** A stack names functions and files of the driver: code, not what the database said. */
function withoutFrames(line: string): string {
  return line.replace(/"stack":\[[^\]]*\],?/g, '').replace(/"pid":\d+/, '');
}

async function checkBack(t: Test, opened: Opened): Promise<void> {
  const started = performance.now();
  for (;;) {
    const told = await askOnce(opened.gateway, onePage, opened.token);
    if (told.status === 200) break;
    if (performance.now() - started > recoveryMs) return void t.fail(`still ${told.status} ${told.type}`);
    await delay(20);
  }
  t.comment(`reads again ${Math.round(performance.now() - started)} ms after the end`);
  await untilReady(opened.gateway, 200, recoveryMs);
  const verification = await verified(opened.gateway.store.superuserUrl);
  t.same(verification.faults, [], 'the log holds together');
}

async function checkUnready(t: Test, { gateway }: Opened, reason: RegExp): Promise<void> {
  const found = await readiness(gateway);
  t.match(found, { ready: 503, alive: 200 });
  t.match(found.reasons, [reason]);
  t.equal(found.reasons.length, 1);
  t.ok(found.tookMs < boundMs, `readiness is told in ${Math.round(found.tookMs)} ms`);
}

void t.test('an order database that refuses connections', async (t) => {
  const opened = await open(t, { statementMs: patientMs });
  await opened.relay.refuse();
  await checkFailed(t, opened, await ask(opened), [{ status: 502, type: down }]);
  await checkUnready(t, opened, /^orders: upstream-down$/);
  await opened.relay.accept();
  await checkBack(t, opened);
});

for (const mode of ['fast', 'immediate'] as const) {
  void t.test(`an order database that is stopped (${mode}) under reads, and started again`, async (t) => {
    const cluster = await ownCluster(t);
    await withClient(cluster.superuserUrl('postgres'), async (admin) => {
      await ensureRoles(admin, {
        ownerPassword: passwordOf('weir_owner'),
        runtimePassword: passwordOf('weir_runtime'),
        readerPassword: passwordOf('weir_reader'),
      });
      await createOrderDatabase(admin, 'shop', cluster.superuserUrl, testShop);
    });
    const url = cluster.url('weir_reader', passwordOf('weir_reader'), 'shop');
    const opened = await open(t, { ordersUrl: url, statementMs: patientMs });
    const locker = new pg.Client(cluster.superuserUrl('shop'));
    locker.on('error', () => undefined);
    await locker.connect();
    await locker.query('BEGIN; LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE');
    const under = ask(opened, 4);
    await untilWaiting(cluster.superuserUrl('shop'), 1);
    await cluster.stop(mode);
    // A fast stop ends the session that holds the lock like any other, and whoever waited may have the rows before its own.
    const told = await under;
    const [failed, answered] = [
      told.filter(({ status }) => status !== 200),
      told.filter(({ status }) => status === 200),
    ];
    t.ok(failed.length > 0, `${failed.length} of 4 were under way`);
    if (mode === 'immediate')
      t.same(answered, [], 'nobody comes to a lock whose holder was not ended in order');
    await checkRecorded(t, opened, answered);
    await checkFailed(t, opened, failed, [{ status: 502, type: down }]);
    await checkFailed(t, opened, await ask(opened), [{ status: 502, type: down }]);
    await checkUnready(t, opened, /^orders: upstream-down$/);
    await cluster.restart();
    await checkBack(t, opened);
  });
}

void t.test('an order database that answers too late over a slow network', async (t) => {
  const opened = await open(t);
  opened.relay.delay(1_000);
  const told = await ask(opened);
  opened.relay.pass();
  // Where a connection had to be opened first, not even that was done in time.
  await checkFailed(t, opened, told, [
    { status: 504, type: slow },
    { status: 502, type: down },
  ]);
  t.ok(told.some(({ type }) => type === slow));
  await checkBack(t, opened);
});

void t.test('an order database that accepts everything and never answers', async (t) => {
  const opened = await open(t);
  opened.relay.blackhole();
  const told = [...(await ask(opened)), ...(await ask(opened))];
  await checkUnready(t, opened, /^orders: upstream-(down|slow)$/);
  opened.relay.pass();
  await checkFailed(t, opened, told, [
    { status: 504, type: slow },
    { status: 502, type: down },
  ]);
  await checkBack(t, opened);
});

void t.test('an order database whose end of every connection is gone without a word', async (t) => {
  const opened = await open(t);
  opened.relay.halfOpen();
  const told = (await ask(opened)).filter(({ status }) => status !== 200);
  t.ok(told.length > 0);
  await checkFailed(t, opened, told, [{ status: 504, type: slow }]);
  await checkBack(t, opened);
});

void t.test('a table that somebody has locked, until the pool has nothing left', async (t) => {
  const opened = await open(t, { poolSize: 2 });
  const locker = new pg.Client(opened.gateway.ordersUrl);
  await locker.connect();
  t.teardown(() => locker.end());
  await locker.query('BEGIN; LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE');
  await checkFailed(t, opened, await ask(opened, 2), [{ status: 504, type: slow }]);
  t.equal(await waiting(opened.gateway.ordersUrl), 0, 'and the order database is not left waiting either');
  const many = ask(opened, 12);
  // On a slow machine all of them may have been given up before two are seen waiting; `other` then finds it quiet.
  await Promise.race([many, untilWaiting(opened.gateway.ordersUrl, 2).catch(() => undefined)]);
  const other = askOnce(opened.gateway, '/rest/order_items?order=item_id&limit=1', opened.token);
  await checkFailed(t, opened, await many, [{ status: 504, type: slow }]);
  t.comment(`another table meanwhile: ${(await other).status}`);
  await locker.query('ROLLBACK');
  await checkBack(t, opened);
});

void t.test('an order database that has no connection to give', async (t) => {
  const opened = await open(t, { statementMs: patientMs });
  const { ordersUrl } = opened.gateway;
  const name = new URL(ordersUrl).pathname.slice(1);
  await query(ordersUrl, `ALTER DATABASE ${name} CONNECTION LIMIT 0`);
  await killReaders(ordersUrl);
  await checkFailed(t, opened, await ask(opened), [{ status: 502, type: down }]);
  await checkUnready(t, opened, /^orders: upstream-down$/);
  await query(ordersUrl, `ALTER DATABASE ${name} CONNECTION LIMIT -1`);
  await checkBack(t, opened);
});

void t.test('sessions that are killed, and statements that are cancelled, under reads', async (t) => {
  const opened = await open(t, { statementMs: patientMs });
  const { ordersUrl } = opened.gateway;
  const locker = new pg.Client(ordersUrl);
  await locker.connect();
  t.teardown(() => locker.end());
  await locker.query('BEGIN; LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE');
  const killed = ask(opened, 4);
  await untilWaiting(ordersUrl, 4);
  await killReaders(ordersUrl);
  const told = await killed;
  // On a slow machine a statement's own time may be over before its session is killed.
  await checkFailed(t, opened, told, [
    { status: 502, type: down },
    { status: 504, type: slow },
  ]);
  t.ok(
    told.some(({ type }) => type === down),
    'some were killed',
  );
  const cancelled = ask(opened, 4);
  await untilWaiting(ordersUrl, 4);
  await query(ordersUrl, `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE ${readers}`);
  await checkFailed(t, opened, await cancelled, [{ status: 504, type: slow }]);
  await locker.query('ROLLBACK');
  await checkBack(t, opened);
});

void t.test('an order database that says no: rights taken away, a column gone, a table gone', async (t) => {
  const opened = await open(t);
  const { ordersUrl } = opened.gateway;
  const changes: [change: string, back: string][] = [
    ['REVOKE SELECT ON shop.orders FROM weir_reader', 'GRANT SELECT ON shop.orders TO weir_reader'],
    [
      'ALTER TABLE shop.orders RENAME receiver_name TO recipient',
      'ALTER TABLE shop.orders RENAME recipient TO receiver_name',
    ],
    ['ALTER TABLE shop.orders RENAME TO bestellungen', 'ALTER TABLE shop.bestellungen RENAME TO orders'],
    ['REVOKE USAGE ON SCHEMA shop FROM weir_reader', 'GRANT USAGE ON SCHEMA shop TO weir_reader'],
  ];
  for (const [change, back] of changes) {
    await query(ordersUrl, change);
    await checkFailed(t, opened, await ask(opened, 3), [{ status: 502, type: failed }]);
    await query(ordersUrl, back);
    await checkBack(t, opened);
  }
});

void t.test('a column whose type is changed under prepared statements', async (t) => {
  const opened = await open(t);
  await query(opened.gateway.ordersUrl, 'ALTER TABLE shop.orders ALTER amount TYPE numeric(12,3)');
  const told = await ask(opened, 4);
  t.same(
    told.filter(({ status }) => status !== 200 && status !== 502),
    [],
  );
  checkNothingSaid(t, told);
  await checkBack(t, opened);
});

function checkNothingSaid(t: Test, told: readonly Told[]): void {
  for (const { status, text } of told) if (status !== 200) t.notMatch(text, foreign);
}

for (const share of [0.4, 0.7, 0.95]) {
  void t.test(`a long answer whose source is cut off after ${share * 100} % breaks off`, async (t) => {
    const opened = await open(t);
    const { gateway, relay } = opened;
    const [{ n }] = (await query<{ n: number }>(
      gateway.ordersUrl,
      'SELECT count(*)::int AS n FROM shop.order_items',
    )) as [{ n: number }];
    const before = relay.bytesFromServer;
    const whole = await stream(opened);
    const bytes = relay.bytesFromServer - before;
    t.ok(whole.complete, 'whole without the fault');
    t.equal(whole.items.length, n);
    t.ok(n > 3_000, `${n} rows are several chunks`);

    relay.cutAfter(Math.floor(bytes * share));
    const broken = await stream(opened);
    t.notOk(broken.complete, 'no clean end');
    t.ok(broken.items.length < n);
    await checkStreamed(t, opened, broken, 'upstream-down');
    await checkBack(t, opened);
  });
}

void t.test('a long answer whose source falls silent is broken off in time', async (t) => {
  const opened = await open(t);
  const before = opened.relay.bytesFromServer;
  await stream(opened);
  opened.relay.blackholeAfter(Math.floor((opened.relay.bytesFromServer - before) * 0.7));
  const started = performance.now();
  const broken = await stream(opened);
  t.ok(performance.now() - started < boundMs, `after ${Math.round(performance.now() - started)} ms`);
  t.notOk(broken.complete);
  opened.relay.pass();
  await checkStreamed(t, opened, broken, 'upstream-slow');
  await checkBack(t, opened);
});

void t.test('a client that leaves while the source is silent costs no connection of the pool', async (t) => {
  const opened = await open(t, { poolSize: 1 });
  opened.relay.blackholeAfter(40_000);
  const controller = new AbortController();
  const response = await fetch(`${opened.gateway.address}/rest/order_items?order=item_id`, {
    headers: { authorization: `Bearer ${opened.token}`, accept: 'text/csv' },
    signal: controller.signal,
  }).catch(() => undefined);
  controller.abort();
  await response?.body?.cancel().catch(() => undefined);
  await delay(100);
  opened.relay.pass();
  await checkBack(t, opened);
});

interface Streamed {
  /** The last chunk came. */
  readonly complete: boolean;
  readonly requestId: string;
  readonly items: readonly string[];
}

/** order_items as CSV over a bare socket, to see whether the answer ends or breaks off. */
async function stream({ gateway, token }: Opened): Promise<Streamed> {
  const { port } = new URL(gateway.address);
  const socket = connect(Number(port), '127.0.0.1');
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.on('error', () => undefined);
  const closed = new Promise<void>((settle) => socket.once('close', () => settle()));
  socket.write(
    `GET /rest/order_items?select=item_id,title&order=item_id HTTP/1.1\r\nHost: weir\r\nAccept: text/csv\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  await closed;
  const [head = '', ...rest] = Buffer.concat(parts).toString('utf8').split('\r\n\r\n');
  const body = rest.join('\r\n\r\n');
  const text = body.replace(/(^|\r\n)[0-9a-f]+\r\n/g, '');
  const lines = text.split('\r\n').slice(1, -1);
  return {
    complete: body.endsWith('\r\n0') || body.endsWith('\r\n0\r\n\r\n'),
    requestId: /weir-request-id: (\S+)/i.exec(head)?.[1] ?? '',
    items: lines.flatMap((line) => /^(\d+),/.exec(line)?.[1] ?? []),
  };
}

/** What came is the beginning of what the log says was released, and the log says how it ended. */
async function checkStreamed(t: Test, { gateway }: Opened, { requestId, items }: Streamed, error: string) {
  const { superuserUrl } = gateway.store;
  const own = (await entriesOf(superuserUrl)).filter(({ request }) => request === requestId);
  t.match(own.at(-1), { kind: 'refusal', error }, 'why it ended is on the log');
  const rows = await query<{ records: Buffer }>(
    superuserUrl,
    `SELECT d.records FROM weir.read_digests d JOIN weir.entries e USING (writer, number)
       WHERE e.body::json->>'request' = $1 ORDER BY number`,
    [requestId],
  );
  const released = Buffer.concat(rows.map(({ records }) => records));
  const received = new Digester(testKey, 'e1').digest('order_items', 'record', items);
  t.ok(items.length > 0, `${items.length} rows came, ${released.length / 8} are on the log`);
  t.ok(released.subarray(0, received.length).equals(received), 'what came is on the log, in its order');
  t.notOk(
    own.some(({ read }) => read?.last),
    'no part of it says that it was the last',
  );
}

const readers = `application_name = 'weir' AND usename = 'weir_reader' AND datname = current_database()`;

async function killReaders(url: string): Promise<void> {
  await query(url, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE ${readers}`);
}

/** Until so many of the gateway's statements wait for a lock. */
async function untilWaiting(url: string, n: number): Promise<void> {
  for (const deadline = performance.now() + 20_000; performance.now() < deadline; await delay(10))
    if ((await waiting(url)) >= n) return;
  throw new Error(`fewer than ${n} statements wait`);
}

async function waiting(url: string): Promise<number> {
  const text = `SELECT 1 FROM pg_stat_activity WHERE ${readers} AND wait_event_type = 'Lock'`;
  return (await query(url, text)).length;
}
