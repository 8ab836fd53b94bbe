import t, { type Test } from 'tap';
import { loosenings } from '../../src/policy/compare.js';
import { formatFaults } from '../../src/policy/faults.js';
import { loadKept, loadPolicies } from '../../src/policy/load.js';
import { agent, alerts, catalog, edit, writeSet, type Files } from './policy-files.js';

async function looser(t: Test, before: Files, after: Files): Promise<string[]> {
  const [old, directory] = [await loadPolicies(await writeSet(t, before)), await writeSet(t, after)];
  const found = loosenings(loadKept(old.set.digest, old.content), await loadPolicies(directory));
  return found.length === 0 ? [] : formatFaults(found).replaceAll(`${directory}/`, '').split('\n');
}

type Edit = readonly [from: string, to: string];
const role = ([from, to]: Edit): Files => ({ 'roles/agent.yaml': edit(agent, from, to) });
const cat = ([from, to]: Edit): Files => ({ 'catalog.yaml': edit(catalog, from, to) });
const alarm = ([from, to]: Edit): Files => ({ 'alerts.yaml': edit(alerts, from, to) });

/** Each is looser read forwards, and nothing is looser read backwards. */
const changes: readonly (readonly [title: string, after: Files, told: readonly string[]])[] = [
  [
    'a column that was hidden',
    role(['      address', '      remark: clear\n      address']),
    ['roles/agent.yaml:15:7 agent sees orders.remark in clear, and did not before — remove the line'],
  ],
  [
    'a mask that keeps more',
    role(['receiver_phone: last4', 'receiver_phone: middle']),
    ['roles/agent.yaml:14:23 agent sees orders.receiver_phone as middle instead of last4 — write last4'],
  ],
  [
    'no mask any more',
    role(['address: district', 'address: clear']),
    ['roles/agent.yaml:15:16 agent sees orders.address as clear instead of district — write district'],
  ],
  [
    'a table more',
    role(['per_request', '  shipments: { browse: yes, see: { status: clear } }\nper_request']),
    ['roles/agent.yaml:16:3 agent sees a new table, shipments — remove the table'],
  ],
  [
    'browse turned on',
    role(['    only:', '    browse: yes\n    only:']),
    ['roles/agent.yaml:8:13 agent may list orders without pinning a record or a person — write no'],
  ],
  [
    'a row filter dropped',
    role(['    only: { region: claim.region }\n', '']),
    [
      'roles/agent.yaml:6:3 agent sees rows of orders whatever their region — write only: {region: claim.region}',
    ],
  ],
  [
    'another way to pin',
    role(['[order_no, receiver_phone]', '[order_no, receiver_phone, status]']),
    ['roles/agent.yaml:7:14 agent may find rows of orders by status — remove status'],
  ],
  [
    'more rows in one request',
    role(['per_request: 50', 'per_request: 60']),
    ['roles/agent.yaml:16:14 agent may read 60 rows in one request instead of 50 — write 50'],
  ],
  [
    'a limit raised',
    role(['queries: 60', 'queries: 61']),
    ['roles/agent.yaml:18:12 agent may reach 61 queries per minute instead of 60 — write 60 per minute'],
  ],
  [
    'a limit removed',
    role(['  queries: 60 per minute\n', '']),
    ['roles/agent.yaml:17:1 agent has no limit on queries per minute — write 60 per minute'],
  ],
  [
    'a limit raised for those who carry a scope',
    role(['limit: 20000', 'limit: 30000']),
    [
      'roles/agent.yaml:19:12 agent may reach 30000 records per day with orders.export instead of 20000 — write 20000 per day',
    ],
  ],
  [
    'a permission more',
    role(['per_request', 'may: [alerts]\nper_request']),
    ['roles/agent.yaml:16:6 agent may read alerts — remove alerts'],
  ],
  [
    'a role more',
    { 'roles/other.yaml': edit(agent, 'role: agent', 'role: other') },
    ['roles/other.yaml:1:7 other is a new role (orders) — remove the file'],
  ],
  [
    'a class that is no longer personal',
    cat(['order_no: order-number', 'order_no: none']),
    ['catalog.yaml:10:17 orders.order_no no longer counts as personal (order-number) — write order-number'],
  ],
  [
    'a look-up declared',
    cat(['receiver_name: name', 'receiver_name: { class: name, lookup: [exact] }']),
    ['catalog.yaml:11:22 orders.receiver_name may be looked up (exact) — remove the look-up'],
  ],
  [
    'bulk reads flagged later',
    alarm(['records_per_read: 200', 'records_per_read: 300']),
    ['alerts.yaml:3:21 reads are flagged from 300 on (records_per_read), not from 200 — write 200'],
  ],
  [
    'bulk reads no longer flagged',
    alarm(['people_per_day: 600', 'people_per_day: off']),
    ['alerts.yaml:8:19 reads are flagged from nothing on (people_per_day), not from 600 — write 600'],
  ],
];

for (const [title, after, told] of changes) {
  void t.test(`${title} is looser, and taking it back is not`, async (t) => {
    t.strictSame(await looser(t, {}, after), told);
    t.strictSame(await looser(t, after, {}), []);
  });
}

void t.test('what stays as it is, or is laid out anew, is not looser', async (t) => {
  t.strictSame(await looser(t, {}, {}), []);
  t.strictSame(await looser(t, {}, { 'roles/agent.yaml': `# a comment\n${agent}` }), []);
  t.strictSame(await looser(t, {}, role(['owner: customer-care', 'owner: logistics'])), []);
  t.strictSame(
    await looser(t, {}, cat(['status: none\n  shipments', 'status: none\n      new: none\n  shipments'])),
    [],
  );
});

void t.test('tokens of people instead of services, or the other way, are looser either way', async (t) => {
  const service = edit(
    edit(agent, 'for: people', 'for: services\nhours: always\nnetworks: [10.0.0.0/8]'),
    '      order_no: clear\n',
    '',
  ).replace('[order_no, receiver_phone]', '[receiver_phone]');
  const people = service.replace('for: services', 'for: people');
  const load = async (text: string) => loadPolicies(await writeSet(t, { 'roles/agent.yaml': text }));
  const [robot, person] = [await load(service), await load(people)];
  t.match(loosenings(robot, person), [{ message: 'agent takes tokens of people' }]);
  t.match(loosenings(person, robot), [{ message: 'agent takes tokens without a person' }]);
});

void t.test('another row filter is looser either way', async (t) => {
  const other = role(['region: claim.region', 'region: claim.area']);
  t.match(await looser(t, {}, other), [/other rows of orders: its filter on region/]);
  t.match(await looser(t, other, {}), [/other rows of orders: its filter on region/]);
});

void t.test('of masks that keep different things, neither is tighter', async (t) => {
  const masked = (mask: string) => role(['address: district', `address: ${mask}`]);
  t.strictSame(await looser(t, {}, masked('city')), []);
  t.strictSame((await looser(t, masked('province'), masked('city'))).length, 1);
  t.strictSame((await looser(t, masked('hidden'), masked('province'))).length, 1);
});

void t.test('tokens that carry two scopes are compared as well', async (t) => {
  const limits = (text: string) => role(['{ limit: 20000 per day, scope: orders.export }', text]);
  // With both scopes 100 applied, and 400 would.
  const before = limits('{ limit: 100 per day, scope: a }');
  const after = limits('{ limit: 100 per day, scope: a }, { limit: 400 per day, scope: b }');
  t.strictSame(await looser(t, before, after), [
    'roles/agent.yaml:19:12 agent may reach 400 records per day with a and b instead of 100 — write 100 per day',
  ]);
  t.strictSame(await looser(t, after, before), [
    'roles/agent.yaml:19:12 agent may reach 500 records per day with b instead of 400 — write 400 per day',
  ]);
});
