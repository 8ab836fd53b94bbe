/** Found by the normal form: however the number is written, through the indexed column, and as one look-up. */
import t from 'tap';
import { normalPhone } from '../../src/mask/phone-parts.js';
import { withRoles } from './with-roles.js';

const desk = `for: people
tables:
  orders: {find_by: [order_no, receiver_phone], see: {order_id: clear, order_no: clear, receiver_phone: middle}}
  customers: {find_by: [phone], see: {customer_id: clear, phone: last4}}
limits: {records: 500 per day, lookups: 200 per day, misses: 20 per day}
per_request: 50
`;

const wide = (text: string): string =>
  text.replace(/[0-9]/g, (digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0));

void t.test(
  'a phone is found however it is written, where the catalogue names a column for it',
  async (t) => {
    const gateway = await withRoles(t, { desk });
    const [row] = await gateway.rows<{ phone: string; n: number; customer: string }>(
      `SELECT receiver_phone AS phone, count(*)::int AS n FROM shop.orders
      WHERE receiver_phone ~ '^1[0-9]{10}$' GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT 1`,
    );
    const { phone, n } = row!;
    const grouped = `${phone.slice(0, 3)}-${phone.slice(3, 7)}-${phone.slice(7)}`;
    const ask = async (table: string, filter: string, sub: string) => {
      const [column, value] = [table === 'orders' ? 'receiver_phone' : 'phone', encodeURIComponent(filter)];
      const response = await gateway.get(`/rest/${table}?${column}=${value}`, { role: 'desk', sub });
      return { status: response.status, body: (await response.json()) as { order_no: string }[] };
    };
    const last = async () => (await gateway.entries()).at(-1)!;
    for (const [i, written] of [phone, grouped, `+86 ${grouped}`, `0086${phone}`, wide(phone)].entries()) {
      const found = await ask('orders', `eq.${written}`, `li${i}`);
      t.equal(found.status, 200);
      t.equal(found.body.length, n, written);
      t.match(await last(), { charge: { amounts: { lookups: 1, records: n } } });
    }
    t.equal((await ask('orders', `in.("+86 ${grouped}",${wide(phone)})`, 'li')).body.length, n);
    t.notMatch(
      JSON.stringify(await gateway.entries()),
      new RegExp(`${phone}|${grouped}`),
      'no value on the log',
    );

    const [coded] = await gateway.rows<{ phone: string; order_no: string }>(
      `SELECT receiver_phone AS phone, order_no FROM shop.orders WHERE receiver_phone LIKE '+86%' ORDER BY 1 LIMIT 1`,
    );
    const plain = await ask('orders', `eq.${normalPhone(coded!.phone)}`, 'li');
    t.ok(plain.body.some(({ order_no }) => order_no === coded!.order_no));

    t.same((await ask('orders', 'eq.+86 138-0000-0000', 'li')).body, []);
    t.match(await last(), { charge: { amounts: { lookups: 1, misses: 1 } } }, 'what finds nothing is a miss');
    t.same((await ask('orders', 'eq.nobody', 'li')).body, [], 'and no error');

    const [customer] = await gateway.rows<{ phone: string }>(
      `SELECT phone FROM shop.customers WHERE phone ~ '^1[0-9]{10}$' ORDER BY 1 LIMIT 1`,
    );
    t.equal((await ask('customers', `eq.${customer!.phone}`, 'wang')).body.length, 1);
    t.same(
      (await ask('customers', `eq.+86${customer!.phone}`, 'wang')).body,
      [],
      'exact is equality of text',
    );
    t.same(await gateway.faults(), []);
  },
);

void t.test('guesses are told by the normal form, not by how they are written', async (t) => {
  const gateway = await withRoles(t, { desk });
  const ask = async (written: string) =>
    (
      await gateway.get(`/rest/orders?receiver_phone=eq.${encodeURIComponent(written)}`, {
        role: 'desk',
        sub: 'li',
      })
    ).status;
  t.equal(await ask('13800011234'), 200);
  for (const same of ['+86 138-0001-1234', '0086 13800011234', wide('13800011234'), '13800011234转5'])
    t.equal(await ask(same), 200, 'the same number again is no guess');
  t.equal(await ask('+8613800021234'), 200);
  t.equal(await ask('138-0003-1234'), 403, 'the third that differs in hidden digits is one');
});

void t.test("the demo shop's column holds the normal form of every phone", async (t) => {
  const gateway = await withRoles(t, { desk });
  const rows = await gateway.rows<{ phone: string; normal: string }>(
    'SELECT DISTINCT receiver_phone AS phone, receiver_phone_normal AS normal FROM shop.orders',
  );
  t.ok(rows.length > 100);
  t.same(
    rows.filter(({ phone, normal }) => normalPhone(phone) !== normal),
    [],
  );
});
