/** A tool that keeps its connections serves many people over each: every request is its own token's. */
import { Agent, request } from 'node:http';
import t from 'tap';
import { withClient } from '../../src/demo/databases.js';
import { startGateway } from '../support/gateway.js';

void t.test('over one connection each request is that of the person whose token it carries', async (t) => {
  const gateway = await startGateway(t);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const ports = new Set<number | undefined>();
  const ask = (token: string | undefined) =>
    new Promise<number>((settle, fail) => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const asking = request(`${gateway.address}/rest/orders?limit=1`, { agent, headers }, (answer) => {
        ports.add(answer.socket.localPort);
        answer.resume().on('end', () => settle(answer.statusCode!));
      });
      asking.on('error', fail).end();
    });
  const [li, wang] = [
    await gateway.token({ role: 'analyst', sub: 'li.na' }),
    await gateway.token({ role: 'analyst', sub: 'wang.lei' }),
  ];
  for (const [token, status] of [
    [li, 200],
    [wang, 200],
    [undefined, 401],
    ['x.y.z', 401],
    [li, 200],
  ] as const)
    t.equal(await ask(token), status);
  t.equal(ports.size, 1, 'it was one connection');
  const { rows } = await withClient(gateway.store.superuserUrl, (client) =>
    client.query<{ who: string }>(
      `SELECT subject AS who FROM weir.entries JOIN weir.actors USING (actor_id) ORDER BY at`,
    ),
  );
  t.strictSame(
    rows.map(({ who }) => who),
    ['li.na', 'wang.lei', 'li.na'],
  );
});
