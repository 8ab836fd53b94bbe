/** The proxy door over a whole gateway: what passes of a call and its answer, and what stands on the log. */
import pg from 'pg';
import t from 'tap';
import { withClient } from '../../src/demo/databases.js';
import { json, openSite, shipment } from './proxy-site.js';

const site = await openSite(t);
const { upstream } = site;

/** @returns status and code of a problem; the body must be one */
async function problem(response: Response): Promise<[number, string]> {
  const { type } = (await response.json()) as { type: string };
  return [response.status, type.replace('urn:weir:error:', '')];
}

async function asked(): Promise<(typeof upstream.asked)[number]> {
  const [one, ...others] = upstream.asked.splice(0);
  if (one === undefined || others.length > 0) throw new Error(`the service was asked ${others.length} times`);
  return one;
}

void t.test(
  'one record: named fields as the role sees them, recorded and charged, nothing else',
  async (t) => {
    upstream.answer = json(shipment, 200, {
      etag: '"x"',
      'set-cookie': 'a=b',
      'last-modified': 'now',
      link: '<x>',
    });
    const response = await site.ask('agent', '/fulfilment/shipments/17');
    t.equal(response.status, 200);
    t.same(await response.json(), {
      id: 17,
      status: 'sent',
      receiver: { name: '张**', phone: '****1234' },
      items: [{ title: 'tea' }],
    });
    t.same(
      [...response.headers.keys()]
        .filter((name) => !['date', 'keep-alive', 'connection'].includes(name))
        .sort(),
      ['cache-control', 'content-length', 'content-type', 'weir-request-id', 'x-content-type-options'],
    );
    t.match(await asked(), { method: 'GET', url: '/shipments/17' });
    const [entry, ...others] = await site.news();
    t.same(others, []);
    t.match(entry, {
      kind: 'read',
      door: 'proxy',
      route: 'GET /fulfilment/shipments/:id',
      role: 'agent',
      statement: 'GET /fulfilment/shipments/:id',
      read: { table: 'shipments', records: 1, see: { 'receiver.phone': 'last4' }, last: true, part: 0 },
      charge: { amounts: { queries: 1, records: 1 } },
    });
  },
);

void t.test('a list: records one by one, the frame around them, a listed header', async (t) => {
  const data = [shipment, { ...shipment, id: 18, customerId: 'C2', receiver: null }];
  upstream.answer = json({ total: 2, next: '/shipments?page=2', data }, 200, {
    'x-total-count': '2',
    'x-other': '13812341234',
  });
  const response = await site.ask('clerk', '/fulfilment/shipments?page=1&status=sent+today&');
  t.same(await response.json(), {
    total: 2,
    data: [
      { id: 17, status: 'sent', receiver: { name: '张伟强', phone: '****1234' } },
      { id: 18, status: 'sent', receiver: null },
    ],
  });
  t.equal(response.headers.get('x-total-count'), '2');
  t.equal(response.headers.get('x-other'), null);
  t.equal((await asked()).url, '/shipments?page=1&status=sent%20today');
  t.match(await site.news(), [
    {
      statement: 'GET /fulfilment/shipments?status&page',
      read: { records: 2 },
      charge: { amounts: { records: 2, people: [2] } },
    },
  ]);
});

void t.test('JSON Lines and CSV, where the route declares them', async (t) => {
  upstream.answer = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.end(`${JSON.stringify(shipment)}\n${JSON.stringify({ ...shipment, id: 18 })}\n`);
  };
  const lines = await site.ask('clerk', '/fulfilment/lines');
  t.match(lines.headers.get('content-type'), /^application\/x-ndjson/);
  t.equal((await lines.text()).trim().split('\n').length, 2);
  upstream.answer = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/csv; charset=UTF-8' });
    response.end('id,status,note\r\n17,sent,13900001111\r\n');
  };
  const table = await site.ask('clerk', '/fulfilment/table');
  t.equal(table.status, 200);
  t.notMatch(await table.text(), /13900001111|note/);
  t.match(await site.news(), [{ read: { records: 2 } }, { read: { records: 1 } }]);
  upstream.asked.length = 0;
});

void t.test('what is not listed is not there, and nothing of it reaches the service', async (t) => {
  upstream.answer = json(shipment);
  for (const [role, url, init, expected] of [
    ['agent', '/fulfilment', {}, [404, 'route-unknown']],
    ['agent', '/fulfilment/', {}, [404, 'route-unknown']],
    ['agent', '/fulfilment/customers/1', {}, [404, 'route-unknown']],
    ['agent', '/fulfilment/shipments/17/', {}, [404, 'route-unknown']],
    ['agent', '/fulfilment//shipments/17', {}, [404, 'route-unknown']],
    ['agent', '/fulfilment/Shipments/17', {}, [404, 'route-unknown']],
    ['agent', '/fulfilment/shipments/%2e%2e', {}, [404, 'route-unknown']],
    ['agent', '/fulfilment/shipments/..%2fcustomers', {}, [404, 'route-unknown']],
    ['agent', '/fulfilment/shipments/a%5cb', {}, [404, 'route-unknown']],
    ['agent', '/fulfilment/shipments/17%00', {}, [404, 'route-unknown']],
    ['agent', '/fulfilments/shipments/17', {}, [404, 'route-unknown']],
    ['agent', '/fulfilment/shipments/17', { method: 'PUT' }, [405, 'method-not-allowed']],
    ['agent', '/fulfilment/shipments/17', { method: 'OPTIONS' }, [404, 'route-unknown']],
    ['agent', '/fulfilment/shipments/17?expand=all', {}, [400, 'query-invalid']],
    ['agent', '/fulfilment/shipments?page=1&page=2', {}, [400, 'query-invalid']],
    ['agent', '/fulfilment/shipments?phone', {}, [400, 'query-invalid']],
    ['agent', '/fulfilment/shipments?page=1', {}, [403, 'pin-required']],
    ['agent', '/fulfilment/shipments?customer=C9', {}, [403, 'filter-refused']],
    ['agent', '/fulfilment/shipments?phone=', {}, [400, 'query-invalid']],
    ['agent', '/fulfilment/shipments?phone=138*', {}, [400, 'query-invalid']],
    ['agent', '/fulfilment/shipments?phone=13812341234,13812341235', {}, [400, 'query-invalid']],
    ['agent', '/fulfilment/shipments/17', { method: 'PATCH', body: '{}' }, [403, 'not-permitted']],
    ['nobody', '/fulfilment/shipments/17', {}, [404, 'route-unknown']],
    ['nobody', '/fulfilment/shipments/17', { method: 'PUT' }, [404, 'route-unknown']],
    ['nobody', '/fulfilment/shipments/17?expand=all', {}, [404, 'route-unknown']],
  ] as const) {
    const response = await site.ask(role, url, init);
    t.same(await problem(response), expected, `${role} ${url}`);
    const [entry, ...others] = await site.news();
    t.match(entry, { kind: 'refusal', error: expected[1] }, `${url} is on the log`);
    t.notMatch(entry?.route, /17|138/);
    t.same(others, []);
  }
  t.same(upstream.asked, []);
});

void t.test('a role without the service hears what it would hear of no service at all', async (t) => {
  const told = async (url: string) => {
    const response = await site.ask('nobody', url);
    const body = (await response.json()) as { instance: string };
    return { status: response.status, body: { ...body, instance: '' } };
  };
  t.same(await told('/fulfilment/shipments/17'), await told('/somewhere/shipments/17'));
  await site.news();
});

void t.test('HEAD is no way to ask', async (t) => {
  const response = await site.ask('agent', '/fulfilment/shipments/17', { method: 'HEAD' });
  t.equal(response.status, 405);
  t.equal(response.headers.get('allow'), 'GET, PATCH, DELETE');
  const stranger = await site.ask('nobody', '/fulfilment/shipments/17', { method: 'HEAD' });
  t.same([stranger.status, stranger.headers.get('allow')], [404, null]);
  t.same(upstream.asked, []);
  await site.news();
});

void t.test('a look-up: pinned, metered, and a miss counted though the service said 404', async (t) => {
  upstream.answer = json({ total: 1, data: [shipment] });
  const hit = await site.ask('agent', '/fulfilment/shipments?phone=13812341234');
  t.equal(hit.status, 200);
  t.equal((await asked()).url, '/shipments?phone=13812341234');
  upstream.answer = json({ message: 'no 13812341235' }, 404);
  t.same(await problem(await site.ask('agent', '/fulfilment/shipments?phone=13812340000')), [
    404,
    'record-not-found',
  ]);
  upstream.answer = json({ message: 'bad number' }, 400);
  t.same(await problem(await site.ask('agent', '/fulfilment/shipments?phone=13812340001')), [
    422,
    'service-refused',
  ]);
  upstream.asked.length = 0;
  t.match(await site.news(), [
    { read: { records: 1 }, charge: { amounts: { lookups: 1, records: 1 } } },
    { kind: 'read', read: { records: 0 }, charge: { amounts: { lookups: 1, misses: 1 } } },
    { kind: 'read', read: { records: 0 }, charge: { amounts: { lookups: 1, misses: 1 } } },
  ]);
});

void t.test('numbers that differ in hidden digits only are guesses', async (t) => {
  upstream.answer = json({ total: 0, data: [] });
  let refused: [number, string] | undefined;
  for (let n = 0; n < 40 && refused === undefined; n++) {
    const response = await site.ask(
      'agent',
      `/fulfilment/shipments?phone=138${String(n).padStart(4, '0')}7777`,
    );
    if (response.status !== 200) refused = await problem(response);
  }
  t.same(refused, [403, 'guessing-refused']);
  upstream.asked.length = 0;
  await site.news();
});

void t.test('another record than the one that was pinned is refused', async (t) => {
  upstream.answer = json({ ...shipment, id: 18 });
  t.same(await problem(await site.ask('agent', '/fulfilment/shipments/17')), [502, 'service-answer-unfit']);
  t.match(await site.news(), [{ kind: 'refusal', error: 'service-answer-unfit' }]);
  upstream.answer = json({ total: 1, data: [{ ...shipment, customerId: 'C1' }] });
  t.same(await problem(await site.ask('clerk', '/fulfilment/shipments?customer=C9')), [
    403,
    'filter-refused',
  ]);
  upstream.asked.length = 0;
  await site.news();
});

void t.test('more records than one request may read are refused, not cut', async (t) => {
  const data = Array.from({ length: 51 }, (_, id) => ({ ...shipment, id }));
  upstream.answer = json({ total: 51, data });
  t.same(await problem(await site.ask('clerk', '/fulfilment/shipments')), [422, 'per-request-exceeded']);
  upstream.asked.length = 0;
  await site.news();
});

void t.test('a write: on the log before it is forwarded, its answer masked', async (t) => {
  let before: unknown[] = [];
  upstream.answer = (request, response, body) => {
    void site.news().then((news) => {
      before = news;
      json({ ...shipment, status: 'held' })(request, response, body);
    });
  };
  const body = JSON.stringify({ status: 'held' });
  const headers = { 'content-type': 'application/json' };
  const response = await site.ask('clerk', '/fulfilment/shipments/17', { method: 'PATCH', body, headers });
  t.equal(response.status, 200);
  t.same(await response.json(), { id: 17, status: 'held', receiver: { name: '张伟强', phone: '****1234' } });
  const { method, url, body: sent, headers: given } = await asked();
  t.same([method, url, sent], ['PATCH', '/shipments/17', body]);
  t.match(given, { 'content-type': 'application/json', 'content-length': String(body.length) });
  t.match(before, [
    {
      kind: 'write',
      statement: 'PATCH /fulfilment/shipments/:id',
      write: {
        service: 'fulfilment',
        table: 'fulfilment.shipments',
        body: ['status'],
        part: 0,
        last: false,
        records: 1,
        reserves: 1,
      },
      charge: { amounts: { queries: 1, records: 1 } },
    },
  ]);
  const [answer] = await site.news();
  t.match(answer, { kind: 'read', read: { part: 1, last: true, records: 1, reserved: 1 } });
  t.notOk('records' in answer!.charge!.amounts, 'its record is charged already');
});

void t.test('a write whose answer a limit would not let out is not made', async (t) => {
  upstream.answer = json({ ...shipment, status: 'held' });
  const patch = (id: number) =>
    site.ask('tight', `/fulfilment/shipments/${id}`, {
      method: 'PATCH',
      body: '{"status":"held"}',
      headers: { 'content-type': 'application/json' },
    });
  t.equal((await patch(17)).status, 200);
  t.equal((await asked()).method, 'PATCH');
  upstream.answer = json({ ...shipment, id: 18 });
  t.equal((await patch(18)).status, 200);
  await asked();
  const refused = await patch(19);
  t.equal(refused.status, 429);
  t.match(await refused.text(), /2 records per day/);
  t.same(upstream.asked, [], 'the service has not heard of it');
  t.match((await site.news()).slice(-1), [{ kind: 'refusal', error: 'limit-reached' }]);
});

void t.test('a body is held against the route and the role before anything is sent', async (t) => {
  upstream.answer = json(shipment);
  const patch = (body: string, type = 'application/json') =>
    site.ask('clerk', '/fulfilment/shipments/17', {
      method: 'PATCH',
      body,
      headers: { 'content-type': type },
    });
  for (const [body, expected, type] of [
    ['{"receiver":{"phone":"138****1234"}}', [422, 'field-masked']],
    ['{"status":"held","receiver":{"phone":null}}', [422, 'field-masked']],
    ['{"receiver.phone":"138****1234"}', [422, 'field-unknown']],
    ['{"status":"held","customerId":"C1"}', [422, 'field-unknown']],
    ['{"status":{"$ne":1}}', [422, 'field-unknown']],
    ['{"status":"a","status":"b"}', [400, 'request-malformed']],
    ['{"status":', [400, 'request-malformed']],
    ['[]', [400, 'request-malformed']],
    ['', [400, 'request-malformed']],
    ['{"status":"held"}', [400, 'request-malformed'], 'text/plain'],
    ['{"status":"held"}', [400, 'request-malformed'], 'application/json; charset=gbk'],
    [JSON.stringify({ status: 'x'.repeat(70_000) }), [414, 'request-too-long']],
  ] as const) {
    const response = await patch(body, type);
    if (body !== '') t.same(await problem(response), expected, body.slice(0, 60));
    else await response.text();
    await site.news();
  }
  t.same(
    await problem(await site.ask('clerk', '/fulfilment/shipments/17', { method: 'DELETE', body: '{}' })),
    [400, 'request-malformed'],
  );
  upstream.asked.length = 0;
  await site.news();
});

void t.test('a new record needs no pin; a deleted one may answer with nothing', async (t) => {
  upstream.answer = json(shipment, 201, { location: '/shipments/17' });
  const headers = { 'content-type': 'application/json' };
  const made = await site.ask('clerk', '/fulfilment/shipments', {
    method: 'POST',
    body: '{"status":"new"}',
    headers,
  });
  t.equal(made.status, 201);
  t.equal(made.headers.get('location'), null);
  upstream.answer = (_request, response) => response.writeHead(204).end();
  const gone = await site.ask('clerk', '/fulfilment/shipments/17', { method: 'DELETE' });
  t.equal(gone.status, 204);
  t.match(await site.news(), [
    { statement: 'POST /fulfilment/shipments', write: { body: ['status'], records: 0, reserves: 1 } },
    { read: { part: 1, records: 1 } },
    { statement: 'DELETE /fulfilment/shipments/:id', write: { body: [], records: 1, reserves: 1 } },
    { read: { part: 1, records: 0, reserved: undefined } },
  ]);
  upstream.asked.length = 0;
});

void t.test('nothing of the caller reaches the service but what was checked', async (t) => {
  upstream.answer = json(shipment);
  await site.ask('agent', '/fulfilment/shipments/17', {
    headers: {
      cookie: 'session=1',
      'if-none-match': '"x"',
      'if-modified-since': 'Wed, 21 Oct 2015 07:28:00 GMT',
      range: 'bytes=0-10',
      'x-user-id': 'root',
      'x-forwarded-for': '10.0.0.1',
      'x-forwarded-user': 'root',
      forwarded: 'for=10.0.0.1',
      'weir-principal': 'forged',
      'x-http-method-override': 'DELETE',
      'accept-language': 'zh',
      'user-agent': 'x',
    },
  });
  t.same(Object.keys((await asked()).headers).sort(), [
    'accept',
    'accept-encoding',
    'connection',
    'host',
    'weir-principal',
    'weir-request-id',
  ]);
  await site.news();
});

void t.test('who is revoked while their write waits for its commit has not written', async (t) => {
  upstream.answer = json(shipment);
  const token = await site.token({ role: 'clerk', sub: 'leaver' });
  const ask = (init: RequestInit = {}): Promise<Response> =>
    fetch(`${site.address}/fulfilment/shipments/17`, {
      ...init,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    });
  t.equal((await ask()).status, 200);
  await asked();
  const owner = new pg.Client(site.store.superuserUrl);
  await owner.connect();
  t.teardown(() => owner.end());
  await owner.query('BEGIN');
  await owner.query(
    `SELECT 1 FROM weir.meters WHERE key = (SELECT 'actor:' || actor_id FROM weir.actors WHERE subject = 'leaver') FOR UPDATE`,
  );
  const write = ask({ method: 'PATCH', body: '{"status":"held"}' });
  const deadline = Date.now() + 20_000;
  const until = async (holds: () => Promise<boolean>, what: string): Promise<void> => {
    while (!(await holds())) if (Date.now() > deadline) throw new Error(`it never came to this: ${what}`);
  };
  const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  await until(async () => (await owner.query(waiting)).rowCount! > 0, 'the commit waits');
  await withClient(site.store.superuserUrl, (client) =>
    client.query(`INSERT INTO weir.revocations (reason, kind, value) VALUES ('left', 'person', 'leaver')`),
  );
  const headers = { authorization: `Bearer ${token}` };
  await until(
    async () => (await fetch(`${site.address}/rest/`, { headers })).status === 401,
    'it is revoked',
  );
  await owner.query('COMMIT');
  t.same(await problem(await write), [401, 'token-revoked']);
  t.same(upstream.asked, [], 'the service has not heard of it');
  await site.news();
});

void t.test('the door is closed without a token', async (t) => {
  const response = await fetch(`${site.address}/fulfilment/shipments/17`);
  t.equal(response.status, 401);
  t.same(upstream.asked, []);
});

void t.test('the whole log verifies', async (t) => {
  t.same(await site.faults(), []);
});
