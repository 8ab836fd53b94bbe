/**
 * Services that fail in every way that we know: each is refused in our own words, with a status that says whose
 * business it is, is on the log, leaves no connection open, and takes no memory to speak of.
 */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import type { Teardown } from '../support/cluster.js';
import { json, openSite, shipment, type Handler } from './proxy-site.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const bounds = { timeoutMs: 1_500, connectTimeoutMs: 5_000, maxAnswerBytes: 50_000, connections: 20 };
const site = await openSite(t, {
  config: (config) => ({
    ...config,
    http: { ...config.http, requestTimeoutMs: 1_500 },
    services: { ...config.services, ...bounds },
  }),
});
const { upstream } = site;

async function told(url = '/fulfilment/shipments/17', role = 'agent'): Promise<string> {
  const response = await site.ask(role, url);
  const text = await response.text();
  if (/13812341234|文三路|ECONN|127\.0\.0\.1|secret/.test(text)) return `leaked: ${text}`;
  const { type = 'an answer' } = JSON.parse(text) as { type?: string };
  return `${response.status} ${type.replace('urn:weir:error:', '')}`;
}

const typed = (type: string | string[] | undefined, body: string | Buffer, headers = {}): Handler => {
  return (_request, response) => {
    response.writeHead(200, { ...(type === undefined ? {} : { 'content-type': type }), ...headers });
    response.end(body);
  };
};
const whole = JSON.stringify(shipment);

const unfit: readonly (readonly [string, Handler])[] = [
  ['no type', typed(undefined, whole)],
  ['another type', typed('text/html', whole)],
  ['a type that begins alike', typed('application/jsonp', whole)],
  ['another charset', typed('application/json; charset=gbk', whole)],
  ['compressed', typed('application/json', gzipSync(whole), { 'content-encoding': 'gzip' })],
  ['not JSON', typed('application/json', '<html>13812341234')],
  ['half of it', typed('application/json', whole.slice(0, -5))],
  ['two documents', typed('application/json', whole + whole)],
  ['a byte order mark', typed('application/json', `\uFEFF${whole}`)],
  ['no UTF-8', typed('application/json', Buffer.from('{"id":17,"status":"s\xffnt"}', 'latin1'))],
  ['duplicate keys', typed('application/json', whole.replace('{', '{"id":18,'))],
  ['a lone surrogate', typed('application/json', whole.replace('sent', '\\ud800'))],
  ['a NUL', typed('application/json', whole.replace('sent', '\\u0000'))],
  ['a list instead of a record', json([shipment])],
  ['a record without its key', json({ ...shipment, id: undefined })],
  ['a key that is null', json({ ...shipment, id: null })],
  ['an object where a value belongs', json({ ...shipment, status: { phone: '13812341234' } })],
  ['nothing', typed('application/json', '')],
  ['nothing, by 204', (_request, response) => response.writeHead(204).end()],
  ['a part of it, by 206', json(shipment, 206)],
  ['a redirect', json(shipment, 302, { location: 'http://127.0.0.1/13812341234' })],
  ['not modified', (_request, response) => response.writeHead(304).end()],
  ['more than the bound, announced', typed('application/json', `{"id":17,"note":"${'x'.repeat(60_000)}"}`)],
  ['more than the bound, in chunks', chunks((_, n) => (n < 100 ? 'x'.repeat(1_000) : undefined))],
];

function chunks(next: (response: ServerResponse, n: number) => string | undefined): Handler {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    let n = 0;
    const more = (): void => {
      if (response.destroyed) return;
      const text = next(response, n++);
      if (text === undefined) response.end();
      else response.write(text, () => setImmediate(more));
    };
    more();
  };
}

for (const [title, answer] of unfit) {
  void t.test(`an answer that is not what the route declares is refused: ${title}`, async (t) => {
    upstream.answer = answer;
    t.equal(await told(), '502 service-answer-unfit');
    t.match(await site.news(), [
      { kind: 'refusal', error: 'service-answer-unfit', route: 'GET /fulfilment/shipments/:id' },
    ]);
  });
}

void t.test('a list without its records is refused', async (t) => {
  for (const value of [{}, { data: null }, { data: {} }, { data: [[]] }, []]) {
    upstream.answer = json(value);
    t.equal(await told('/fulfilment/shipments', 'clerk'), '502 service-answer-unfit');
  }
  await site.news();
});

void t.test("a service's own errors are told in our words, once, without a second try", async (t) => {
  for (const [status, expected] of [
    [400, '422 service-refused'],
    [401, '502 service-failed'],
    [403, '502 service-failed'],
    [404, '404 record-not-found'],
    [409, '409 service-conflict'],
    [410, '404 record-not-found'],
    [422, '422 service-refused'],
    [429, '502 service-unavailable'],
    [500, '502 service-failed'],
    [503, '502 service-unavailable'],
    [504, '504 service-timeout'],
  ] as const) {
    upstream.asked.length = 0;
    upstream.answer = json({ secret: '13812341234' }, status, {
      'retry-after': '0',
      'x-total-count': 'secret',
    });
    t.equal(await told(), expected);
    t.equal(upstream.asked.length, 1, `${status} is asked once`);
    t.equal((await site.news()).length, 1, 'one entry');
  }
});

/** A service that speaks for itself, byte by byte. */
async function rawService(t: Teardown, onRequest: (socket: Socket) => void): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => onRequest(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  upstream.answer = (request, response) => {
    // The door talks to one address; this one hands its bytes through to the service of the test.
    const { socket } = request;
    const through = connect(port, '127.0.0.1');
    through.on('error', () => socket.destroy());
    socket.on('error', () => through.destroy());
    response.detachSocket(socket);
    through.pipe(socket);
    through.write('go');
    socket.once('close', () => through.destroy());
  };
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
}

const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';

for (const [title, expected, speak] of [
  ['closes before it answers', '502 service-unavailable', (socket) => socket.destroy()],
  ['says nothing', '504 service-timeout', () => undefined],
  ['stops in the head', '504 service-timeout', (socket) => socket.write(head)],
  ['closes in the head', '502 service-unavailable', (socket) => socket.end(head)],
  [
    'stops in the body',
    '504 service-timeout',
    (socket) => socket.write(`${head}content-length: 500\r\n\r\n${whole}`),
  ],
  [
    'closes in the body',
    '502 service-answer-unfit',
    (socket) => socket.end(`${head}content-length: 900\r\n\r\n${whole}`),
  ],
  [
    'announces less than it sends',
    '502 service-answer-unfit',
    (socket) => socket.end(`${head}content-length: 20\r\n\r\n${whole}`),
  ],
  [
    'announces two lengths',
    '502 service-answer-unfit',
    (socket) => socket.end(`${head}content-length: 20\r\ncontent-length: 30\r\n\r\n${whole}`),
  ],
  [
    'announces a length and chunks',
    '502 service-answer-unfit',
    (socket) => socket.end(`${head}content-length: 20\r\ntransfer-encoding: chunked\r\n\r\n14\r\n${whole}`),
  ],
  [
    'breaks off in a chunk',
    '502 service-answer-unfit',
    (socket) => socket.end(`${head}transfer-encoding: chunked\r\n\r\nfff\r\n${whole}`),
  ],
  ['sends no HTTP', '502 service-answer-unfit', (socket) => socket.end('SSH-2.0-OpenSSH\r\n')],
  [
    'sends 10,000 headers',
    '502 service-answer-unfit',
    (socket) =>
      socket.end(
        `${head}${Array.from({ length: 10_000 }, (_, n) => `x-${n}: ${n}\r\n`).join('')}content-length: 2\r\n\r\n{}`,
      ),
  ],
  [
    'sends one header without an end',
    '502 service-answer-unfit',
    (socket) => endless(socket, `${head}x-a: `, 'a'.repeat(1_000)),
  ],
  [
    'sends a body without an end',
    '502 service-answer-unfit',
    (socket) => endless(socket, `${head}\r\n{"id":17,"note":"`, 'a'.repeat(1_000)),
  ],
  [
    'sends a body drop by drop',
    '504 service-timeout',
    (socket) => drip(socket, `${head}\r\n{"id":17,"note":"`, 'a'),
  ],
  [
    'sends interim answers without an end',
    '504 service-timeout',
    (socket) => drip(socket, '', 'HTTP/1.1 103 Early Hints\r\n\r\n'),
  ],
  [
    'switches protocols',
    '502 service-unavailable',
    (socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n'),
  ],
] as readonly (readonly [string, string, (socket: Socket) => unknown])[]) {
  void t.test(`a service that ${title} is bounded, told and recorded`, async (t) => {
    await rawService(t, speak);
    t.equal(await told(), expected);
    const news = await site.news();
    t.match(news, [{ kind: 'refusal', error: expected.slice(4) }]);
    t.equal(news.length, 1);
  });
}

function endless(socket: Socket, first: string, rest: string): void {
  socket.write(first);
  const more = (): void => {
    if (!socket.destroyed) socket.write(rest, () => setImmediate(more));
  };
  more();
}

function drip(socket: Socket, first: string, drop: string): void {
  socket.write(first);
  const timer = setInterval(() => socket.write(drop), 20);
  socket.once('close', () => clearInterval(timer));
}

void t.test('a service that is down is told without its address', async (t) => {
  await upstream.stop();
  t.equal(await told(), '502 service-unavailable');
  t.match(await site.news(), [{ kind: 'refusal', error: 'service-unavailable' }]);
  await upstream.start();
  upstream.answer = json(shipment);
  t.equal(await told(), '200 an answer', 'and answers again once it is back');
  await site.news();
});

void t.test('more calls than connections are refused at once, and none is lost count of', async (t) => {
  const held: ServerResponse[] = [];
  upstream.answer = (_request, response) => held.push(response);
  const asking = Array.from({ length: 30 }, () => told());
  const answers = await Promise.all(asking);
  t.equal(answers.filter((each) => each === '503 busy').length, 10);
  t.equal(answers.filter((each) => each === '504 service-timeout').length, 20);
  upstream.answer = json(shipment);
  t.same(
    await Promise.all(Array.from({ length: 20 }, () => told())),
    Array.from({ length: 20 }, () => '200 an answer'),
    'every place is free again',
  );
  await site.news();
});

void t.test('memory stays flat over hundreds of endless answers', async (t) => {
  upstream.answer = chunks(() => 'x'.repeat(20_000));
  const ask = async (calls: number): Promise<void> => {
    for (let n = 0; n < calls; n += 10) await Promise.all(Array.from({ length: 10 }, () => told()));
    upstream.asked.length = 0;
    // What the test keeps of failures holds on to what their stacks saw.
    site.observed.length = 0;
  };
  const used = (): number => {
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  await ask(50);
  const before = used();
  await ask(200);
  // Half of what they would take if they stayed; sockets need a moment to close.
  const bound = before + (200 * bounds.maxAnswerBytes) / 2;
  const deadline = Date.now() + 30_000;
  while (used() > bound && Date.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
  t.ok(used() <= bound, `grew by ${used() - before} bytes`);
});

void t.test('the whole log verifies', async (t) => {
  t.same(await site.faults(), []);
});
