/** Masks that have numbers, a key or no SQL form, asked for over HTTP: what leaves, what the log calls them, what is refused. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import t from 'tap';
import type { Config } from '../../src/config/schema.js';
import { openGateway } from '../../src/gateway.js';
import { maskOf } from '../../src/mask/masks.js';
import { createMetrics } from '../../src/observe/metrics.js';
import { gatewayConfig, nowhere, policiesDirectory, startGateway } from '../support/gateway.js';

const researcher = `role: researcher
about: Joins orders and customers without knowing whose they are
owner: business-intelligence
for: people
tables:
  orders:
    browse: yes
    see:
      order_id: clear
      order_no: { mask: partial, first: 2, last: 1 }
      receiver_name: "null"
      receiver_phone: token
      remark: scrub
      amount: { mask: bucket, width: 50 }
      created_at: month
  customers:
    browse: yes
    see:
      customer_id: clear
      name: token
      phone: token
      email: email
  shipments:
    browse: yes
    see:
      shipment_id: clear
      receiver_phone: { mask: phone, first: 3, last: 4 }
per_request: 20000
limits:
  records: 100000 per day
`;

const policies = await mkdtemp(path.join(tmpdir(), 'weir-masks-'));
t.teardown(() => rm(policies, { recursive: true, force: true }));
await cp(policiesDirectory, policies, { recursive: true });
await writeFile(path.join(policies, 'roles', 'researcher.yaml'), researcher);

const key = Buffer.alloc(32, 9);
const withKey = (config: Config): Config => ({ ...config, masks: { tokenKey: key.toString('base64') } });
const who = { role: 'researcher', sub: 'u1' };

async function query<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

void t.test('a role that sees tokens is refused at start-up where there is no key, in words', async (t) => {
  const { config } = await gatewayConfig(t, { policies });
  const gateway = openGateway(config, {
    demo: true,
    metrics: createMetrics({ process: false }),
    environment: nowhere,
    observe: () => undefined,
  });
  await t.rejects(gateway.start(), {
    name: 'StartRefused',
    message:
      /role researcher sees orders\.receiver_phone, customers\.name, customers\.phone as token, and masks\.tokenKey is not configured/,
  });
});

void t.test('with a key', async (t) => {
  const { get, ordersUrl, store } = await startGateway(t, { policies, config: withKey });

  await t.test('each column leaves as its mask shows it', async (t) => {
    const shown = (await (await get('/rest/orders?order=order_id', who)).json()) as Record<string, string>[];
    const clear = await query<Record<string, string>>(
      ordersUrl,
      `SELECT order_id::text, order_no, receiver_phone, remark, amount::text, (created_at AT TIME ZONE 'UTC')::text AS created_at FROM shop.orders ORDER BY orders.order_id`,
    );
    t.equal(shown.length, clear.length);
    t.ok(
      clear.some(({ remark }) => remark !== maskOf('scrub').apply(remark ?? null)),
      'some remark is scrubbed',
    );
    const as = {
      order_no: 'partial(2,1)',
      receiver_phone: 'token(phone)',
      remark: 'scrub',
      amount: 'bucket(50)',
      created_at: 'month',
    };
    const differing = clear.flatMap((row, at) =>
      Object.entries(as).filter(
        ([column, mask]) => shown[at]?.[column] !== maskOf(mask).apply(row[column] ?? null, { token: key }),
      ),
    );
    t.strictSame(differing.slice(0, 5), []);
    t.ok(shown.every(({ receiver_name }) => receiver_name === null));
  });

  await t.test('tokens join tables as the clear values would', async (t) => {
    const orders = (await (await get('/rest/orders?select=receiver_phone', who)).json()) as {
      receiver_phone: string;
    }[];
    const customers = (await (await get('/rest/customers', who)).json()) as { phone: string }[];
    const tokens = new Set(customers.map(({ phone }) => phone));
    const [joined] = await query<{ n: number }>(
      ordersUrl,
      'SELECT count(*)::int AS n FROM shop.orders WHERE receiver_phone IN (SELECT phone FROM shop.customers)',
    );
    t.ok(joined!.n > 0);
    t.equal(orders.filter(({ receiver_phone }) => tokens.has(receiver_phone)).length, joined!.n);
  });

  await t.test(
    'rows cannot be ordered by what is masked on output alone, and can by other masks',
    async (t) => {
      for (const column of ['remark', 'receiver_phone']) {
        const refused = await get(`/rest/orders?order=${column}`, who);
        t.equal(refused.status, 403);
        t.match(await refused.json(), {
          detail: new RegExp(`^rows cannot be ordered by column ${column}, which your role sees as `),
          hint: 'order by a column seen in clear: order_id',
        });
      }
      for (const ordered of ['/rest/orders?order=amount', '/rest/shipments?order=receiver_phone.desc']) {
        const answer = await get(ordered, who);
        t.equal(answer.status, 200, ordered);
        // To its end: what is not fetched yet is not on the log yet.
        await answer.arrayBuffer();
      }
    },
  );

  await t.test('the log names each mask with its numbers', async (t) => {
    const rows = await query<{ see: Record<string, string> }>(
      store.superuserUrl,
      `SELECT body::json -> 'read' -> 'see' AS see FROM weir.entries WHERE body::json ->> 'kind' = 'read' ORDER BY at`,
    );
    t.strictSame(rows[0]?.see, {
      order_id: 'clear',
      order_no: 'partial(2,1)',
      receiver_name: 'null',
      receiver_phone: 'token(phone)',
      remark: 'scrub',
      amount: 'bucket(50)',
      created_at: 'month',
    });
    t.equal(rows.at(-1)?.see['receiver_phone'], 'phone(3,4)');
  });
});
