import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { withClient } from '../../src/demo/databases.js';
import { startGateway } from '../support/gateway.js';
import { weir } from './weir-process.js';

void t.test('the help desk learns what became of a request, and nothing of what was in it', async (t) => {
  const opened = await startGateway(t);
  const cwd = t.testdir({});
  writeFileSync(path.join(cwd, 'weir.yaml'), JSON.stringify(opened.config));
  const why = (...args: string[]) => weir(['why', ...args], { cwd });
  const [order] = await withClient(opened.ordersUrl, async (client) => {
    const { rows } = await client.query<{ order_no: string; region: string }>(
      'SELECT order_no, region FROM shop.orders LIMIT 1',
    );
    return rows;
  });
  const who = { role: 'support-agent', sub: 'li.na', name: '李娜', claims: { region: order!.region } };
  const ask = async (query: string, as: Parameters<typeof opened.get>[1] = who) =>
    (await opened.get(`/rest/orders${query}`, as)).headers.get('weir-request-id')!;

  const found = await ask(`?order_no=eq.${order!.order_no}`);
  const told = await why(found);
  t.match(told, { code: 0, err: '' });
  t.match(
    told.out,
    /^time {5}\d{4}-.*\nperson {3}李娜\ntool {5}weir-demo-tool\nrole {5}support-agent\nrequest {2}GET \/rest\/orders\noutcome {2}released 1 row of orders\ncounted {2}for the person and the tool\n$/,
  );
  t.notMatch(told.out, new RegExp(order!.order_no));

  const inside = await ask(`?select=order_no,order_items(title)&order_no=eq.${order!.order_no}`);
  t.match((await why(inside)).out, /released 1 row of orders, with \d of order_items\n/);

  const missed = await ask('?order_no=eq.nowhere');
  t.match(
    (await why(missed)).out,
    /released 0 rows of orders: nothing matched, or nothing that the role may see\n/,
  );

  const refused = await why(await ask('?limit=20'));
  t.match(refused, {
    code: 0,
    out: /outcome {2}refused\nerror {4}pin-required: The read must pin a record or a person; whoever asked can mend it\n/,
  });
  const json = await why(await ask('?limit=20'), '--json');
  t.match(JSON.parse(json.out), { person: '李娜', outcome: 'refused', error: 'pin-required' });

  const long = await ask('?limit=2500', { role: 'analyst', sub: 'an.alyst' });
  const parts = (await why(long)).out.match(/released .*/g);
  t.ok(parts!.length >= 1, 'each part of a long answer is told');

  await withClient(opened.store.ownerUrl, (client) =>
    client.query(`INSERT INTO weir.revocations (reason, kind, value) VALUES ('left', 'person', 'wang.wu')`),
  );
  const gone = { role: 'analyst', sub: 'wang.wu' };
  let shutOut: string;
  for (const deadline = Date.now() + 30_000; ;) {
    const answer = await opened.get('/rest/orders?limit=1', gone);
    shutOut = answer.headers.get('weir-request-id')!;
    if (answer.status === 401) break;
    if (Date.now() > deadline) throw new Error('the revocation was not heard of');
  }
  t.match(
    (await why(shutOut)).out,
    /error {4}token-revoked: .*; weir revoke --list says who was shut out and why/,
  );

  t.match(await why(await ask('', 'no-token')), {
    code: 1,
    out: /the log knows nothing of this request since 7d/,
  });
  t.match(await why(randomUUID()), { code: 1, out: /the log knows nothing/ });
  t.match(await why('12'), { code: 2, err: /not a request id/ });
});
