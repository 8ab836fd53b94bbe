/** Row filters of a role's service: other records are not there, in what is shown, counted, charged and written. */
import t, { type Test } from 'tap';
import type { EntryBody } from '../../src/log/entry.js';
import { json, openSite, shipment } from './proxy-site.js';

const catalog = `services:
  fulfilment:
    prefix: /fulfilment
    upstream: { env: FULFILMENT_URL }
    routes:
      - { match: GET /shipments/:id, record: id, subject: customerId }
      - match: GET /shipments
        query: [status, { name: at, field: place.warehouse }, { name: phone, field: receiver.phone }]
        records: "$.data[*]"
        record: id
        subject: customerId
        headers: [x-total-count]
      - { match: GET /all, records: "$.data[*]", record: id, headers: [x-total-count] }
      - { match: GET /lines, answer: json-lines, record: id }
      - { match: GET /table, answer: csv, record: id }
      - { match: "GET /at/:at/shipments/:id", path: { at: place.warehouse }, record: id }
      - { match: PATCH /shipments/:id, body: [status, place.warehouse], record: id, first: GET /shipments/:id }
      - { match: PUT /shipments/:id, query: [{ name: at, field: place.warehouse }], body: [status], record: id }
      - { match: POST /shipments, body: [status, place.warehouse], record: id }
    fields:
      id: none
      customerId: none
      status: none
      place.warehouse: none
      receiver.phone: phone
      "$.total": none
`;
const see = `{ id: clear, status: clear, place.warehouse: clear, receiver.phone: last4, "$.total": clear }`;
const packer = `for: people
services:
  fulfilment:
    find_by: [id, receiver.phone]
    browse: yes
    write: yes
    only: { place.warehouse: claim.warehouse }
    see: ${see}
per_request: 3
limits: { records: 5000 per day, misses: 1000 per day }
`;
const roles = { packer, boss: packer.replace('    only: { place.warehouse: claim.warehouse }\n', '') };
const site = await openSite(t, { roles, catalog });
const { upstream } = site;

const own = { ...shipment, place: { warehouse: 'HZ1' } };
const ofOthers = [
  { ...own, id: 21, place: { warehouse: 'SZ1' } },
  { ...own, id: 22, place: {} },
  { ...own, id: 23, place: null },
  { ...own, id: 24, place: { warehouse: { is: 'HZ1' } } },
  { ...own, id: 25, place: { warehouse: ['HZ1'] } },
  { ...own, id: 26, place: [{ warehouse: 'HZ1' }] },
  { ...own, id: 27, place: { warehouse: null } },
  { ...own, id: 28, place: { warehouse: 'HZ1 ' } },
  { ...own, id: 29, place: { warehouse: true }, receiver: { phone: { no: 'value' } } },
  { place: { warehouse: 'SZ1' }, receiver: 7 },
];
const shown = { id: 17, status: 'sent', place: { warehouse: 'HZ1' }, receiver: { phone: '****1234' } };

const ask = (url: string, init: RequestInit = {}, warehouse: string | undefined = 'HZ1') =>
  site.ask('packer', `/fulfilment${url}`, init, warehouse === undefined ? {} : { warehouse });
const write = (method: string, url: string, body?: unknown) =>
  ask(url, { method, body: JSON.stringify(body ?? {}), headers: { 'content-type': 'application/json' } });
const urls = () => upstream.asked.splice(0).map(({ method, url }) => `${method} ${url}`);

/** What a caller can see, but for the name of the request. */
async function seen(response: Response): Promise<string> {
  const id = response.headers.get('weir-request-id')!;
  const kept = [...response.headers].filter(([name]) => !['date', 'weir-request-id'].includes(name));
  return `${response.status} ${JSON.stringify(kept)} ${(await response.text()).replaceAll(id, 'ID')}`;
}

/** And what its entries say. */
async function entries(): Promise<object[]> {
  return (await site.news()).map(({ kind, statement, error, read, charge }: EntryBody) => {
    const { digests: _digests, epoch: _epoch, ...rest } = read ?? ({} as NonNullable<EntryBody['read']>);
    return { kind, statement, error, read: rest, amounts: charge?.amounts };
  });
}

void t.test(
  'one record of another is answered, recorded and charged as one that does not exist',
  async (t) => {
    upstream.answer = json({ error: 'no shipment 21' }, 404);
    const missing = [await seen(await ask('/shipments/21')), await entries()];
    t.match(missing[0], /^404 .*record-not-found/);
    for (const other of ofOthers.slice(0, -1)) {
      upstream.answer = json({ ...other, id: 21 }, 200, { etag: '"x"' });
      t.strictSame(
        [await seen(await ask('/shipments/21')), await entries()],
        missing,
        JSON.stringify(other.place),
      );
    }
    upstream.answer = json(own);
    t.same(await (await ask('/shipments/17')).json(), shown);
    t.match(await entries(), [{ read: { records: 1 }, amounts: { records: 1 } }]);
    urls();
  },
);

void t.test(
  'of a list only own records are left, and of nothing else is told how many there are',
  async (t) => {
    for (const url of ['/all', '/shipments']) {
      upstream.answer = json({ total: 1, data: [own] }, 200, { 'x-total-count': '1' });
      const alone = [await ask(url), await entries()] as const;
      upstream.answer = json({ total: 7, data: [...ofOthers, own, ...ofOthers] }, 200, {
        'x-total-count': '7',
      });
      const among = [await ask(url), await entries()] as const;
      t.strictSame(among[1], alone[1], 'the log and the charge are the same');
      t.equal(among[0].headers.get('x-total-count'), null);
      t.same(await among[0].json(), { data: [shown] });
      // Asked for the own ones, and answered with no others: the count is the role's own.
      t.equal(alone[0].headers.get('x-total-count'), url === '/all' ? null : '1');
      t.same(await alone[0].json(), url === '/all' ? { data: [shown] } : { total: 1, data: [shown] });
    }
    t.same(urls(), ['GET /all', 'GET /all', 'GET /shipments?at=HZ1', 'GET /shipments?at=HZ1']);

    const lines = [...ofOthers, own].map((each) => `${JSON.stringify(each)}\n`).join('');
    upstream.answer = (_request, response) =>
      response.writeHead(200, { 'content-type': 'application/x-ndjson' }).end(lines);
    t.equal(await (await ask('/lines')).text(), `${JSON.stringify(shown)}\n`);
    const table = 'place.warehouse,id,status\r\nSZ1,1,a\r\n"HZ1",17,b\r\n,2,c\r\nHZ1x,,d\r\n';
    upstream.answer = (_request, response) =>
      response.writeHead(200, { 'content-type': 'text/csv' }).end(table);
    t.equal(await (await ask('/table')).text(), 'id,status,place.warehouse\r\n17,b,HZ1\r\n');
    upstream.answer = (_request, response) =>
      response.writeHead(200, { 'content-type': 'text/csv' }).end('id,status\r\n1,a\r\n');
    t.equal(await (await ask('/table')).text(), 'id,status\r\n', 'no column, no record');
    upstream.answer = json({ total: 9, data: Array.from({ length: 9 }, () => ofOthers[0]) });
    t.equal((await ask('/all')).status, 200, 'per_request counts own records');
    upstream.asked.splice(0);
    await site.news();
  },
);

void t.test('the service is asked for own records, and for no others whoever asks', async (t) => {
  upstream.answer = json({ total: 1, data: [own] }, 200, { 'x-total-count': '1' });
  t.same(await (await ask('/shipments?status=sent&at=HZ1')).json(), { total: 1, data: [shown] });
  t.same(await (await ask('/shipments?at=SZ1&status=sent')).json(), { data: [] }, 'as a table: no rows');
  t.equal((await ask('/shipments?at=SZ1')).headers.get('x-total-count'), null);
  t.same(urls(), [
    'GET /shipments?status=sent&at=HZ1',
    'GET /shipments?at=HZ1&status=sent',
    'GET /shipments?at=HZ1',
  ]);
  upstream.answer = json(own);
  t.same(await (await ask('/at/HZ1/shipments/17')).json(), shown);
  t.equal((await ask('/at/SZ1/shipments/17')).status, 404);
  t.same(urls(), ['GET /at/HZ1/shipments/17'], 'what cannot be there is not asked for');
  t.match(
    (await entries()).map((each) => (each as { statement?: string }).statement),
    [
      'GET /fulfilment/shipments?status&at',
      'GET /fulfilment/shipments?status&at',
      'GET /fulfilment/shipments?at',
      'GET /fulfilment/at/:at/shipments/:id',
      'GET /fulfilment/at/:at/shipments/:id',
    ],
  );
});

void t.test('a look-up that finds only records of others is a miss', async (t) => {
  upstream.answer = json({ total: 0, data: [] });
  const none = [await seen(await ask('/shipments?phone=13812341234')), await entries()];
  t.match(none[1], [{ amounts: { queries: 1, lookups: 1, misses: 1 } }]);
  upstream.answer = json({ total: 0, data: ofOthers });
  const [answer, log] = [await seen(await ask('/shipments?phone=13812341234')), await entries()];
  t.match(answer, /\{"data":\[\]\}/);
  t.strictSame(log, none[1]);
  urls();
});

async function refusedAsMissing(t: Test, method: string, url: string, body?: unknown): Promise<string[]> {
  upstream.answer = json({}, 404);
  const missing = [await seen(await write(method, url, body)), await entries()];
  t.match(missing[0], /^404/);
  urls();
  upstream.answer = json({ ...own, place: { warehouse: 'SZ1' } });
  t.strictSame([await seen(await write(method, url, body)), await entries()], missing, `${method} ${url}`);
  return urls();
}

void t.test('a record of another is not written: the service is asked first, or for own ones', async (t) => {
  t.same(await refusedAsMissing(t, 'PATCH', '/shipments/17', { status: 'x' }), ['GET /shipments/17']);
  t.same(await refusedAsMissing(t, 'PUT', '/shipments/17?at=SZ1', { status: 'x' }), []);
  upstream.answer = json(own);
  t.same(await (await write('PATCH', '/shipments/17', { status: 'x' })).json(), shown);
  t.same(urls(), ['GET /shipments/17', 'PATCH /shipments/17']);
  t.match(await entries(), [
    { kind: 'write', statement: 'PATCH /fulfilment/shipments/:id', amounts: { records: 1 } },
    { kind: 'read', read: { part: 1, records: 1, reserved: 1 } },
  ]);
  t.same(await (await write('PUT', '/shipments/17', { status: 'x' })).json(), shown);
  t.same(urls(), ['PUT /shipments/17?at=HZ1']);
  upstream.answer = json({ ...own, place: { warehouse: 'SZ1' } });
  t.equal((await write('PUT', '/shipments/17', { status: 'x' })).status, 502, 'the service went by nothing');
  upstream.answer = json({ id: 17, done: true });
  t.equal((await write('PUT', '/shipments/17', { status: 'x' })).status, 204, 'made, and nothing to show');
  urls();
  await site.news();
});

void t.test('a body says of a new record that it is the own, and gives none away', async (t) => {
  upstream.answer = json(own, 201);
  const made = await write('POST', '/shipments', { status: 'x', place: { warehouse: 'HZ1' } });
  t.equal(made.status, 201);
  t.equal(urls().length, 1);
  for (const [method, url, body] of [
    ['POST', '/shipments', { status: 'x' }],
    ['POST', '/shipments', { place: { warehouse: 'SZ1' } }],
    ['POST', '/shipments', { place: { warehouse: null } }],
    ['PATCH', '/shipments/17', { place: { warehouse: 'SZ1' } }],
  ] as const) {
    const response = await write(method, url, body);
    t.match(await response.json(), {
      status: 403,
      type: 'urn:weir:error:not-permitted',
      detail: 'the role writes only records whose place.warehouse is its own',
    });
  }
  t.equal((await ask('/shipments', { method: 'POST' })).status, 403, 'without any body');
  t.same(urls(), []);
  await site.news();
});

void t.test('a token without the claim, or with one that is no single value, sees nothing', async (t) => {
  t.match(await (await site.ask('packer', '/fulfilment/all')).json(), {
    status: 403,
    type: 'urn:weir:error:claim-required',
    detail: 'the role filters rows by the claim warehouse, which the token lacks',
  });
  for (const warehouse of ['*', 'HZ1,SZ1', ' ', 'HZ1|SZ1', '..', 'HZ1/..'])
    t.match(await (await ask('/shipments', {}, warehouse)).json(), { type: 'urn:weir:error:claim-required' });
  t.same(urls(), []);
  upstream.answer = json({ data: [{ ...own, place: { warehouse: 7 } }, own] });
  const response = await site.ask('packer', '/fulfilment/all', {}, { warehouse: 7 });
  t.match(
    await response.json(),
    { data: [{ place: { warehouse: 7 } }] },
    'a number is compared as it is written',
  );
  upstream.answer = json({ total: 11, data: [own, ofOthers[0]] });
  const boss = await site.ask('boss', '/fulfilment/shipments');
  t.match(await boss.json(), { total: 11, data: [{ id: 17 }, { id: 21 }] }, 'without only, all');
});

void t.test('the whole log verifies', async (t) => {
  t.same(await site.faults(), []);
});
