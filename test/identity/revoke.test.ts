/**
 * `weir revoke` against real gateways: refused everywhere within two seconds, answers under way included; and
 * when the list cannot be read, nobody gets in until it can be again.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { DemoToken } from '../../src/demo/issuer.js';
import { weir } from '../cli/weir-process.js';
import { Relay } from '../fault/relay.js';
import { deskPolicies, entriesOf, query, readiness } from '../fault/traffic.js';
import { sharedCluster } from '../support/cluster.js';
import { startGateway, type GatewayOptions, type OpenedGateway } from '../support/gateway.js';

t.setTimeout(120_000);

const promiseMs = 2_000;
const page = '/rest/orders?limit=1';
/** More rows than one chunk holds. */
const longRead = '/rest/order_items';
const desk = (sub: string): DemoToken => ({ role: 'desk', sub });

/** Somebody without limits, who may be asked for often. */
async function open(t: Test, options: GatewayOptions = {}): Promise<OpenedGateway> {
  const items = '  order_items:\n    browse: yes\n    see: {item_id: clear, order_id: clear, title: clear}';
  return startGateway(t, { policies: await deskPolicies(t, items), ...options });
}

function cli(t: Test, { config, store }: OpenedGateway) {
  const file = JSON.stringify({ ...config, store: { ...config.store, ownerUrl: store.ownerUrl } });
  const cwd = t.testdir({});
  writeFileSync(join(cwd, 'weir.yaml'), file);
  return async (...args: string[]) => {
    const ended = await weir(['revoke', ...args], { cwd });
    t.match(ended, { code: 0 }, args.join(' ') + ended.err);
    return { ...ended, at: performance.now() };
  };
}

/** A second process on the same databases, as far as one test process can hold two. */
async function second(t: Test, first: OpenedGateway): Promise<OpenedGateway> {
  const { identity, orders } = first.config;
  return open(t, { store: first.store, config: (config) => ({ ...config, identity, orders }) });
}

async function statusOf(gateway: OpenedGateway, token: string): Promise<string> {
  const response = await gateway.get(page, token);
  const { type } = (await response.json()) as { type?: string };
  return `${response.status} ${type?.replace('urn:weir:error:', '') ?? 'rows'}`;
}

/** Asks until the answer is this. @returns when the last request was begun that got rows instead */
async function until(gateway: OpenedGateway, token: string, status: string): Promise<number> {
  const deadline = performance.now() + 20_000;
  let gotRows = 0;
  for (;;) {
    const begun = performance.now();
    const told = await statusOf(gateway, token);
    if (told === status) return gotRows;
    if (told === '200 rows') gotRows = begun;
    if (begun > deadline) throw new Error(`still ${told}, not ${status}`);
    await delay(10);
  }
}

async function untilReasons(gateway: OpenedGateway, reason: RegExp): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const told = await (await fetch(`${gateway.address}/readyz`)).text();
    if (reason.test(told)) return;
    if (performance.now() > deadline) throw new Error(`still ${told}`);
    await delay(20);
  }
}

void t.test(
  'a revoked person is refused by every gateway within two seconds, and told on the log',
  async (t) => {
    const first = await open(t);
    const gateways = [first, await second(t, first)];
    const revoke = cli(t, first);
    const token = await first.token(desk('li.na'));
    const another = await first.token(desk('wang.min'));
    for (const gateway of gateways) t.equal(await statusOf(gateway, token), '200 rows');

    const { out, at } = await revoke('--person', 'li.na', '--reason', 'laptop stolen');
    t.match(out, /revoked as number 1: the person li\.na of every issuer, until it is lifted/);
    for (const gateway of gateways) {
      const gotRows = await until(gateway, token, '401 token-revoked');
      t.ok(gotRows < at + promiseMs, 'nothing that was asked for later is given');
      t.equal(await statusOf(gateway, await first.token(desk('li.na'))), '401 token-revoked', 'a new token');
      t.equal(await statusOf(gateway, another), '200 rows', 'nobody else');
      t.equal((await gateway.get('/nowhere', token)).status, 401, 'at whatever address');
      t.equal((await gateway.get('/admin/alerts', token)).status, 401);
    }
    const response = await first.get(page, token);
    t.match(response.headers.get('www-authenticate'), 'error="invalid_token"');
    const entries = await entriesOf(first.store.superuserUrl);
    t.match(
      entries.find(({ request }) => request === response.headers.get('weir-request-id')),
      { kind: 'refusal', error: 'token-revoked' },
    );

    const listed = JSON.parse((await revoke('--list', '--json')).out) as Record<string, unknown>;
    t.match(listed, {
      id: 1,
      kind: 'person',
      value: 'li.na',
      issuer: null,
      reason: 'laptop stolen',
      inForce: true,
    });
    await revoke('--lift', '1', '--reason', 'found again');
    for (const gateway of gateways) await until(gateway, token, '200 rows');
    t.equal((await revoke('--list')).out, 'nothing is revoked\n');
    t.match((await revoke('--list', '--all')).out, /li\.na.*laptop stolen.*found again/);
  },
);

void t.test(
  'tools, single tokens, issuers and times: each holds what it names and nothing else',
  async (t) => {
    const gateway = await open(t);
    const revoke = cli(t, gateway);
    const mint = (parts: Partial<DemoToken> = {}) => gateway.token({ ...desk('li.na'), ...parts });
    const [own, sameTool, otherTool] = [await mint(), await mint(), await mint({ tool: 'crm' })];
    const through = await mint({ sub: 'boss', tool: 'portal', claims: { act: { sub: 'zhao.lei' } } });
    const { jti } = JSON.parse(Buffer.from(own.split('.')[1]!, 'base64url').toString()) as { jti: string };

    await revoke('--jti', jti, '--reason', 'posted in a chat');
    await until(gateway, own, '401 token-revoked');
    t.equal(await statusOf(gateway, sameTool), '200 rows');

    await revoke('--tool', 'crm', '--reason', 'broken into', '--issuer', gateway.issuer.issuer);
    await until(gateway, otherTool, '401 token-revoked');
    t.equal(await statusOf(gateway, sameTool), '200 rows');

    t.equal(await statusOf(gateway, through), '200 rows');
    await revoke('--person', 'zhao.lei', '--reason', 'left');
    await until(gateway, through, '401 token-revoked');

    await revoke('--person', 'li.na', '--reason', 'for a moment', '--until', '1s');
    await until(gateway, sameTool, '401 token-revoked');
    await until(gateway, sameTool, '200 rows');
    const kinds = (await revoke('--list', '--json')).out.trim().split('\n');
    t.same(
      kinds.map((line) => (JSON.parse(line) as { kind: string }).kind),
      ['person', 'tool', 'jti'],
      'what has run out is not in force',
    );
  },
);

void t.test('without a word from the database, the list is read every second all the same', async (t) => {
  const gateway = await open(t);
  const revoke = cli(t, gateway);
  const token = await gateway.token(desk('li.na'));
  t.equal(await statusOf(gateway, token), '200 rows');
  await query(gateway.store.superuserUrl, 'ALTER TABLE weir.revocations DISABLE TRIGGER revocations_told');
  const { at } = await revoke('--person', 'li.na', '--reason', 'x');
  const gotRows = await until(gateway, token, '401 token-revoked');
  t.ok(gotRows < at + promiseMs, 'nothing that was asked for later is given');
});

void t.test(
  'a long answer under way is broken off between two chunks, before the next is recorded',
  async (t) => {
    const relay = await Relay.open(t, (await sharedCluster()).port);
    const gateway = await open(t, {
      config: (config) => ({
        ...config,
        orders: { ...config.orders, url: relay.through(config.orders.url) },
      }),
    });
    const revoke = cli(t, gateway);
    const token = await gateway.token(desk('li.na'));
    const whole = await gateway.get(longRead, token);
    const rows = ((await whole.json()) as unknown[]).length;
    t.ok(rows > 3_000, `${rows} rows`);

    // The second chunk waits at the relay until the list has been taken up.
    relay.blackholeAfter(150_000);
    const response = await gateway.get(longRead, token);
    t.equal(response.status, 200);
    const body = response.text().then(
      () => 'complete',
      () => 'broken off',
    );
    await revoke('--person', 'li.na', '--reason', 'x');
    await until(gateway, token, '401 token-revoked');
    const own = async () => {
      const id = response.headers.get('weir-request-id');
      return (await entriesOf(gateway.store.superuserUrl)).filter(({ request }) => request === id);
    };
    const reads = async () => (await own()).filter(({ kind }) => kind === 'read').length;
    const before = await reads();
    t.ok(before > 0 && before < rows / 1_000, `${before} chunks were released before`);
    relay.pass();
    t.equal(await body, 'broken off');
    const deadline = performance.now() + 10_000;
    while (!(await own()).some(({ kind }) => kind === 'refusal') && performance.now() < deadline)
      await delay(20);
    const entries = await own();
    t.equal(await reads(), before, 'and none after');
    t.match(
      entries.find(({ kind }) => kind === 'refusal'),
      { error: 'token-revoked' },
    );
  },
);

void t.test('when the list cannot be read nobody gets in, and it mends itself', async (t) => {
  const gateway = await open(t);
  const token = await gateway.token(desk('li.na'));
  t.equal(await statusOf(gateway, token), '200 rows');
  await query(gateway.store.superuserUrl, 'REVOKE SELECT ON weir.revocations FROM weir_runtime');
  await until(gateway, token, '503 revocations-unavailable');
  t.match(await (await fetch(`${gateway.address}/readyz`)).json(), {
    status: 'not-ready',
    reasons: ['revocations: the list of revoked tokens cannot be read'],
  });
  const refusals = (await entriesOf(gateway.store.superuserUrl)).filter(({ kind }) => kind === 'refusal');
  t.match(refusals.at(-1), { error: 'revocations-unavailable' }, 'on the log, which still can be written');
  t.match(await (await fetch(`${gateway.address}/metrics`)).text(), 'weir_revocations_up 0');

  await query(gateway.store.superuserUrl, 'GRANT SELECT ON weir.revocations TO weir_runtime');
  await until(gateway, token, '200 rows');
  t.equal((await readiness(gateway)).ready, 200);
  t.same(
    gateway.observed.flatMap((each) => (each.event === 'revocations' ? [each.state] : [])),
    ['up', 'down', 'up'],
    'each change is told once',
  );
});

void t.test(
  'who is revoked while the gateway cannot reach its database does not get in when it can',
  async (t) => {
    const relay = await Relay.open(t, (await sharedCluster()).port);
    const gateway = await open(t, {
      config: (config) => ({
        ...config,
        store: { ...config.store, url: relay.through(config.store.url), commitDeadlineMs: 500 },
      }),
    });
    const revoke = cli(t, gateway);
    const [token, another] = [await gateway.token(desk('li.na')), await gateway.token(desk('wang.min'))];
    for (const each of [token, another]) t.equal(await statusOf(gateway, each), '200 rows');
    await relay.refuse();
    await revoke('--person', 'li.na', '--reason', 'x');
    t.equal(await statusOf(gateway, token), '503 log-unavailable');
    await untilReasons(gateway, /revocations/);
    await relay.accept();
    const told = new Set<string>();
    const deadline = performance.now() + 20_000;
    while (!told.has('401 token-revoked') && performance.now() < deadline) {
      told.add(await statusOf(gateway, token));
      await delay(10);
    }
    t.notOk(told.has('200 rows'), [...told].join(', '));
    await until(gateway, another, '200 rows');
  },
);

void t.test('an answer that its client takes slowly is cut off as well', async (t) => {
  const gateway = await open(t);
  const revoke = cli(t, gateway);
  // Wide rows, so that the answer is larger than what the kernel holds for a client that reads nothing.
  await query(gateway.ordersUrl, `UPDATE shop.order_items SET title = repeat('商品', 2000)`);
  const token = await gateway.token(desk('li.na'));
  const socket = connect(Number(new URL(gateway.address).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  socket.write(`GET ${longRead} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  await once(socket, 'readable');
  const { at } = await revoke('--person', 'li.na', '--reason', 'x');
  const refused = async () =>
    (await entriesOf(gateway.store.superuserUrl)).filter(({ error }) => error === 'token-revoked');
  const deadline = performance.now() + 20_000;
  while ((await refused()).length === 0 && performance.now() < deadline) await delay(10);
  t.comment(`cut off after ${Math.round(performance.now() - at)} ms`);
  t.equal((await refused()).length, 1);
  socket.resume();
  await once(socket, 'close');
  t.ok(gateway.observed.some((o) => o.event === 'request' && o.code === 'token-revoked'));
});
