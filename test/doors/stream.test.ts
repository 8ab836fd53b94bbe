import { once } from 'node:events';
import type { ReleasedRows } from '../../src/access.js';
import t from 'tap';
import { LimitReached, WeirError } from '../../src/errors.js';
import {
  chunkedAnswer,
  openServer,
  openSocket,
  readAll,
  rowsAnswer,
  textColumns,
  within,
} from './open-server.js';

const row = (id: number, name = '张**'): [string, string] => [String(id), name];

void t.test('a short answer is one piece with its length', async (t) => {
  const { ask, corridor } = await openServer(t);
  corridor.answer = () => rowsAnswer([row(1), ['2', null]]);
  const response = await ask('/rest/orders');
  const text = await response.text();
  t.equal(text, '[{"order_id":1,"receiver_name":"张**"},\n {"order_id":2,"receiver_name":null}]');
  t.equal(response.headers.get('content-length'), String(Buffer.byteLength(text)));
  t.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
  t.equal(response.headers.get('content-range'), '0-1/*');
  t.equal(response.headers.get('weir-cut'), null);
});

void t.test('an empty answer is an empty array', async (t) => {
  const { ask } = await openServer(t);
  const response = await ask('/rest/orders');
  t.equal(await response.text(), '[]');
  t.equal(response.headers.get('content-range'), '*/*');
});

void t.test('a count makes 206 of a part, 200 of the whole and 416 of nothing', async (t) => {
  const { ask, corridor } = await openServer(t);
  const headers = { prefer: 'count=exact' };
  corridor.answer = () => rowsAnswer([row(1), row(2)], { total: 3573 });
  const part = await ask('/rest/orders?limit=2&offset=10', { headers });
  t.equal(part.status, 206);
  t.equal(part.headers.get('content-range'), '10-11/3573');
  t.equal(part.headers.get('preference-applied'), 'count=exact');
  t.match(corridor.passed[0], { plan: { count: true, limit: 2, offset: 10 } });

  corridor.answer = () => rowsAnswer([row(1), row(2)], { total: 2 });
  const all = await ask('/rest/orders', { headers });
  t.equal(all.status, 200);
  t.equal(all.headers.get('content-range'), '0-1/2');

  let returned = false;
  corridor.answer = () => {
    const answer = rowsAnswer([], { total: 5 });
    const end = answer.chunks.return.bind(answer.chunks);
    answer.chunks.return = (value) => {
      returned = true;
      return end(value);
    };
    return answer;
  };
  const behind = await ask('/rest/orders?offset=100', { headers });
  t.equal(behind.status, 416);
  t.equal(behind.headers.get('content-range'), '*/5');
  t.match(await behind.json(), { type: 'urn:weir:error:range-unsatisfiable' });
  t.ok(returned, 'the answer is closed although nothing of it was sent');
});

void t.test('an answer that per_request cut says so', async (t) => {
  const { ask, corridor } = await openServer(t);
  corridor.answer = () => rowsAnswer([row(1), row(2)], { cutTo: 2 });
  const cut = await ask('/rest/orders');
  t.equal(cut.headers.get('weir-cut'), 'per_request=2');
  t.equal(cut.headers.get('content-range'), '0-1/*');
  corridor.answer = () => rowsAnswer([row(1)], { cutTo: 2 });
  t.equal(
    (await ask('/rest/orders')).headers.get('weir-cut'),
    null,
    'an answer that has fewer rows was not cut',
  );
});

void t.test('CSV comes as a file of text', async (t) => {
  const { ask, corridor } = await openServer(t);
  corridor.answer = () => chunkedAnswer([[row(1, 'a "b"')], [['2', null]], []]);
  const response = await ask('/rest/orders', { headers: { accept: 'text/csv' } });
  t.equal(response.headers.get('content-type'), 'text/csv; charset=utf-8');
  t.equal(await response.text(), 'order_id,receiver_name\r\n1,"a ""b"""\r\n2,\r\n');
  t.match(corridor.passed[0]?.plan, { overflow: 'refuse', encoding: 'text' });
});

void t.test('a long answer is streamed whole, and counted', async (t) => {
  const { ask, corridor, seen } = await openServer(t);
  const chunks = Array.from({ length: 50 }, (_each, chunk) =>
    Array.from({ length: 100 }, (_row, index) => row(chunk * 100 + index)),
  );
  corridor.answer = () => chunkedAnswer(chunks, { total: 9000, cutTo: 5000 });
  const response = await ask('/rest/orders');
  t.equal(response.status, 206);
  t.equal(response.headers.get('content-range'), '0-4999/9000');
  t.equal(response.headers.get('weir-cut'), 'per_request=5000');
  t.ok(response.headers.get('weir-request-id'));
  t.equal(response.headers.get('cache-control'), 'no-store');
  const rows = (await response.json()) as { order_id: number }[];
  t.strictSame(
    rows.map(({ order_id }) => order_id),
    Array.from({ length: 5000 }, (_each, index) => index),
  );
  t.match(await seen((each) => each.event === 'request'), { records: 5000, status: 206 });
});

void t.test(
  'chunks that are released only as the client takes them: memory does not grow with a slow reader',
  async (t) => {
    const { port, token, corridor } = await openServer(t);
    const big = 'x'.repeat(1_000);
    let produced = 0;
    let returned: () => void = () => {};
    const closed = new Promise<void>((resolve) => (returned = resolve));
    corridor.answer = () => {
      async function* chunks(): AsyncGenerator<ReleasedRows, void, void> {
        try {
          for (;;) {
            produced += 1;
            yield { values: Array.from({ length: 100 }, (_each, index) => row(index, big)), last: false };
          }
        } finally {
          returned();
        }
      }
      return { columns: textColumns, total: undefined, cutTo: undefined, chunks: chunks() };
    };
    const socket = await openSocket(port);
    socket.pause();
    socket.write(`GET /rest/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${await token()}\r\n\r\n`);
    const settled = await stillness(() => produced);
    // What the two kernels' socket buffers hold, and one chunk; without back-pressure this would run into gigabytes.
    t.ok(
      settled * 100_000 < 30_000_000,
      `${settled} chunks of 100 kB were made for a client that reads nothing`,
    );
    socket.resume();
    await within(
      waitFor(() => produced > settled),
      'further chunks once the client reads',
    );
    socket.destroy();
    await within(closed, 'the end of the generator');
  },
);

void t.test('a client that takes nothing for too long is let go, and the cursor with it', async (t) => {
  const { port, token, corridor } = await openServer(t, { stallTimeoutMs: 200 });
  let returned: () => void = () => {};
  const closed = new Promise<void>((resolve) => (returned = resolve));
  corridor.answer = () => {
    async function* chunks(): AsyncGenerator<ReleasedRows, void, void> {
      try {
        for (;;)
          yield {
            values: Array.from({ length: 100 }, (_each, index) => row(index, 'x'.repeat(1_000))),
            last: false,
          };
      } finally {
        returned();
      }
    }
    return { columns: textColumns, total: undefined, cutTo: undefined, chunks: chunks() };
  };
  const socket = await openSocket(port);
  socket.pause();
  socket.write(`GET /rest/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${await token()}\r\n\r\n`);
  await within(closed, 'the end of the generator');
  t.pass();
  socket.destroy();
});

void t.test('a failure in the middle breaks the answer off: it never looks complete', async (t) => {
  const { port, ask, token, corridor, seen } = await openServer(t);
  const limit = new LimitReached({
    limit: '500 records per day',
    max: 500,
    remaining: 0,
    windowSeconds: 1,
    retryAfterSeconds: 1,
  });
  for (const failure of [limit, new Error('secret of the database')]) {
    corridor.answer = () => {
      async function* chunks(): AsyncGenerator<ReleasedRows, void, void> {
        yield { values: [row(1), row(2)], last: false };
        yield { values: [row(3)], last: false };
        throw failure;
      }
      return { columns: textColumns, total: undefined, cutTo: undefined, chunks: chunks() };
    };
    const response = await ask('/rest/orders');
    t.equal(response.status, 200);
    await t.rejects(response.text(), 'a client of HTTP/1.1 sees an error');

    const csv = await openSocket(port);
    const everything = readAll(csv);
    csv.write(
      `GET /rest/orders HTTP/1.1\r\nHost: a\r\nAccept: text/csv\r\nAuthorization: Bearer ${await token()}\r\n\r\n`,
    );
    const text = await within(everything, 'the end of the connection');
    t.notMatch(text, /\r\n0\r\n\r\n$/, 'the last chunk is missing');
    t.notMatch(text, /secret|urn:weir/, 'and nothing of the failure stands among the rows');
    const code = failure === limit ? 'limit-reached' : 'internal';
    t.match(await seen((each) => each.event === 'request' && each.code === code), {
      status: 200,
      records: 3,
    });
  }
  t.match(await seen((each) => each.event === 'failure'), {
    where: 'GET /rest/:table',
    error: { message: 'secret of the database' },
  });
});

void t.test('over HTTP/1.0, where the end of the connection ends the answer, it is reset', async (t) => {
  const { port, token, corridor } = await openServer(t);
  corridor.answer = () => {
    async function* chunks(): AsyncGenerator<ReleasedRows, void, void> {
      yield { values: [row(1)], last: false };
      throw new WeirError('upstream-down');
    }
    return { columns: textColumns, total: undefined, cutTo: undefined, chunks: chunks() };
  };
  const socket = await openSocket(port);
  const failed = once(socket, 'error');
  socket.write(`GET /rest/orders HTTP/1.0\r\nAuthorization: Bearer ${await token()}\r\n\r\n`);
  socket.resume();
  t.match(await within(failed, 'the reset'), [{ code: 'ECONNRESET' }]);
});

void t.test('when the client goes, the signal aborts and the generator is returned', async (t) => {
  const { port, token, corridor, seen, observed } = await openServer(t);
  let returned: () => void = () => {};
  const closed = new Promise<void>((resolve) => (returned = resolve));
  let signal: AbortSignal | undefined;
  corridor.answer = (request) => {
    signal = request.signal;
    async function* chunks(): AsyncGenerator<ReleasedRows, void, void> {
      try {
        yield { values: [row(1)], last: false };
        // The order database takes its time; only the signal ends the wait.
        await once(request.signal as never, 'abort');
        throw new WeirError('upstream-slow', { cause: new Error('cancelled') });
      } finally {
        returned();
      }
    }
    return { columns: textColumns, total: undefined, cutTo: undefined, chunks: chunks() };
  };
  const socket = await openSocket(port);
  socket.write(`GET /rest/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${await token()}\r\n\r\n`);
  await once(socket, 'data');
  t.equal(signal?.aborted, false);
  socket.destroy();
  await within(closed, 'the end of the generator');
  t.equal(signal?.aborted, true);
  await seen((each) => each.event === 'request');
  t.equal(
    observed.filter(({ event }) => event === 'failure').length,
    0,
    'a client that leaves is no failure of the gateway',
  );
});

void t.test('a client that goes before the first row aborts the read', async (t) => {
  const { port, token, corridor, seen } = await openServer(t);
  let started: () => void = () => {};
  const running = new Promise<void>((resolve) => (started = resolve));
  corridor.answer = async ({ signal }) => {
    started();
    await once(signal as never, 'abort');
    throw new WeirError('upstream-slow');
  };
  const socket = await openSocket(port);
  socket.write(`GET /rest/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${await token()}\r\n\r\n`);
  await within(running, 'the read');
  socket.destroy();
  t.match(await seen((each) => each.event === 'request'), { route: 'GET /rest/:table', records: 0 });
});

void t.test('the signal of a request that was answered stays quiet', async (t) => {
  const { ask, corridor, seen } = await openServer(t);
  corridor.answer = () => rowsAnswer([row(1)]);
  await (await ask('/rest/orders')).text();
  await seen((each) => each.event === 'request');
  t.equal(corridor.passed[0]?.signal.aborted, false);
});

/** The value that a counter has once it has not moved for a while. */
async function stillness(read: () => number): Promise<number> {
  let last = -1;
  let since = performance.now();
  await waitFor(() => {
    if (read() !== last || last <= 0) {
      last = read();
      since = performance.now();
    }
    return performance.now() - since > 400;
  });
  return last;
}

async function waitFor(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error('it did not come');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
