/** Found by the last four digits: through the indexed column only, and every candidate is a look-up. */
import t from 'tap';
import { withRoles } from './with-roles.js';

const role = (findBy: string) => `for: people
tables:
  orders: {find_by: [${findBy}], see: {order_id: clear, receiver_phone: last4}}
limits: {records: 500 per day, lookups: 200 per day}
per_request: 50
`;

void t.test('a role that may finds by the last four digits, and pays for each candidate', async (t) => {
  const gateway = await withRoles(t, {
    short: role('order_id, {receiver_phone: last4}'),
    whole: role('receiver_phone'),
    both: role('receiver_phone, {receiver_phone: last4}'),
  });
  const [{ digits, n, phone }] = (await gateway.rows<{ digits: string; n: number; phone: string }>(
    `SELECT receiver_phone_last4 AS digits, count(*)::int AS n, min(receiver_phone) AS phone
       FROM shop.orders GROUP BY 1 HAVING count(*) BETWEEN 2 AND 50 ORDER BY 2 DESC, 1 LIMIT 1`,
  )) as [{ digits: string; n: number; phone: string }];
  const ask = async (as: string, filter: string) => {
    const response = await gateway.get(`/rest/orders?receiver_phone=${encodeURIComponent(filter)}`, {
      role: as,
      sub: as,
    });
    return {
      status: response.status,
      body: (await response.json()) as unknown[] & { type: string; hint: string },
    };
  };
  const found = await ask('short', `eq.****${digits}`);
  t.equal(found.status, 200);
  t.equal(found.body.length, n);
  t.match(found.body[0], { receiver_phone: `****${digits}` });
  t.match((await gateway.entries()).at(-1), { charge: { amounts: { lookups: n, records: n } } });
  t.equal((await ask('both', `in.(****${digits},****${digits})`)).status, 200);
  t.match((await gateway.entries()).at(-1)!.charge!.amounts, { lookups: n });

  t.match(await ask('short', `eq.${phone}`), {
    status: 403,
    body: { type: /filter-refused/, hint: /\*{4}1234/ },
  });
  t.match(await ask('short', `neq.****${digits}`), { status: 403 });
  t.match(await ask('both', `in.(****${digits},${phone})`), {
    status: 403,
    body: { type: /filter-refused/ },
  });
  t.same((await ask('whole', `eq.****${digits}`)).body, [], 'for others it is a number that nobody has');
  t.ok((await ask('both', `eq.${phone}`)).body.length > 0, 'and whole numbers go on as before');
  t.same(
    (await ask('both', `eq.****${digits}`)).body.length,
    n,
    'of one shape or the other, whichever came first',
  );
  t.same((await ask('short', 'eq.****١٢٣٤')).status, 403, 'digits are 0 to 9');
  t.same(await gateway.faults(), []);
});
