/** The main path through the whole gateway: what a person is told, and what stands on the log by then. */
import pg from 'pg';
import t from 'tap';
import type { EntryBody } from '../../src/log/entry.js';
import { startGateway, type OpenedGateway } from '../support/gateway.js';

const agent = { role: 'support-agent', sub: 'li', claims: { region: '华东' } };

interface OrderRow {
  readonly order_id: string;
  readonly order_no: string;
  readonly receiver_name: string;
  readonly receiver_phone: string;
  readonly address: string;
  readonly region: string;
}

async function query<T extends object>(url: string, text: string, values: unknown[] = []): Promise<T[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<T>(text, values)).rows;
  } finally {
    await client.end();
  }
}

async function orderIn(gateway: OpenedGateway, region: string): Promise<OrderRow> {
  const [row] = await query<OrderRow>(
    gateway.ordersUrl,
    'SELECT * FROM shop.orders WHERE region = $1 ORDER BY order_id LIMIT 1',
    [region],
  );
  return row!;
}

async function entries(gateway: OpenedGateway): Promise<EntryBody[]> {
  const rows = await query<{ body: string }>(
    gateway.store.superuserUrl,
    'SELECT body FROM weir.entries ORDER BY at',
  );
  return rows.map(({ body }) => JSON.parse(body) as EntryBody);
}

void t.test(
  'a support agent finds one order, sees it masked, and the read is on the log when the answer comes',
  async (t) => {
    const gateway = await startGateway(t);
    const order = await orderIn(gateway, '华东');
    const response = await gateway.get(`/rest/orders?order_no=eq.${order.order_no}`, agent);
    t.equal(response.status, 200);
    t.equal(response.headers.get('content-range'), '0-0/*');
    const [row] = (await response.json()) as Record<string, string>[];
    t.equal(row!.order_no, order.order_no);
    t.equal(row!.receiver_phone, `****${order.receiver_phone.replace(/\D/g, '').slice(-4)}`);
    t.equal(row!.receiver_name!.slice(1).replace(/^[^*]/, ''), '**');
    t.match(row!.address, /\*\*\*$/);
    t.notOk('remark' in row!, 'a hidden column is absent');
    t.notOk('__weir_record' in row!);
    const read = (await entries(gateway)).at(-1)!;
    t.match(read, {
      kind: 'read',
      request: response.headers.get('weir-request-id')!,
      role: 'support-agent',
      route: 'GET /rest/orders',
      read: { records: 1, see: { receiver_phone: 'last4', order_no: 'clear' } },
      charge: { amounts: { queries: 1, records: 1, people: [1] } },
    });
    t.notMatch(JSON.stringify(read), order.order_no, 'the entry holds no literal');
  },
);

void t.test('the same order as three roles see it', async (t) => {
  const gateway = await startGateway(t);
  const [order] = await query<OrderRow>(
    gateway.ordersUrl,
    `SELECT * FROM shop.orders WHERE status = 'to_ship' AND warehouse = 'HZ1' AND region = '华东' LIMIT 1`,
  );
  const seen = async (role: string, claims: Record<string, string>, filter: string) => {
    const response = await gateway.get(`/rest/orders?${filter}`, { role, sub: role, claims });
    return ((await response.json()) as Record<string, unknown>[])[0]!;
  };
  const support = await seen('support-agent', { region: '华东' }, `order_no=eq.${order!.order_no}`);
  const warehouse = await seen('warehouse', { warehouse: 'HZ1' }, `order_id=eq.${order!.order_id}`);
  const analyst = await seen('analyst', {}, `order_id=eq.${order!.order_id}`);
  t.match(support.receiver_phone, /^\*{4}\d{4}$/);
  t.match(warehouse.receiver_phone, /\*{4}/);
  for (const name of ['receiver_name', 'receiver_phone', 'address', 'order_no'])
    t.notOk(name in analyst, name);
  t.equal(analyst.order_id, Number(order!.order_id));
});

void t.test('a row outside the row filter answers as one that does not exist', async (t) => {
  const gateway = await startGateway(t);
  const elsewhere = await orderIn(gateway, '华南');
  const hidden = await gateway.get(`/rest/orders?order_no=eq.${elsewhere.order_no}`, agent);
  const missing = await gateway.get('/rest/orders?order_no=eq.WR0000000000000', agent);
  t.equal(hidden.status, missing.status);
  t.equal(await hidden.text(), await missing.text());
  t.equal(hidden.headers.get('content-range'), missing.headers.get('content-range'));
});

void t.test(
  'hidden and unknown columns and tables answer the same but for the name that was asked',
  async (t) => {
    const gateway = await startGateway(t);
    const text = async (path: string, name: string) => {
      const response = await gateway.get(path, agent);
      const body = (await response.json()) as { instance: string };
      return `${response.status} ${JSON.stringify({ ...body, instance: '' }).replaceAll(name, 'NAME')}`;
    };
    t.equal(
      await text('/rest/orders?select=remark&order_no=eq.x', 'remark'),
      await text('/rest/orders?select=nothing&order_no=eq.x', 'nothing'),
    );
    t.equal(
      await text('/rest/orders?remark=eq.x', 'remark'),
      await text('/rest/orders?nothing=eq.x', 'nothing'),
    );
    t.equal(
      await text('/rest/orders?order_no=eq.x&order=remark', 'remark'),
      await text('/rest/orders?order_no=eq.x&order=nothing', 'nothing'),
    );
    t.equal(await text('/rest/pg_shadow', 'pg_shadow'), await text('/rest/nothing', 'nothing'));
  },
);

void t.test('every refusal of an identified person is on the log with its code', async (t) => {
  const gateway = await startGateway(t);
  const refused: [string, string][] = [
    ['/rest/orders', 'pin-required'],
    ['/rest/orders?receiver_phone=neq.13812341234', 'filter-refused'],
    ['/rest/orders?address=eq.x&order_no=eq.x', 'filter-refused'],
    ['/rest/orders?select=remark', 'column-unknown'],
    ['/rest/nothing', 'table-unknown'],
    ['/rest/orders?order_no=like.x', 'filter-refused'],
    ['/nowhere', 'route-unknown'],
    ['/admin/alerts', 'not-permitted'],
  ];
  for (const [path, code] of refused) {
    const response = await gateway.get(path, agent);
    t.match(await response.json(), { type: `urn:weir:error:${code}` }, path);
  }
  const codes = (await entries(gateway)).filter(({ kind }) => kind === 'refusal').map(({ error }) => error);
  t.same(
    codes,
    refused.map(([, code]) => code),
  );
});

void t.test(
  'a limit that is used up answers 429 with when to come back, and the next minute is not needed to see it recorded',
  async (t) => {
    const gateway = await startGateway(t);
    const order = await orderIn(gateway, '华东');
    const token = await gateway.token(agent);
    let response: Response | undefined;
    for (let i = 0; i < 61; i++) {
      response = await gateway.get(`/rest/orders?order_no=eq.${order.order_no}`, token);
      if (i < 60) t.equal(response.status, 200, `read ${i}`);
      if (i < 60) await response.arrayBuffer();
    }
    t.equal(response!.status, 429);
    const retryAfter = Number(response!.headers.get('retry-after'));
    t.ok(retryAfter > 0 && retryAfter <= 61, `Retry-After: ${retryAfter}`);
    t.match(await response!.json(), { code: '53400', type: 'urn:weir:error:limit-reached' });
    t.match((await entries(gateway)).at(-1), {
      kind: 'refusal',
      error: 'limit-reached',
      limit: '60 queries per minute',
    });
  },
);

void t.test(
  'a page is cut at per_request and says so; an answer that must not be cut is refused before its first byte',
  async (t) => {
    const gateway = await startGateway(t);
    const warehouse = { role: 'warehouse', sub: 'wei', claims: { warehouse: 'HZ1' } };
    const perRequest = 50;
    const page = await gateway.get('/rest/orders?limit=100000', warehouse);
    const rows = (await page.json()) as unknown[];
    const [{ n }] = (await query<{ n: number }>(
      gateway.ordersUrl,
      `SELECT count(*)::int AS n FROM shop.orders WHERE warehouse = 'HZ1' AND status = 'to_ship'`,
    )) as [{ n: number }];
    t.ok(rows.length <= n);
    t.match(page.headers.get('content-range'), new RegExp(`^0-${rows.length - 1}/`));
    const agentPage = await gateway.get(
      '/rest/order_items?order_id=in.(1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20)',
      agent,
    );
    t.ok(((await agentPage.json()) as unknown[]).length <= perRequest);
    const csv = await gateway.get(
      '/rest/order_items?order_id=in.(1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20)',
      agent,
      { accept: 'text/csv' },
    );
    t.ok([200, 422].includes(csv.status));
  },
);

void t.test('a long answer streams chunk by chunk, each recorded', async (t) => {
  const gateway = await startGateway(t);
  const analyst = { role: 'analyst', sub: 'ana' };
  const csv = await gateway.get('/rest/order_items', analyst, { accept: 'text/csv' });
  t.equal(csv.status, 200);
  const lines = (await csv.text()).trim().split('\n').length - 1;
  const [{ n }] = (await query<{ n: number }>(
    gateway.ordersUrl,
    'SELECT count(*)::int AS n FROM shop.order_items',
  )) as [{ n: number }];
  t.equal(lines, n);
  const reads = (await entries(gateway)).filter(({ kind }) => kind === 'read');
  t.equal(
    reads.reduce((sum, { read }) => sum + read!.records, 0),
    n,
  );
  t.same(
    reads.map(({ read }) => read!.part),
    reads.map((_, i) => i),
  );
  t.equal(reads.at(-1)!.read!.last, true);
});

void t.test(
  'a limit reached in the middle of a stream breaks it off, and what was released stays recorded',
  async (t) => {
    const gateway = await startGateway(t, { policies: await tightWarehouse(t) });
    const warehouse = { role: 'warehouse', sub: 'wei', claims: {} };
    const response = await gateway.get('/rest/orders', warehouse, { accept: 'text/csv' });
    t.equal(response.status, 200);
    await t.rejects(response.text(), 'the connection is broken off, not ended');
    const all = await entries(gateway);
    t.equal(
      all.filter(({ kind }) => kind === 'read').reduce((sum, { read }) => sum + read!.records, 0),
      1000,
    );
    t.match(all.at(-1), { kind: 'refusal', error: 'limit-reached' });
  },
);

// Found by the twins: an answer that the door never began to send (416) kept its connection to the order database.
void t.test('an answer that is not sent gives its connection back', async (t) => {
  const gateway = await startGateway(t);
  const analyst = await gateway.token({ role: 'analyst', sub: 'ana' });
  for (let i = 0; i < gateway.config.orders.poolSize + 2; i++) {
    const response = await gateway.get('/rest/orders?offset=900000', analyst, { prefer: 'count=exact' });
    t.equal(response.status, 416);
    await response.arrayBuffer();
  }
  const response = await gateway.get('/rest/orders?limit=1', analyst);
  t.equal(response.status, 200);
  await response.arrayBuffer();
});

void t.test('security sees a flagged read, and that it looked is on the log', async (t) => {
  const gateway = await startGateway(t, { policies: await tightWarehouse(t) });
  await gateway
    .get('/rest/orders?limit=900', { role: 'warehouse', sub: 'wei', claims: {} })
    .then((r) => r.arrayBuffer());
  const response = await gateway.get('/admin/alerts', { role: 'security', sub: 'sun' });
  const { alerts } = (await response.json()) as {
    alerts: { person: string; records: number; reasons: { rule: string }[] }[];
  };
  t.match(alerts, [{ person: 'wei', records: 900 }]);
  t.ok(alerts[0]!.reasons.some(({ rule }) => rule === 'recordsPerRead'));
  t.match((await entries(gateway)).at(-1), { kind: 'admin', role: 'security', statement: 'alerts' });
});

/** The project's policies with a warehouse that may browse everything but only 1,500 records a day. */
async function tightWarehouse(t: { teardown(work: () => unknown): void }): Promise<string> {
  const { cp, mkdtemp, rm, writeFile } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const { join } = await import('node:path');
  const { policiesDirectory } = await import('../support/gateway.js');
  const directory = await mkdtemp(join(tmpdir(), 'weir-policies-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await cp(policiesDirectory, directory, { recursive: true });
  await writeFile(
    join(directory, 'roles/warehouse.yaml'),
    `role: warehouse\nabout: test\nowner: test\nfor: people\ntables:\n  orders:\n    browse: yes\n    see: {order_id: clear, receiver_name: surname}\nper_request: 1500\nlimits: {records: 1500 per day}\n`,
  );
  await writeFile(
    join(directory, 'roles/warehouse.yaml'),
    `role: warehouse\nabout: test\nowner: test\nfor: people\ntables:\n  orders:\n    browse: yes\n    see: {order_id: clear, receiver_name: surname}\nper_request: 3000\nlimits: {records: 3000 per day, people: 400 per day}\n`,
  );
  return directory;
}
