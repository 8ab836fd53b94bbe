/** The demo's order service, telephony and labels behave as existing ones do, bad habits included. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { systemClock } from '../../src/clock.js';
import { withClient } from '../../src/demo/databases.js';
import type { Shipment } from '../../src/demo/services/shipments.js';
import { makePrincipalKey, openPrincipalTokens } from '../../src/identity/principal-token.js';
import { freshDatabase } from '../support/database.js';
import { startDemoServices, toolToken } from '../support/demo-services.js';
import { gatewayConfig, policiesDirectory } from '../support/gateway.js';
import { weir } from '../cli/weir-process.js';

const shop = await freshDatabase(t, { template: 'shop' });
const services = await startDemoServices(t, shop.url);
const authorization = `Bearer ${toolToken}`;

interface Page {
  readonly data: Shipment[];
  readonly total: number;
  readonly page: number;
}

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${services.fulfilment}${path}`, { ...init, headers: { authorization, ...init.headers } });
}

function change(id: number, body: unknown): Promise<Response> {
  return ask(`/shipments/${id}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

async function truth<Row>(sql: string, ...values: unknown[]): Promise<Row[]> {
  return withClient(shop.url, async (client) => (await client.query(sql, values)).rows as Row[]);
}

const [first] = ((await (await ask('/shipments')).json()) as Page).data;

void t.test('a list has pages, and filters by status, phone and warehouse', async (t) => {
  const page = (await (await ask('/shipments?status=delivered&page=2')).json()) as Page;
  const [counted] = await truth<{ n: number }>(
    `SELECT count(*)::int AS n FROM shop.shipments WHERE status = 'delivered'`,
  );
  t.match(page, { total: counted?.n, page: 2 });
  t.equal(page.data.length, 20);
  t.ok(page.data.every(({ status }) => status === 'delivered'));
  const found = (await (await ask(`/shipments?phone=${first!.receiver.phone}`)).json()) as Page;
  t.ok(found.data.some(({ id }) => id === first!.id));
  const lastEleven = (phone: string) => phone.replace(/\D/g, '').slice(-11);
  const own = lastEleven(first!.receiver.phone);
  t.ok(found.data.every(({ receiver }) => lastEleven(receiver.phone) === own));
  t.same(await (await ask(`/shipments?phone=${own}`)).json(), found, 'however it is written');
  const there = (await (await ask(`/shipments?warehouse=${first!.warehouse}`)).json()) as Page;
  t.ok(there.data.every(({ warehouse }) => warehouse === first!.warehouse));
  const [ofOne] = await truth<{ n: number }>(
    'SELECT count(*)::int AS n FROM shop.shipments JOIN shop.orders USING (order_id) WHERE warehouse = $1',
    first!.warehouse,
  );
  t.equal(there.total, ofOne?.n);
});

void t.test('one shipment comes whole, with cookie, validators and what nobody asked for', async (t) => {
  const response = await ask(`/shipments/${first!.id}`);
  t.same(await response.json(), first);
  t.match(first, {
    receiver: { phone: String, idCardNo: /^990000\d{12}$/ },
    labels: { channel: /^(app|web)$/ },
    internalNote: first!.receiver.phone,
  });
  t.ok(first!.items.length > 0);
  for (const header of ['etag', 'last-modified', 'set-cookie'])
    t.ok(response.headers.get(header), `it sends ${header}`);
  const again = await ask(`/shipments/${first!.id}`, {
    headers: { 'if-none-match': response.headers.get('etag')! },
  });
  t.equal(again.status, 304);
  t.match((await ask('/shipments?status=delivered')).headers.get('link'), 'status=delivered&page=2');
});

void t.test('a clerk changes status, note and phone; a login of the service writes them', async (t) => {
  const { id } = first!;
  const response = await change(id, {
    status: 'returned',
    note: '改地址',
    receiver: { phone: '13800001234' },
  });
  t.match(await response.json(), {
    id,
    status: 'returned',
    note: '改地址',
    receiver: { phone: '13800001234' },
  });
  t.same(await truth('SELECT status, receiver_phone FROM shop.shipments WHERE shipment_id = $1', id), [
    { status: 'returned', receiver_phone: '13800001234' },
  ]);
  t.match(await (await change(id, { status: 'delivered' })).json(), { note: '改地址' }, 'the note stays');
  t.match(await (await change(id, { note: null })).json(), { note: null, status: 'delivered' });
  t.match(
    await (await change(id, { receiver: { phone: '****1234' } })).json(),
    { receiver: { phone: '****1234' } },
    'it would save what Weir shows',
  );
});

void t.test('errors of the service carry stack and data', async (t) => {
  const refused = await change(first!.id, { status: 'lost' });
  t.equal(refused.status, 409);
  t.match(await refused.json(), {
    error: 'no such status',
    stack: /\.ts:/,
    data: { shipment: { id: first!.id } },
  });
  t.equal((await ask('/shipments/999999999')).status, 404);
  t.equal((await ask('/shipments/x')).status, 400);
  t.equal((await ask('/shipments', { headers: { authorization: 'Bearer wrong' } })).status, 401);
});

void t.test('an export is CSV, or JSON Lines where that is asked for', async (t) => {
  const table = await ask('/shipments/export?status=in_transit');
  t.equal(table.headers.get('content-type'), 'text/csv; charset=utf-8');
  const [header, ...lines] = (await table.text()).trimEnd().split('\r\n');
  t.match(header, /^id,.*,receiver\.phone,.*,internalNote$/);
  const asLines = await ask('/shipments/export?status=in_transit', {
    headers: { accept: 'application/x-ndjson' },
  });
  const shipments = (await asLines.text()).trimEnd().split('\n');
  t.equal(shipments.length, lines.length);
  t.match(JSON.parse(shipments[0]!), { status: 'in_transit', receiver: { phone: String } });
});

void t.test('each of its routes is checked with the examples of the catalogue', async (t) => {
  // Without a key of its own: these services trust nobody's yet, and the token of the tools will do.
  const { principal: _principal, ...config } = (await gatewayConfig(t)).config;
  const cwd = t.testdir({ 'weir.yaml': JSON.stringify(config) });
  const args = ['service', 'check', 'fulfilment', '--dir', policiesDirectory, '--token', toolToken, '--json'];
  const { out } = await weir(args, {
    cwd,
    env: {
      FULFILMENT_URL: services.fulfilment,
      TELEPHONY_URL: services.telephony,
      LABELS_URL: services.labels,
    },
  });
  const told = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { route?: string; field?: string; message: string });
  t.strictSame(
    told.map(({ route, field }) => `${route} ${field}`).sort(),
    ['/:id', '', '/export']
      .flatMap((path) => [`GET /shipments${path} internalNote`, `GET /shipments${path} receiver.idCardNo`])
      .sort(),
    out,
  );
});

void t.test('telephony and labels remember the last thing that they were sent', async (t) => {
  const post = (url: string, body: unknown) =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization },
      body: JSON.stringify(body),
    });
  const last = async (url: string) => (await fetch(url, { headers: { authorization } })).json();
  const call = { to: '13800001234', from: '8001', orderId: 7 };
  const answered = await post(`${services.telephony}/calls`, call);
  t.equal(answered.status, 201);
  t.match(await answered.json(), { callId: String, status: 'ringing' });
  t.match(await last(`${services.telephony}/calls/last`), { body: call });

  const label = { name: '张三', phone: '13800001234', address: '浙江省杭州市' };
  t.match(await (await post(`${services.labels}/labels`, label)).json(), { labelId: String });
  t.match(await last(`${services.labels}/labels/last`), { body: label });
  t.equal((await post(`${services.labels}/labels`, { name: '张三' })).status, 400);
});

void t.test(
  'without the token of the tools, or a header of a gateway that it trusts, nobody is let in',
  async (t) => {
    const status = async (url: string, headers: Record<string, string> = {}) =>
      (await fetch(url, { headers })).status;
    for (const url of [
      `${services.fulfilment}/shipments`,
      `${services.telephony}/calls/last`,
      `${services.labels}/labels/last`,
    ]) {
      t.equal(await status(url), 401);
      t.equal(await status(url, { authorization: 'Bearer wrong' }), 401);
      t.equal(
        await status(url, { authorization, 'weir-principal': 'x.y.z' }),
        401,
        'it goes by the header, and trusts none',
      );
    }
  },
);

void t.test(
  'the header of a gateway lets in whoever it names, to the service that it is for alone',
  async (t) => {
    const issuer = 'https://weir.test';
    const gateway = (jwk: string) => openPrincipalTokens({ issuer, keys: [{ jwk }] }, systemClock).tokens!;
    const trusted = gateway(makePrincipalKey());
    const keys = createServer((_request, response) =>
      response.setHeader('content-type', 'application/json').end(trusted.jwks),
    );
    await new Promise<void>((settle) => keys.listen(0, '127.0.0.1', settle));
    t.teardown(() => keys.close());
    const { port } = keys.address() as AddressInfo;
    services.trust({ issuer, jwksUrl: `http://127.0.0.1:${port}` });

    const asker = { issuer: 'https://id.test', person: 'li', tool: 'crm', act: undefined };
    const status = async (principal: string) =>
      (await fetch(`${services.fulfilment}/shipments`, { headers: { 'weir-principal': principal } })).status;
    t.equal(await status(trusted.sign(asker, 'support-agent', 'fulfilment')), 200);
    t.equal(await status(trusted.sign(asker, 'support-agent', 'telephony')), 401);
    const stranger = gateway(makePrincipalKey());
    t.equal(
      await status(stranger.sign(asker, 'support-agent', 'fulfilment')),
      401,
      'signed by somebody else',
    );
  },
);
