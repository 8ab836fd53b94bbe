/** What makes the load and what is raised for it: the reader of answers, and the policies of a measurement. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import t from 'tap';
import { maskedExportRole, raised, writeBenchPolicies } from '../../bench/bench-policies.js';
import { AnswerReader, type HttpAnswer } from '../../bench/subjects/answer-reader.js';
import { translate } from '../../bench/subject-code.js';
import { loadPolicies } from '../../src/policy/load.js';
import { policiesDirectory } from '../support/gateway.js';

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

void t.test("answers of node's own server are read, whatever pieces they come in", async (t) => {
  const bodies = ['', 'x', '[{"order_no":"WR1","name":"张**"}]', 'y'.repeat(200_000)];
  const server = createServer((request, response) => {
    const body = bodies[Number(request.url!.slice(1))]!;
    response.writeHead(body === '' ? 404 : 200, { 'content-length': Buffer.byteLength(body) }).end(body);
  });
  t.teardown(() => new Promise((resolve) => server.close(resolve)));
  const port = await listen(server);
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  const reader = new AnswerReader();
  for (const [number, body] of bodies.entries()) {
    const answer = new Promise<HttpAnswer>((resolve, reject) => {
      const take = (chunk: Buffer): void => {
        // Byte by byte where that is quick enough.
        const pieces = chunk.length < 1_000 ? [...chunk].map((byte) => Buffer.from([byte])) : [chunk];
        try {
          for (const piece of pieces) {
            const found = reader.take(piece);
            if (found === undefined) continue;
            socket.off('data', take);
            resolve(found);
          }
        } catch (error) {
          reject(error);
        }
      };
      socket.on('data', take);
    });
    socket.write(`GET /${number} HTTP/1.1\r\nhost: t\r\n\r\n`);
    const { status, body: received } = await answer;
    t.equal(status, body === '' ? 404 : 200);
    t.equal(received.toString(), body);
  }
});

void t.test('an answer that it does not know is an error, not a wait', async (t) => {
  const take = (text: string) => new AnswerReader().take(Buffer.from(text));
  t.throws(() => take('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'));
  t.throws(() => take('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab'));
  t.equal(take('HTTP/1.1 200 OK\r\ncontent-le'), undefined);
});

void t.test('limits are raised and never left out', async (t) => {
  t.equal(raised('60 per minute'), '999999999 per minute');
  t.same(raised(['500 per day', { limit: '20000 per day', scope: 'orders.export' }]), [
    '999999999 per day',
    { limit: '999999999 per day', scope: 'orders.export' },
  ]);
});

void t.test("a measurement's policies are sound, and the project's own stay as they are", async (t) => {
  const before = await readFile(path.join(policiesDirectory, 'roles', 'support-agent.yaml'), 'utf8');
  const directory = await mkdtemp(path.join(tmpdir(), 'weir-bench-policies-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await writeBenchPolicies(directory);
  const [own, bench] = [await loadPolicies(policiesDirectory), await loadPolicies(directory)];
  for (const [name, role] of own.set.roles) {
    const twin = bench.set.roles.get(name)!;
    t.same(
      twin.limits.map(({ count, window, max }) => [count, window, max]),
      role.limits
        .filter(({ per }) => per === undefined)
        .map(({ count, window }) => [count, window, 999_999_999]),
      name,
    );
    t.same(twin.tables, role.tables, `${name} sees what it always sees`);
  }
  const exporting = bench.set.roles.get(maskedExportRole)!.tables.get('orders')!;
  t.ok(exporting.browse);
  t.same(exporting.see, own.set.roles.get('support-agent')!.tables.get('orders')!.see);
  t.equal(await readFile(path.join(policiesDirectory, 'roles', 'support-agent.yaml'), 'utf8'), before);
});

void t.test('what is measured imports the build, not the source', async (t) => {
  const source = [
    "import { AccessLog } from '../../src/log/access-log.js';",
    "import type { Decision } from '../../src/access.js';",
    "import { latenciesOf } from '../statistics.js';",
    'export const used: [typeof AccessLog, Decision | undefined] = [AccessLog, undefined];',
    'latenciesOf(new Float64Array(1));',
  ].join('\n');
  const code = translate(source, '/somewhere/dist');
  t.match(code, /import \{ AccessLog \} from 'file:\/\/\/somewhere\/dist\/log\/access-log\.js'/);
  t.match(code, /from '\.\.\/statistics\.js'/);
  t.notMatch(code, /src\/|Decision/);
});
