import t from 'tap';
import { Authenticator } from '../../src/identity/authenticator.js';
import { isDemoKeyId } from '../../src/identity/demo-key.js';
import { audience, Desk, issuerConfig, issuerName } from './desk.js';
import { forge, makeKey } from './token-forge.js';

void t.test('a good token becomes a principal that is frozen to its depth', async (t) => {
  const desk = await Desk.open(t);
  const principal = await desk.authenticator.authenticate(
    desk.token({ name: '李娜', region: '华东', level: 3, on_call: true, act: { sub: 'bot-7' } }),
  );
  t.match(principal, {
    issuer: issuerName,
    person: 'li.na',
    displayName: '李娜',
    tool: 'crm',
    act: 'bot-7',
    roles: ['support-agent'],
    scopes: ['orders.read', 'orders.export'],
    tokenId: 'token-1',
    expiresAtMicros: (desk.clock.seconds + 600 + 30) * 1_000_000,
    claims: { region: '华东', level: 3, on_call: true },
  });
  t.notOk('act' in principal.claims, 'claims that are no scalars stay behind');
  t.equal(principal.claims['constructor'], undefined);
  for (const part of [principal, principal.roles, principal.scopes, principal.claims])
    t.ok(Object.isFrozen(part));
});

void t.test(
  'each of the default algorithms works with a key that names it and with one that does not',
  async (t) => {
    for (const algorithm of ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA']) {
      const key = makeKey(algorithm, `key-${algorithm}`);
      const desk = await Desk.open(t, { key });
      t.equal((await desk.authenticator.authenticate(desk.token())).person, 'li.na', algorithm);
      // An RSA key without alg is for the first RSA algorithm of the issuer's list, and for no other.
      if (algorithm === 'PS256') continue;
      const silent = { ...key.jwk, alg: undefined };
      const other = await Desk.open(t, { key: { ...key, jwk: silent } });
      t.equal(
        (await other.authenticator.authenticate(other.token())).person,
        'li.na',
        `${algorithm}, no alg`,
      );
    }
  },
);

void t.test('an RSA key without alg is bound to one algorithm', async (t) => {
  const made = makeKey('PS256', 'key-1');
  const key = { ...made, jwk: { ...made.jwk, alg: undefined } };
  const desk = await Desk.open(t, { key });
  await t.rejects(desk.authenticator.authenticate(desk.token()), {
    code: 'token-invalid',
    message: 'the header "alg" is not the algorithm of its key',
  });
});

void t.test('claim paths, token type and audience list follow the issuer', async (t) => {
  const roles = 'https://shop.example/roles';
  const desk = await Desk.open(t, {
    issuer: {
      typ: ['JWT'],
      claims: {
        person: 'oid',
        displayName: 'preferred_username',
        tool: 'azp',
        roles: 'realm_access.roles',
        scope: 'scp',
        act: 'act.sub',
      },
    },
  });
  const claims = {
    oid: 'p-1',
    azp: 'crm',
    scp: 'a b',
    realm_access: { roles: ['x', 'y', 'x'] },
    aud: ['other', audience],
  };
  const token = desk.token({ ...claims, client_id: undefined, scope: undefined }, { typ: 'Jwt' });
  const principal = await desk.authenticator.authenticate(token);
  t.match(principal, { person: 'p-1', tool: 'crm', roles: ['x', 'y'], scopes: ['a', 'b'] });

  const named = await Desk.open(t, {
    issuer: { claims: { ...issuerConfig({ file: 'x' }).claims, roles } },
  });
  const words = await named.authenticator.authenticate(named.token({ [roles]: 'one  two' }));
  t.same(words.roles, ['one', 'two'], 'a name that is a URL is one name; roles may be words');
});

void t.test('what a token does not say stays undefined or empty', async (t) => {
  const desk = await Desk.open(t);
  const token = desk.token({
    sub: undefined,
    jti: undefined,
    roles: undefined,
    scope: undefined,
    iat: undefined,
  });
  t.match(await desk.authenticator.authenticate(token), {
    person: undefined,
    displayName: undefined,
    act: undefined,
    tokenId: undefined,
    roles: [],
    scopes: [],
  });
});

void t.test("a tool's own token, whose sub is the tool, names no person", async (t) => {
  const desk = await Desk.open(t);
  const principal = await desk.authenticator.authenticate(desk.token({ sub: 'crm' }));
  t.equal(principal.person, undefined);
  t.equal(principal.tool, 'crm');
});

void t.test('people whose ids look alike are different people', async (t) => {
  const desk = await Desk.open(t);
  const people = new Set<string | undefined>();
  for (const sub of ['admin', 'аdmin', 'ａdmin', 'Admin'])
    people.add((await desk.authenticator.authenticate(desk.token({ sub }))).person);
  t.equal(people.size, 4);
});

void t.test('claims that could not be compared exactly are not copied', async (t) => {
  const desk = await Desk.open(t);
  const text = JSON.stringify(desk.claims({ long: 'x'.repeat(300), nul: 'a\0b', list: ['a'], none: null }));
  const payload = `${text.slice(0, -1)},"big":9007199254740993,"inf":1e999,"__proto__":"p","ok":42}`;
  const { claims } = await desk.authenticator.authenticate(forge(desk.key, desk.header(), payload));
  for (const name of ['long', 'nul', 'list', 'none', 'big', 'inf'])
    t.notOk(Object.hasOwn(claims, name), name);
  t.equal(claims['ok'], 42);
  t.ok(Object.hasOwn(claims, '__proto__'), 'a claim called __proto__ is a claim');
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`c${index}`, index]));
  const crowded = await desk.authenticator.authenticate(desk.token(many));
  t.equal(Object.keys(crowded.claims).length, 64);
});

void t.test(
  'a display name that is not fit to be shown is left out, and the token still counts',
  async (t) => {
    const desk = await Desk.open(t);
    for (const name of ['a\u202eb', 'a\nb', '', 7, 'x'.repeat(256)]) {
      const principal = await desk.authenticator.authenticate(desk.token({ name }));
      t.equal(principal.displayName, undefined);
    }
  },
);

void t.test('clocks may differ by the tolerance and not by more', async (t) => {
  const cases: [string, Record<string, number>, string | undefined][] = [
    ['exp 29 s ago', { exp: -29, iat: -600 }, undefined],
    ['exp 30 s ago', { exp: -30, iat: -600 }, 'token-expired'],
    ['nbf 30 s ahead', { nbf: 30 }, undefined],
    ['nbf 31 s ahead', { nbf: 31 }, 'token-invalid'],
    ['iat 30 s ahead', { iat: 30 }, undefined],
    ['iat 31 s ahead', { iat: 31 }, 'token-invalid'],
    ['exp a day and 30 s ahead', { exp: 86_430, iat: 30 }, undefined],
    ['exp a day and 31 s ahead', { exp: 86_431, iat: 31 }, 'token-invalid'],
  ];
  const desk = await Desk.open(t);
  for (const [title, offsets, code] of cases) {
    const times = Object.fromEntries(
      Object.entries(offsets).map(([name, by]) => [name, desk.clock.seconds + by]),
    );
    const outcome = desk.authenticator.authenticate(desk.token(times));
    if (code === undefined) await t.resolves(outcome, title);
    else await t.rejects(outcome, { code }, title);
  }
  const strict = await Desk.open(t, { options: { clockToleranceSeconds: 0, maxTokenAgeSeconds: 60 } });
  const now = strict.clock.seconds;
  await t.rejects(strict.authenticator.authenticate(strict.token({ exp: now })), { code: 'token-expired' });
  await t.resolves(strict.authenticator.authenticate(strict.token({ exp: now + 60 })));
  await t.rejects(strict.authenticator.authenticate(strict.token({ exp: now + 61 })), {
    code: 'token-invalid',
  });
});

void t.test('two issuers do not vouch for one another', async (t) => {
  const [one, two] = [await Desk.open(t), await Desk.open(t)];
  const other = 'https://login.partner.example';
  const authenticator = new Authenticator({
    issuers: [
      issuerConfig({ url: one.server.url }),
      issuerConfig({ url: two.server.url }, { issuer: other }),
    ],
    clock: one.clock,
  });
  t.teardown(() => authenticator.close());
  const principal = await authenticator.authenticate(two.token({ iss: other }));
  t.equal(principal.issuer, other);
  await t.rejects(authenticator.authenticate(one.token({ iss: other })), {
    message: 'the signature does not verify',
  });
});

void t.test('wrong options are named all at once, without their values', (t) => {
  const make = () =>
    new Authenticator({
      issuers: [
        issuerConfig(
          { url: 'http://user:secret@keys.example/jwks' },
          {
            audience: '',
            algorithms: ['HS256'],
            typ: [],
            claims: { ...issuerConfig({ file: 'x' }).claims, tool: 'a..b' },
          },
        ),
        issuerConfig({ file: '' }, { algorithms: [] }),
        issuerConfig({ url: 'nonsense' }, { issuer: '', algorithms: ['none'] }),
      ],
      clock: { nowMicros: () => 0 },
      clockToleranceSeconds: 301,
    });
  t.throws(make, TypeError);
  try {
    make();
  } catch (error) {
    const { message } = error as Error;
    for (const part of [
      'issuers[0].audience',
      'issuers[0].algorithms',
      'issuers[0].typ',
      'issuers[0].claims.tool',
      'issuers[0].jwks.url must be https',
      'issuers[0].jwks.url must not hold credentials',
      'issuers[1].jwks.file',
      'issuers[1].algorithms is empty',
      'issuers[2].issuer is empty',
      'issuers[2].jwks.url is not a URL',
      'one issuer twice',
      'clockToleranceSeconds',
    ])
      t.ok(message.includes(part), part);
    t.notMatch(message, /secret|HS256(?!,)|nonsense/);
  }
  t.throws(() => new Authenticator({ issuers: [], clock: { nowMicros: () => 0 } }), /issuers is empty/);
  t.end();
});

void t.test('demo keys are told by their id and refused where they are not allowed', async (t) => {
  const key = makeKey('ES256', 'weir-demo-abc');
  t.ok(isDemoKeyId(key.kid));
  t.notOk(isDemoKeyId('prod-weir-demo-'));
  const production = await Desk.open(t, { key });
  await t.rejects(production.authenticator.authenticate(production.token()), { code: 'token-invalid' });
  t.match(await production.authenticator.ready(), {
    ok: false,
    reasons: [/no usable key/, /key 1 is a demo key/],
  });

  const real = makeKey('ES256', 'real');
  production.server.keys = [key.jwk, real.jwk];
  production.clock.advance(601);
  t.match(await production.authenticator.ready(), { ok: false, reasons: [/is a demo key/] });

  const demo = await Desk.open(t, { key, options: { allowDemoKeys: true } });
  t.equal((await demo.authenticator.authenticate(demo.token())).person, 'li.na');
  t.same(await demo.authenticator.ready(), { ok: true, reasons: [] });
});

void t.test('after close nobody gets in', async (t) => {
  const desk = await Desk.open(t);
  const token = desk.token();
  await desk.authenticator.authenticate(token);
  desk.authenticator.close();
  t.equal(desk.authenticator.cachedTokens, 0);
  await t.rejects(desk.authenticator.authenticate(token), { code: 'draining' });
});
