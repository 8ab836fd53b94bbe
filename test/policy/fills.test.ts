/** Routes that the gateway fills with clear values: what a good entry becomes, and every fault at its place. */
import t from 'tap';
import { checkAgainstDatabase } from '../../src/policy/check-database.js';
import { loosenings } from '../../src/policy/compare.js';
import { loadKept, loadPolicies } from '../../src/policy/load.js';
import type { LiveSchema } from '../../src/sql/schema.js';
import { agent, catalog, edit, faultsOf, writeSet } from './policy-files.js';

const services = `${catalog}services:
  telephony:
    prefix: /telephony
    upstream: { env: TELEPHONY_URL }
    routes:
      - match: POST /calls
        fill:
          table: orders
          by: order_no
          body: { to.number: receiver_phone, to.name: receiver_name, channel: { value: voice } }
          pass: [from]
        record: callId
      - { match: GET /calls/:callId, record: callId }
    fields: { callId: none, status: none }
`;
const caller = `${agent}  fills: 20 per day
services:
  telephony:
    fill: yes
    see: { callId: clear, status: clear }
`;

void t.test('a good entry becomes a route that is filled, for the roles that may', async (t) => {
  const directory = await writeSet(t, { 'catalog.yaml': services, 'roles/agent.yaml': caller });
  const { set } = await loadPolicies(directory);
  const route = set.catalog.services!.get('telephony')!.routes.get('POST /calls')!;
  t.strictSame(
    { ...route.fill, body: [...route.fill!.body] },
    {
      table: 'orders',
      by: 'order_no',
      body: [
        ['to.number', { column: 'receiver_phone' }],
        ['to.name', { column: 'receiver_name' }],
        ['channel', { value: 'voice' }],
      ],
      pass: ['from'],
    },
  );
  const grant = set.roles.get('agent')!.services!.get('telephony')!;
  t.strictSame([...grant.fill!], ['POST /calls']);
  t.match(grant, { browse: false, write: false });

  const listed = await writeSet(t, {
    'catalog.yaml': services,
    'roles/agent.yaml': edit(caller, 'fill: yes', 'fill: [POST /calls]'),
  });
  t.strictSame(
    (await loadPolicies(listed)).set.roles.get('agent')!.services!.get('telephony')!.fill,
    grant.fill,
  );
});

const wrong: readonly (readonly [title: string, from: string, to: string, fault: string])[] = [
  ['an unknown table', 'table: orders', 'table: order', '30:18 unknown table "order" — write orders'],
  ['an unknown column to find by', 'by: order_no', 'by: order', '31:15 unknown column "order" — write order'],
  [
    'an unknown column to fill in',
    'to.number: receiver_phone',
    'to.number: receiver_fone',
    '32:30 unknown column "receiver_fone" — write receiver_phone',
  ],
  [
    'a member within another',
    'to.name: ',
    'to: ',
    '32:46 to and to.number cannot both be written — keep one of the two',
  ],
  [
    'a member of the caller that the gateway writes',
    'pass: [from]',
    'pass: [from, to]',
    '33:24 to is written by the gateway — remove it here',
  ],
  [
    'nothing that the caller does not give',
    '{ to.number: receiver_phone, to.name: receiver_name, channel: { value: voice } }',
    '{ no: order_no, channel: { value: voice } }',
    '32:11 nothing is filled in that the caller does not give — add a column, for example to: receiver_phone',
  ],
  [
    'a method without a body',
    'POST /calls',
    'GET /calls',
    '28:16 a request that is filled has a body — write POST, PUT or PATCH',
  ],
  [
    'a parameter in the path',
    'POST /calls',
    'POST /calls/:callId',
    '28:16 the caller of this route gives nothing but a body — remove the parameters',
  ],
  [
    'a body of the caller',
    '        record: callId',
    '        body: [status]\n        record: callId',
    '34:9 the gateway writes the body of this route — remove body',
  ],
  [
    'a value that is no text',
    '{ value: voice }',
    '{ value: 3 }',
    '32:88 value must be text, not a number — write a text',
  ],
];

for (const [title, from, to, fault] of wrong) {
  void t.test(`the catalogue: ${title}`, async (t) => {
    const [first] = await faultsOf(t, { 'catalog.yaml': edit(services, from, to) });
    t.ok(first?.startsWith(`catalog.yaml:${fault}`), first ?? 'no fault');
  });
}

const inRole: typeof wrong = [
  [
    'a route that is not filled',
    'fill: yes',
    'fill: [GET /calls/:callId]',
    '23:12 the gateway does not fill "GET /calls/:callId" — write POST /calls',
  ],
  [
    'a route that there is not',
    'fill: yes',
    'fill: [POST /call]',
    '23:12 telephony has no route "POST /call" — write POST /calls',
  ],
  [
    'a record that the role may not find',
    'find_by: [order_no, receiver_phone]',
    'find_by: [receiver_phone]',
    '23:5 POST /calls finds a record of orders by order_no, and agent may not — add order_no to find_by of the table orders, or remove the route here',
  ],
  [
    'no limit',
    '  fills: 20 per day\n',
    '',
    '22:5 agent may fill requests to telephony and has no limit on fills: a leak without a bound — add one under limits:, for example fills: 20 per day',
  ],
  [
    'a limit for some tokens only',
    'fills: 20 per day',
    'fills: [{ limit: 20 per day, scope: calls }]',
    '23:5 agent may fill requests to telephony and has no limit on fills: a leak without a bound',
  ],
  [
    'a limit that is only watched',
    'fills: 20 per day',
    'fills: [{ limit: 20 per day, observe: yes }]',
    '23:5 agent may fill requests to telephony and has no limit on fills: a leak without a bound',
  ],
  ['neither yes nor routes', 'fill: yes', 'fill: calls', '23:11 fill cannot be "calls" — write yes'],
];

for (const [title, from, to, fault] of inRole) {
  void t.test(`a role: ${title}`, async (t) => {
    const told = await faultsOf(t, { 'catalog.yaml': services, 'roles/agent.yaml': edit(caller, from, to) });
    t.equal(told.length, 1, told.join('\n'));
    t.ok(told[0]?.startsWith(`roles/agent.yaml:${fault}`), told[0] ?? 'no fault');
  });
}

void t.test('a role of a service that fills nothing cannot be allowed to', async (t) => {
  const plain = services.replace(/        fill:\n(          .*\n)+/, '');
  const [fault] = await faultsOf(t, { 'catalog.yaml': plain, 'roles/agent.yaml': caller });
  t.match(fault ?? '', /no route of telephony is filled — add fill: to one in catalog.yaml, or write no/);
});

void t.test('a record is found by a column that is unique in the order database', async (t) => {
  const directory = await writeSet(t, { 'catalog.yaml': services, 'roles/agent.yaml': caller });
  const loaded = await loadPolicies(directory);
  const live = (...unique: string[]): LiveSchema =>
    new Map(
      [...loaded.set.catalog.tables.values()].map(({ from, columns, record }) => [
        `${from.schema}.${from.table}`,
        {
          schema: from.schema,
          table: from.table,
          columns: new Map(
            [...columns.keys(), 'receiver_phone_last4'].map((name) => [
              name,
              { name, type: 'text', indexed: true, nullable: false },
            ]),
          ),
          uniqueColumns: new Set([record, ...unique]),
        },
      ]),
    );
  t.match(checkAgainstDatabase(loaded, live()), [
    {
      line: 31,
      message: 'order_no is not unique in shop.orders, so that it does not name one record',
      hint: 'write order_id, or make order_no UNIQUE',
    },
  ]);
  t.strictSame(checkAgainstDatabase(loaded, live('order_no')), []);
});

void t.test(
  'a role that may have more filled waits for approval, and one that may less does not',
  async (t) => {
    const more = edit(
      services,
      '      - { match: GET',
      `      - match: POST /texts
        fill: { table: orders, by: order_no, body: { to: receiver_phone } }
        record: callId
      - { match: GET`,
    );
    const loaded = async (fill: string) =>
      loadPolicies(
        await writeSet(t, { 'catalog.yaml': more, 'roles/agent.yaml': edit(caller, 'fill: yes', fill) }),
      );
    const one = await loaded('fill: [POST /calls]');
    const two = await loaded('fill: yes');
    t.match(loosenings(loadKept(one.set.digest, one.content), two), [
      { line: 23, message: 'agent may have POST /texts of telephony filled with clear values' },
    ]);
    t.strictSame(loosenings(loadKept(two.set.digest, two.content), one), []);
  },
);
