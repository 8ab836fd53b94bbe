/**
 * Production as the compose file sets it up, without containers: its SQL on a PostgreSQL of our own, its
 * configuration with secrets in files, `weir migrate`, `weir start`, a read, a drain.
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { withClient } from '../../src/demo/databases.js';
import { makePrincipalKey } from '../../src/identity/principal-token.js';
import { ownCluster } from '../support/cluster.js';
import { weir, weirProcess } from './weir-process.js';

t.setTimeout(300_000);

const policies = fileURLToPath(new URL('../../policies', import.meta.url));

const example = (name: string) =>
  readFileSync(new URL(`../../examples/compose/${name}`, import.meta.url), 'utf8');

interface Issuer {
  readonly url: string;
  readonly server: Server;
  token(role: string, claims?: Record<string, unknown>): Promise<string>;
}

/** Somebody's token issuer: a key, and an address where its public half lies. */
async function openIssuer(t: Test, kid = 'key-1'): Promise<Issuer> {
  const { publicKey, privateKey } = (await generateKeyPair('ES256')) as {
    publicKey: CryptoKey;
    privateKey: CryptoKey;
  };
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }] };
  const server = createServer((_, response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify(jwks)),
  );
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    server,
    token: (role, claims = {}) =>
      new SignJWT({ client_id: 'desk', roles: [role], ...claims })
        .setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt' })
        .setIssuer(url)
        .setAudience('weir')
        .setSubject('li.na')
        .setJti('1')
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(privateKey),
  };
}

/** A host as compose.yaml makes it: databases by its SQL, secrets in files, its configuration. */
async function openHost(t: Test, issuer: Issuer) {
  const cluster = await ownCluster(t);
  const folder = await mkdtemp(join(tmpdir(), 'weir-host-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const secrets = join(folder, 'secrets');
  mkdirSync(secrets);
  const secret = (name: string, value: string) =>
    writeFileSync(join(secrets, name), `${value}\n`, { mode: 0o644 });
  const passwords = { owner: 'owner-secret', runtime: 'runtime-secret', reader: 'reader-secret' };
  for (const [role, password] of Object.entries(passwords)) secret(`${role}_password`, password);
  const ownerUrl = cluster.url('weir_owner', passwords.owner, 'weir');
  secret('store_url', cluster.url('weir_runtime', passwords.runtime, 'weir'));
  secret('orders_url', cluster.url('weir_reader', passwords.reader, 'shop'));
  secret('digest_key', Buffer.alloc(32, 5).toString('base64'));
  secret('principal_key', makePrincipalKey());

  await withClient(cluster.superuserUrl('postgres'), async (client) => {
    await client.query('CREATE DATABASE weir');
    await client.query('CREATE DATABASE shop');
  });
  for (const [database, script] of [
    ['weir', 'store.sql'],
    ['shop', 'orders.sql'],
  ] as const) {
    const sql = example(script).replaceAll('/run/secrets', secrets);
    await withClient(cluster.superuserUrl(database), (client) => client.query(sql));
  }
  const config = join(folder, 'weir.yaml');
  writeFileSync(
    config,
    example('weir.yaml')
      .replaceAll('/run/secrets', secrets)
      .replace('directory: policies', `directory: ${policies}`)
      .replace('https://id.example.com/.well-known/jwks.json', `${issuer.url}/jwks`)
      .replaceAll('https://id.example.com', issuer.url),
  );
  return { cluster, config, ownerUrl, env: { WEIR_CONFIG: config, WEIR_HTTP_PORT: '0' } };
}

void t.test('weir start serves what compose.yaml sets up, and drains when it is told to stop', async (t) => {
  const issuer = await openIssuer(t);
  const { env, ownerUrl, cluster } = await openHost(t, issuer);
  t.match(await weir(['config'], { env }), { code: 0 });

  const early = await weirProcess(t, ['start'], { ...env, WEIR_LOG_LEVEL: 'silent' }).ended;
  t.match(early, { code: 2, err: /has no tables yet. Run weir migrate/ }, 'it says what is missing');

  const migrated = { code: 0, out: /weir_runtime may work in it/ };
  t.match(await weir(['migrate'], { env: { ...env, WEIR_STORE_OWNER_URL: ownerUrl } }), migrated);
  t.match(
    await weir(['migrate'], { env: { ...env, WEIR_STORE_OWNER_URL: ownerUrl } }),
    migrated,
    'and again',
  );
  t.match(await weir(['policy', 'check', '--database'], { env }), { code: 0 });

  const gateway = weirProcess(t, ['start'], env);
  const [, address = ''] = await gateway.says(/^weir ready on (\S+)$/m);
  const headers = {
    authorization: `Bearer ${await issuer.token('support-agent', { region: '华东' })}`,
    'weir-reason': 'call',
  };
  const response = await fetch(`${address}/rest/orders?order_no=eq.WR2611220000001`, { headers });
  t.equal(response.status, 200);
  t.match(await response.json(), [{ receiver_name: '张**', receiver_phone: '****0000' }]);
  t.equal((await fetch(`${address}/readyz`)).status, 200);
  t.match(await (await fetch(`${address}/metrics`)).text(), 'weir_ready 1');
  t.equal((await fetch(`${address}/rest/orders?order_no=eq.WR2611220000001`)).status, 401);

  gateway.child.kill('SIGTERM');
  const { code, out } = await gateway.ended;
  t.equal(code, 0);
  t.notMatch(out, /13900000000|张晓明|-secret|eyJ/, 'its log holds no data, no password, no token');
  const lines = out.split('\n').filter((line) => line.startsWith('{'));
  const messages = lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
  t.match(messages.join(), /starting.*policy set loaded.*ready.*draining.*stopped/);
  t.match(await weir(['log', 'verify'], { env }), { code: 0, out: /the log holds/ });

  // What would make the promises untrue is refused, all of it at once.
  await withClient(cluster.superuserUrl('shop'), (client) =>
    client.query('GRANT UPDATE ON shop.orders TO weir_reader'),
  );
  await withClient(cluster.superuserUrl('weir'), (client) =>
    client.query('GRANT DELETE ON weir.entries TO weir_runtime'),
  );
  const refused = await weirProcess(t, ['start'], { ...env, WEIR_LOG_LEVEL: 'silent' }).ended;
  t.match(refused, { code: 2, err: /change or remove rows of weir\.entries[^]*can write to shop\.orders/ });
});

void t.test('the keys of a demo are refused from an address as well', async (t) => {
  const issuer = await openIssuer(t, 'weir-demo-abc');
  const { env, ownerUrl } = await openHost(t, issuer);
  t.match(await weir(['migrate'], { env: { ...env, WEIR_STORE_OWNER_URL: ownerUrl } }), { code: 0 });
  const gateway = weirProcess(t, ['start'], env);
  const [, address = ''] = await gateway.says(/^weir ready on (\S+)$/m);
  const headers = {
    authorization: `Bearer ${await issuer.token('support-agent', { region: '华东' })}`,
    'weir-reason': 'call',
  };
  const response = await fetch(`${address}/rest/orders?order_no=eq.WR2611220000001`, { headers });
  t.not(response.status, 200);
  t.equal((await fetch(`${address}/readyz`)).status, 503);
  gateway.child.kill('SIGTERM');
  t.equal((await gateway.ended).code, 0);
});

void t.test('a second signal cuts the drain short', async (t) => {
  const issuer = await openIssuer(t);
  const { env, ownerUrl, cluster } = await openHost(t, issuer);
  t.match(await weir(['migrate'], { env: { ...env, WEIR_STORE_OWNER_URL: ownerUrl } }), { code: 0 });
  const gateway = weirProcess(t, ['start'], env);
  const [, address = ''] = await gateway.says(/^weir ready on (\S+)$/m);
  await withClient(cluster.superuserUrl('shop'), async (client) => {
    // The read waits behind this lock, and the drain behind the read.
    await client.query('BEGIN; LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE');
    const headers = {
      authorization: `Bearer ${await issuer.token('support-agent', { region: '华东' })}`,
      'weir-reason': 'call',
    };
    const broken = fetch(`${address}/rest/orders?order_no=eq.WR2611220000001`, { headers }).then(
      () => 'answered',
      () => 'broken off',
    );
    await waiting(client);
    gateway.child.kill('SIGTERM');
    await gateway.says(/requests in work are finished first/);
    gateway.child.kill('SIGTERM');
    t.equal(await broken, 'broken off');
    t.equal((await gateway.ended).code, 1);
    await client.query('ROLLBACK');
  });
});

async function waiting(client: { query(sql: string): Promise<{ rowCount: number | null }> }): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    // Within a transaction the view would go on saying what it said first.
    await client.query('SELECT pg_stat_clear_snapshot()');
    const found = await client.query(
      `SELECT FROM pg_stat_activity WHERE usename = 'weir_reader' AND wait_event_type = 'Lock'`,
    );
    if (found.rowCount !== null && found.rowCount > 0) return;
  }
  throw new Error('the read never waited');
}

void t.test('what compose.yaml names is there', async (t) => {
  const compose = parse(readFileSync(new URL('../../compose.yaml', import.meta.url), 'utf8')) as {
    services: Record<string, { volumes?: string[]; secrets?: string[]; command?: string[] }>;
    secrets: Record<string, { file: string }>;
  };
  const made = example('make-secrets');
  for (const [name, { file }] of Object.entries(compose.secrets)) {
    t.equal(file, `./examples/compose/secrets/${name}`);
    const role = /^(.*)_password$/.exec(name)?.[1];
    t.ok(
      role === undefined ? made.includes(`/${name}"`) : new RegExp(`for name in .*\\b${role}\\b`).test(made),
      `make-secrets makes ${name}`,
    );
  }
  for (const [name, service] of Object.entries(compose.services)) {
    for (const used of service.secrets ?? []) t.ok(compose.secrets[used], `${name} uses ${used}`);
    for (const volume of service.volumes ?? []) {
      const [source = ''] = volume.split(':');
      if (source.startsWith('.')) t.doesNotThrow(() => readdirOrRead(source), source);
    }
  }
  t.notOk(
    compose.services['weir']?.secrets?.includes('store_owner_url'),
    'the gateway never holds the owner',
  );
});

function readdirOrRead(path: string): void {
  readFileSync(
    new URL(
      `../../${path.replace(/^\.\//, '')}${path.includes('.', 2) ? '' : '/catalog.yaml'}`,
      import.meta.url,
    ),
  );
}
