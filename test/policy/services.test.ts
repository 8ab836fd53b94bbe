/** Services of the catalogue and of roles: what a good entry becomes, and every fault at its place. */
import t from 'tap';
import { bodyFields } from '../../src/mask/document/body-fields.js';
import { documentMask } from '../../src/mask/document/document-mask.js';
import { loosenings } from '../../src/policy/compare.js';
import { loadPolicies } from '../../src/policy/load.js';
import { documentShape } from '../../src/policy/service-shape.js';
import { agent, catalog, edit, faultsOf, writeSet } from './policy-files.js';

const services = `${catalog}services:
  fulfilment:
    prefix: /fulfilment
    upstream: { env: FULFILMENT_URL }
    routes:
      - { match: GET /shipments/:id, record: id, subject: customerId }
      - match: GET /shipments
        query: [status, { name: phone, field: receiver.phone }]
        records: "$.data[*]"
        record: id
        of: shipments
        headers: [x-total-count]
      - { match: PATCH /parcels/:no, path: { no: trackingNo }, body: [status], record: id }
      - { match: GET /export, answer: csv, record: id }
    fields:
      id: none
      customerId: none
      trackingNo: order-number
      status: none
      receiver.phone: phone
      "items[*].title": none
      "labels.*": none
      "$.total": none
`;
const calls = `${agent}services:
  fulfilment:
    find_by: [id, receiver.phone]
    write: yes
    see: { id: clear, receiver.phone: last4, "$.total": clear, status: hidden }
`;

void t.test('a good entry becomes a service, and a grant over that same service', async (t) => {
  const directory = await writeSet(t, { 'catalog.yaml': services, 'roles/agent.yaml': calls });
  const { set } = await loadPolicies(directory);
  const service = set.catalog.services!.get('fulfilment')!;
  t.match(service, { prefix: '/fulfilment', upstream: { env: 'FULFILMENT_URL' } });
  t.strictSame(
    [...service.routes.values()].map(({ match, space }) => [match, space]),
    [
      ['GET /shipments/:id', 'fulfilment.shipments'],
      ['GET /shipments', 'shipments'],
      ['PATCH /parcels/:no', 'fulfilment.parcels'],
      ['GET /export', 'fulfilment.export'],
    ],
  );
  t.match(service.routes.get('GET /shipments/:id'), {
    method: 'GET',
    segments: ['shipments', ':id'],
    path: [{ name: 'id', field: 'id' }],
    records: '$',
    answer: 'json',
  });
  t.strictSame(
    [...service.routes.get('GET /shipments')!.query.values()],
    [
      { name: 'status', field: undefined },
      { name: 'phone', field: 'receiver.phone' },
    ],
  );
  t.strictSame(service.routes.get('PATCH /parcels/:no')!.path, [{ name: 'no', field: 'trackingNo' }]);

  const grant = set.roles.get('agent')!.services!.get('fulfilment')!;
  t.equal(grant.service, service, 'the service of the catalogue itself');
  t.match(grant, { browse: false, write: true, findBy: ['id', 'receiver.phone'] });
  t.strictSame(
    [...grant.see],
    [
      ['id', 'clear'],
      ['receiver.phone', 'last4'],
      ['$.total', 'clear'],
    ],
    'in the order of the catalogue, without what is hidden',
  );
});

void t.test(
  'names that need quotes are names everywhere: in masks, look-ups, bodies and comparison',
  async (t) => {
    const odd = services
      .replace('receiver.phone: phone', `'"receiver.phone"."*"': phone`)
      .replace('"labels.*": none', `'"$total"': none\n      '"net [price]".a': amount`)
      .replace('field: receiver.phone', `field: '"receiver.phone"."*"'`)
      .replace('body: [status]', `body: [status, '"$total"']`);
    const role = calls
      .replace('[id, receiver.phone]', `[id, '"receiver.phone"."*"']`)
      .replace('receiver.phone: last4', `'"receiver.phone"."*"': last4, '"net [price]".a': "null"`);
    const load = async (roleText: string) =>
      loadPolicies(await writeSet(t, { 'catalog.yaml': odd, 'roles/agent.yaml': roleText }));
    const before = await load(role);
    const { service, see } = before.set.roles.get('agent')!.services!.get('fulfilment')!;
    const route = service.routes.get('GET /shipments')!;
    const mask = documentMask(route.answer, documentShape(route, service.fields.keys(), see), {
      token: undefined,
    });
    const record = {
      id: 1,
      'receiver.phone': { '*': '13812341234' },
      'net [price]': { a: 5, b: 6 },
      receiver: 1,
    };
    t.strictSame(mask(JSON.stringify({ data: [record] })).records, [
      '{"id":1,"receiver.phone":{"*":"****1234"},"net [price]":{"a":null}}',
    ]);
    t.strictSame(bodyFields('{"$total":1}', service.routes.get('PATCH /parcels/:no')!.body), {
      named: ['"$total"'],
      unlisted: false,
    });
    const after = await load(role.replace('"."*"\': last4', '"."*"\': middle'));
    t.match(loosenings(before, after), [{ message: /"receiver\.phone"\."\*" as middle instead of last4/ }]);
  },
);

void t.test('a set without services is as it was', async (t) => {
  const { set } = await loadPolicies(await writeSet(t));
  t.equal(set.catalog.services, undefined);
  t.equal(set.roles.get('agent')!.services, undefined);
});

const twice = services.slice(services.indexOf('  fulfilment:')).replace('fulfilment:', 'other:');

/** What is wrong, what stands there, what is written instead, and every fault that must be told. */
const inCatalog: readonly (readonly [string, string, string, readonly string[]])[] = [
  [
    'a prefix of the gateway',
    'prefix: /fulfilment',
    'prefix: /rest/f',
    [`25:13 /rest is the gateway's own — write another, for example /fulfilment`],
  ],
  [
    'a prefix that is no path',
    'prefix: /fulfilment',
    'prefix: fulfilment',
    ['25:13 prefix cannot be "fulfilment" — write a path of small letters, for example /fulfilment'],
  ],
  [
    'a variable of the gateway',
    'FULFILMENT_URL',
    'WEIR_URL',
    [
      '26:22 env cannot be "WEIR_URL" — write the variable with the address of the service, for example FULFILMENT_URL',
    ],
  ],
  [
    'a method that is not offered',
    'match: GET /shipments\n',
    'match: HEAD /shipments\n',
    ['29:16 match cannot be "HEAD /shipments" — write a method and a path, for example GET /shipments/:id'],
  ],
  [
    'a path that climbs',
    'GET /export',
    'GET /../export',
    ['36:18 match cannot be "GET /../export" — write a method and a path, for example GET /shipments/:id'],
  ],
  [
    'the same route twice',
    'match: GET /export',
    'match: GET /shipments/:no',
    ['36:18 "GET /shipments/:no" is the same route as "GET /shipments/:id" — keep one of the two'],
  ],
  [
    'a record that is no field',
    'path: { no: trackingNo }, body: [status], record: id',
    'path: { no: trackingNo }, body: [status], record: idd',
    ['35:88 unknown field "idd" — write id'],
  ],
  [
    'a record in a list',
    'answer: csv, record: id',
    'record: "items[*].title"',
    [
      '36:39 items[*].title does not name one value of a record — name a field of the record itself, for example id',
    ],
  ],
  [
    'a subject that is no field',
    'subject: customerId',
    'subject: customer',
    ['28:59 unknown field "customer" — write customerId'],
  ],
  [
    'a parameter for an unknown field',
    'field: receiver.phone }',
    'field: receiver.fone }',
    ['30:47 unknown field "receiver.fone" — write receiver.phone'],
  ],
  [
    'a parameter twice',
    'query: [status, {',
    'query: [status, status, {',
    ['30:25 "status" stands twice — keep one of the two'],
  ],
  [
    'a path parameter that is not there',
    '{ no: trackingNo }',
    '{ nr: trackingNo }',
    ['35:46 the path has no parameter "nr" — write no'],
  ],
  [
    'a body for a GET',
    'answer: csv, record',
    'body: [status], record',
    ['36:31 a GET takes no body — remove it, or write another method'],
  ],
  [
    'a body with an unknown field',
    'body: [status]',
    'body: [statuss]',
    ['35:71 unknown field "statuss" — write status'],
  ],
  [
    'a body with a field of the document',
    'body: [status]',
    'body: ["$.total"]',
    ['35:71 $.total is no field of a record — name a field of the record'],
  ],
  [
    'records of lines',
    'answer: csv, record',
    'answer: csv, records: "$.data[*]", record',
    ['36:53 in csv each line is a record — remove records'],
  ],
  [
    'records that are no list',
    'records: "$.data[*]"',
    'records: data',
    ['31:18 records cannot be "data" — write where the records are: "$", "$[*]" or "$.data[*]"'],
  ],
  ['an unknown table', 'of: shipments', 'of: shipment', ['33:13 unknown table "shipment" — write shipments']],
  [
    'a header that tells',
    'x-total-count',
    'etag',
    [
      '34:19 an item of headers cannot be "etag" — write a header that begins with x-, in small letters, for example x-total-count',
    ],
  ],
  [
    'a personal field outside the records',
    '"$.total": none',
    '"$.total": phone',
    [
      '45:18 $.total lies outside the records and is of class phone — write none, or remove it: what is about a person belongs to a record',
    ],
  ],
  [
    'a field within another',
    'status: none\n      receiver.phone: phone',
    'status: none\n      receiver: name\n      receiver.phone: phone',
    [
      '43:7 receiver.phone and receiver can be the same place, or one within the other — name each value once, by its full path',
    ],
  ],
  [
    'a field beside its wildcard',
    '"labels.*": none',
    '"labels.*": none\n      labels.color: none',
    [
      '45:7 labels.color and labels.* can be the same place, or one within the other — name each value once, by its full path',
    ],
  ],
  [
    'a field that is no path',
    'status: none\n      receiver',
    '"a b": none\n      status: none\n      receiver',
    [
      '41:7 "a b" cannot be used as a name — write the path of a field, for example receiver.phone or "items[*].title"; a name with other signs in double quotes: \'"net price"\'',
    ],
  ],
  [
    'a class that there is not',
    'receiver.phone: phone',
    'receiver.phone: phonne',
    ['42:23 receiver.phone cannot be "phonne" — write phone'],
  ],
  [
    'a field that is a list and an object',
    '"labels.*": none',
    '"labels.*": none\n      items.count: none',
    [
      '45:7 items cannot be an array and an object — correct the field, or the records of GET /shipments/:id, which say otherwise',
    ],
  ],
  [
    'a field of the document among the records',
    '"$.total": none',
    '"$.data[*].total": none',
    [
      '45:7 $.data is shown and holds the records — correct the field, or the records of GET /shipments, which say otherwise',
    ],
  ],
  [
    'quotes that are not needed',
    'status: none\n      receiver',
    '\'"status"\': none\n      receiver',
    ['41:7 "status" is a longer way to write status — write status'],
  ],
  [
    'an example for no parameter',
    'GET /shipments/:id, record',
    'GET /shipments/:id, example: { nr: 17 }, record',
    ['28:49 the route has no parameter "nr" — write id'],
  ],
  ['an unknown key', 'answer: csv', 'anser: csv', ['36:31 unknown key "anser" — write answer']],
];

for (const [title, from, to, faults] of inCatalog) {
  void t.test(`the catalogue: ${title}`, async (t) => {
    const told = await faultsOf(t, { 'catalog.yaml': services.replace(from, () => to) });
    t.strictSame(
      told,
      faults.map((fault) => `catalog.yaml:${fault}`),
    );
  });
}

void t.test('the catalogue: two services below one prefix', async (t) => {
  for (const prefix of ['/fulfilment', '/fulfilment/v2']) {
    const text = services + twice.replace('prefix: /fulfilment', `prefix: ${prefix}`);
    t.strictSame(await faultsOf(t, { 'catalog.yaml': text }), [
      `catalog.yaml:47:13 ${prefix} is taken by fulfilment — write another, for example /other`,
    ]);
  }
  const text = services + twice.replace('prefix: /fulfilment', 'prefix: /fulfilments');
  t.strictSame(await faultsOf(t, { 'catalog.yaml': text }), [], 'a longer word is another place');
});

const inRole: typeof inCatalog = [
  [
    'an unknown service',
    '  fulfilment:',
    '  fulfillment:',
    ['21:3 unknown service "fulfillment" — write fulfilment'],
  ],
  [
    'an unknown field',
    'receiver.phone: last4',
    'receiver.fone: last4',
    ['24:23 unknown field "receiver.fone" — write receiver.phone'],
  ],
  [
    'a mask of another class',
    'receiver.phone: last4',
    'receiver.phone: surname',
    ['24:39 mask "surname" does not suit receiver.phone, which is of class phone — write'],
  ],
  [
    'found by what no route takes',
    'find_by: [id, ',
    'find_by: [id, customerId, ',
    [
      '22:19 no route of fulfilment takes customerId as a parameter — add {name: …, field: customerId} to the query of a route, or remove it here',
    ],
  ],
  [
    'found by an unknown field',
    'find_by: [id, ',
    'find_by: [id, number, ',
    ['22:19 unknown field "number" — write'],
  ],
  [
    'neither found nor listed',
    '    find_by: [id, receiver.phone]\n    write: yes\n',
    '',
    [
      '21:3 fulfilment can neither be searched nor browsed nor written — add find_by: [<field>], or browse: yes for a role whose work is lists',
    ],
  ],
  [
    'everything hidden',
    'see: { id: clear, receiver.phone: last4, "$.total": clear, status: hidden }',
    'see: { id: hidden }',
    ['24:5 every field of fulfilment is hidden — show at least one field, or remove the service'],
  ],
  ['an unknown key', 'write: yes', 'writes: yes', ['23:5 unknown key "writes" — write write']],
];

for (const [title, from, to, faults] of inRole) {
  void t.test(`a role: ${title}`, async (t) => {
    const told = await faultsOf(t, { 'catalog.yaml': services, 'roles/agent.yaml': edit(calls, from, to) });
    t.equal(told.length, faults.length, told.join('\n'));
    faults.forEach((fault, index) =>
      t.ok(told[index]!.startsWith(`roles/agent.yaml:${fault}`), told[index]!),
    );
  });
}

void t.test('a role whose services show anything personal has a limit', async (t) => {
  const free = `role: agent\nabout: a\nowner: o\nfor: people\n${calls.slice(calls.indexOf('services:'))}`;
  const [fault, ...others] = await faultsOf(t, { 'catalog.yaml': services, 'roles/agent.yaml': free });
  t.match(fault, /agent sees fulfilment.receiver.phone and has no limit on records or people/);
  t.strictSame(others, []);
});

void t.test('a role for services sees nothing personal of a service in clear', async (t) => {
  const text = `role: agent\nabout: a\nowner: o\nfor: services\nhours: always\nnetworks: [10.0.0.0/8]\n${calls
    .slice(calls.indexOf('services:'))
    .replace('last4', 'clear')}limits: { records: 1000 per day }\n`;
  const [fault, ...others] = await faultsOf(t, { 'catalog.yaml': services, 'roles/agent.yaml': text });
  t.match(fault, /sees nothing personal in clear, and receiver.phone is of class phone/);
  t.strictSame(others, []);
});

void t.test('what shows or allows more of a service is told; the way back is not', async (t) => {
  const load = async (catalogText: string, roleText: string) =>
    loadPolicies(await writeSet(t, { 'catalog.yaml': catalogText, 'roles/agent.yaml': roleText }));
  const before = await load(services, calls);
  const grant = '    write: yes\n';
  for (const [from, to, told] of [
    ['prefix: /fulfilment', 'prefix: /f', /fulfilment is below another prefix/],
    ['FULFILMENT_URL', 'OTHER_URL', /fulfilment is another service/],
    ['query: [status, {', 'query: [status, page, {', /the route GET \/shipments of fulfilment has changed/],
    ['GET /export', 'GET /archive', /fulfilment has a new route, GET \/archive/],
    ['trackingNo: order-number', 'trackingNo: none', /trackingNo no longer counts as personal/],
    ['status: hidden', 'status: clear', /agent sees fulfilment: status in clear, and did not before/],
    ['receiver.phone: last4', 'receiver.phone: clear', /receiver.phone as clear instead of last4/],
    [
      '[id, receiver.phone]',
      '[id, receiver.phone, trackingNo]',
      /may find records of fulfilment by trackingNo/,
    ],
    [grant, `${grant}    browse: yes\n`, /may call fulfilment without pinning/],
    ['agent sees a new service', '', /agent may call a new service, fulfilment/],
  ] as const) {
    const isNew = told.source.includes('new service');
    const after = isNew
      ? before
      : await load(
          services.replace(from, () => to),
          calls.replace(from, () => to),
        );
    const old = isNew ? await load(services, agent) : before;
    const found = loosenings(old, after);
    t.equal(found.length, 1, from);
    t.match(found[0]?.message, told);
    const back = loosenings(after, old).filter(
      ({ message }) => !/another|has changed|new route/.test(message),
    );
    t.same(back, [], `${from}, backwards`);
  }
  const examples = services.replace(
    'GET /export, answer',
    'GET /shipments/:id/x, example: { id: 1 }, answer',
  );
  const others = examples.replace('example: { id: 1 }', 'example: { id: 2 }');
  t.same(loosenings(await load(examples, calls), await load(others, calls)), [], 'examples allow nothing');
  const written = await load(services, calls.replace(grant, ''));
  t.match(loosenings(written, before), [{ message: /agent may write through fulfilment/ }]);
});
