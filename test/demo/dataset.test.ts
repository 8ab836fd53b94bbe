/** The synthetic shop is the same for the same seed, hangs together, and looks like one. */
import { createHash } from 'node:crypto';
import t from 'tap';
import { dayMs, endOfDay, spanDays } from '../../src/demo/dataset/calendar.js';
import { customerRows, orderRows, type ShopSize } from '../../src/demo/dataset/shop.js';
import { withClient } from '../../src/demo/databases.js';
import { DIVISION_LINES } from '../../src/mask/divisions.js';
import { freshDatabase, testShop } from '../support/database.js';

function digest(size: ShopSize): string {
  const hash = createHash('sha256');
  for (const row of customerRows(size)) hash.update(JSON.stringify(row));
  for (const row of orderRows(size)) hash.update(JSON.stringify(row));
  return hash.digest('hex');
}

void t.test('the same seed gives the same rows on every machine and version of Node', async (t) => {
  // A change here is a change of what everybody's demo shows: datasetFormat goes up with it.
  t.equal(digest(testShop), 'b3dc63ee422c8eb725734fb5c2b4d25d4df65476a53b467c5d4698709a62eb61');
  t.not(digest({ ...testShop, seed: testShop.seed + 1 }), digest(testShop));
});

void t.test('order by order: numbers, times, amounts and statuses agree', async (t) => {
  const size = { ...testShop, orders: 3_000, customers: 600 };
  const end = endOfDay(size.lastDay);
  const numbers = new Set<string>();
  let lastMs = 0;
  let faults = 0;
  const expect = (ok: boolean, what: string) => {
    if (!ok && faults++ < 5) t.fail(what);
  };
  let id = 0;
  let itemId = 0;
  let shipmentId = 0;
  for (const { order, items, shipment } of orderRows(size)) {
    const [orderId, orderNo, customerId, , phone, last4, , , , , status, amount, createdAt] =
      order as string[];
    const createdMs = Date.parse(createdAt as string);
    expect(Number(orderId) === ++id, 'orders count from 1');
    expect(/^WR\d{13}$/.test(orderNo as string), 'the order number has 15 characters');
    const chinaDay = new Date(createdMs + 8 * 3_600_000).toISOString().slice(2, 10).replaceAll('-', '');
    expect(orderNo?.slice(2, 8) === chinaDay, 'it holds the day of the order in China');
    numbers.add(orderNo as string);
    expect(
      createdMs >= lastMs && createdMs < end && createdMs >= end - spanDays * dayMs,
      'times ascend within the span',
    );
    lastMs = createdMs;
    expect(Number(customerId) >= 1 && Number(customerId) <= size.customers, 'the customer exists');
    expect(
      phone?.replace(/\D/g, '').endsWith(last4 as string) === true && last4?.length === 4,
      'last four digits',
    );
    const cents = items.reduce((sum, item) => sum + Number(item[5]) * Math.round(Number(item[6]) * 100), 0);
    expect(
      items.length >= 1 && items.length <= 4 && cents === Math.round(Number(amount) * 100),
      'the amount is the sum',
    );
    for (const item of items) {
      expect(
        Number(item[0]) === ++itemId && item[1] === orderId && item[2] === customerId,
        'items belong to it',
      );
    }
    const sent = ['shipped', 'delivered'].includes(status as string);
    expect(!sent || shipment !== undefined, 'what is shipped has a shipment');
    expect(shipment === undefined || sent || status === 'returned', 'what is not has none');
    if (shipment) {
      expect(Number(shipment[0]) === ++shipmentId && shipment[1] === orderId, 'the shipment belongs to it');
      const shippedMs = Date.parse(shipment[9] as string);
      expect(shippedMs > createdMs && shippedMs <= end, 'it was shipped after the order and before the end');
      const travelled = (end - shippedMs) / 3_600_000;
      expect(status !== 'delivered' || travelled >= 20, 'nothing arrives within 20 hours');
      expect(
        status === 'delivered' || status === 'returned' || travelled <= 110,
        'nothing is on its way for weeks',
      );
    }
    const ageDays = (end - createdMs) / dayMs;
    expect(
      ageDays < 8 || ['delivered', 'returned', 'cancelled'].includes(status as string),
      'old orders are settled',
    );
    expect(ageDays > 0.2 || !sent, 'an order of this evening has not been shipped');
  }
  t.equal(faults, 0);
  t.equal(numbers.size, size.orders, 'order numbers are unique');
});

void t.test(
  'names, telephones, addresses and remarks are of all the kinds that masks must stand',
  async (t) => {
    const size = { ...testShop, orders: 6_000, customers: 3_000 };
    const orders = [...orderRows(size)].map(({ order }) => order);
    const share = (column: number, pattern: RegExp) =>
      (orders.filter((order) => pattern.test(order[column] ?? '')).length * 100) / orders.length;
    const between = (what: string, percent: number, low: number, high: number) =>
      t.ok(percent >= low && percent <= high, `${what}: ${percent.toFixed(2)} %`);

    between(
      'compound surnames',
      share(3, /^(欧阳|司马|上官|诸葛|司徒|皇甫|慕容|夏侯|尉迟|令狐|东方|长孙)/),
      0.5,
      4,
    );
    between('Latin names', share(3, /^[A-Z]/), 0.1, 2);
    between('plain mobiles', share(4, /^1[35789]\d{9}$/), 85, 97);
    between('landlines', share(4, /^0\d{2,3}-?\d{7,8}$/), 0.5, 6);
    between('with +86', share(4, /^\+86/), 1, 6);
    between('no remark', (orders.filter((order) => order[7] === null).length * 100) / orders.length, 55, 72);
    between('remarks with a telephone number', share(7, /1[35789]\d ?\d{4} ?\d{4}/), 2, 10);
    between('remarks with a WeChat id', share(7, /微信|wx|V信/), 0.5, 4);
    between('remarks with an address', share(7, /地址|放到|送到/), 1, 12);

    const starts = new Set(
      DIVISION_LINES.trim()
        .split('\n')
        .flatMap((line) => {
          const [province, city, ...districts] = line.split(' ') as [string, string, ...string[]];
          const head = province === city ? province : province + city;
          return districts.length === 0 ? [head] : districts.map((district) => head + district);
        }),
    );
    const known = orders.filter((order) => {
      const address = order[6] as string;
      for (let length = 5; length <= 40; length++) if (starts.has(address.slice(0, length))) return true;
      return false;
    });
    between('addresses written in full, in real divisions', (known.length * 100) / orders.length, 80, 97);
    t.notOk(
      orders.some((order) => /([北上天重][京海津庆]市)\1/.test(order[6] as string)),
      'a municipality is written once',
    );
    t.ok(
      orders.every((order) => !/^浙江省|^上海市/.test(order[6] as string) || order[8] === '华东'),
      'the region follows the province',
    );

    const perCustomer = new Map<string | null | undefined, number>();
    for (const order of orders) perCustomer.set(order[2], (perCustomer.get(order[2]) ?? 0) + 1);
    const most = Math.max(...perCustomer.values());
    t.ok(most >= 8 && most <= 60, `the best customer ordered ${most} times, the mean is 2`);
  },
);

void t.test('a million orders are made one at a time', async (t) => {
  // The generator hands out the first without having made the rest.
  const rows = orderRows({ ...testShop, orders: 1_000_000, customers: 200_000 });
  const first = rows.next();
  t.notOk(first.done);
  rows.return(undefined);
});

void t.test('what is loaded is what was made', async (t) => {
  const db = await freshDatabase(t, { template: 'shop' });
  const made = [...orderRows(testShop)];
  await withClient(db.url, async (client) => {
    const { rows } = await client.query<{ t: string; n: number }>(
      `SELECT 'customers' AS t, count(*)::int AS n FROM shop.customers
       UNION ALL SELECT 'orders', count(*)::int FROM shop.orders
       UNION ALL SELECT 'order_items', count(*)::int FROM shop.order_items
       UNION ALL SELECT 'shipments', count(*)::int FROM shop.shipments`,
    );
    t.same(Object.fromEntries(rows.map(({ t: table, n }) => [table, n])), {
      customers: testShop.customers,
      orders: testShop.orders,
      order_items: made.reduce((sum, { items }) => sum + items.length, 0),
      shipments: made.filter(({ shipment }) => shipment).length,
    });
    const sample = made[1234]?.order as string[];
    const stored = await client.query({
      text: `SELECT order_id::text, order_no, customer_id::text, receiver_name, receiver_phone, receiver_phone_last4, address,
               remark, region, warehouse, status, amount::text, created_at FROM shop.orders WHERE order_id = 1235`,
      rowMode: 'array',
    });
    t.same(
      (stored.rows[0] as (string | Date | null)[]).map((value) =>
        value instanceof Date ? value.toISOString() : value,
      ),
      sample,
    );
    const indexes = await client.query<{ on: string }>(
      `SELECT regexp_replace(indexdef, '.* ON shop\\.(\\w+) USING btree (.*)', '\\1\\2') AS on
       FROM pg_indexes WHERE schemaname = 'shop' ORDER BY 1`,
    );
    t.same(
      indexes.rows.map(({ on }) => on),
      [
        'customers(customer_id)',
        'customers(phone)',
        'order_items(item_id)',
        'order_items(order_id)',
        'orders(created_at)',
        'orders(customer_id)',
        'orders(order_id)',
        'orders(order_no)',
        'orders(receiver_phone)',
        'orders(receiver_phone_last4)',
        'orders(receiver_phone_normal)',
        'orders(warehouse, status)',
        'shipments(order_id)',
        'shipments(shipment_id)',
        'shipments(tracking_no)',
      ],
    );
  });
});
