import { once } from 'node:events';
import t from 'tap';
import {
  chunkedAnswer,
  openServer,
  openSocket,
  readAll,
  rowsAnswer,
  sendRaw,
  within,
} from './open-server.js';

void t.test('what is no HTTP gets a problem of ours and the end of the connection', async (t) => {
  const { port, observed, corridor } = await openServer(t);
  const cases: [bytes: string | Buffer, status: number, code: string][] = [
    ['hello\r\n\r\n', 400, 'request-malformed'],
    ['GET /rest/orders HTTP/9.9\r\n\r\n', 400, 'request-malformed'],
    ['GET rest/orders HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'request-malformed'],
    ['BREW /rest/orders HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'request-malformed'],
    ['GET /rest/orders HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n', 400, 'request-malformed'],
    ['GET /rest/orders HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n', 400, 'request-malformed'],
    [
      'GET /rest/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
      'request-malformed',
    ],
    ['GET /rest/orders HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n', 400, 'request-malformed'],
    [
      'GET /rest/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      400,
      'request-malformed',
    ],
    [
      Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]),
      400,
      'request-malformed',
    ],
    [Buffer.from('GET /rest/orders?region=eq.华东 HTTP/1.1\r\nHost: a\r\n\r\n'), 400, 'request-malformed'],
    [`GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414, 'request-too-long'],
    [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 414, 'request-too-long'],
    ['CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n', 405, 'method-not-allowed'],
  ];
  for (const [bytes, status, code] of cases) {
    const answer = await sendRaw(port, bytes);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    const label = bytes.toString().slice(0, 60);
    t.match(head, new RegExp(`^HTTP/1\\.1 ${status} `), label);
    t.match(head, /content-type: application\/problem\+json/i);
    t.match(head, /weir-request-id: /i);
    t.match(head, /connection: close/i);
    t.match(JSON.parse(body), { type: `urn:weir:error:${code}`, status, code });
    t.notMatch(body, /HPE|llhttp|Parse Error|stack/);
  }
  t.equal(
    observed.filter((each) => each.event === 'request' && each.route === '(malformed)').length,
    cases.length,
  );
  t.equal(corridor.passed.length, 0);
});

void t.test('a request with a token but without sense is refused and recorded', async (t) => {
  const { port, token, corridor } = await openServer(t);
  const bearer = `Authorization: Bearer ${await token()}\r\nConnection: close\r\n`;
  const cases: [bytes: string, status: number, code: string][] = [
    [`GET /rest/orders HTTP/1.1\r\n${bearer}\r\n`, 400, 'request-malformed'],
    [
      `GET /rest/orders HTTP/1.1\r\nHost: a\r\n${bearer}Content-Length: 3\r\n\r\nabc`,
      400,
      'request-malformed',
    ],
    [
      `GET /rest/orders HTTP/1.1\r\nHost: a\r\n${bearer}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
      400,
      'request-malformed',
    ],
    [`GET /rest/orders?status=eq.a#b HTTP/1.1\r\nHost: a\r\n${bearer}\r\n`, 400, 'request-malformed'],
    [
      `POST /rest/orders HTTP/1.1\r\nHost: a\r\n${bearer}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n`,
      405,
      'method-not-allowed',
    ],
    [`GET /rest/orders?status=eq.%00 HTTP/1.1\r\nHost: a\r\n${bearer}\r\n`, 400, 'query-invalid'],
    [`TRACE / HTTP/1.1\r\nHost: a\r\n${bearer}\r\n`, 404, 'route-unknown'],
    [`PROPFIND /rest/orders HTTP/1.1\r\nHost: a\r\n${bearer}\r\n`, 405, 'method-not-allowed'],
    [`OPTIONS * HTTP/1.1\r\nHost: a\r\n${bearer}\r\n`, 404, 'route-unknown'],
  ];
  for (const [bytes, status, code] of cases) {
    corridor.refused.length = 0;
    const answer = await sendRaw(port, bytes);
    const label = bytes.replace(bearer, '').slice(0, 70);
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), label);
    t.match(answer, `urn:weir:error:${code}`);
    t.notMatch(answer, /100 Continue/);
    t.match(corridor.refused, [{ error: { code } }], label);
  }
  t.equal(corridor.passed.length, 0);
});

void t.test('a body on an open route is refused too', async (t) => {
  const { port } = await openServer(t);
  t.match(
    await sendRaw(port, 'GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx'),
    /^HTTP\/1\.1 400 /,
  );
});

void t.test(
  'what HTTP allows works: absolute addresses, upgrades that are not taken up, HTTP/1.0',
  async (t) => {
    const { port, token, corridor } = await openServer(t);
    corridor.answer = () => rowsAnswer([['1', '张**']]);
    const bearer = `Authorization: Bearer ${await token()}\r\nConnection: close\r\n`;
    for (const request of [
      `GET http://weir.example/rest/orders?region=eq.%E5%8D%8E%E4%B8%9C HTTP/1.1\r\nHost: weir.example\r\n${bearer}\r\n`,
      `GET /rest/%6Frders?region=eq.%E5%8D%8E%E4%B8%9C HTTP/1.1\r\nHost: a\r\n${bearer}Upgrade: websocket\r\n\r\n`,
      `GET /rest/orders?region=eq.%E5%8D%8E%E4%B8%9C HTTP/1.0\r\n${bearer}\r\n`,
    ]) {
      corridor.passed.length = 0;
      const answer = await sendRaw(port, request);
      t.match(answer, /^HTTP\/1\.1 200 /);
      t.match(answer, /content-length: /i);
      t.match(corridor.passed, [
        { route: 'GET /rest/orders', plan: { filters: [{ column: 'region', values: ['华东'] }] } },
      ]);
    }
  },
);

void t.test('a request that does not arrive in time is ended', async (t) => {
  const { port } = await openServer(t, { http: { requestTimeoutMs: 300 } });
  const socket = await openSocket(port);
  const everything = readAll(socket);
  socket.write('GET /rest/orders HTTP/1.1\r\nHost: a\r\nX-Slow: ');
  const answer = await within(everything, 'the end of the connection');
  t.match(answer, /^HTTP\/1\.1 400 /);
  t.match(answer, /did not arrive in time/);
});

void t.test('a posted query whose body breaks off in the middle of its framing is ended', async (t) => {
  const { port, token, corridor } = await openServer(t, { http: { requestTimeoutMs: 300 } });
  const head = `POST /rest/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${await token()}\r\nX-HTTP-Method-Override: GET\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n`;
  for (const body of ['5\r\nselec\r\nnot a length\r\n', '5\r\nsel']) {
    const socket = await openSocket(port);
    const everything = readAll(socket);
    socket.write(head + body);
    const answer = await within(everything, 'the end of the connection');
    t.match(answer, /^HTTP\/1\.1 400 /);
    t.match(answer, /connection: close/i);
  }
  t.equal(corridor.passed.length, 0);
});

void t.test('noise behind a request never lands in the middle of its answer', async (t) => {
  const { port, token, corridor } = await openServer(t);
  let reached: () => void = () => {};
  const streaming = new Promise<void>((resolve) => (reached = resolve));
  corridor.answer = () => {
    const { columns, total, cutTo } = chunkedAnswer([[]]);
    async function* chunks() {
      yield { values: [['1', 'a']], last: false };
      reached();
      await new Promise(() => {});
    }
    return { columns, total, cutTo, chunks: chunks() };
  };
  const socket = await openSocket(port);
  const everything = readAll(socket);
  socket.write(`GET /rest/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${await token()}\r\n\r\n`);
  await within(streaming, 'the stream');
  socket.write('garbage\r\n\r\n');
  const answer = await within(everything, 'the end of the connection');
  t.equal(answer.match(/HTTP\/1\.1/g)?.length, 1);
  t.notMatch(answer, /\r\n0\r\n\r\n$/, 'and the answer does not look complete');
});

void t.test(
  'requests in one pipeline are answered in order, and end when their connection is lost',
  async (t) => {
    const { port, token, corridor, seen } = await openServer(t);
    const signals: AbortSignal[] = [];
    let all: () => void = () => {};
    const arrived = new Promise<void>((resolve) => (all = resolve));
    corridor.answer = ({ signal }) => {
      signals.push(signal);
      if (signals.length === 3) all();
      return new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(new Error('gone'))),
      );
    };
    const socket = await openSocket(port);
    const request = `GET /rest/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${await token()}\r\n\r\n`;
    socket.write(request.repeat(3));
    await within(arrived, 'three requests');
    socket.destroy();
    await once(socket, 'close');
    await within(
      Promise.all(signals.map((signal) => signal.aborted || once(signal as never, 'abort'))),
      'three aborted signals',
    );
    await seen((each) => each.event === 'request');
    t.ok(signals.every(({ aborted }) => aborted));
  },
);
