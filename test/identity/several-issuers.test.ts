/** Tokens as two large issuers write them, through a whole gateway: roles, who acts, floods of keys, expiry. */
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { defaultAlgorithms, defaultClaimPaths } from '../../src/identity/issuer.js';
import { entriesOf, query } from '../fault/traffic.js';
import { startGateway } from '../support/gateway.js';
import { JwksServer } from './jwks-server.js';
import { forge, makeKey, type ForgeKey } from './token-forge.js';

const realm = 'https://keycloak.example/realms/shop';
const tenant = 'https://login.example/tenant/v2.0';
const page = '/rest/orders?limit=1';

async function open(t: Test) {
  const [realmKey, tenantKey] = [makeKey('RS256', 'realm-1'), makeKey('ES256', 'tenant-1')];
  const hosts = [await JwksServer.open(realmKey.jwk), await JwksServer.open(tenantKey.jwk)] as const;
  t.teardown(() => Promise.all(hosts.map((host) => host.close())));
  const gateway = await startGateway(t, {
    config: (config) => ({
      ...config,
      identity: {
        ...config.identity,
        clockToleranceSeconds: 0,
        issuers: [
          {
            issuer: realm,
            audience: 'weir',
            jwks: { url: hosts[0].url },
            algorithms: [...defaultAlgorithms],
            typ: ['JWT'],
            claims: {
              ...defaultClaimPaths,
              person: 'preferred_username',
              tool: 'azp',
              roles: 'realm_access.roles',
            },
          },
          {
            issuer: tenant,
            audience: 'api://weir',
            jwks: { url: hosts[1].url },
            algorithms: ['ES256'],
            typ: ['at+jwt'],
            claims: { ...defaultClaimPaths, person: 'oid', tool: 'azp', scope: 'scp' },
          },
        ],
      },
    }),
  });
  const now = Math.floor(Date.now() / 1000);
  const times = { iat: now, exp: now + 600 };
  const realmToken = (claims: object = {}, key: ForgeKey = realmKey) =>
    forge(
      key,
      { alg: key.algorithm, kid: key.kid, typ: 'JWT' },
      {
        ...times,
        iss: realm,
        aud: ['account', 'weir'],
        sub: 'f3d2',
        preferred_username: 'li.na',
        azp: 'crm',
        realm_access: { roles: ['offline_access', 'analyst'] },
        ...claims,
      },
    );
  const tenantToken = (claims: object = {}, header: object = {}) =>
    forge(
      tenantKey,
      { alg: 'ES256', kid: 'tenant-1', typ: 'at+jwt', ...header },
      {
        ...times,
        iss: tenant,
        aud: 'api://weir',
        sub: 'pairwise',
        oid: 'li.na',
        azp: 'crm',
        roles: ['analyst'],
        ...claims,
      },
    );
  return { gateway, hosts, realmToken, tenantToken };
}

void t.test(
  'each issuer has its own claims, types and audience; a person is one of one issuer',
  async (t) => {
    const { gateway, realmToken, tenantToken } = await open(t);
    t.equal((await gateway.get(page, realmToken())).status, 200);
    t.equal((await gateway.get(page, tenantToken())).status, 200);
    const rows = await query<{ issuer: string; subject: string }>(
      gateway.store.superuserUrl,
      `SELECT issuer, subject FROM weir.actors ORDER BY issuer`,
    );
    t.same(rows, [
      { issuer: realm, subject: 'li.na' },
      { issuer: tenant, subject: 'li.na' },
    ]);
    t.equal((await gateway.get(page, realmToken({ iss: tenant }))).status, 401, 'by the keys of the other');
    t.equal((await gateway.get(page, tenantToken({ aud: 'weir' }))).status, 401, 'the audience of the other');
    t.equal((await gateway.get(page, tenantToken({}, { typ: 'JWT' }))).status, 401, 'the type of the other');
    t.equal(
      (await gateway.get(page, realmToken({ roles: ['analyst'], realm_access: undefined }))).status,
      403,
      'roles elsewhere',
    );
  },
);

void t.test('of several roles the caller names one, and only one that the token holds', async (t) => {
  const { gateway, tenantToken } = await open(t);
  const token = tenantToken({ roles: ['analyst', 'security', 'no-policy-here'] });
  const ask = async (role?: string) => {
    const response = await gateway.get(page, token, role === undefined ? {} : { 'weir-role': role });
    const { type } = (await response.json()) as { type?: string };
    return [response.status, type?.replace('urn:weir:error:', '')];
  };
  t.same(await ask(), [403, 'role-required']);
  t.same(await ask('analyst'), [200, undefined]);
  t.same(await ask('warehouse'), [403, 'role-unknown'], 'one with a policy that the token does not hold');
  t.same(await ask('no-policy-here'), [403, 'role-unknown']);
  t.same(await ask('analyst, security'), [403, 'role-unknown']);
  t.same(await ask('Analyst'), [403, 'role-unknown']);
  const roles = (await entriesOf(gateway.store.superuserUrl)).filter(({ kind }) => kind === 'read');
  t.match(roles, [{ role: 'analyst' }]);
});

void t.test('who acts through a token stands on the log beside the person and the tool', async (t) => {
  const { gateway, tenantToken } = await open(t);
  const act = { sub: 'zhao.lei', act: { sub: 'an-earlier-one' } };
  t.equal((await gateway.get(page, tenantToken({ act }))).status, 200);
  t.equal((await gateway.get('/rest/nothing', tenantToken({ act }))).status, 404);
  const entries = (await entriesOf(gateway.store.superuserUrl)).filter(
    ({ request }) => request !== undefined,
  );
  t.match(entries, [
    { kind: 'read', act: 'zhao.lei', tool: 'crm' },
    { kind: 'refusal', act: 'zhao.lei', tool: 'crm' },
  ]);
});

void t.test('a flood of invented key ids costs one fetch and keeps nobody else out', async (t) => {
  const { gateway, hosts, realmToken } = await open(t);
  const [host] = hosts;
  t.equal((await gateway.get(page, realmToken())).status, 200);
  const fetches = host.fetches;
  const invented = Array.from({ length: 50 }, (_, i) =>
    realmToken({}, { ...makeKeyOnce(), kid: `invented-${i}` }),
  );
  const statuses = await Promise.all(invented.map(async (token) => (await gateway.get(page, token)).status));
  t.same(new Set(statuses), new Set([401]));
  t.ok(host.fetches - fetches <= 1, `${host.fetches - fetches} fetches`);
  t.equal((await gateway.get(page, realmToken())).status, 200, 'and the others get in');
});

let made: ForgeKey | undefined;
function makeKeyOnce(): ForgeKey {
  return (made ??= makeKey('ES256', 'invented'));
}

void t.test('a read that is under way finishes although its token expires meanwhile', async (t) => {
  const { gateway, tenantToken } = await open(t);
  await query(gateway.ordersUrl, `UPDATE shop.order_items SET title = repeat('x', 8000)`);
  const exp = Math.floor(Date.now() / 1000) + 3;
  const token = tenantToken({ exp });
  const response = await gateway.get('/rest/order_items', token);
  t.equal(response.status, 200);
  // More than what lies between gateway and client fits: the rest is read once the token is over.
  const reader = response.body!.getReader();
  await reader.read();
  while ((await gateway.get(page, token)).status !== 401) await delay(50);
  let [bytes, tail] = [0, ''];
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    bytes += next.value.length;
    tail = (tail + Buffer.from(next.value).toString('latin1')).slice(-2);
  }
  t.ok(bytes > 20_000_000, `${bytes} bytes`);
  t.equal(tail, '}]', 'to its end');
});
