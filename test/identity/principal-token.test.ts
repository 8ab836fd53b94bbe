/** The signed principal, as a service checks it: with jose, and with keys that it fetches from a running gateway. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRemoteJWKSet, importJWK, jwtVerify, SignJWT, type JWTPayload } from 'jose';
import t, { type Test } from 'tap';
import { refuseDemoKeys } from '../../src/cli/start.js';
import { systemClock } from '../../src/clock.js';
import { demoKeyPrefix } from '../../src/identity/demo-key.js';
import {
  makePrincipalKey,
  principalAlgorithms,
  PrincipalTokens,
  principalTyp,
  readPrincipalKey,
  readPrincipalKeys,
  type PrincipalKey,
} from '../../src/identity/principal-token.js';
import { weir } from '../cli/weir-process.js';
import { startGateway, type GatewayOptions } from '../support/gateway.js';
import { MovingClock } from './moving-clock.js';

const li = { issuer: 'https://id.example', person: 'li.na', tool: 'desk', act: undefined };
const issuer = 'https://weir.example';

function keyFrom(text: string): PrincipalKey {
  const key = readPrincipalKey(text);
  if (typeof key === 'string') throw new Error(key);
  return key;
}

const publishing = (...keys: string[]): GatewayOptions => ({
  config: (config) => ({ ...config, principal: { issuer, keys: keys.map((jwk) => ({ jwk })) } }),
});

/** A service as one is written with jose: it believes the header, or answers 401. */
async function openService(t: Test, jwksUrl: URL) {
  const keys = createRemoteJWKSet(jwksUrl);
  const server = createServer((request, response) => {
    jwtVerify(String(request.headers['weir-principal']), keys, {
      issuer,
      audience: 'fulfilment',
      typ: principalTyp,
      requiredClaims: ['exp', 'client_id', 'role'],
    }).then(
      ({ payload }) => response.end(JSON.stringify(payload)),
      (error: { code: string }) => response.writeHead(401).end(JSON.stringify({ code: error.code })),
    );
  });
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  t.teardown(() => server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return async (token: string): Promise<{ status: number; body: JWTPayload }> => {
    const response = await fetch(address, { headers: { 'weir-principal': token } });
    return { status: response.status, body: (await response.json()) as JWTPayload };
  };
}

void t.test('a service verifies who asks with the keys that the gateway publishes', async (t) => {
  for (const algorithm of principalAlgorithms) {
    const [old, fresh, strange] = [1, 2, 3].map(() => makePrincipalKey(algorithm)) as [
      string,
      string,
      string,
    ];
    const { address } = await startGateway(t, publishing(fresh, old));
    const jwks = await fetch(`${address}/.well-known/jwks.json`);
    t.equal(jwks.status, 200);
    t.equal(jwks.headers.get('content-type'), 'application/jwk-set+json');
    t.equal(jwks.headers.get('cache-control'), 'public, max-age=300');
    const text = await jwks.text();
    t.notMatch(text, /"d"/, 'no private half');
    t.equal((JSON.parse(text) as { keys: unknown[] }).keys.length, 2);

    const tokens = (key: string) => new PrincipalTokens(issuer, [keyFrom(key)], systemClock);
    const service = await openService(t, new URL('/.well-known/jwks.json', address));
    t.match(await service(tokens(fresh).sign({ ...li, act: 'router' }, 'support-agent', 'fulfilment')), {
      status: 200,
      body: {
        sub: 'li.na',
        sub_id: { format: 'iss_sub', iss: 'https://id.example', sub: 'li.na' },
        client_id: 'desk',
        act: { sub: 'router' },
        role: 'support-agent',
      },
    });
    t.equal((await service(tokens(old).sign(li, 'support-agent', 'fulfilment'))).status, 200, 'the old key');
    const nobody = await service(tokens(fresh).sign({ ...li, person: undefined }, 'export', 'fulfilment'));
    t.equal(nobody.status, 200);
    t.notOk('sub' in nobody.body, "a tool's own token names nobody");

    const refused = async (token: string, code: string) =>
      t.match(await service(token), { status: 401, body: { code } }, code);
    const good = tokens(fresh).sign(li, 'support-agent', 'fulfilment');
    const [head, , signature] = good.split('.') as [string, string, string];
    const [, raised] = tokens(fresh).sign(li, 'admin', 'fulfilment').split('.') as [string, string];
    await refused(tokens(strange).sign(li, 'support-agent', 'fulfilment'), 'ERR_JWKS_NO_MATCHING_KEY');
    await refused(`${head}.${raised}.${signature}`, 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED');
    await refused(tokens(fresh).sign(li, 'support-agent', 'telephony'), 'ERR_JWT_CLAIM_VALIDATION_FAILED');
    const past = { nowMicros: () => systemClock.nowMicros() - 61_000_000 };
    const late = new PrincipalTokens(issuer, [keyFrom(fresh)], past);
    await refused(late.sign(li, 'support-agent', 'fulfilment'), 'ERR_JWT_EXPIRED');
    const otherType = await new SignJWT({ client_id: 'desk', role: 'admin' })
      .setProtectedHeader({ alg: algorithm, kid: keyFrom(fresh).kid, typ: 'JWT' })
      .setIssuer(issuer)
      .setAudience('fulfilment')
      .setExpirationTime('1m')
      .sign((await importJWK(JSON.parse(fresh) as never, algorithm)) as never);
    await refused(otherType, 'ERR_JWT_CLAIM_VALIDATION_FAILED');
  }
});

void t.test('one signature serves a principal, a role and a service for 15 s', async (t) => {
  const clock = new MovingClock();
  const tokens = new PrincipalTokens(issuer, [keyFrom(makePrincipalKey())], clock);
  const first = tokens.sign(li, 'support-agent', 'fulfilment');
  clock.advance(14);
  t.equal(tokens.sign(li, 'support-agent', 'fulfilment'), first);
  t.not(tokens.sign(li, 'warehouse', 'fulfilment'), first, 'another role');
  t.not(tokens.sign(li, 'support-agent', 'telephony'), first, 'another service');
  t.not(tokens.sign({ ...li }, 'support-agent', 'fulfilment'), first, 'another token of the same person');
  clock.advance(1);
  const second = tokens.sign(li, 'support-agent', 'fulfilment');
  t.not(second, first);
  clock.advance(-3600);
  t.not(tokens.sign(li, 'support-agent', 'fulfilment'), second, 'the clock was set back');
});

void t.test('a key that cannot sign is refused with the reason', async (t) => {
  const ed = JSON.parse(makePrincipalKey('EdDSA')) as Record<string, string>;
  const p256 = JSON.parse(makePrincipalKey('ES256')) as Record<string, string>;
  const other = JSON.parse(makePrincipalKey('ES256')) as Record<string, string>;
  for (const [jwk, reason] of [
    ['{', 'is not JSON'],
    ['[]', 'is no JWK'],
    ['null', 'is no JWK'],
    [{ ...ed, crv: 'X25519' }, 'is neither an Ed25519 nor a P-256 key'],
    [{ ...ed, d: undefined }, 'is not the private half of a key'],
    [{ ...ed, alg: 'ES256' }, 'is not for EdDSA (alg)'],
    [{ ...ed, use: 'enc' }, 'is not for signatures (use)'],
    [{ ...ed, kid: 'a b' }, 'has a kid that is no short plain text'],
    [{ ...ed, x: p256['x'] }, 'has halves of two keys'],
    [{ ...p256, x: other['x'], y: other['y'] }, 'has halves of two keys'],
    [{ ...ed, d: 'AAAA' }, 'cannot be read as a private key'],
  ] as const)
    t.equal(readPrincipalKey(typeof jwk === 'string' ? jwk : JSON.stringify(jwk)), reason);
  const unnamed = keyFrom(JSON.stringify({ ...ed, kid: undefined }));
  t.equal(unnamed.kid, ed['kid'], 'the id of a key without one is its thumbprint');
  t.same(readPrincipalKeys([JSON.stringify(ed), '{', JSON.stringify(ed)]), {
    faults: [
      [1, 'is not JSON'],
      [2, 'has the kid of another one'],
    ],
  });
});

void t.test('weir service key prints a key that can be configured', async (t) => {
  for (const [args, algorithm] of [
    [[], 'EdDSA'],
    [['--alg', 'ES256'], 'ES256'],
  ] as const) {
    const { code, out } = await weir(['service', 'key', ...args]);
    t.equal(code, 0);
    t.equal(keyFrom(out).algorithm, algorithm);
  }
});

void t.test(
  "a gateway does not start with a key that cannot sign, nor production with a demo's",
  async (t) => {
    await t.rejects(startGateway(t, publishing('{"kty":"RSA","d":"AA"}')), {
      message: /principal\.keys\[0\]\.jwk is neither an Ed25519 nor a P-256 key: weir service key makes one/,
    });
    const { config } = await startGateway(t, publishing(makePrincipalKey('EdDSA', demoKeyPrefix)));
    t.throws(() => refuseDemoKeys({ ...config, identity: { ...config.identity, issuers: [] } }), {
      message: "principal.keys[0].jwk is a demo's key",
    });
  },
);
