/** `weir log show`, `weir log verify` and `weir alerts` over the log of a real gateway. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { withClient } from '../../src/demo/databases.js';
import { policiesDirectory, startGateway, type OpenedGateway } from '../support/gateway.js';
import { policiesOf } from '../corridor/with-roles.js';
import { weir } from './weir-process.js';

t.setTimeout(120_000);

async function open(t: Test, policies = policiesDirectory) {
  const gateway = await startGateway(t, { policies });
  const cwd = t.testdir({});
  // A configuration is YAML, and so is JSON.
  writeFileSync(join(cwd, 'weir.yaml'), JSON.stringify(gateway.config));
  const run = (...args: string[]) => weir(args, { cwd });
  const entries = async (...args: string[]) =>
    (await run('log', 'show', '--json', ...args)).out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { gateway, run, entries };
}

async function someOrder({ ordersUrl }: OpenedGateway) {
  return withClient(ordersUrl, async (client) => {
    const { rows } = await client.query<{
      order_id: string;
      order_no: string;
      customer_id: string;
      region: string;
    }>('SELECT order_id, order_no, customer_id, region FROM shop.orders ORDER BY order_id LIMIT 1');
    return rows[0]!;
  });
}

void t.test('a read with rows of other tables inside is shown with all of them', async (t) => {
  const { gateway, run, entries } = await open(t);
  const { order_id, order_no, region } = await someOrder(gateway);
  const agent = { role: 'support-agent', sub: 'li.na', claims: { region } };
  const query = `select=status,order_items(title,quantity),shipments(receiver_phone)&order_no=eq.${order_no}`;
  const rows = await (await gateway.get(`/rest/orders?${query}`, agent)).json();
  const [{ order_items, shipments }] = rows as [{ order_items: unknown[]; shipments: unknown[] }];
  const [item] = await withClient(gateway.ordersUrl, async (client) => {
    const found = await client.query('SELECT item_id FROM shop.order_items WHERE order_id = $1', [order_id]);
    return found.rows as { item_id: string }[];
  });
  t.match(await entries('--record', `order_items/${item!.item_id}`), [
    {
      table: 'orders',
      records: 1,
      also: [
        { table: 'order_items', columns: { title: 'clear', quantity: 'clear' }, records: order_items.length },
        { table: 'shipments', columns: { receiver_phone: 'last4' }, records: shipments.length },
      ],
    },
  ]);
  t.equal((await entries('--table', 'shipments')).length, 1);
  const { out } = await run('log', 'show');
  t.match(out, 'orders+order_items+shipments');
  t.match(out, `1+${order_items.length}+${shipments.length}`);
  t.match((await run('log', 'verify')).code, 0);
});

void t.test('who has read this order is answered in one command', async (t) => {
  const { gateway, run, entries } = await open(t);
  const order = await someOrder(gateway);
  const agent = (sub: string, name: string) => ({
    role: 'support-agent',
    sub,
    name,
    claims: { region: order.region },
  });
  const path = `/rest/orders?order_no=eq.${order.order_no}`;
  t.equal((await gateway.get(path, agent('li.na', '李娜'))).status, 200);
  t.equal(
    (await gateway.get('/rest/orders?order_no=eq.WR0000000000000', agent('wang.min', '王敏'))).status,
    200,
  );
  t.equal((await gateway.get('/rest/orders', agent('li.na', '李娜'))).status, 403);

  const readers = [
    {
      person: 'li.na',
      displayName: '李娜',
      role: 'support-agent',
      table: 'orders',
      outcome: 'released',
      records: 1,
    },
  ];
  t.match(await entries('--record', `orders/${order.order_id}`), readers);
  t.equal((await entries('--record', `orders/${order.order_id}`)).length, 1);
  t.match(await entries('--subject', order.customer_id), readers);
  t.strictSame(await entries('--record', `order_items/${order.order_id}`), [], 'of that table only');

  t.match(
    await entries('--person', 'li.na'),
    [{ outcome: 'refused', error: 'pin-required' }, readers[0]],
    'newest first',
  );
  t.equal((await entries('--person', '王敏')).length, 1, 'by the name to show as well');
  t.equal((await entries('--door', 'admin')).length, 0);
  t.equal((await entries('--from', '1h')).length, 3);
  t.equal((await entries('--to', '1h')).length, 0);
  t.ok(
    (await entries('--all')).some(({ kind }) => kind === 'open'),
    'a writer introduces itself',
  );

  const table = await run('log', 'show');
  t.equal(table.code, 0);
  t.match(
    table.out,
    /^time \(Asia\/Shanghai\) +person +role +tool +table +records +outcome +for +saw +entry\n/,
  );
  t.match(table.out, /李娜 +support-agent .* orders +1 +released +.*receiver_phone:last4/);
  t.match(table.out, /李娜 .* refused pin-required/);
  t.match(await run('log', 'show', '--limit', '1'), { err: /only the newest 1; --limit shows more/ });
  t.match(await run('log', 'show', '--person', 'nobody'), { code: 0, out: '', err: /nobody of that name/ });
  t.match(await run('log', 'show', '--record', 'orders'), { code: 2, err: /--record is not table\/key/ });
  t.match(await run('log', 'show', '--door', 'window'), {
    code: 2,
    err: /Allowed\s+choices are rest, proxy, admin/,
  });
});

void t.test(
  'verify is content with what the gateway wrote, and names the first entry that was changed',
  async (t) => {
    const { gateway, run } = await open(t);
    const order = await someOrder(gateway);
    const agent = { role: 'support-agent', sub: 'li.na', claims: { region: order.region } };
    for (let i = 0; i < 3; i++) await gateway.get(`/rest/orders?order_no=eq.${order.order_no}`, agent);

    const sound = await run('log', 'verify');
    t.match(sound, {
      code: 0,
      out: /^\d+ entries of 2 writers, from [^]*3 records released[^]*the log holds/,
    });
    t.match(await run('log', 'verify', '--from', '1h'), {
      code: 0,
      out: /note: only a part of the log was read/,
    });
    t.match(await run('log', 'verify', '--no-digests'), { code: 0, out: /note: digest lists were left out/ });

    const entry = await withClient(gateway.store.superuserUrl, async (client) => {
      await client.query('ALTER TABLE weir.entries DISABLE TRIGGER ALL');
      const { rows } = await client.query<{ entry: string }>(
        `DELETE FROM weir.entries WHERE (writer, number) IN (SELECT writer, number FROM weir.entries WHERE body LIKE '%"kind":"read"%' ORDER BY at LIMIT 1)
       RETURNING writer || '/' || number AS entry`,
      );
      return rows[0]!.entry;
    });
    const broken = await run('log', 'verify');
    t.match(broken, { code: 1, out: /the log does NOT hold/ });
    const [, named = ''] = /BAD (\S+) \[order\]/.exec(broken.out) ?? [];
    const [writer, number] = entry.split('/');
    t.ok(
      [entry, `${writer}/${Number(number) + 1}`].includes(named),
      'the gap or the entry behind it is named',
    );
    const json = await run('log', 'verify', '--json');
    t.equal(json.code, 1);
    t.match(JSON.parse(json.out), { ok: false, faults: [{ kind: /./ }] });
  },
);

void t.test('alerts lists reads that were flagged, with the reason in words', async (t) => {
  const policies = t.testdir({});
  cpSync(policiesDirectory, policies, { recursive: true });
  const file = join(policies, 'alerts.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('records_per_read: 200', 'records_per_read: 2'));
  const { gateway, run } = await open(t, policies);
  t.match(await run('alerts'), { code: 0, out: 'no read was flagged in that time\n' });
  const packer = { role: 'warehouse', sub: 'zhao.lei', claims: { warehouse: 'HZ1' } };
  for (const limit of [1, 2, 3])
    t.equal((await gateway.get(`/rest/orders?limit=${limit}`, packer)).status, 200);

  const { out, code } = await run('alerts', '--from', '1h');
  t.equal(code, 0);
  t.equal(out.trim().split('\n').length, 3, 'a heading, and the two that reached the threshold');
  t.match(out, /\n.* zhao\.lei +warehouse .* 3 +3 records in one read \(alert from 2\)/);
  const newest = await run('alerts', '--json', '--limit', '1');
  t.match(JSON.parse(newest.out), {
    person: 'zhao.lei',
    table: 'orders',
    reasons: [{ rule: 'recordsPerRead', value: 3, threshold: 2 }],
  });
  t.match(newest.err, /only the newest 1/);
  t.match(await run('log', 'show'), { out: /released flagged: recordsPerRead/ });
});

void t.test('what a read was for stands in its line, and finds it again', async (t) => {
  const desk = `for: people
tables:
  orders: {browse: yes, see: {order_id: clear, receiver_name: surname}}
reason: [call, return]
ticket: optional
limits: {records: 500 per day}
per_request: 50
`;
  const { gateway, run, entries } = await open(t, await policiesOf(t, { desk }));
  const read = (headers: Record<string, string>) =>
    gateway.get('/rest/orders?limit=1', { role: 'desk', sub: 'li' }, headers);
  t.equal((await read({ 'weir-reason': 'call', 'weir-ticket': 'CS-1' })).status, 200);
  t.equal((await read({ 'weir-reason': 'return' })).status, 200);
  t.match((await run('log', 'show', '--reason', 'call')).out, /call CS-1/);
  t.same(
    (await entries('--reason', 'return')).map(({ reason, ticket }) => [reason, ticket]),
    [['return', undefined]],
  );
  t.same((await entries('--ticket', 'CS-1')).length, 1);
  t.same(await entries('--ticket', 'CS-2'), []);
});
