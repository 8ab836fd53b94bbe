/** Tables inside the rows of another, through the whole gateway: what is shown, what is refused, and what stands on the log. */
import pg from 'pg';
import t from 'tap';
import { Digester } from '../../src/log/digest.js';
import { showLog } from '../../src/log/show.js';
import { withRoles } from './with-roles.js';

const see = {
  orders: 'order_id: clear, order_no: clear, customer_id: clear, status: clear, receiver_name: surname',
  items: 'item_id: clear, order_id: clear, title: clear, quantity: clear, price: clear',
  customers: 'customer_id: clear, name: surname, phone: last4, region: clear',
  shipments:
    'shipment_id: clear, order_id: clear, tracking_no: clear, receiver_phone: middle, address: district, shipped_at: clear',
};
const limits = 'limits: { records: 100000 per day }';

/** Finds one order, and sees what hangs on it. */
const agent = `
for: people
tables:
  orders: { find_by: [order_no, receiver_phone], only: { region: claim.region }, see: { ${see.orders} } }
  order_items: { find_by: [item_id], see: { ${see.items} } }
  customers: { find_by: [phone], only: { region: claim.region }, see: { ${see.customers} } }
  shipments: { find_by: [tracking_no], see: { ${see.shipments} } }
per_request: 40
limits: { records: 500 per day, people: 100 per day }
`;
/** Scrolls through orders; may look up their lines, and parcels only by what stands on them. */
const lister = `
for: people
tables:
  orders: { browse: yes, see: { order_id: clear, customer_id: clear, status: clear } }
  order_items: { find_by: [order_id], see: { ${see.items} } }
  customers: { browse: yes, see: { customer_id: clear, name: surname } }
  shipments: { find_by: [tracking_no], see: { ${see.shipments} } }
per_request: 3000
${limits}
`;
/** Sees orders and customers, and not who ordered what. */
const apart = `
for: people
tables:
  orders: { browse: yes, see: { order_id: clear, status: clear } }
  order_items: { browse: yes, see: { item_id: clear, title: clear } }
  customers: { browse: yes, see: { customer_id: clear, region: clear } }
${limits}
`;

const gateway = await withRoles(t, { agent, lister, apart });
const claims = { region: '华东' };
const li = { role: 'agent', sub: 'li', claims };

type Json = Record<string, unknown>;

const [known] = await gateway.rows<{ order_no: string; order_id: string; customer_id: string }>(
  `SELECT o.* FROM shop.orders o JOIN shop.shipments s USING (order_id) JOIN shop.customers c ON c.customer_id = o.customer_id
    WHERE o.region = '华东' AND c.region = '华东' AND (SELECT count(*) FROM shop.order_items i WHERE i.order_id = o.order_id) = 3
    ORDER BY o.order_id LIMIT 1`,
);
const pin = `order_no=eq.${known!.order_no}`;

async function ask(who: typeof li | { role: string; sub: string }, query: string) {
  const response = await gateway.get(`/rest/${query}`, who);
  const text = await response.text();
  const id = response.headers.get('weir-request-id')!;
  return {
    status: response.status,
    id,
    text,
    rows: response.status < 300 ? (JSON.parse(text) as Json[]) : [],
    problem: response.status < 300 ? {} : (JSON.parse(text) as Json),
  };
}

async function entriesOf(id: string) {
  return (await gateway.entries()).filter(({ request }) => request === id);
}

void t.test('embedded rows show what the role sees of their table by itself', async (t) => {
  const { rows } = await ask(li, `orders?select=order_no,order_items(*),customers(*),shipments(*)&${pin}`);
  const itself = async (query: string) => (await ask(li, query)).rows;
  const [row] = rows as [Json];
  const ids = (row.order_items as Json[]).map(({ item_id }) => item_id);
  t.equal(ids.length, 3);
  t.same(row.order_items, await itself(`order_items?item_id=in.(${ids.join(',')})`));
  const [{ phone }] = (await gateway.rows('SELECT phone FROM shop.customers WHERE customer_id = $1', [
    known!.customer_id,
  ])) as [{ phone: string }];
  t.same([row.customers], await itself(`customers?phone=eq.${phone}`), 'many to one: an object');
  const [parcel] = row.shipments as [Json];
  t.same(row.shipments, await itself(`shipments?tracking_no=eq.${String(parcel.tracking_no)}`));
  t.match(parcel.receiver_phone, /\*/);
});

void t.test('names, hints, filters, order and limit of embedded rows are PostgREST’s', async (t) => {
  const items = await gateway.rows<{ item_id: string; price: string; quantity: number }>(
    'SELECT item_id, price, quantity FROM shop.order_items WHERE order_id = $1 ORDER BY price DESC, item_id',
    [known!.order_id],
  );
  const ids = async (query: string): Promise<unknown> => {
    const { rows } = await ask(li, `orders?select=lines:order_items(item_id)${query}&${pin}`);
    return (rows[0]?.lines as Json[] | undefined)?.map(({ item_id }) => String(item_id));
  };
  const expected = items.map(({ item_id }) => item_id);
  t.same(await ids('&lines.order=price.desc,item_id'), expected);
  t.same(await ids('&order_items.order=price.desc,item_id&lines.limit=1&lines.offset=1'), [expected[1]]);
  t.same(await ids(`&lines.item_id=eq.${expected[2]}`), [expected[2]]);
  t.same(await ids(`&lines.not.or=(item_id.eq.${expected[0]},item_id.eq.${expected[1]})`), [expected[2]]);
  t.same(await ids('&lines.quantity=gt.100000'), [], 'none: an empty list');
  const named = await ask(li, `orders?select=buyer:customers!customer_id(who:name)&${pin}`);
  t.match(named.rows, [{ buyer: { who: /\*$/ } }]);
  t.same(Object.keys(named.rows[0]!), ['buyer']);
  const byKey = await ask(li, `orders?select=customers!orders_customer_id_fkey(region)&${pin}`);
  t.same(byKey.rows, [{ customers: { region: '华东' } }]);
});

void t.test('!inner leaves out rows without such a row; without it they have none', async (t) => {
  const none = 'order_items.quantity=gt.100000';
  t.same((await ask(li, `orders?select=order_no,order_items!inner(title)&${none}&${pin}`)).rows, []);
  t.equal((await ask(li, `orders?select=order_no,order_items(title)&${none}&${pin}`)).rows.length, 1);
  const elsewhere = `customers(name)&customers.region=eq.nowhere&${pin}`;
  t.same((await ask(li, `orders?select=order_no,${elsewhere}`)).rows, [
    { order_no: known!.order_no, customers: null },
  ]);
  const deep = `orders?select=customers!inner(orders!inner(order_items!inner(item_id)))`;
  t.equal((await ask({ role: 'lister', sub: 'wu' }, `${deep}&limit=1`)).rows.length, 1);
  t.same(
    (
      await ask(
        { role: 'lister', sub: 'wu' },
        `${deep}&customers.orders.order_items.quantity=gt.100000&limit=1`,
      )
    ).rows,
    [],
  );
});

void t.test('the row filter of an embedded table holds inside the rows of another', async (t) => {
  const [foreign] = await gateway.rows<{ order_no: string }>(
    `SELECT o.order_no FROM shop.orders o JOIN shop.customers c USING (customer_id) WHERE o.region = '华东' AND c.region <> '华东' LIMIT 1`,
  );
  const { rows } = await ask(li, `orders?select=customers(name)&order_no=eq.${foreign!.order_no}`);
  t.same(rows, [{ customers: null }]);
});

void t.test('a relation by a hidden column, a hidden table and one that is none answer alike', async (t) => {
  const zhou = { role: 'apart', sub: 'zhou' };
  const told = async (query: string) => {
    const { status, id, text } = await ask(zhou, query);
    t.equal(status, 400, query);
    return text.replaceAll(id, 'ID');
  };
  const unknown = await told('orders?select=order_id,nothing(a)');
  t.match(unknown, /relation-unknown/);
  t.equal(await told('orders?select=order_id,customers(region)'), unknown, 'customer_id is hidden in orders');
  t.equal(
    await told('orders?select=order_id,order_items(title)'),
    unknown,
    'order_id is hidden in the lines',
  );
  t.equal(await told('orders?select=order_id,shipments(order_id)'), unknown, 'a hidden table');
  t.equal(await told('orders?select=order_id,customers!customer_id(region)'), unknown);
});

void t.test('what is embedded is reached from a pinned record, or could be read by itself', async (t) => {
  const wu = { role: 'lister', sub: 'wu' };
  const accepted = async (who: typeof li | typeof wu, query: string) => {
    const { status, problem } = await ask(who, query);
    if (status >= 300) t.equal(problem.type, 'urn:weir:error:pin-required', query);
    return status < 300;
  };
  // Down to what belongs to the pinned order, up to whom it names, and not down again to what is theirs.
  t.ok(await accepted(li, `orders?select=order_items(title),shipments(address)&${pin}`));
  t.ok(await accepted(li, `orders?select=customers(name)&${pin}`));
  t.notOk(await accepted(li, `orders?select=customers(orders(order_no))&${pin}`));
  t.notOk(await accepted(li, `orders?select=customers(orders(shipments(address)))&${pin}`));
  t.notOk(await accepted(li, 'orders?select=order_items(title)'), 'the table itself is pinned as ever');
  t.notOk(await accepted(li, `orders?select=order_items!inner(title)&order_items.item_id=eq.1`));
  // A list is no pin: lines could be looked up by the order's number, parcels could not.
  t.ok(await accepted(wu, 'orders?select=order_items(title)&limit=2'));
  t.ok(await accepted(wu, 'orders?select=customers(name,orders(status))&limit=2'), 'both can be browsed');
  t.notOk(await accepted(wu, 'orders?select=shipments(address)&limit=2'));
  t.notOk(await accepted(wu, 'orders?select=customers(orders(shipments(address)))&limit=2'));
  t.notOk(await accepted(wu, `orders?select=shipments(address)&order_id=eq.${known!.order_id}`));
});

void t.test('every embedded row is on the log and charged by its table', async (t) => {
  const { id, text, rows } = await ask(
    { ...li, sub: 'fang' },
    `orders?select=status,order_items(title),c:customers(name,phone),shipments(address)&${pin}`,
  );
  t.equal(rows.length, 1);
  const [entry] = await entriesOf(id);
  t.match(entry!.read, {
    table: 'orders',
    see: { status: 'clear' },
    records: 1,
    also: [
      ['order_items', { title: 'clear' }, 3, false],
      ['customers', { name: 'surname', phone: 'last4' }, 1, true],
      ['shipments', { address: 'district' }, 1, true],
    ],
  });
  // Neither the order nor its lines show anything personal; all are about one customer.
  t.match(entry!.charge!.amounts, { queries: 1, records: 2, people: [1] });
  t.ok(Number(entry!.charge!.amounts.bytes) < Buffer.byteLength(text));
  t.equal(
    entry!.statement,
    'orders?select=status,order_items(title),customers(name,phone),shipments(address)&order_no=eq',
  );

  const pool = new pg.Pool({ connectionString: gateway.store.runtimeUrl, max: 2 });
  t.teardown(() => pool.end());
  const found = async (filter: Parameters<typeof showLog>[2]): Promise<number> => {
    let count = 0;
    const digesters = [new Digester(Buffer.alloc(32, 7), gateway.config.log.epoch)];
    for await (const shown of showLog(pool, digesters, filter)) if (shown.request === id) count++;
    return count;
  };
  const [item] = await gateway.rows<{ item_id: string }>(
    'SELECT item_id FROM shop.order_items WHERE order_id = $1 ORDER BY item_id DESC LIMIT 1',
    [known!.order_id],
  );
  const record = (table: string, key: string) => ({ record: { table, key } });
  t.equal(await found(record('orders', known!.order_id)), 1);
  t.equal(await found(record('order_items', item!.item_id)), 1);
  t.equal(await found(record('customers', known!.customer_id)), 1);
  t.equal(await found(record('shipments', known!.customer_id)), 0);
  t.equal(await found({ subject: known!.customer_id }), 1);
  t.equal(await found({ table: 'shipments' }), 1);
  t.equal(await found({ table: 'ship' }), 0);
  t.same(await gateway.faults(), []);
});

void t.test('people met through an embedded table are met', async (t) => {
  const who = { role: 'lister', sub: 'meng' };
  const amounts = async (query: string) => (await entriesOf((await ask(who, query)).id))[0]!.charge!.amounts;
  const query = `orders?select=status,customers(name)&order_id=eq.${known!.order_id}`;
  t.match(await amounts(query), { records: 1, people: [1] });
  t.notOk('people' in (await amounts(query)), 'the same person again on the same day');
  t.notOk('people' in (await amounts(`customers?select=name&customer_id=eq.${known!.customer_id}`)));
  t.same(await gateway.faults(), []);
});

void t.test(
  'embedded rows count towards per_request, and a read that holds more is refused whole',
  async (t) => {
    const who = { ...li, sub: 'qiu' };
    const [often] = await gateway.rows<{ receiver_phone: string; n: number }>(
      `SELECT receiver_phone, count(*)::int AS n FROM shop.orders WHERE region = '华东' GROUP BY 1 ORDER BY 2 DESC LIMIT 1`,
    );
    const many = `orders?receiver_phone=eq.${encodeURIComponent(often!.receiver_phone)}`;
    t.ok(often!.n >= 15, `${often!.n} orders`);
    const lines = 'select=order_no,a:order_items(title),b:order_items(title),c:customers(name)';
    const refused = await ask(who, `${many}&${lines}`);
    t.equal(refused.status, 422);
    t.match(refused.problem, { type: /per-request-exceeded/, detail: /more than the 40 rows/ });
    t.match(await entriesOf(refused.id), [{ kind: 'refusal', error: 'per-request-exceeded' }]);
    t.equal((await ask(who, `${many}&${lines}&limit=3`)).rows.length, 3);
    t.equal((await ask(who, `${many}&${lines}&limit=12&a.limit=1&b.limit=0`)).rows.length, 12);
    t.same(await gateway.faults(), []);
  },
);

void t.test('a long answer names the embedded rows of each of its parts', async (t) => {
  const who = { role: 'lister', sub: 'sun' };
  const { rows, id } = await ask(
    who,
    'orders?select=order_id,order_items(item_id),customers(name)&order=order_id&limit=600',
  );
  t.equal(rows.length, 600);
  const truth = await gateway.rows<{ order_id: string; items: string[] }>(
    `SELECT order_id, array_agg(item_id::text ORDER BY item_id) AS items FROM shop.order_items WHERE order_id <= (SELECT max(order_id) FROM (SELECT order_id FROM shop.orders ORDER BY order_id LIMIT 600) AS first) GROUP BY 1 ORDER BY 1`,
  );
  t.same(
    rows.map(({ order_items }) => (order_items as Json[]).map(({ item_id }) => String(item_id)).sort()),
    truth.map(({ items }) => [...items].sort()),
  );
  const parts = await entriesOf(id);
  t.same(
    parts.map(({ read }) => [read!.part, read!.records, read!.last]),
    [
      [0, 250, false],
      [1, 250, false],
      [2, 100, true],
    ],
  );
  const inside = (n: number) => parts.reduce((sum, { read }) => sum + read!.also![n]![2], 0);
  t.equal(inside(0), truth.flatMap(({ items }) => items).length);
  t.equal(inside(1), 600);
  t.same(
    parts.map(({ charge }) => charge!.amounts.records),
    [250, 250, 100],
  );
  t.same(await gateway.faults(), []);
});

void t.test(
  'a long answer that goes beyond per_request breaks off, and what left is on the log',
  async (t) => {
    const who = { role: 'lister', sub: 'zheng' };
    const query = 'orders?select=order_id,a:order_items(item_id),b:order_items(item_id),customers(name)';
    const response = await gateway.get(`/rest/${query}`, who);
    t.equal(response.status, 200);
    await t.rejects(response.text(), 'without the last chunk');
    const parts = await entriesOf(response.headers.get('weir-request-id')!);
    t.match(parts.at(-1), { kind: 'refusal', error: 'per-request-exceeded' });
    const rows = parts.flatMap(({ read }) =>
      read === undefined ? [] : [read.records, ...read.also!.map(([, , records]) => records)],
    );
    const sum = rows.reduce((a, b) => a + b, 0);
    t.ok(sum > 1500 && sum <= 3000, `${sum} rows`);
    t.same(await gateway.faults(), []);
  },
);

void t.test('one row does not embed without end', async (t) => {
  const client = new pg.Client(gateway.ordersUrl);
  await client.connect();
  await client.query(
    `INSERT INTO shop.order_items SELECT 900000 + n, $1, $2, 'S', 'many', 1, 1 FROM generate_series(1, 1100) AS n`,
    [known!.order_id, known!.customer_id],
  );
  await client.end();
  const query = `orders?select=order_items(title)&order_id=eq.${known!.order_id}`;
  const { status, problem } = await ask({ role: 'lister', sub: 'wu' }, query);
  t.equal(status, 422);
  t.match(problem, { detail: /more than 1000 rows of order_items/, hint: /order_items\.limit/ });
  const bounded = await ask({ role: 'lister', sub: 'wu' }, `${query}&order_items.limit=1000`);
  t.equal((bounded.rows[0]!.order_items as Json[]).length, 1000);
  // Below that, the sum decides.
  t.match((await ask(li, `orders?select=order_items(title)&${pin}`)).problem, { detail: /more than the 40/ });
});

void t.test('the description of a role says by which columns it can embed, and no more', async (t) => {
  const foreignKeys = async (role: string) => {
    const response = await gateway.get('/rest/', { role, sub: 'any', claims });
    const { components } = (await response.json()) as {
      components: { schemas: Record<string, { properties?: Record<string, { description?: string }> }> };
    };
    return Object.entries(components.schemas).flatMap(([table, { properties = {} }]) =>
      Object.entries(properties).flatMap(([column, { description = '' }]) => {
        const [, to, key] = /<fk table='(.*)' column='(.*)'\/>/.exec(description) ?? [];
        return to === undefined ? [] : [`${table}.${column} → ${to}.${key}`];
      }),
    );
  };
  t.same(await foreignKeys('agent'), [
    'orders.customer_id → customers.customer_id',
    'order_items.order_id → orders.order_id',
    'shipments.order_id → orders.order_id',
  ]);
  t.same(await foreignKeys('apart'), []);
});
