/** `weir service check` against real services: what differs from the catalogue is told, and no value is. */
import { jwtVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose';
import t, { type Test } from 'tap';
import { makePrincipalKey, readPrincipalKey } from '../../src/identity/principal-token.js';
import { json, startUpstream, type Handler } from '../doors/proxy-site.js';
import { agent, alerts, catalog } from '../policy/policy-files.js';
import { weir } from './weir-process.js';

const services = `${catalog}services:
  fulfilment:
    prefix: /fulfilment
    upstream: { env: FULFILMENT_URL }
    routes:
      - { match: GET /shipments/:id, record: id, subject: customerId }
      - { match: GET /shipments, query: [status], records: "$.data[*]", record: id, subject: customerId }
      - { match: GET /lines, answer: json-lines, record: id }
      - { match: GET /table, answer: csv, record: id }
      - { match: PATCH /shipments/:id, body: [status], record: id }
    fields:
      id: none
      customerId: none
      status: none
      receiver.phone: phone
      receiver.note: free-text
      "items[*].title": none
      "labels.*": none
      "$.total": none
`;
const jwk = makePrincipalKey();

const shipment = {
  id: 17,
  customerId: 'C9',
  status: 'sent',
  receiver: { phone: '13812341234', note: null },
  items: [{ title: 'tea' }],
  labels: { 张三丰: 'a', b: 'c' },
};
const csv = 'id,customerId,status,receiver.phone,receiver.note\r\n17,C9,sent,13812341234,\r\n';

/** A service by what it answers at each path; anything else is a 404 with data in it. */
async function openCheck(t: Test, answers: Record<string, Handler>, text = services) {
  const upstream = await startUpstream(t);
  upstream.answer = (request, response, body) =>
    (answers[request.url!] ?? json({ error: shipment }, 404))(request, response, body);
  const cwd = t.testdir({
    'jwks.json': '{"keys":[]}',
    'weir.yaml': JSON.stringify({
      store: { url: 'postgres://weir_runtime:s@127.0.0.1:1/weir' },
      orders: { url: 'postgres://weir_reader:s@127.0.0.1:1/shop' },
      policies: { directory: 'policies' },
      identity: {
        issuers: [{ issuer: 'https://id.example', audience: 'weir', jwks: { file: 'jwks.json' } }],
      },
      log: { digestKey: Buffer.alloc(32, 5).toString('base64') },
      principal: { issuer: 'https://weir.example', keys: [{ jwk }] },
    }),
    policies: { 'catalog.yaml': text, 'alerts.yaml': alerts, roles: { 'agent.yaml': agent } },
  });
  const env = { FULFILMENT_URL: upstream.url };
  const check = (...args: string[]) => weir(['service', 'check', ...args], { cwd, env });
  return { upstream, check, withoutAddress: () => weir(['service', 'check'], { cwd }) };
}

const lines: Handler = (_request, response) =>
  response.writeHead(200, { 'content-type': 'application/x-ndjson' }).end(`${JSON.stringify(shipment)}\n`);
const table =
  (text: string): Handler =>
  (_request, response) =>
    response.writeHead(200, { 'content-type': 'text/csv' }).end(text);
const good = {
  '/shipments/17': json(shipment),
  '/shipments?status=sent': json({ data: [shipment], total: 1 }),
  '/lines': lines,
  '/table': table(csv),
};
const values = ['--with', 'id=17', '--with', 'status=sent'];

void t.test('a service that answers as the catalogue says has no findings', async (t) => {
  const { upstream, check } = await openCheck(t, good);
  t.match(await check('fulfilment', ...values, '--token', 'test-token'), {
    code: 0,
    out: 'the services answer as the catalogue says\n',
    err: '',
  });
  t.same(
    upstream.asked.map(({ method, url }) => `${method} ${url}`),
    ['GET /shipments/17', 'GET /shipments?status=sent', 'GET /lines', 'GET /table'],
    'each GET route once, and nothing that writes',
  );
  const { headers } = upstream.asked[0]!;
  t.equal(headers.authorization, 'Bearer test-token');
  const key = readPrincipalKey(jwk);
  const keys = createLocalJWKSet({ keys: [typeof key === 'string' ? {} : key.jwk] } as JSONWebKeySet);
  const { payload } = await jwtVerify(String(headers['weir-principal']), keys, {
    issuer: 'https://weir.example',
    audience: 'fulfilment',
  });
  t.match(payload, { client_id: 'weir-service-check', role: 'service-check' });
  t.notOk('sub' in payload, 'it names nobody');
});

void t.test(
  'what the catalogue does not name, names in vain, or names as something else is told',
  async (t) => {
    const people = ['13900001111', '13900002222', '13900003333'];
    const odd = {
      ...shipment,
      customerId: { id: 'C9' },
      internalNote: 'call 13900001111',
      receiver: { phone: 13812341234, email: 'wei@example.com' },
      items: people.map((contact) => ({ title: 'tea', contact })),
      byPhone: { '13900004444': 'x', 李四: 'y' },
    };
    const { check } = await openCheck(t, {
      ...good,
      '/shipments/17': json(odd),
      '/shipments?status=sent': json({ data: [shipment], page: { size: 1 }, total: 1 }),
      '/lines': json([shipment]),
      '/table': table(csv.replace('receiver.note', 'idCard')),
    });
    const { code, out } = await check(...values);
    t.equal(code, 1);
    t.strictSame(
      out.split('\n').filter((line) => line !== ''),
      [
        'fulfilment  GET /shipments/:id  customerId: the key of a record or a person is neither text nor a plain whole number',
        'fulfilment  GET /shipments/:id  customerId: holds an object, and the catalogue names it as one value',
        'fulfilment  GET /shipments/:id  receiver.phone: holds a number, and phone is text',
        'fulfilment  GET /shipments/:id  receiver.email: the catalogue does not name it',
        'fulfilment  GET /shipments/:id  items[*].contact: the catalogue does not name it; its values look like phone',
        'fulfilment  GET /shipments/:id  internalNote: the catalogue does not name it',
        'fulfilment  GET /shipments/:id  byPhone.*: the catalogue does not name it',
        'fulfilment  GET /shipments  $.page.size: the catalogue does not name it',
        'fulfilment  GET /lines: The answer of the service is not what the catalogue declares: its type is not that of json-lines',
        'fulfilment  GET /table  idCard: the catalogue does not name it',
        '10 findings',
      ],
    );
    for (const value of ['13812341234', '1390000', '李四', 'wei@', '张三丰', 'C9', 'tea'])
      t.notOk(out.includes(value), value);
  },
);

void t.test('fields that no answer had are a finding where every route has answered', async (t) => {
  const { labels: _labels, ...without } = shipment;
  const answers = {
    ...good,
    '/shipments/17': json(without),
    '/shipments?status=sent': json({ data: [without], total: 1 }),
    '/lines': ((_request, response) =>
      response
        .writeHead(200, { 'content-type': 'application/jsonl' })
        .end(JSON.stringify(without))) as Handler,
  };
  const { check } = await openCheck(t, answers);
  t.match(await check(...values), {
    code: 1,
    out: /^fulfilment {2}labels\.\*: the catalogue names it, and no answer had it\n1 finding\n$/,
  });
  const half = await check('--with', 'status=sent', '--json');
  t.equal(half.code, 0);
  t.match(
    half.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object),
    [
      { route: 'GET /shipments/:id', kind: 'remark', message: 'not called: say --with id=<value>' },
      { field: 'labels.*', kind: 'remark' },
    ],
  );
});

void t.test(
  'routes are called with the examples of the catalogue, and --with goes before them',
  async (t) => {
    const example = services
      .replace('match: GET /shipments/:id, record', 'match: GET /shipments/:id, example: { id: 17 }, record')
      .replace('query: [status],', 'query: [{ name: state, field: status }], example: { state: sent },');
    const { upstream, check } = await openCheck(
      t,
      { ...good, '/shipments?state=sent': json({ data: [shipment], total: 1 }) },
      example,
    );
    t.match(await check(), { code: 0, out: 'the services answer as the catalogue says\n' });
    t.same(
      upstream.asked.map(({ url }) => url),
      ['/shipments/17', '/shipments?state=sent', '/lines', '/table'],
    );
    t.match(await check('--with', 'id=18'), {
      code: 0,
      out: /GET \/shipments\/:id: \(it says that there is no/,
    });
    const { check: unfiltered } = await openCheck(
      t,
      {
        ...good,
        '/shipments?state=sent': json({ data: [shipment, { ...shipment, status: 'new' }], total: 2 }),
      },
      example,
    );
    t.match(await unfiltered(), {
      code: 1,
      out: 'fulfilment  GET /shipments  status: the parameter state is said to be compared with it, and the answer holds records with other values\n1 finding\n',
    });
  },
);

void t.test('a service that fails is told in our words', async (t) => {
  const { check, withoutAddress } = await openCheck(t, {
    '/shipments/17': json({ error: '13812341234' }, 500),
    '/shipments?status=sent': json('{"data":[{"id":1,"id":2}]}'),
    '/lines': (_request, response) => response.writeHead(302, { location: '/13812341234' }).end(),
  });
  const { code, out } = await check(...values);
  t.equal(code, 1);
  t.strictSame(out.split('\n').slice(0, -1), [
    'fulfilment  GET /shipments/:id: The service could not answer: the service answered with status 500',
    'fulfilment  GET /shipments  $.data[*]: a key stands twice in one object',
    'fulfilment  GET /lines: The answer of the service is not what the catalogue declares: the service answered with status 302',
    'fulfilment  GET /table: (it says that there is no such record: give another value with --with)',
    '3 findings',
  ]);
  t.match(await check('telephony'), {
    code: 2,
    err: /no service of that name[^]*its services are fulfilment/,
  });
  t.match(await withoutAddress(), { code: 2, err: /nothing says where fulfilment is: set FULFILMENT_URL/ });
});
