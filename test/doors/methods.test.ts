/** What the REST door takes besides GET, and what browsers and tools are told about it. */
import t from 'tap';
import { maxFormBytes } from '../../src/doors/rest/posted-query.js';
import { openServer, rowsAnswer } from './open-server.js';

const form = {
  method: 'POST',
  headers: { 'x-http-method-override': 'GET', 'content-type': 'application/x-www-form-urlencoded' },
};

void t.test('HEAD reads no row and says how many there are', async (t) => {
  const { ask, corridor } = await openServer(t);
  corridor.answer = () => rowsAnswer([], { total: 7 });
  const response = await ask('/rest/orders?order_no=eq.a&limit=3', {
    method: 'HEAD',
    headers: { prefer: 'count=exact' },
  });
  t.equal(response.status, 200);
  t.equal(response.headers.get('content-range'), '*/7');
  t.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
  t.equal(response.headers.get('content-length'), null);
  t.equal(await response.text(), '');
  t.match(corridor.passed, [{ route: 'HEAD /rest/orders', plan: { limit: 0, count: true } }]);

  corridor.answer = () => rowsAnswer([]);
  const plain = await ask('/rest/orders', { method: 'HEAD' });
  t.equal(plain.headers.get('content-range'), null);
});

void t.test('a single object is the one row there is, and none where there is not one', async (t) => {
  const { ask, corridor } = await openServer(t);
  const one = ['1', '王**'];
  const object = { headers: { accept: 'application/vnd.pgrst.object+json' } };
  corridor.answer = () => rowsAnswer([one]);
  const response = await ask('/rest/orders?order_no=eq.a', object);
  t.equal(response.status, 200);
  t.equal(response.headers.get('content-type'), 'application/vnd.pgrst.object+json; charset=utf-8');
  t.same(await response.json(), { order_id: 1, receiver_name: '王**' });
  t.match(corridor.passed[0]?.plan, { limit: 2, overflow: 'refuse' });

  for (const rows of [[], [one, one]]) {
    corridor.refused.length = 0;
    corridor.answer = () => rowsAnswer(rows);
    const refused = await ask('/rest/orders?order_no=eq.a', object);
    t.equal(refused.status, 406);
    t.match(await refused.json(), {
      code: 'PGRST116',
      details: rows.length === 0 ? 'The result contains 0 rows' : /more than 1 row/,
    });
    t.match(corridor.refused, [{ error: { code: 'not-one-row' } }]);
  }
  const tighter = await ask('/rest/orders?limit=1', object);
  await tighter.text();
  t.equal(corridor.passed.at(-1)?.plan.limit, 1);
});

void t.test('a posted query is the read that it would be in the address', async (t) => {
  const { ask, corridor, observed } = await openServer(t);
  corridor.answer = () => rowsAnswer([['1', '王**']]);
  const query = 'receiver_phone=eq.13812341234&select=order_id,receiver_name&limit=5';
  const got = await ask(`/rest/orders?${query}`);
  const posted = await ask('/rest/orders', {
    ...form,
    headers: { ...form.headers, 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' },
    body: query,
  });
  t.equal(posted.status, 200);
  t.equal(await posted.text(), await got.text());
  t.same(corridor.passed[1]?.plan, corridor.passed[0]?.plan);
  t.equal(corridor.passed[1]?.route, 'POST /rest/orders');
  const body = new URLSearchParams({ region: 'eq.华东', or: '(status.eq.paid,status.is.null)' });
  await (await ask('/rest/orders', { ...form, body })).text();
  t.match(corridor.passed[2]?.plan, { filters: [{ column: 'region', values: ['华东'] }], groups: [{}] });
  t.notMatch(JSON.stringify(observed), /1381234|华东/, 'observations hold route templates only');
  const csv = await ask('/rest/orders', {
    ...form,
    headers: { ...form.headers, accept: 'text/csv' },
    body: '',
  });
  t.match(await csv.text(), /^order_id,receiver_name/);
});

void t.test('a posted query may be long, but not without end', async (t) => {
  const { ask, corridor } = await openServer(t);
  const filling = (bytes: number) => {
    const parts = ['status=eq.paid'];
    while (parts.join('&').length + 1_000 < bytes) parts.push(`status=neq.${'x'.repeat(900)}`);
    return `${parts.join('&')}${'&'.repeat(bytes - parts.join('&').length)}`;
  };
  const longest = await ask('/rest/orders', { ...form, body: filling(maxFormBytes) });
  t.equal(longest.status, 200);
  await longest.text();
  const longer = await ask('/rest/orders', { ...form, body: filling(maxFormBytes + 1) });
  t.equal(longer.status, 414);
  t.match(corridor.refused, [{ asked: { route: 'POST /rest/orders' }, error: { code: 'request-too-long' } }]);
  // The connection is not used again, and the next request has one of its own.
  t.equal((await ask('/rest/orders')).status, 200);
});

void t.test('pages of listed origins may read answers, refusals too; no others may', async (t) => {
  const listed = 'https://admin.example.com';
  const { ask, url, corridor } = await openServer(t, { http: { corsOrigins: [listed] } });
  corridor.answer = () => rowsAnswer([]);
  for (const path of ['/rest/orders?order_no=eq.a', '/rest/orders?status=paid', '/nothing']) {
    const { headers } = await ask(path, { headers: { origin: listed } });
    t.equal(headers.get('access-control-allow-origin'), listed, path);
    t.match(headers.get('access-control-expose-headers'), /content-range.*weir-cut.*weir-request-id/);
    t.equal(headers.get('access-control-allow-credentials'), null);
    t.equal(headers.get('vary'), 'origin');
  }
  for (const origin of [
    'https://evil.example',
    'http://admin.example.com',
    'null',
    `${listed}.evil.example`,
  ]) {
    const { headers } = await ask('/rest/orders', { headers: { origin } });
    t.equal(headers.get('access-control-allow-origin'), null, origin);
    t.equal(headers.get('vary'), 'origin');
  }
  const asked = corridor.passed.length;
  for (const path of ['/rest/orders', '/rest/13812341234', '/rest/']) {
    const preflight = await fetch(url + path, {
      method: 'OPTIONS',
      headers: { origin: listed, 'access-control-request-method': 'POST' },
    });
    t.equal(preflight.status, 204, 'without a token');
    t.match(Object.fromEntries(preflight.headers), {
      'access-control-allow-origin': listed,
      'access-control-allow-methods': 'GET, HEAD, OPTIONS, POST',
      'access-control-allow-headers': /authorization.*prefer.*weir-role/,
    });
  }
  t.equal(corridor.passed.length, asked);
});

void t.test('without listed origins no page may read anything', async (t) => {
  const { ask, url } = await openServer(t);
  const headers = { origin: 'https://admin.example.com' };
  const preflight = await fetch(`${url}/rest/orders`, { method: 'OPTIONS', headers });
  t.equal(preflight.status, 204);
  for (const response of [preflight, await ask('/rest/orders', { headers })])
    t.notMatch(JSON.stringify([...response.headers]), /access-control/);
});

void t.test('GET /rest/ describes what the role sees, for tools that read OpenAPI', async (t) => {
  const { ask } = await openServer(t);
  const response = await ask('/rest/');
  t.equal(response.status, 200);
  const document = (await response.json()) as { paths: Record<string, unknown> };
  t.match(document, {
    openapi: '3.1.0',
    info: { title: 'Weir, as support-agent sees it', version: /\d/ },
    components: {
      schemas: {
        orders: {
          properties: {
            order_id: { type: ['integer', 'null'], description: 'in clear (bigint)' },
            receiver_phone: { type: ['string', 'null'], description: 'masked: last4' },
          },
        },
      },
    },
  });
  t.same(Object.keys(document.paths), ['/rest/orders']);
  t.match(document.paths['/rest/orders'], {
    parameters: [
      { name: 'Weir-Reason', in: 'header', required: true, schema: { enum: ['call', 'return'] } },
      { name: 'Weir-Ticket', in: 'header', required: false },
    ],
  });
  t.match(
    JSON.stringify(document.paths),
    /Every read pins a record or a person by order_no or receiver_phone/,
  );
  const references = JSON.stringify(document).match(/#\/components\/[a-z/]+/gi) ?? [];
  for (const reference of new Set(references)) {
    const found = reference
      .slice(2)
      .split('/')
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
    t.ok(found, reference);
  }
});
