/**
 * Clients of the proxy door that do not play by the rules, byte by byte over sockets of their own: nothing that they
 * send reaches the service by another way than through what was checked, and nothing is sent twice.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { json, openSite, shipment } from './proxy-site.js';

const site = await openSite(t, {
  config: (config) => ({ ...config, http: { ...config.http, requestTimeoutMs: 1_000 } }),
});
const { upstream } = site;
upstream.answer = json(shipment);
const { hostname, port } = new URL(site.address);
const bearer = await site.token({ role: 'clerk', sub: 'raw' });
const patch = 'PATCH /fulfilment/shipments/17 HTTP/1.1';
const get = 'GET /fulfilment/shipments/17 HTTP/1.1';

/** Sends, and @returns everything that comes until the other side closes. */
async function say(start: string, headers: readonly string[], body = ''): Promise<string> {
  const socket = connect(Number(port), hostname);
  let heard = '';
  socket.on('data', (part: Buffer) => (heard += part.toString()));
  socket.on('error', () => undefined);
  socket.write([start, 'Host: weir', `Authorization: Bearer ${bearer}`, ...headers, '', body].join('\r\n'));
  await once(socket, 'close');
  return heard;
}

const statuses = (heard: string): string[] =>
  [...heard.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status!);

for (const [title, start, headers, body, expected] of [
  [
    'an upgrade',
    get,
    [
      'Connection: Upgrade, close',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ],
    '',
    ['400'],
  ],
  [
    'a length and chunks',
    patch,
    ['Content-Type: application/json', 'Content-Length: 4', 'Transfer-Encoding: chunked'],
    '0\r\n\r\nGET /fulfilment/shipments/18 HTTP/1.1\r\nHost: weir\r\n\r\n',
    ['400'],
  ],
  [
    'two lengths',
    patch,
    ['Content-Type: application/json', 'Content-Length: 4', 'Content-Length: 40'],
    '{"status":"x"}',
    ['400'],
  ],
  [
    'chunks by another name',
    patch,
    ['Content-Type: application/json', 'Transfer-Encoding: xchunked'],
    '0\r\n\r\n',
    ['400'],
  ],
  [
    'a bad chunk',
    patch,
    ['Content-Type: application/json', 'Transfer-Encoding: chunked'],
    'zz\r\n{}\r\n0\r\n\r\n',
    ['400'],
  ],
  ['a header folded over lines', get, ['X-A: b', ' c', 'Connection: close'], '', ['400']],
  [
    'a body behind a GET',
    get,
    ['Content-Length: 60', 'Connection: close'],
    'GET /fulfilment/shipments/18 HTTP/1.1\r\nHost: weir\r\n\r\n'.padEnd(60, ' '),
    ['400'],
  ],
  ['headers of 20 KB', get, [`X-A: ${'a'.repeat(20_000)}`], '', ['414']],
  [
    '200 headers',
    get,
    [...Array.from({ length: 200 }, (_, n) => `X-${n}: 1`), 'Connection: close'],
    '',
    ['400'],
  ],
  [
    'a body that stops coming',
    patch,
    ['Content-Type: application/json', 'Content-Length: 60'],
    '{"status":',
    ['400'],
  ],
  [
    'a body longer than the bound, in chunks',
    patch,
    ['Content-Type: application/json', 'Transfer-Encoding: chunked'],
    `fffff\r\n{"status":"${'x'.repeat(100_000)}`,
    ['414'],
  ],
  [
    'an address that climbs',
    'GET /fulfilment/shipments/../../rest/orders HTTP/1.1',
    ['Connection: close'],
    '',
    ['404'],
  ],
  [
    'an encoded address that climbs',
    'GET /fulfilment/shipments/%2e%2e/x HTTP/1.1',
    ['Connection: close'],
    '',
    ['404'],
  ],
  ['an encoded prefix', 'GET /%66ulfilment/shipments/..%2f17 HTTP/1.1', ['Connection: close'], '', ['404']],
  [
    'an encoded slash in the prefix',
    'GET /fulfilment%2fshipments/17 HTTP/1.1',
    ['Connection: close'],
    '',
    ['404'],
  ],
  [
    'an address of another host',
    'GET http://elsewhere/fulfilment/shipments/.. HTTP/1.1',
    ['Connection: close'],
    '',
    ['404'],
  ],
] as readonly (readonly [string, string, readonly string[], string, readonly string[]])[]) {
  void t.test(`${title} never reaches the service`, async (t) => {
    upstream.asked.length = 0;
    t.same(statuses(await say(start, headers, body)), expected);
    t.same(upstream.asked, []);
  });
}

void t.test('headers that a client wants stripped, or added, are as the gateway has them', async (t) => {
  upstream.asked.length = 0;
  const heard = await say(get, [
    'Connection: close, host, accept, weir-request-id',
    'Keep-Alive: timeout=5',
    'TE: trailers',
    'Trailer: x-a',
    'Proxy-Authorization: Basic eA==',
    'Proxy-Connection: keep-alive',
    'Weir-Principal: forged',
    'Weir-Request-Id: forged',
    'X-Forwarded-Host: elsewhere',
    'X-Original-URL: /admin',
  ]);
  t.same(statuses(heard), ['200']);
  const [{ headers }] = upstream.asked as [(typeof upstream.asked)[number]];
  t.same(Object.keys(headers).sort(), [
    'accept',
    'accept-encoding',
    'connection',
    'host',
    'weir-principal',
    'weir-request-id',
  ]);
  t.equal(headers.host, new URL(upstream.url).host);
  t.not(headers['weir-request-id'], 'forged');
  t.match(headers['weir-principal'], /^ey/);
});

void t.test('a body that waits to be asked for is asked for, and arrives', async (t) => {
  upstream.asked.length = 0;
  const body = '{"status":"held"}';
  const heard = await say(
    patch,
    [
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      'Expect: 100-continue',
      'Connection: close',
    ],
    body,
  );
  t.same(statuses(heard), ['100', '200']);
  t.match(upstream.asked, [{ body }]);
});

void t.test('a client that goes leaves no call behind, and is on the log', async (t) => {
  await site.news();
  upstream.asked.length = 0;
  let answer: (() => void) | undefined;
  const arrived = new Promise<void>((resolve) => {
    upstream.answer = (request, response, body) => {
      answer = () => json(shipment)(request, response, body);
      resolve();
    };
  });
  const socket = connect(Number(port), hostname);
  socket.write([get, 'Host: weir', `Authorization: Bearer ${bearer}`, '', ''].join('\r\n'));
  await arrived;
  const gone = once(socket, 'close');
  socket.destroy();
  await gone;
  await site.observedRequest('GET /fulfilment/shipments/:id');
  answer!();
  let news = await site.news();
  while (news.length === 0) news = await site.news();
  t.match(news, [{ kind: 'refusal', error: 'service-failed' }]);
  upstream.answer = json(shipment);
  t.equal((await site.ask('clerk', '/fulfilment/shipments/17')).status, 200);
});

void t.test('the whole log verifies', async (t) => {
  t.same(await site.faults(), []);
});
