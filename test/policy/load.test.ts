import t from 'tap';
import { canonicalJson } from '../../src/policy/digest.js';
import { loadPolicies } from '../../src/policy/load.js';
import { missingKeyFaults, missingKeys } from '../../src/policy/missing-keys.js';
import { agent, alerts, catalog, edit, writeSet, type Files, type Teardown } from './policy-files.js';

const load = async (t: Teardown, changed: Files = {}) => (await loadPolicies(await writeSet(t, changed))).set;

void t.test('a good set becomes catalogue, roles and thresholds', async (t) => {
  const set = await load(t);
  const orders = set.catalog.tables.get('orders')!;
  t.strictSame(orders.from, { schema: 'shop', table: 'orders' });
  t.equal(orders.record, 'order_id');
  t.equal(orders.subject, 'customer_id');
  t.equal(set.catalog.tables.get('shipments')!.subject, undefined);
  t.strictSame(orders.columns.get('order_no'), { name: 'order_no', class: 'order-number', lookup: [] });
  t.strictSame(orders.columns.get('receiver_phone'), {
    name: 'receiver_phone',
    class: 'phone',
    lookup: [{ by: 'exact' }, { by: 'last4', column: 'receiver_phone_last4' }],
  });

  const role = set.roles.get('agent')!;
  t.match(role, { role: 'agent', owner: 'customer-care', for: 'people', perRequest: 50 });
  t.strictSame(role.limits, [
    { count: 'queries', max: 60, window: 'minute', scope: undefined },
    { count: 'records', max: 500, window: 'day', scope: undefined },
    { count: 'records', max: 20000, window: 'day', scope: 'orders.export' },
  ]);
  const grant = role.tables.get('orders')!;
  t.equal(grant.table, orders, 'a grant holds the table of the catalogue itself');
  t.equal(grant.browse, false);
  t.strictSame(grant.findBy, ['order_no', 'receiver_phone']);
  t.strictSame(grant.only, [{ column: 'region', value: { claim: 'region' } }]);

  t.strictSame(set.alerts.bulk, {
    recordsPerRead: 200,
    recordsPerHour: 500,
    recordsPerDay: 2000,
    peoplePerRead: 100,
    peoplePerHour: 200,
    peoplePerDay: 600,
    consecutive: 20,
  });
  t.strictSame(
    set.alerts.roles.get('agent'),
    { ...set.alerts.bulk, peoplePerHour: 400, consecutive: undefined },
    "a role's thresholds are merged over the common ones, and off is not watched",
  );
});

void t.test('visible columns stand in the order of the catalogue, and a hidden one is absent', async (t) => {
  const shuffled = edit(agent, '      order_id: clear\n', '').replace(
    '      address: district\n',
    '      address: hidden\n      order_id: clear\n',
  );
  const { see } = (await load(t, { 'roles/agent.yaml': shuffled })).roles.get('agent')!.tables.get('orders')!;
  t.strictSame(
    [...see],
    [
      ['order_id', 'clear'],
      ['order_no', 'clear'],
      ['receiver_name', 'surname'],
      ['receiver_phone', 'last4'],
      ['status', 'clear'],
    ],
  );
});

void t.test('what a role file may leave out has the documented default', async (t) => {
  const role = (
    await load(t, {
      'roles/agent.yaml': `role: agent\nabout: a\nowner: o\nfor: services\nhours: always\nnetworks: [10.0.0.0/8]\ntables: {orders: {browse: true, see: {order_id: clear}}}\n`,
    })
  ).roles.get('agent')!;
  t.equal(role.perRequest, 1000);
  t.strictSame(role.limits, []);
  t.equal(role.may.size, 0);
  t.equal(role.for, 'services');
  t.match(role.tables.get('orders'), { browse: true, findBy: [], only: [] });
});

void t.test('a limit holds for each person, or for each service where there is none', async (t) => {
  const limitsOf = async (head: string) => {
    const queries =
      'limits: { queries: [5 per day, {limit: 9 per hour, per: tool}, {limit: 3 per hour, per: token}] }';
    const file = `role: agent\nabout: a\nowner: o\n${head}\ntables: {orders: {browse: true, see: {order_id: clear}}}\n${queries}\n`;
    const { roles } = await load(t, { 'roles/agent.yaml': file });
    return roles.get('agent')!.limits.map(({ max, per }) => [max, per]);
  };
  t.strictSame(await limitsOf('for: people'), [
    [5, undefined],
    [9, 'tool'],
    [3, 'token'],
  ]);
  t.strictSame(
    await limitsOf('for: services\nhours: always\nnetworks: [10.0.0.0/8]'),
    [
      [5, undefined],
      [9, undefined],
      [3, 'token'],
    ],
    'a service is itself the tool',
  );
});

void t.test('browse is written yes or no, and true or false mean the same', async (t) => {
  for (const [text, browse] of [
    ['yes', true],
    ['no', false],
    ['true', true],
    ['false', false],
  ] as const) {
    const file = edit(agent, '    only:', `    browse: ${text}\n    only:`);
    const role = (await load(t, { 'roles/agent.yaml': file })).roles.get('agent')!;
    t.equal(role.tables.get('orders')!.browse, browse, text);
  }
});

void t.test('a role without tables may still read alerts', async (t) => {
  const role = (
    await load(t, {
      'roles/security.yaml': 'role: security\nabout: a\nowner: o\nfor: people\nmay: [alerts]\n',
    })
  ).roles.get('security')!;
  t.strictSame([...role.may], ['alerts']);
  t.equal(role.tables.size, 0);
});

void t.test('the digest stays under comments, white space, quoting and the order of keys', async (t) => {
  const { digest } = await load(t);
  t.match(digest, /^[0-9a-f]{64}$/);
  const rewritten = edit(
    agent,
    'owner: customer-care\nfor: people\n',
    'for:    people # for staff\n\nowner: "customer-care"\n',
  );
  t.equal((await load(t, { 'roles/agent.yaml': `# a comment\n${rewritten}` })).digest, digest);
  t.equal((await load(t, { 'alerts.yaml': `${alerts}# the end\n` })).digest, digest);
  t.equal((await load(t, { 'catalog.yaml': `\uFEFF${catalog.replaceAll('\n', '\r\n')}` })).digest, digest);
});

void t.test('the digest changes with what any file of the set says', async (t) => {
  const digests = new Set<string>();
  const variants: Files[] = [
    {},
    { 'roles/agent.yaml': edit(agent, 'receiver_phone: last4', 'receiver_phone: middle') },
    { 'roles/agent.yaml': edit(agent, 'records: [500', 'records: [501') },
    { 'roles/agent.yaml': edit(agent, 'owner: customer-care', 'owner: logistics') },
    { 'alerts.yaml': edit(alerts, 'consecutive: 20', 'consecutive: 21') },
    { 'catalog.yaml': edit(catalog, 'remark: free-text', 'remark: name') },
    { 'roles/other.yaml': edit(agent, 'role: agent', 'role: other') },
  ];
  for (const files of variants) digests.add((await load(t, files)).digest);
  t.equal(digests.size, variants.length);
});

void t.test('canonical JSON sorts keys at every depth and keeps lists as they are', async (t) => {
  t.equal(canonicalJson({ b: [{ d: 1, c: 'x' }, null], a: true }), '{"a":true,"b":[{"c":"x","d":1},null]}');
});

void t.test('a set is frozen to its last map', async (t) => {
  const set = await load(t);
  const role = set.roles.get('agent')!;
  const grant = role.tables.get('orders')!;
  const frozen: unknown[] = [
    set,
    set.catalog,
    set.roles,
    set.alerts.bulk,
    role,
    role.limits,
    role.limits[0],
    role.may,
    grant,
    grant.see,
    grant.only[0],
  ];
  for (const part of frozen) t.ok(Object.isFrozen(part));
  t.throws(() => (grant.see as Map<string, string>).set('remark', 'clear'), {
    message: 'a policy set cannot be changed',
  });
  t.throws(() => (set.roles as Map<string, unknown>).delete('agent'), {
    message: 'a policy set cannot be changed',
  });
  t.throws(() => (role.may as Set<string>).add('alerts'), { message: 'a policy set cannot be changed' });
  t.throws(() => Object.assign(role, { perRequest: 1_000_000 }), TypeError);
});

void t.test('a place in a file is found by its path, or by the nearest thing around it', async (t) => {
  const { sources } = await loadPolicies(await writeSet(t));
  const role = sources.roles.get('agent')!;
  t.strictSame(role.at(['tables', 'orders', 'see', 'address'], 'key'), { line: 15, column: 7 });
  t.strictSame(role.at(['tables', 'orders', 'see', 'address'], 'value'), { line: 15, column: 16 });
  t.strictSame(role.at(['tables', 'orders', 'find_by', 1], 'value'), { line: 7, column: 25 });
  t.strictSame(role.at(['tables', 'orders', 'reveal', 'x'], 'value'), { line: 6, column: 3 });
  t.strictSame(role.at([], 'key'), { line: 1, column: 1 });
});

void t.test('masks with numbers are named with them, and a token by its class', async (t) => {
  const loaded = await loadPolicies(
    await writeSet(t, {
      'roles/agent.yaml': agent
        .replace('receiver_phone: last4', 'receiver_phone: { mask: phone, first: 3, last: 2 }')
        .replace('receiver_name: surname', 'receiver_name: token')
        .replace('address: district', 'address: "null"'),
    }),
  );
  const { set } = loaded;
  const { see } = set.roles.get('agent')!.tables.get('orders')!;
  t.equal(see.get('receiver_phone'), 'phone(3,2)');
  t.equal(see.get('receiver_name'), 'token(name)');
  t.equal(see.get('address'), 'null');
  const [fault, ...others] = missingKeys(set, { token: undefined });
  t.match(fault, /^role agent sees orders\.receiver_name as token, and masks\.tokenKey is not configured: /);
  t.strictSame(others, []);
  t.strictSame(missingKeys(set, { token: Buffer.alloc(32) }), []);
  t.match(missingKeyFaults(loaded, { token: undefined }), [
    { file: /agent\.yaml$/, message: /masks\.tokenKey is not configured$/, hint: /openssl/ },
  ]);
  t.strictSame(missingKeyFaults(loaded, { token: Buffer.alloc(32) }), []);
});
