/** One field of one record in clear: who may, how often, and what stands on the log by then. */
import t from 'tap';
import { withRoles, type Ruled } from './with-roles.js';

const desk = `for: people
tables:
  orders:
    find_by: [order_no]
    only: {region: claim.region}
    see: {order_id: clear, order_no: clear, receiver_phone: last4}
    reveal: {receiver_phone: 2 per day, address: 1 per day}
reason: [call, return]
ticket: optional
limits: {records: 500 per day}
per_request: 50
`;

interface Order {
  readonly order_id: string;
  readonly receiver_phone: string;
  readonly address: string;
}

function asking(gateway: Ruled, sub: string) {
  return async (
    path: string,
    headers: Record<string, string> = { 'weir-reason': 'call', 'weir-ticket': 'CS-1' },
  ) => {
    const bearer = await gateway.token({ role: 'desk', sub, claims: { region: '华东' } });
    const response = await fetch(`${gateway.address}/rest/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, ...headers },
    });
    const body = (await response.json()) as { type?: string; hint?: string };
    return { status: response.status, body, retryAfter: Number(response.headers.get('retry-after')) };
  };
}

void t.test(
  'a revealed value is one column of one record, with reason, ticket and a limit of its own',
  async (t) => {
    const gateway = await withRoles(t, { desk });
    const inRegion = async (region: string) =>
      (
        await gateway.rows<Order>('SELECT * FROM shop.orders WHERE region = $1 ORDER BY order_id LIMIT 1', [
          region,
        ])
      )[0]!;
    const order = await inRegion('华东');
    const elsewhere = await inRegion('华南');
    const reveal = asking(gateway, 'li');
    const path = `orders/${order.order_id}/reveal/receiver_phone`;

    t.match(await reveal(path, { 'weir-reason': 'call' }), {
      status: 403,
      body: { type: /ticket-required/ },
    });
    t.match(await reveal(path, { 'weir-ticket': 'CS-1' }), {
      status: 403,
      body: { type: /reason-required/ },
    });
    t.match(await reveal(path), { status: 200, body: [{ receiver_phone: order.receiver_phone }] });
    t.match(await reveal(`orders/${elsewhere.order_id}/reveal/receiver_phone`), { status: 200, body: [] });
    t.same(
      (await reveal(`orders/${elsewhere.order_id}/reveal/receiver_phone`)).body,
      [],
      'the row filter holds',
    );
    t.match(await reveal(path), { status: 200 }, 'what was not found used nothing up');
    const third = await reveal(path);
    t.match(third, { status: 429, body: { type: /limit-reached/ } });
    t.ok(third.retryAfter > 0);
    t.equal(
      (await reveal(`orders/${elsewhere.order_id}/reveal/receiver_phone`)).status,
      429,
      'found or not is not told',
    );
    t.equal((await asking(gateway, 'wang')(path)).status, 200, 'each person for himself');

    for (const [wrong, type] of [
      [`orders/${order.order_id}/reveal/remark`, 'column-unknown'],
      [`orders/${order.order_id}/reveal/nothing`, 'column-unknown'],
      [`orders/${order.order_id}/reveal/order_no`, 'not-permitted'],
      ['orders/x/reveal/receiver_phone', 'value-invalid'],
      ['customers/1/reveal/phone', 'table-unknown'],
      [`${path.slice(0, 6)}/${order.order_id}/reveal/receiver_phone?select=address`, 'query-invalid'],
    ] as const)
      t.match((await reveal(wrong)).body, { type: `urn:weir:error:${type}` }, wrong);

    const entries = (await gateway.entries()).filter(({ kind }) => kind === 'read');
    t.match(entries[0], {
      route: 'POST /rest/orders/:key/reveal/:column',
      reason: 'call',
      ticket: 'CS-1',
      read: { table: 'orders', see: { receiver_phone: 'clear' }, reveal: 'receiver_phone', records: 1 },
      charge: { amounts: { queries: 1, records: 1, reveals: 1, people: [1] } },
      limits: [
        ['records', 'day', 500],
        ['reveals', 'day', 2],
      ],
    });
    t.equal(entries[1]!.charge!.amounts['reveals'], undefined);
    t.notMatch(JSON.stringify(entries), order.receiver_phone);
    t.match((await gateway.entries()).at(-1), { kind: 'refusal', error: 'query-invalid' });
    t.same(await gateway.faults(), []);
  },
);

void t.test('the reveals of all columns count together', async (t) => {
  const gateway = await withRoles(t, { desk });
  const [order] = await gateway.rows<Order>("SELECT * FROM shop.orders WHERE region = '华东' LIMIT 1");
  const reveal = asking(gateway, 'li');
  t.match(await reveal(`orders/${order!.order_id}/reveal/address`), {
    status: 200,
    body: [{ address: order!.address }],
  });
  t.equal((await reveal(`orders/${order!.order_id}/reveal/address`)).status, 429);
  t.equal((await reveal(`orders/${order!.order_id}/reveal/receiver_phone`)).status, 200);
  t.equal((await reveal(`orders/${order!.order_id}/reveal/receiver_phone`)).status, 429);
});
