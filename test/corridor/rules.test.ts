/** Services, limits that are only watched, and limits that a token sets itself, through the whole gateway. */
import t from 'tap';
import { withRoles } from './with-roles.js';

const reads = (max: string) => `tables:
  orders: {browse: yes, see: {order_id: clear, receiver_name: surname}}
limits: {${max}}
per_request: 10
`;

void t.test('a service reads with its own token, at its hours, from its networks', async (t) => {
  const hour = (ahead: number) => `${String((new Date().getUTCHours() + ahead) % 24).padStart(2, '0')}:00`;
  const service = (hours: string, network: string) =>
    `for: services\nhours: ${hours}\nnetworks: ["${network}"]\n${reads('records: 100 per day')}`;
  const local = '127.0.0.0/8';
  const gateway = await withRoles(t, {
    pick: service('always', local),
    late: service(`${hour(2)}-${hour(3)} UTC`, local),
    away: service('always', '10.0.0.0/8'),
  });
  const ask = async (role: string, sub?: string) => {
    const response = await gateway.get('/rest/orders?limit=1', { role, sub, tool: 'picker' });
    return `${response.status} ${((await response.json()) as { type?: string }).type ?? ''}`;
  };
  t.equal(await ask('pick'), '200 ');
  t.equal(await ask('pick', 'li'), '403 urn:weir:error:service-required');
  t.equal(await ask('late'), '403 urn:weir:error:outside-hours');
  t.equal(await ask('away'), '403 urn:weir:error:outside-network');
  t.match(
    (await gateway.entries()).filter(({ kind }) => kind === 'refusal').map(({ error }) => error),
    ['service-required', 'outside-hours', 'outside-network'],
  );
});

void t.test('an observed limit refuses nothing, and security sees what it would have refused', async (t) => {
  const limits = 'records: [100 per day, {limit: 15 per day, observe: yes}]';
  const gateway = await withRoles(t, {
    packer: `for: people\n${reads(limits)}`,
    security: 'for: people\nmay: [alerts]\n',
  });
  const token = await gateway.token({ role: 'packer', sub: 'li' });
  for (let i = 0; i < 3; i++) t.equal((await gateway.get('/rest/orders?limit=10', token)).status, 200);
  const all = (await gateway.entries()).filter(({ kind }) => kind === 'read');
  t.same(
    all.map(({ flags }) => flags),
    [undefined, [['observed records per day', 20, 15]], [['observed records per day', 30, 15]]],
  );
  t.same(all[0]!.limits, [['records', 'day', 100]], 'the entry names what is enforced');
  const alerts = await gateway.get('/admin/alerts', { role: 'security', sub: 'sun' });
  t.match(await alerts.json(), {
    alerts: [{ reasons: [{ text: '30 records per day: a limit of 15 would have refused it' }] }, {}],
  });
  t.same(await gateway.faults(), []);
});

void t.test('what a token says of its limits lowers them, and never raises one', async (t) => {
  const gateway = await withRoles(t, { packer: `for: people\n${reads('records: 20 per day')}` });
  const reading = async (sub: string, weir_limits: unknown) => {
    const token = await gateway.token({ role: 'packer', sub, claims: { weir_limits } });
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await gateway.get('/rest/orders?limit=10', token)).status);
    return statuses;
  };
  t.same(await reading('li', { records: '10 per day' }), [200, 429, 429]);
  t.same(await reading('wang', { records: '1000 per day' }), [200, 200, 429]);
  t.same(await reading('zhao', { queries: '1 per hour' }), [200, 429, 429], 'also where the role sets none');
  t.same(await reading('sun', { records: 'few' }), [401, 401, 401]);
  t.same(await gateway.faults(), []);
});
