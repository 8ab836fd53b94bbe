/** `only:` of a role's service: what a good one becomes, every mistake at its place, and what a change of it is. */
import t from 'tap';
import { loosenings } from '../../src/policy/compare.js';
import { loadPolicies } from '../../src/policy/load.js';
import { agent, catalog, edit, faultsOf, writeSet } from './policy-files.js';

const services = `${catalog.replace('tables:', 'claims: [region, warehouse]\ntables:')}services:
  fulfilment:
    prefix: /fulfilment
    upstream: { env: FULFILMENT_URL }
    routes:
      - { match: GET /shipments/:id, record: id }
      - { match: GET /shipments, query: [{ name: at, field: warehouse }], records: "$.data[*]", record: id }
      - { match: PATCH /shipments/:id, body: [status], record: id, first: GET /shipments/:id }
      - { match: PUT /shipments/:id, query: [{ name: at, field: warehouse }], body: [status], record: id }
      - { match: POST /shipments, body: [status, warehouse], record: id }
    fields:
      id: none
      status: none
      warehouse: none
      "items[*].title": none
      "$.total": none
`;
const calls = `${agent}services:
  fulfilment:
    browse: yes
    write: yes
    only: { warehouse: claim.warehouse }
    see: { id: clear, status: clear, warehouse: clear }
`;

void t.test('a good one is held against claims and routes', async (t) => {
  const { set } = await loadPolicies(
    await writeSet(t, { 'catalog.yaml': services, 'roles/agent.yaml': calls }),
  );
  const { only, service } = set.roles.get('agent')!.services!.get('fulfilment')!;
  t.strictSame(only, [{ column: 'warehouse', value: { claim: 'warehouse' } }]);
  t.equal(service.routes.get('PATCH /shipments/:id')!.first, 'GET /shipments/:id');
});

const mistakes: readonly (readonly [string, 'catalog' | 'agent', string, string, string])[] = [
  [
    'a field that is not there',
    'agent',
    'warehouse: claim.warehouse',
    'warehuose: claim.warehouse',
    '24:13 unknown field "warehuose" — write warehouse',
  ],
  [
    'a field of a list',
    'agent',
    '{ warehouse: claim',
    '{ warehouse: HZ1, "items[*].title": claim',
    '24:29 items[*].title does not name one value of a record — name a field of the record itself, for example warehouse',
  ],
  [
    'a field of the document',
    'agent',
    '{ warehouse: claim',
    '{ warehouse: HZ1, "$.total": claim',
    '24:29 $.total does not name one value of a record — name a field of the record itself, for example warehouse',
  ],
  [
    'a claim that no token carries',
    'agent',
    'claim.warehouse',
    'claim.warehose',
    '24:24 no token carries the claim "warehose", so the role would never see a row — write claim.warehouse',
  ],
  [
    'claims instead of claim',
    'agent',
    'claim.warehouse',
    'claims.warehouse',
    '24:24 "claims.warehouse" does not name a claim — write claim.warehouse',
  ],
  [
    'a literal that could be several',
    'agent',
    'claim.warehouse',
    '"HZ1,SZ1"',
    '24:24 "HZ1,SZ1" holds signs that a service could take for several values — write one whole value',
  ],
  [
    'a list of values',
    'agent',
    'claim.warehouse',
    '[HZ1, SZ1]',
    '24:24 warehouse must be text, not a list — write the value in quotes, or claim.<name>',
  ],
  [
    'a write of whatever record',
    'catalog',
    ', first: GET /shipments/:id',
    '',
    '24:5 PATCH /shipments/:id could write a record whose warehouse is another — write first: <the GET route of the one record> at the route in catalog.yaml, or {name: …, field: warehouse} in its query where the service applies it; or remove write here',
  ],
  [
    'a body that says nothing of whose the record is',
    'catalog',
    'POST /shipments, body: [status, warehouse]',
    'POST /shipments, body: [status]',
    '24:5 POST /shipments could write a record whose warehouse is another — write first: <the GET route of the one record> at the route in catalog.yaml, or {name: …, field: warehouse} in its query where the service applies it; or remove write here',
  ],
  [
    'a body that names the record as well',
    'catalog',
    'POST /shipments, body: [status, warehouse]',
    'POST /shipments, body: [id, warehouse]',
    '24:5 POST /shipments could write a record whose warehouse is another — write first: <the GET route of the one record> at the route in catalog.yaml, or {name: …, field: warehouse} in its query where the service applies it; or remove write here',
  ],
];

for (const [title, where, from, to, fault] of mistakes) {
  void t.test(`a role with ${title}`, async (t) => {
    const files = {
      'catalog.yaml': where === 'catalog' ? edit(services, from, to) : services,
      'roles/agent.yaml': where === 'agent' ? edit(calls, from, to) : calls,
    };
    t.strictSame(await faultsOf(t, files), [`roles/agent.yaml:${fault}`]);
  });
}

void t.test('a role whose writes could be of others, and which does not write, is sound', async (t) => {
  const files = {
    'catalog.yaml': edit(services, ', first: GET /shipments/:id', ''),
    'roles/agent.yaml': edit(calls, '    write: yes\n', ''),
  };
  t.strictSame(await faultsOf(t, files), []);
});

const firsts: readonly (readonly [string, string, string])[] = [
  [
    'a route that is not there',
    'first: GET /shipment/:id',
    '31:75 fulfilment has no route "GET /shipment/:id" — write GET /shipments/:id',
  ],
  [
    'a list',
    'first: GET /shipments',
    '31:75 "GET /shipments" does not answer the one record that "PATCH /shipments/:id" writes — name a GET route in whose path the id stands, with parameters that this path has too',
  ],
  [
    'a write',
    'first: PUT /shipments/:id',
    '31:75 "PUT /shipments/:id" does not answer the one record that "PATCH /shipments/:id" writes — name a GET route in whose path the id stands, with parameters that this path has too',
  ],
];

for (const [title, to, fault] of firsts) {
  void t.test(`a write that asks first for ${title}`, async (t) => {
    const text = edit(services, 'first: GET /shipments/:id', to);
    t.strictSame(await faultsOf(t, { 'catalog.yaml': text }), [`catalog.yaml:${fault}`]);
  });
}

void t.test('a read asks for nothing first', async (t) => {
  const text = edit(
    services,
    'GET /shipments/:id, record: id }',
    'GET /shipments/:id, record: id, first: GET /shipments }',
  );
  t.strictSame(await faultsOf(t, { 'catalog.yaml': text }), [
    'catalog.yaml:29:50 a record is asked for first where a route writes it — remove first',
  ]);
});

void t.test('only and fill do not stand in one entry', async (t) => {
  const text = edit(
    services,
    '    fields:\n',
    '      - { match: POST /calls, fill: { table: orders, by: order_no, body: { to: receiver_phone } }, record: id }\n    fields:\n',
  );
  const role = edit(calls, '    browse: yes\n', '    browse: yes\n    fill: yes\n') + '\n';
  const [fault, ...others] = await faultsOf(t, {
    'catalog.yaml': text,
    'roles/agent.yaml': edit(role, 'limits:\n', 'limits:\n  fills: 5 per day\n'),
  });
  t.match(
    fault,
    /requests that are filled are about a record of the order database, whose table has an only of its own — remove it here, or remove fill/,
  );
  t.strictSame(others, []);
});

void t.test('dropping or changing it is looser, adding it is not', async (t) => {
  const load = async (roleText: string) =>
    loadPolicies(await writeSet(t, { 'catalog.yaml': services, 'roles/agent.yaml': roleText }));
  const before = await load(calls);
  const without = await load(edit(calls, '    only: { warehouse: claim.warehouse }\n', ''));
  t.match(loosenings(before, without), [
    {
      message: 'agent sees records of fulfilment whatever their warehouse',
      hint: 'write only: {warehouse: claim.warehouse}',
    },
  ]);
  t.match(loosenings(before, await load(edit(calls, 'claim.warehouse', 'HZ1'))), [
    { line: 24, message: 'agent sees other records of fulfilment: its filter on warehouse has changed' },
  ]);
  t.same(loosenings(without, before), []);
  const reads = edit(calls, '    write: yes\n', '');
  const fewer = edit(reads, '{ warehouse: claim', '{ status: sent, warehouse: claim');
  t.same(loosenings(await load(reads), await load(fewer)), []);
});
