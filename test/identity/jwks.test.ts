import { rename, rm, writeFile } from 'node:fs/promises';
import type { RequestListener, ServerResponse } from 'node:http';
import { join } from 'node:path';
import t from 'tap';
import { Authenticator } from '../../src/identity/authenticator.js';
import { Desk, issuerConfig } from './desk.js';
import { JwksServer } from './jwks-server.js';
import { forge, makeKey } from './token-forge.js';

const attempt = (desk: Desk, kid: string) =>
  desk.authenticator.authenticate(desk.token({}, { kid })).then(
    () => 'in',
    (error: { code: string }) => error.code,
  );

void t.test('a flood of unknown key ids costs one fetch per cool-down', async (t) => {
  const desk = await Desk.open(t);
  await desk.authenticator.authenticate(desk.token());
  t.equal(desk.server.fetches, 1);
  const codes = await Promise.all(
    Array.from({ length: 200 }, (_, index) => attempt(desk, `made-up-${index}`)),
  );
  t.same([...new Set(codes)], ['token-invalid']);
  t.equal(desk.server.fetches, 1, 'cooling down after the first read');
  desk.clock.advance(30);
  await Promise.all(Array.from({ length: 200 }, (_, index) => attempt(desk, `made-up-${index}`)));
  for (let index = 0; index < 50; index++) await attempt(desk, `again-${index}`);
  t.equal(desk.server.fetches, 2, 'concurrent ones share one');
});

void t.test('a key host that fails is asked once per cool-down too', async (t) => {
  const desk = await Desk.open(t);
  desk.server.answer = (_request, response) => response.writeHead(500).end();
  for (let index = 0; index < 50; index++) t.equal(await attempt(desk, desk.key.kid), 'issuer-unavailable');
  t.equal(desk.server.fetches, 1);
  t.match(await desk.authenticator.ready(), { ok: false, reasons: [/status 500/] });
  t.equal(desk.server.fetches, 1, 'readiness waits for the cool-down as well');
  desk.clock.advance(30);
  await Promise.all(Array.from({ length: 50 }, () => attempt(desk, desk.key.kid)));
  t.equal(desk.server.fetches, 2);
  desk.server.answer = undefined;
  desk.clock.advance(30);
  t.same(await desk.authenticator.ready(), { ok: true, reasons: [] });
  t.equal(await attempt(desk, desk.key.kid), 'in');
  t.equal(desk.server.fetches, 3);
});

void t.test(
  'after a failed read an unknown key id means that the issuer is down, and says when to ask again',
  async (t) => {
    const desk = await Desk.open(t);
    await desk.authenticator.authenticate(desk.token());
    desk.server.answer = (_request, response) => response.destroy();
    desk.clock.advance(30);
    await t.rejects(desk.authenticator.authenticate(desk.token({}, { kid: 'new' })), {
      code: 'issuer-unavailable',
      retryAfterSeconds: 30,
    });
    t.equal(await attempt(desk, desk.key.kid), 'in', 'known keys go on working');
  },
);

void t.test('a key that is rotated in while running is picked up at its first token', async (t) => {
  const desk = await Desk.open(t);
  await desk.authenticator.authenticate(desk.token());
  const next = makeKey('EdDSA', 'key-2');
  desk.server.keys = [desk.key.jwk, next.jwk];
  desk.clock.advance(31);
  const token = forge(next, desk.header({ alg: 'EdDSA', kid: 'key-2' }), desk.claims());
  t.equal((await desk.authenticator.authenticate(token)).person, 'li.na');
  t.equal(await attempt(desk, 'key-1'), 'in', 'and the old key goes on working');
  desk.server.keys = [next.jwk];
  desk.clock.advance(600);
  t.equal(await attempt(desk, 'key-1'), 'token-invalid', 'until it is withdrawn');
  t.equal(desk.server.fetches, 3);
});

void t.test('keys go stale gracefully and then run out', async (t) => {
  const desk = await Desk.open(t);
  const exp = desk.clock.seconds + 8000;
  const cached = desk.token({ exp });
  await desk.authenticator.authenticate(cached);
  desk.server.answer = (_request, response) => response.writeHead(503).end();
  desk.clock.advance(601);
  t.equal(await attempt(desk, 'key-1'), 'in');
  t.ok(await desk.authenticator.authenticate(cached));
  t.equal(desk.server.fetches, 2, 'one try');
  t.same(await desk.authenticator.ready(), { ok: true, reasons: [] });
  desk.clock.advance(600 + 3600 - 601 - 1);
  t.equal(await attempt(desk, 'key-1'), 'in');
  desk.clock.advance(1);
  t.equal(await attempt(desk, 'key-1'), 'issuer-unavailable');
  await t.rejects(
    desk.authenticator.authenticate(cached),
    { code: 'issuer-unavailable' },
    'cached tokens too',
  );
  t.match(await desk.authenticator.ready(), { ok: false });
  desk.server.answer = undefined;
  desk.clock.advance(30);
  t.ok(await desk.authenticator.authenticate(cached));
});

void t.test('a clock that is set back costs a read at most', async (t) => {
  const desk = await Desk.open(t);
  await desk.authenticator.authenticate(desk.token());
  desk.clock.advance(-3600);
  t.equal(await attempt(desk, 'key-1'), 'in');
  for (let index = 0; index < 20; index++) await attempt(desk, `made-up-${index}`);
  t.equal(desk.server.fetches, 2);
});

void t.test('an issuer that publishes no key at all is taken at its word', async (t) => {
  const desk = await Desk.open(t);
  await desk.authenticator.authenticate(desk.token());
  desk.server.keys = [];
  desk.clock.advance(600);
  t.equal(await attempt(desk, 'key-1'), 'token-invalid');
  t.match(await desk.authenticator.ready(), { ok: false, reasons: [/publishes no usable key/] });
});

void t.test('answers that are no key set count as failures and say which', async (t) => {
  const other = await JwksServer.open(makeKey('ES256', 'key-1').jwk);
  t.teardown(() => other.close());
  const key = makeKey('ES256', 'key-1');
  const text = (body: string | Buffer) => (_: unknown, response: ServerResponse) => void response.end(body);
  const redirect = (location: string) => (_: unknown, response: ServerResponse) =>
    void response.writeHead(302, { location }).end();
  const cases: [string, RequestListener, RegExp][] = [
    ['no JSON', text('<html>'), /key set is not JSON/],
    ['a member twice', text('{"keys":[],"keys":[]}'), /names a member twice/],
    ['no list', text('{"keys":{}}'), /no list of keys/],
    ['a list itself', text('[]'), /not a JSON object/],
    [
      'too many keys',
      text(JSON.stringify({ keys: Array.from({ length: 101 }, () => key.jwk) })),
      /too many keys/,
    ],
    ['too large', text(Buffer.alloc(300_000, ' ')), /too large/],
    ['status 404', (_, response) => response.writeHead(404).end(), /status 404/],
    ['a redirect without target', (_, response) => response.writeHead(302).end(), /status 302/],
    ['a redirect to another origin', redirect(other.url), /another origin/],
    ['a redirect to another scheme', redirect('file:///etc/passwd'), /another origin/],
    ['a redirect to itself', redirect('/jwks'), /redirects too often/],
    ['a cut connection', (_, response) => response.destroy(), /cannot be reached/],
    ['silence', () => undefined, /did not answer in time/],
    ['a body that does not end', (_, response) => void response.write('{"keys":['), /did not answer in time/],
  ];
  for (const [title, answer, reason] of cases) {
    const timeoutMilliseconds = /did not answer/.test(reason.source) ? 100 : 5000;
    const desk = await Desk.open(t, { key, options: { keyLimits: { timeoutMilliseconds } } });
    desk.server.answer = answer;
    const { ok, reasons } = await desk.authenticator.ready();
    t.equal(ok, false, title);
    t.match(reasons.join(), reason, title);
    t.notOk(reasons.join().includes(desk.server.origin), 'the report does not give the address away');
    t.equal(await attempt(desk, 'key-1'), 'issuer-unavailable', title);
  }
  t.equal(other.fetches, 0);
});

void t.test('a redirect within the origin is followed', async (t) => {
  const desk = await Desk.open(t);
  desk.server.answer = (request, response) => {
    if (request.url === '/jwks') return void response.writeHead(307, { location: '/keys' }).end();
    response.end(JSON.stringify({ keys: [desk.key.jwk] }));
  };
  t.equal(await attempt(desk, 'key-1'), 'in');
});

void t.test('a key host that cannot be reached is named by its error code', async (t) => {
  const desk = await Desk.open(t);
  await desk.server.close();
  t.match(await desk.authenticator.ready(), { ok: false, reasons: [/cannot be reached \(ECONNREFUSED\)/] });
  await JwksServer.open().then((server) => server.close());
});

void t.test('closing breaks off a read that is under way', async (t) => {
  const desk = await Desk.open(t, { options: { keyLimits: { timeoutMilliseconds: 60_000 } } });
  const asked = new Promise<void>((resolve) => {
    desk.server.answer = () => resolve();
  });
  const outcome = attempt(desk, 'key-1');
  await asked;
  desk.authenticator.close();
  t.equal(await outcome, 'issuer-unavailable');
});

void t.test('keys from a file are read again when they change', async (t) => {
  const desk = await Desk.open(t);
  const file = join(t.testdir({}), 'jwks.json');
  const publish = async (...keys: unknown[]) => {
    await writeFile(`${file}.new`, JSON.stringify({ keys }));
    await rename(`${file}.new`, file);
  };
  const authenticator = new Authenticator({ issuers: [issuerConfig({ file })], clock: desk.clock });
  t.teardown(() => authenticator.close());
  const next = makeKey('ES256', 'key-2');
  const [first, second] = [
    desk.token({ exp: desk.clock.seconds + 8000 }),
    forge(next, desk.header({ kid: 'key-2' }), desk.claims()),
  ];

  await t.rejects(authenticator.authenticate(first), { code: 'issuer-unavailable' });
  t.match(await authenticator.ready(), { ok: false, reasons: [/key file cannot be read \(ENOENT\)/] });
  await publish(desk.key.jwk);
  desk.clock.advance(30);
  t.ok(await authenticator.authenticate(first));

  await publish(next.jwk);
  await t.rejects(authenticator.authenticate(second), { code: 'token-invalid' }, 'cooling down');
  desk.clock.advance(30);
  t.ok(await authenticator.authenticate(second));
  await t.rejects(authenticator.authenticate(first), { code: 'token-invalid' }, 'its key was taken out');

  await writeFile(file, 'half a fi');
  desk.clock.advance(30);
  t.ok(await authenticator.authenticate(second), 'the last good keys serve on');
  await rm(file);
  desk.clock.advance(30);
  t.ok(
    await authenticator.authenticate(forge(next, desk.header({ kid: 'key-2' }), desk.claims({ jti: 'x' }))),
  );
  desk.clock.advance(3630);
  await t.rejects(authenticator.authenticate(first), { code: 'issuer-unavailable' });

  await writeFile(file, Buffer.alloc(300_000, ' '));
  desk.clock.advance(30);
  t.match(await authenticator.ready(), { ok: false, reasons: [/too large/] });
});
