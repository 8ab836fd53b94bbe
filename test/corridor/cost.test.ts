/** What a read may cost: a statement's time and reads at once, with the order database held up by a lock. */
import pg from 'pg';
import t from 'tap';
import { withRoles, type Ruled } from './with-roles.js';

const role = (cost: string, table = 'orders') => `for: people
tables:
  ${table}: {browse: yes, see: {order_id: clear}}
${cost}
`;

/** Nobody can read orders until it is released. */
async function holdUp(t: { teardown(work: () => unknown): void }, { ordersUrl }: Ruled) {
  const client = new pg.Client(ordersUrl);
  await client.connect();
  await client.query('BEGIN; LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE');
  let held = true;
  const release = async (): Promise<void> => {
    if (held) await client.end();
    held = false;
  };
  t.teardown(release);
  const waiting = async (n: number): Promise<void> => {
    for (;;) {
      const { rows } = await client.query<{ n: number }>(
        'SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())',
      );
      if (rows[0]!.n >= n) return;
    }
  };
  return { release, waiting };
}

void t.test(
  'a role over its statement time is ended, and others on the same connections are not',
  async (t) => {
    const gateway = await withRoles(t, { hasty: role('cost: {statement_seconds: 1}'), patient: role('') });
    const read = (as: string, sub = as) => gateway.get('/rest/orders?limit=1', { role: as, sub });
    // Warm, so that hasty and patient reads have shared a connection.
    for (const as of ['hasty', 'patient', 'hasty']) t.equal((await read(as)).status, 200);
    const lock = await holdUp(t, gateway);
    const patient = read('patient');
    await lock.waiting(1);
    const hasty = await read('hasty');
    t.equal(hasty.status, 504);
    t.match(await hasty.json(), { type: 'urn:weir:error:upstream-slow' });
    await lock.release();
    t.equal((await patient).status, 200);
    t.equal((await read('hasty')).status, 200);
  },
);

void t.test('a person or a role over its concurrency is told to come back, and does', async (t) => {
  const gateway = await withRoles(t, {
    one: role('cost: {concurrent: 2}'),
    all: role('cost: {concurrent_role: 2}'),
  });
  const read = (as: string, sub: string) => gateway.get('/rest/orders?limit=1', { role: as, sub });
  const lock = await holdUp(t, gateway);
  const held = [read('one', 'li'), read('one', 'li'), read('all', 'wang'), read('all', 'zhao')];
  await lock.waiting(4);
  for (const [as, sub] of [
    ['one', 'li'],
    ['all', 'sun'],
  ] as const) {
    const refused = await read(as, sub);
    t.equal(refused.status, 429);
    t.equal(refused.headers.get('retry-after'), '1');
    t.match(await refused.json(), { type: 'urn:weir:error:concurrency-reached', code: '53300' });
  }
  const other = read('one', 'wang');
  await lock.release();
  for (const response of await Promise.all([...held, other])) {
    t.equal(response.status, 200);
    await response.arrayBuffer();
  }
  for (const [as, sub] of [
    ['one', 'li'],
    ['all', 'sun'],
  ] as const)
    t.equal((await read(as, sub)).status, 200, 'places come back');
  t.same(
    (await gateway.entries()).filter(({ kind }) => kind === 'refusal').map(({ error }) => error),
    ['concurrency-reached', 'concurrency-reached'],
  );
});

void t.test('a refused or failed read gives its place back', async (t) => {
  const gateway = await withRoles(t, {
    one: role('cost: {concurrent: 1}\nlimits: {queries: 2 per day}\nper_request: 5'),
  });
  const token = await gateway.token({ role: 'one', sub: 'li' });
  const statuses = [];
  for (let i = 0; i < 4; i++) {
    for (const path of ['/rest/orders?limit=1', '/rest/orders?order_id=eq.x']) {
      const response = await gateway.get(path, token);
      await response.arrayBuffer();
      statuses.push(response.status);
    }
    // Refused before it was read at all: more rows than a file may be cut to.
    const file = await gateway.get('/rest/orders', token, { accept: 'text/csv' });
    await file.arrayBuffer();
    statuses.push(file.status);
  }
  t.same(statuses, [200, 400, 422, 200, 400, 422, 429, 400, 422, 429, 400, 422]);
  t.notOk((await gateway.entries()).some(({ error }) => error === 'concurrency-reached'));
});

const pool = (connectTimeoutMs: number): Parameters<typeof withRoles>[2] => ({
  config: (config) => ({
    ...config,
    orders: { ...config.orders, poolSize: 4, connectTimeoutMs, statementTimeoutMs: 60_000 },
  }),
});

void t.test('a role whose long reads fill its share of the pool leaves others working', async (t) => {
  const gateway = await withRoles(t, { greedy: role(''), other: role('', 'order_items') }, pool(60_000));
  const read = (as: string, table: string) =>
    gateway.get(`/rest/${table}?limit=1`, { role: as, sub: `${as} ${Math.random()}` });
  const lock = await holdUp(t, gateway);
  // Three of four connections are its share; the others wait for a turn.
  const flood = Array.from({ length: 6 }, () => read('greedy', 'orders'));
  await lock.waiting(3);
  for (let i = 0; i < 3; i++) t.equal((await read('other', 'order_items')).status, 200);
  await lock.release();
  for (const response of await Promise.all(flood)) t.equal(response.status, 200, 'a turn came for each');
  t.same(await gateway.faults(), []);
});

void t.test('a read that waits in vain for its share is refused, and that is on the log', async (t) => {
  const gateway = await withRoles(t, { small: role('cost: {pool_share: 25}') }, pool(3_000));
  const read = () => gateway.get('/rest/orders?limit=1', { role: 'small', sub: 'li' });
  const lock = await holdUp(t, gateway);
  const held = read();
  await lock.waiting(1);
  const refused = await read();
  t.equal(refused.status, 429);
  t.equal(refused.headers.get('retry-after'), '1');
  t.match(await refused.json(), {
    type: 'urn:weir:error:concurrency-reached',
    detail: /role small .* \(1\)/,
  });
  await lock.release();
  t.equal((await held).status, 200);
  const refusals = (await gateway.entries()).filter(({ kind }) => kind === 'refusal');
  t.same(
    refusals.map(({ error }) => error),
    ['concurrency-reached'],
  );
});
