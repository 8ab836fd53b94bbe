import t from 'tap';
import { Exchange, Traffic } from '../../src/doors/http/exchange.js';
import { postgrestCodes } from '../../src/doors/http/problem.js';
import { errorKinds, LimitReached, WeirError, type ErrorCode } from '../../src/errors.js';
import { openServer, openSocket, readAll, rowsAnswer, sendRaw, within } from './open-server.js';

interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: string;
  message?: string;
  details?: null;
  hint?: string | null;
}

const problem = async (response: Response) => (await response.json()) as ProblemBody;

void t.test('every route is closed unless it declares itself open', async (t) => {
  const found: { method: string; url: string }[] = [];
  const server = await openServer(t, {
    doors: [
      (app) => app.addHook('onRoute', ({ method, url }) => void found.push({ method: String(method), url })),
      // What a colleague adds next year, without a thought for tokens.
      (app) => app.get('/later', async () => 'secret'),
      (app) =>
        void app.register(async (inner) => inner.get('/in', async () => 'secret'), { prefix: '/plugin' }),
    ],
  });
  const open = ['/healthz', '/readyz', '/metrics'];
  const known = [
    ...new Set([...open, '/rest/', '/rest/:table', '/admin/alerts', ...found.map(({ url }) => url)]),
  ];
  const printed = server.app.printRoutes({ commonPrefix: false });
  t.equal(printed.match(/\(/g)?.length, known.length, 'the walk covers every route that fastify knows');
  t.match(known, [
    '/healthz',
    '/readyz',
    '/metrics',
    '/rest/',
    '/rest/:table',
    '/admin/alerts',
    '/later',
    '/plugin/in',
  ]);
  for (const url of known) {
    const response = await fetch(server.url + url.replace(':table', 'orders'));
    t.equal(response.status, open.includes(url) ? 200 : 401, url);
    const text = await response.text();
    t.notMatch(text, /secret/);
  }
  for (const method of ['HEAD', 'POST']) {
    const headers = { 'x-http-method-override': 'GET' };
    t.equal((await fetch(`${server.url}/rest/orders`, { method, headers })).status, 401, method);
  }
  t.equal(
    server.corridor.passed.length + server.corridor.refused.length + server.corridor.administered.length,
    0,
  );
});

void t.test('an address that leads nowhere is closed too, whatever the method', async (t) => {
  const { url } = await openServer(t);
  for (const path of [
    '/',
    '/nothing',
    '/rest',
    '/rest/a/b',
    '/healthz/x',
    '//healthz',
    '/HEALTHZ',
    '/%zz',
    '/rest/%ff',
    '/admin',
    '/-',
  ]) {
    for (const method of ['GET', 'POST', 'OPTIONS', 'DELETE', 'HEAD']) {
      const response = await fetch(url + path, { method });
      t.equal(response.status, 401, `${method} ${path}`);
      await response.arrayBuffer();
    }
  }
});

void t.test('a request without a token is told how to send one, and no error code', async (t) => {
  const { url } = await openServer(t);
  for (const headers of [{}, { authorization: 'Basic d2FuZzp4' }, { authorization: 'Token x' }]) {
    const response = await fetch(`${url}/rest/orders`, { headers });
    t.equal(response.status, 401);
    t.equal(response.headers.get('www-authenticate'), 'Bearer realm="weir"');
    t.match(await problem(response), { type: 'urn:weir:error:token-missing', code: '28000' });
  }
});

void t.test('a bad token is told so in the way of RFC 6750', async (t) => {
  const { url, ask, token } = await openServer(t);
  const good = await token();
  const expired = await token({ ttlSeconds: -3600 });
  for (const bad of ['x', 'a.b.c', '', 'a b', `${good}x`, `${good},${good}`, 'é']) {
    const response = await ask('/rest/orders', { token: bad });
    t.equal(response.status, 401, bad.slice(0, 8));
    t.match(
      response.headers.get('www-authenticate'),
      /^Bearer realm="weir", error="invalid_token", error_description="[^"]+"$/,
    );
    t.equal((await problem(response)).type, 'urn:weir:error:token-invalid', bad.slice(0, 8));
  }
  const late = await ask('/rest/orders', { token: expired });
  t.match(late.headers.get('www-authenticate'), /error="invalid_token"/);
  t.equal((await problem(late)).type, 'urn:weir:error:token-expired');
  t.equal(
    (await fetch(`${url}/rest/orders?access_token=${good}`)).status,
    401,
    'a token in the query is not one',
  );
});

void t.test('two Authorization headers are refused, whichever is good', async (t) => {
  const { port, token } = await openServer(t);
  const good = await token();
  for (const [first, second] of [
    [good, 'x'],
    ['x', good],
    [good, good],
  ]) {
    const answer = await sendRaw(
      port,
      `GET /rest/orders HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer ${first}\r\nauthorization: Bearer ${second}\r\n\r\n`,
    );
    t.match(answer, /^HTTP\/1\.1 401 /);
    t.match(answer, /urn:weir:error:token-invalid/);
  }
});

void t.test(
  'the answer carries a request id of our own, and headers that keep it out of caches',
  async (t) => {
    const { ask, url, observed } = await openServer(t);
    const mine = 'my-own-request-id';
    const response = await ask('/rest/orders', {
      headers: { 'weir-request-id': mine, 'x-request-id': mine, 'request-id': mine },
    });
    const id = response.headers.get('weir-request-id') ?? '';
    t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-/);
    for (const each of [
      response,
      await fetch(`${url}/healthz`),
      await fetch(`${url}/nothing`),
      await ask('/nothing'),
    ]) {
      t.equal(each.headers.get('cache-control'), 'no-store');
      t.equal(each.headers.get('x-content-type-options'), 'nosniff');
      t.equal(each.headers.get('server'), null);
      t.equal(each.headers.get('x-powered-by'), null);
      t.ok(each.headers.get('weir-request-id'));
    }
    t.notMatch(JSON.stringify(observed), /my-own-request-id/);
  },
);

void t.test('a problem on the REST door carries the members of RFC 9457 and of PostgREST', async (t) => {
  const { ask, corridor } = await openServer(t);
  corridor.answer = () => {
    throw new WeirError('pin-required', { detail: 'pin it', hint: 'by order_no' });
  };
  const response = await ask('/rest/orders');
  t.equal(response.status, 403);
  t.match(response.headers.get('content-type'), 'application/problem+json');
  t.strictSame(await problem(response), {
    type: 'urn:weir:error:pin-required',
    title: errorKinds['pin-required'].title,
    status: 403,
    detail: 'pin it',
    instance: response.headers.get('weir-request-id'),
    code: '42501',
    message: 'pin it',
    details: null,
    hint: 'by order_no',
  });
  t.equal(corridor.refused.length, 0, 'what the corridor threw it has recorded itself');
});

void t.test('a problem elsewhere carries the code of our own', async (t) => {
  const { ask, corridor } = await openServer(t);
  corridor.permit = async () => {
    throw new WeirError('not-permitted');
  };
  const response = await ask('/admin/alerts');
  t.strictSame(await problem(response), {
    type: 'urn:weir:error:not-permitted',
    title: 'The role may not do this',
    status: 403,
    detail: 'The role may not do this',
    instance: response.headers.get('weir-request-id'),
    code: 'not-permitted',
  });
});

void t.test('every error code leaves as a problem with its status and SQLSTATE', async (t) => {
  const { ask, corridor } = await openServer(t);
  for (const code of Object.keys(errorKinds) as ErrorCode[]) {
    corridor.answer = () => {
      throw new WeirError(code, { cause: new Error('secret cause') });
    };
    const response = await ask('/rest/orders');
    t.equal(response.status, errorKinds[code].status, code);
    const body = await response.text();
    t.match(JSON.parse(body), {
      type: `urn:weir:error:${code}`,
      status: errorKinds[code].status,
      // PostgREST's own, where its clients know the failure by one.
      code: postgrestCodes[code] ?? errorKinds[code].sqlstate,
    });
    t.notMatch(body, /secret/);
    if (response.status === 401) t.ok(response.headers.get('www-authenticate'));
    if (code === 'busy' || code === 'draining') t.ok(response.headers.get('retry-after'));
  }
});

void t.test('an unknown failure goes out as fixed text, and the operator learns the cause', async (t) => {
  const { ask, corridor, seen } = await openServer(t);
  const cause = Object.assign(new Error('connect ECONNREFUSED 10.1.2.3:5432'), {
    statusCode: 404,
    code: '42P01',
  });
  for (const thrown of [
    cause,
    new WeirError('internal', { detail: 'secret detail', cause }),
    'secret string',
    null,
  ]) {
    corridor.answer = () => {
      throw thrown;
    };
    const response = await ask('/rest/orders');
    t.equal(response.status, 500);
    const text = await response.text();
    t.notMatch(text, /ECONNREFUSED|secret|stack|at /);
    const { detail, instance } = JSON.parse(text) as ProblemBody;
    t.equal(detail, 'Something went wrong inside the gateway');
    const failure = await seen((each) => each.event === 'failure' && each.requestId === instance);
    t.match(failure, { where: 'GET /rest/:table' });
    if (thrown === cause) t.match(failure, { error: cause });
  }
});

void t.test('a limit that is used up says when to come back', async (t) => {
  const { ask, corridor } = await openServer(t);
  corridor.answer = () => {
    throw new LimitReached({
      limit: '500 records per day',
      max: 500,
      remaining: 3,
      windowSeconds: 86_400,
      retryAfterSeconds: 59.2,
    });
  };
  const response = await ask('/rest/orders');
  t.equal(response.status, 429);
  t.equal(response.headers.get('retry-after'), '60');
  t.equal(response.headers.get('ratelimit-policy'), '"500 records per day";q=500;w=86400');
  t.equal(response.headers.get('ratelimit'), '"500 records per day";r=3;t=60');
  t.equal((await problem(response)).code, '53400');
});

void t.test('what an identified principal asks wrongly is recorded before it is refused', async (t) => {
  const { ask, corridor } = await openServer(t);
  const cases: [path: string, init: RequestInit, code: ErrorCode, status: number, route: string][] = [
    ['/nothing', {}, 'route-unknown', 404, 'GET (no route)'],
    ['/rest/a/b', {}, 'route-unknown', 404, 'GET (no route)'],
    ['/nothing', { method: 'POST', body: '{' }, 'route-unknown', 404, 'POST (no route)'],
    ['/rest/orders', { method: 'POST', body: '{}' }, 'method-not-allowed', 405, 'POST /rest/orders'],
    [
      '/rest/orders',
      { method: 'POST', body: 'x', headers: { 'content-type': 'application/x-evil' } },
      'method-not-allowed',
      405,
      'POST /rest/orders',
    ],
    ['/rest/orders', { method: 'DELETE' }, 'method-not-allowed', 405, 'DELETE /rest/:table'],
    ['/rest/orders', { method: 'PATCH', body: '{}' }, 'method-not-allowed', 405, 'PATCH /rest/:table'],
    ['/admin/alerts', { method: 'PUT' }, 'method-not-allowed', 405, 'PUT /admin/alerts'],
    ['/healthz', { method: 'POST' }, 'method-not-allowed', 405, 'POST /healthz'],
    ['/rest/%zz', {}, 'request-malformed', 400, 'GET /rest/:table'],
    ['/%E5%28', {}, 'request-malformed', 400, 'GET (no route)'],
    [`/rest/orders?status=eq.${'x'.repeat(8200)}`, {}, 'request-too-long', 414, 'GET /rest/:table'],
    ['/rest/orders?status=paid', {}, 'query-invalid', 400, 'GET /rest/orders'],
    ['/rest/13812341234', {}, 'table-unknown', 404, 'GET /rest/:table'],
    ['/rest/orders%2Fx', {}, 'table-unknown', 404, 'GET /rest/:table'],
    ['/rest/orders?a%20b=eq.1', {}, 'column-unknown', 400, 'GET /rest/orders'],
    ['/rest/orders', { headers: { accept: 'text/html' } }, 'media-type-unsupported', 406, 'GET /rest/orders'],
    ['/rest/orders', { headers: { range: '9-1' } }, 'range-unsatisfiable', 416, 'GET /rest/orders'],
    ['/admin/alerts?x=1', {}, 'query-invalid', 400, 'GET /admin/alerts'],
  ];
  for (const [path, init, code, status, route] of cases) {
    corridor.refused.length = 0;
    const response = await ask(path, init);
    t.equal(response.status, status, `${init.method ?? 'GET'} ${path.slice(0, 40)}`);
    t.equal((await problem(response)).type, `urn:weir:error:${code}`);
    t.equal(corridor.refused.length, 1);
    t.match(corridor.refused[0], {
      asked: { route, principal: { person: 'wang' }, address: '127.0.0.1' },
      error: { code },
    });
    t.equal(corridor.refused[0]?.asked.id, response.headers.get('weir-request-id'));
  }
  t.equal(corridor.passed.length, 0);
});

void t.test('405 names the methods there are', async (t) => {
  const { ask } = await openServer(t);
  for (const [path, method, allow] of [
    ['/admin/alerts', 'HEAD', 'GET'],
    ['/rest/orders', 'DELETE', 'GET, HEAD, OPTIONS, POST'],
    ['/rest/orders', 'POST', 'GET, HEAD, OPTIONS'],
  ] as const) {
    const response = await ask(path, { method });
    t.equal(response.status, 405);
    t.equal(response.headers.get('allow'), allow);
  }
});

void t.test('a refusal that cannot be recorded is answered by what recording it came to', async (t) => {
  const { ask, corridor } = await openServer(t);
  corridor.record = () => new WeirError('log-unavailable');
  const response = await ask('/nothing');
  t.equal(response.status, 503);
  t.ok(response.headers.get('retry-after'));
});

void t.test('the client address is the socket unless a trusted proxy says otherwise', async (t) => {
  const plain = await openServer(t);
  await plain.ask('/rest/orders', { headers: { 'x-forwarded-for': '203.0.113.9' } });
  t.equal(plain.corridor.passed[0]?.address, '127.0.0.1');

  const behind = await openServer(t, { http: { trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] } });
  const addresses = async (forwarded: string) => {
    behind.corridor.passed.length = 0;
    await behind.ask('/rest/orders', { headers: { 'x-forwarded-for': forwarded } });
    return behind.corridor.passed[0]?.address;
  };
  t.equal(await addresses('203.0.113.9'), '203.0.113.9');
  t.equal(
    await addresses('198.51.100.1, 203.0.113.9, 10.0.0.7'),
    '203.0.113.9',
    'what the client itself wrote is not believed',
  );
  t.equal(await addresses('<script>'), '127.0.0.1', 'what is no address is not believed');
  t.equal(await addresses('2001:db8::1'), '2001:db8::1');
});

void t.test('the role that the caller names goes along', async (t) => {
  const { ask, corridor } = await openServer(t);
  await ask('/rest/orders', { headers: { 'weir-role': 'analyst' } });
  await ask('/rest/orders');
  t.strictSame(
    corridor.passed.map(({ namedRole }) => namedRole),
    ['analyst', undefined],
  );
});

void t.test('each request is observed once, by its template and without values', async (t) => {
  const { ask, corridor, seen, observed } = await openServer(t);
  corridor.answer = () =>
    rowsAnswer([
      ['1', 'a'],
      ['2', 'b'],
    ]);
  const response = await ask('/rest/orders?receiver_phone=eq.13812341234');
  await response.text();
  const id = response.headers.get('weir-request-id');
  const observation = await seen((each) => each.event === 'request' && each.requestId === id);
  t.match(observation, { route: 'GET /rest/:table', status: 200, code: undefined, records: 2 });
  t.ok(observation.event === 'request' && observation.milliseconds >= 0 && observation.milliseconds < 10_000);
  await (await ask('/13812341234')).text();
  await seen((each) => each.event === 'request' && each.code === 'route-unknown');
  t.notMatch(JSON.stringify(observed), /13812341234/);
  t.equal(observed.filter((each) => each.event === 'request' && each.requestId === id).length, 1);
});

void t.test('more requests than may run are turned away at once, and let in again later', async (t) => {
  const { ask, corridor, url } = await openServer(t, { http: { maxConcurrent: 2 } });
  const held: (() => void)[] = [];
  let running: () => void = () => {};
  const bothRun = new Promise<void>((resolve) => (running = resolve));
  corridor.answer = async () => {
    await new Promise<void>((resolve) => {
      held.push(resolve);
      if (held.length === 2) running();
    });
    return rowsAnswer([]);
  };
  const first = [ask('/rest/orders'), ask('/rest/orders')];
  await within(bothRun, 'two running requests');
  const busy = await ask('/rest/orders');
  t.equal(busy.status, 503);
  t.equal(busy.headers.get('retry-after'), '1');
  t.match(await problem(busy), { code: '53300' });
  t.equal((await fetch(`${url}/readyz`)).status, 200, 'health is answered all the same');
  for (const release of held) release();
  for (const response of await Promise.all(first)) t.equal(response.status, 200);
  corridor.answer = () => rowsAnswer([]);
  t.equal((await ask('/rest/orders')).status, 200);
});

void t.test('readiness gives its reasons; a check that fails is a reason', async (t) => {
  let ready: () => Promise<{ ok: boolean; reasons: string[] }> = async () => ({
    ok: false,
    reasons: ['policies: no valid set'],
  });
  const { url, seen } = await openServer(t, { ready: () => ready() });
  const response = await fetch(`${url}/readyz`);
  t.equal(response.status, 503);
  t.strictSame(await response.json(), { status: 'not-ready', reasons: ['policies: no valid set'] });
  ready = () => Promise.reject(new Error('secret'));
  t.notMatch(await (await fetch(`${url}/readyz`)).text(), /secret/);
  await seen((each) => each.event === 'failure' && each.where === 'readiness');
  ready = async () => ({ ok: true, reasons: [] });
  t.equal((await fetch(`${url}/readyz`)).status, 200);
  t.match(await (await fetch(`${url}/metrics`)).text(), /weir_requests_total/);
});

void t.test('a stop lets running requests finish and turns new ones away', async (t) => {
  const { app, ask, corridor, port, token } = await openServer(t);
  let release: () => void = () => {};
  let started: () => void = () => {};
  const running = new Promise<void>((resolve) => (started = resolve));
  corridor.answer = async () => {
    started();
    await new Promise<void>((resolve) => (release = resolve));
    return rowsAnswer([['1', 'a']]);
  };
  const authorization = `Authorization: Bearer ${await token()}`;
  const idle = await openSocket(port);
  const silent = await openSocket(port);
  idle.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
  await new Promise((resolve) => idle.once('data', resolve));
  const pipelined = await openSocket(port);
  pipelined.write(`GET /rest/orders HTTP/1.1\r\nHost: a\r\n${authorization}\r\n\r\n`);
  const everything = readAll(pipelined);
  await within(running, 'the running request');

  const ends = [readAll(idle), readAll(silent)];
  const closed = app.close();
  await within(Promise.all(ends), 'the end of the connections that nobody waits on');
  pipelined.write(`GET /rest/orders HTTP/1.1\r\nHost: a\r\n${authorization}\r\n\r\n`);
  pipelined.write('GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n');
  await t.rejects(ask('/rest/orders'), 'no new connections');
  release();
  const text = await within(everything, 'the end of the connection');
  t.match(text, /^HTTP\/1\.1 200 OK/);
  t.match(text, /\[\{"order_id":1/);
  await within(closed, 'the end of the stop');
  t.equal(corridor.passed.length, 1);
});

void t.test('a request that comes while the server drains gets 503 draining', async (t) => {
  const { app, ask, url } = await openServer(t, { http: { drainDelayMs: 300 } });
  await ask('/rest/orders');
  const closed = app.close();
  const response = await ask('/rest/orders');
  t.equal(response.status, 503);
  t.equal((await problem(response)).code, '57P01');
  t.equal(response.headers.get('connection'), 'close');
  t.strictSame(await (await fetch(`${url}/readyz`)).json(), { status: 'not-ready', reasons: ['draining'] });
  t.equal((await fetch(`${url}/healthz`)).status, 200);
  await within(closed, 'the end of the stop');
});

void t.test('a stop does not wait for ever', async (t) => {
  const { app, ask, corridor } = await openServer(t, { http: { drainTimeoutMs: 50 } });
  let started: () => void = () => {};
  const running = new Promise<void>((resolve) => (started = resolve));
  corridor.answer = ({ signal }) => {
    started();
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new WeirError('upstream-slow')));
    });
  };
  const cut = ask('/rest/orders');
  await within(running, 'the running request');
  await Promise.all([t.rejects(cut), within(app.close(), 'the end of the stop')]);
});

void t.test('an exchange ends once, however often its end is told', async (t) => {
  let ends = 0;
  const traffic = new Traffic(1, () => (ends += 1));
  const { EventEmitter } = await import('node:events');
  const response = Object.assign(new EventEmitter(), { writableFinished: false });
  const exchange = new Exchange('id', 'GET /', 'weir', true, { socket: {} } as never, response as never);
  traffic.begin(exchange);
  t.equal(traffic.running, 1);
  response.emit('close');
  response.emit('close');
  t.equal(traffic.running, 0);
  t.equal(ends, 1);
  t.ok(exchange.signal.aborted, 'also for those who ask for the signal afterwards');
});
