/**
 * Clients that know nothing of Weir, unchanged: @supabase/postgrest-js and react-admin's data provider for
 * PostgREST, against a whole gateway, as roles that browse lists and as one that must pin.
 */
import { PostgrestClient } from '@supabase/postgrest-js';
import raDataPostgrest from '@raphiniert/ra-data-postgrest';
import { fetchUtils, type DataProvider } from 'ra-core';
import t from 'tap';
import type { DemoToken } from '../../src/demo/issuer.js';
import { withClient } from '../../src/demo/databases.js';
import { reasonOf, startGateway } from '../support/gateway.js';

const gateway = await startGateway(t);
const rest = `${gateway.address}/rest`;
const analyst: DemoToken = { role: 'analyst', sub: 'zhou' };
const warehouse: DemoToken = { role: 'warehouse', sub: 'qian', claims: { warehouse: 'HZ1' } };
const agent: DemoToken = { role: 'support-agent', sub: 'li', claims: { region: '华东' } };

async function postgrest(who: DemoToken): Promise<PostgrestClient> {
  const headers = { Authorization: `Bearer ${await gateway.token(who)}`, ...reasonOf(who) };
  return new PostgrestClient(rest, { headers });
}

/** Some of the module's builds hold the function, others an object that does. */
const provide = ('default' in raDataPostgrest ? raDataPostgrest.default : raDataPostgrest) as (
  config: unknown,
) => DataProvider;

async function reactAdmin(who: DemoToken): Promise<DataProvider> {
  const token = await gateway.token(who);
  return provide({
    apiUrl: rest,
    httpClient: (url: string, options: fetchUtils.Options = {}) =>
      fetchUtils.fetchJson(url, {
        ...options,
        headers: new Headers({ ...Object.fromEntries(new Headers(options.headers)), ...reasonOf(who) }),
        user: { authenticated: true, token: `Bearer ${token}` },
      }),
    defaultListOp: 'eq',
    primaryKeys: new Map([
      ['orders', ['order_id']],
      ['order_items', ['item_id']],
      ['customers', ['customer_id']],
    ]),
    schema: () => '',
  });
}

/** As the order database itself has it. */
function truth<Row>(sql: string): Promise<Row[]> {
  return withClient(gateway.ordersUrl, async (client) => (await client.query(sql)).rows as Row[]);
}

const [known] = await truth<{ order_no: string; order_id: string; receiver_phone: string }>(
  `SELECT * FROM shop.orders WHERE region = '华东' ORDER BY order_id LIMIT 1`,
);

void t.test('postgrest-js: select, filters, order, ranges and counts, as the analyst', async (t) => {
  const client = await postgrest(analyst);
  const page = await client
    .from('orders')
    .select('order_id,total:amount,day:created_at::date', { count: 'exact' })
    .eq('status', 'delivered')
    .gte('amount', 100)
    .order('amount', { ascending: false })
    .order('order_id')
    .range(5, 9);
  t.equal(page.error, null);
  const rows = await truth<{ order_id: string; amount: string; day: string }>(
    `SELECT order_id, amount, created_at::date::text AS day FROM shop.orders WHERE status = 'delivered' AND amount >= 100
      ORDER BY amount DESC, order_id`,
  );
  t.equal(page.count, rows.length);
  t.same(
    page.data,
    rows
      .slice(5, 10)
      .map((row) => ({ order_id: Number(row.order_id), total: Number(row.amount), day: row.day })),
  );

  const count = await client.from('orders').select('*', { count: 'exact', head: true }).neq('status', 'paid');
  t.equal(count.error, null);
  t.equal(count.count, (await truth(`SELECT FROM shop.orders WHERE status <> 'paid'`)).length);
  t.equal(count.data, null);

  const tree = await client
    .from('orders')
    .select('order_id')
    .or('status.eq.shipped,and(amount.gt.200,not.or(region.eq.华东,region.is.null))')
    .not('status', 'in', '(cancelled,returned)')
    .like('warehouse', '*Z*')
    .order('order_id');
  const expected = await truth<{ order_id: string }>(
    `SELECT order_id FROM shop.orders WHERE (status = 'shipped' OR (amount > 200 AND NOT (region = '华东' OR region IS NULL)))
       AND status NOT IN ('cancelled', 'returned') AND warehouse LIKE '%Z%' ORDER BY order_id`,
  );
  t.equal(tree.error, null);
  t.ok(expected.length > 10);
  t.same(
    tree.data?.map(({ order_id }) => String(order_id)),
    expected.map(({ order_id }) => order_id),
  );

  const csv = await client
    .from('orders')
    .select('order_id,status')
    .in('order_id', [1, 2])
    .order('order_id')
    .csv();
  t.match(csv.data, /^order_id,status\r\n1,[a-z_]+\r\n2,[a-z_]+\r\n$/);
  for (const query of [
    client.from('orders').select('order_id').is('status', null).limit(3),
    client.from('orders').select('order_id').lt('order_id', 4).gt('order_id', 1).lte('amount', 1e9),
    client.from('orders').select('order_id').match({ status: 'paid', region: '华东' }).limit(1),
    client.from('orders').select('order_id').ilike('status', 'PA%').limit(1),
    client.from('orders').select('order_id').filter('status', 'not.eq', 'paid').limit(1),
    client.from('orders').select('order_id').isDistinct('status', 'paid').limit(1),
  ]) {
    t.equal((await query).error, null);
  }
});

void t.test('postgrest-js: tables inside the rows, as the agent and as the analyst', async (t) => {
  const client = await postgrest(agent);
  const one = await client
    .from('orders')
    .select('order_no, lines:order_items(title, quantity), shipments(carrier, receiver_phone)')
    .eq('order_no', known!.order_no)
    .order('price', { referencedTable: 'lines', ascending: false })
    .limit(2, { referencedTable: 'lines' })
    .single();
  const lines = await truth<{ title: string; quantity: number }>(
    `SELECT title, quantity FROM shop.order_items WHERE order_id = ${known!.order_id} ORDER BY price DESC LIMIT 2`,
  );
  t.equal(one.error, null);
  t.same(one.data?.lines, lines);
  const { shipments = [] } = one.data ?? {};
  t.ok(Array.isArray(shipments));

  const other = await postgrest(analyst);
  const counted = await other
    .from('orders')
    .select('order_id, order_items!inner(quantity, orders(region))', { count: 'exact' })
    .gte('order_items.quantity', 4)
    .or('price.gt.100,sku.is.null', { referencedTable: 'order_items' })
    .order('order_id')
    .range(0, 9);
  const rows = await truth<{ order_id: string }>(
    `SELECT order_id FROM shop.orders o WHERE EXISTS (SELECT FROM shop.order_items i WHERE i.order_id = o.order_id AND quantity >= 4 AND price > 100)
      ORDER BY order_id`,
  );
  t.equal(counted.error, null);
  t.equal(counted.count, rows.length);
  t.same(
    counted.data?.map(({ order_id }) => String(order_id)),
    rows.slice(0, 10).map(({ order_id }) => order_id),
  );
  for (const { order_items } of counted.data ?? [])
    t.ok(order_items.every((item) => (item as { quantity: number }).quantity >= 4));

  const hidden = await other.from('orders').select('customers(region)').limit(1);
  const unknown = await other.from('orders').select('nothing(region)').limit(1);
  t.match(hidden, { status: 400, error: { code: 'PGRST200', message: /no such relation/ } });
  t.same([hidden.error?.message, hidden.error?.hint], [unknown.error?.message, unknown.error?.hint]);
});

void t.test(
  'postgrest-js: a customer spread, ordered by, absent and stripped of nulls, as the agent',
  async (t) => {
    const client = await postgrest(agent);
    const lists = await truth<{ order_no: string; name: string }>(
      `SELECT order_no, left(name, 1) AS name FROM shop.orders o JOIN shop.customers c USING (customer_id)
      WHERE o.region = '华东' AND c.region = '华东' ORDER BY order_id LIMIT 3`,
    );
    const numbers = lists.map(({ order_no }) => order_no);
    const orders = () => client.from('orders');
    const spread = await orders()
      .select('order_no, ...customers!inner(buyer:name)')
      .in('order_no', numbers)
      .order('order_id');
    t.equal(spread.error, null);
    for (const [i, row] of (spread.data ?? []).entries())
      t.match(row, { order_no: numbers[i], buyer: /\*\*$/ });
    t.equal(spread.data?.length, 3);
    const ordered = await orders()
      .select('order_no, customers(customer_id)')
      .in('order_no', numbers)
      .order('customers(customer_id)', { ascending: false });
    const ids = (ordered.data ?? []).map(
      ({ customers }) => (customers as unknown as { customer_id: number }).customer_id,
    );
    t.same(
      ids,
      [...ids].sort((a, b) => b - a),
    );
    const none = await orders().select('order_no, shipments()').is('shipments', null).in('order_no', numbers);
    const some = await orders()
      .select('order_no, shipments()')
      .not('shipments', 'is', null)
      .in('order_no', numbers);
    t.equal((none.data?.length ?? 0) + (some.data?.length ?? 0), 3);
    const either = await orders()
      .select('order_no, shipments(), order_items(title)')
      .or('shipments.not.is.null,order_items.not.is.null')
      .in('order_no', numbers);
    t.equal(either.data?.length, 3);
    const stripped = await orders().select('order_no, shipments(*)').in('order_no', numbers).stripNulls();
    t.equal(stripped.error, null);
    t.notMatch(JSON.stringify(stripped.data), 'null');
    const many = await orders().select('...order_items(title)').in('order_no', numbers);
    t.match(many, { status: 400, error: { code: 'PGRST119' } });
    const sum = await orders().select('order_id.sum()').in('order_no', numbers);
    t.match(sum, { status: 400, error: { code: 'PGRST123' } });
  },
);

void t.test('postgrest-js: a single row, maybe a row, and what is refused, as the agent', async (t) => {
  const client = await postgrest(agent);
  const one = await client.from('orders').select().eq('order_no', known!.order_no).single();
  t.equal(one.error, null);
  t.match(one.data, { order_no: known!.order_no, receiver_phone: `****${known!.receiver_phone.slice(-4)}` });

  const none = await client.from('orders').select().eq('order_no', 'WR0000000000000').single();
  t.match(none, { status: 406, data: null, error: { code: 'PGRST116', details: /0 rows/ } });
  const maybe = await client.from('orders').select().eq('order_no', 'WR0000000000000').maybeSingle();
  t.match(maybe, { data: null, error: null });

  const unpinned = await client.from('orders').select().limit(1);
  t.match(unpinned, { status: 403, error: { code: '42501', hint: /order_no=eq/ } });
  const hidden = await client.from('orders').select('remark').eq('order_no', known!.order_no);
  t.match(hidden, { status: 400, error: { code: '42703', message: /does not exist/ } });
  const searched = await client.from('orders').select().like('receiver_phone', '138%');
  t.match(searched, { status: 403, error: { code: '42501' } });
  const written = await client.from('orders').update({ status: 'paid' }).eq('order_no', known!.order_no);
  t.equal(written.status, 405);
  t.equal((await client.from('orders').insert({ status: 'paid' })).status, 405);
});

void t.test(
  'react-admin: lists with filters, pages and sort, one, many and references, as the analyst',
  async (t) => {
    const provider = await reactAdmin(analyst);
    const list = await provider.getList('orders', {
      pagination: { page: 2, perPage: 10 },
      sort: { field: 'amount', order: 'DESC' },
      filter: {
        status: 'delivered',
        'amount@gte': 20,
        'warehouse@like': 'Z',
        '@or': { region: '华东', 'amount@gt': 200 },
      },
    });
    const rows = await truth<{ order_id: string }>(
      `SELECT order_id FROM shop.orders WHERE status = 'delivered' AND amount >= 20 AND warehouse LIKE '%Z%'
       AND (region = '华东' OR amount > 200) ORDER BY amount DESC`,
    );
    t.equal(list.total, rows.length);
    t.equal(list.data.length, 10);
    const id = list.data[0]!.id as number;
    const one = await provider.getOne('orders', { id });
    t.equal(one.data.id, id);
    const many = await provider.getMany('orders', { ids: list.data.map((row) => row.id as number) });
    t.equal(many.data.length, 10);
    const items = await provider.getManyReference('order_items', {
      target: 'order_id',
      id,
      pagination: { page: 1, perPage: 25 },
      sort: { field: 'item_id', order: 'ASC' },
      filter: {},
    });
    t.equal(items.total, (await truth(`SELECT FROM shop.order_items WHERE order_id = ${id}`)).length);
    t.equal(items.data.length, items.total);
    const embedded = await provider.getOne('orders', { id, meta: { embed: ['order_items'] } });
    t.equal((embedded.data.order_items as unknown[]).length, items.total);
  },
);

void t.test(
  'react-admin: the packer’s list is the packer’s own, and an agent has no list but by a pin',
  async (t) => {
    const packer = await reactAdmin(warehouse);
    const list = await packer.getList('orders', {
      pagination: { page: 1, perPage: 5 },
      sort: { field: 'created_at', order: 'ASC' },
      filter: {},
    });
    const own = await truth(`SELECT FROM shop.orders WHERE status = 'to_ship' AND warehouse = 'HZ1'`);
    t.equal(list.total, own.length);
    t.ok(list.data.length > 0);
    for (const row of list.data)
      t.match(row, { warehouse: 'HZ1', status: 'to_ship', receiver_phone: /\*{4}\d{4}$/ });

    const refused = { name: 'HttpError', message: 'a read of orders must pin a record or a person' };
    const care = await reactAdmin(agent);
    const all = {
      pagination: { page: 1, perPage: 5 },
      sort: { field: 'order_id', order: 'ASC' },
      filter: {},
    } as const;
    await t.rejects(care.getList('orders', all), refused);
    const found = await care.getList('orders', { ...all, filter: { order_no: known!.order_no } });
    t.equal(found.total, 1);
    const items = await care.getManyReference('order_items', {
      ...all,
      target: 'order_id',
      id: known!.order_id,
      sort: { field: 'item_id', order: 'ASC' },
    });
    t.ok(items.data.length > 0);
    await t.rejects(care.getOne('orders', { id: known!.order_id }), refused, 'order_id is no pin of orders');
  },
);
