import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openDemoIssuer } from '../../src/demo/issuer.js';
import { Authenticator } from '../../src/identity/authenticator.js';
import { isDemoKeyId } from '../../src/identity/demo-key.js';
import { issuerConfig } from './desk.js';
import { MovingClock } from './moving-clock.js';

void t.test('demo tokens open a demo gateway and no other', async (t) => {
  const clock = new MovingClock();
  const demo = await openDemoIssuer(join(t.testdir({}), 'issuer'), clock);
  const config = issuerConfig({ file: demo.jwksFile }, { issuer: demo.issuer, audience: demo.audience });
  const authenticator = new Authenticator({ issuers: [config], clock, allowDemoKeys: true });
  const production = new Authenticator({ issuers: [config], clock });
  t.teardown(() => [authenticator, production].forEach((one) => one.close()));

  const token = await demo.mint({
    role: 'support-agent',
    sub: 'li.na',
    name: '李娜',
    scope: 'orders.export',
    claims: { region: '华东', iss: 'https://elsewhere.example', roles: ['security'] },
  });
  t.match(await authenticator.authenticate(token), {
    issuer: 'https://issuer.demo.weir.invalid',
    person: 'li.na',
    displayName: '李娜',
    tool: 'weir-demo-tool',
    roles: ['support-agent'],
    scopes: ['orders.export'],
    claims: { region: '华东' },
  });
  const service = await authenticator.authenticate(await demo.mint({ role: ['a', 'b'], tool: 'batch' }));
  t.match(service, {
    person: undefined,
    displayName: undefined,
    tool: 'batch',
    roles: ['a', 'b'],
    scopes: [],
  });
  t.not(service.tokenId, undefined);

  const brief = await demo.mint({ role: 'analyst', sub: 'x', ttlSeconds: 5 });
  clock.advance(35);
  await t.rejects(authenticator.authenticate(brief), { code: 'token-expired' });
  await t.rejects(production.authenticate(token), { code: 'token-invalid' });
  t.match(await production.ready(), { ok: false, reasons: [/no usable key/, /demo key/] });
});

void t.test(
  'the key is made once, also when several processes open the issuer at the same time, and kept private',
  async (t) => {
    const directory = join(t.testdir({}), 'issuer');
    const openers = await Promise.all(Array.from({ length: 8 }, () => openDemoIssuer(directory)));
    const tokens = await Promise.all(openers.map((opener) => opener.mint({ role: 'analyst', sub: 'x' })));
    t.equal(new Set(tokens.map((token) => token.split('.')[0])).size, 1, 'all sign with the same key');
    const keyFile = join(directory, 'signing-key.json');
    const secret = await readFile(keyFile, 'utf8');
    const { jwksFile, mint } = await openDemoIssuer(directory);
    t.equal(await readFile(keyFile, 'utf8'), secret);
    t.equal((await stat(keyFile)).mode & 0o777, 0o600);
    t.same((await readdir(directory)).sort(), ['jwks.json', 'signing-key.json'], 'no drafts are left behind');

    const published = JSON.parse(await readFile(jwksFile, 'utf8')) as { keys: Record<string, unknown>[] };
    t.equal(published.keys.length, 1);
    t.notOk(Object.hasOwn(published.keys[0] ?? {}, 'd'));
    t.ok(isDemoKeyId(String(published.keys[0]?.['kid'])));

    const [head = '', body = ''] = (await mint({ role: 'warehouse', sub: 'w' })).split('.');
    const read = (part: string) =>
      JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
    t.match(read(head), { alg: 'ES256', typ: 'at+jwt' });
    const claims = read(body);
    t.same(Object.keys(claims).sort(), ['aud', 'client_id', 'exp', 'iat', 'iss', 'jti', 'roles', 'sub']);
  },
);
