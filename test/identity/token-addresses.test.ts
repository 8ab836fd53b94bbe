import type { Pool } from 'pg';
import t, { type Test } from 'tap';
import type { Principal } from '../../src/access.js';
import { TokenAddresses, type SharedUses } from '../../src/identity/token-addresses.js';
import { withClient } from '../../src/demo/databases.js';
import { verified } from '../fault/traffic.js';
import { listAlerts } from '../../src/watch/alerts.js';
import { openPool } from '../../src/store/pool.js';
import { TokenUses } from '../../src/store/token-uses.js';
import { freshStore } from '../log/open-log.js';
import { startGateway } from '../support/gateway.js';

const token = (tokenId: string | undefined, issuer = 'https://a.example') =>
  ({ issuer, tokenId }) as unknown as Principal;

void t.test('each new address of a token is told once, the first is not', async (t) => {
  const use = new TokenAddresses();
  t.equal(use.notice(token('j'), '192.0.2.1'), undefined);
  t.equal(use.takeFlag(token('j'), '192.0.2.1'), undefined);
  t.equal(use.notice(token('j'), '192.0.2.1'), undefined);
  t.equal(use.notice(token('j'), '192.0.2.2'), 2);
  t.equal(use.notice(token('j'), '192.0.2.2'), undefined);
  t.equal(use.notice(token('j'), '192.0.2.3'), 3);
  t.equal(use.takeFlag(token('j'), '192.0.2.2'), 2, 'the first read from there is flagged');
  t.equal(use.takeFlag(token('j'), '192.0.2.2'), undefined, 'and no other');
  t.equal(
    use.notice(token('j', 'https://b.example'), '192.0.2.9'),
    undefined,
    'another issuer, another token',
  );
  for (const address of ['192.0.2.1', '192.0.2.2']) t.equal(use.notice(token(undefined), address), undefined);
  for (let i = 10; i < 100; i++) void use.notice(token('j'), `192.0.2.${i}`);
  t.equal(use.notice(token('j'), '192.0.2.200'), undefined, 'a token that goes round is told so many times');
});

void t.test('the tokens used least recently are forgotten', async (t) => {
  const use = new TokenAddresses({ maxTokens: 2 });
  for (const id of ['a', 'b', 'a', 'c']) void use.notice(token(id), '192.0.2.1');
  t.equal(use.notice(token('a'), '192.0.2.2'), 2);
  t.equal(use.notice(token('b'), '192.0.2.2'), undefined);
});

function poolOf(t: Test, url: string): Pool {
  const settings = {};
  const onIdleError = () => undefined;
  const pool = openPool({
    url,
    size: 4,
    connectTimeoutMs: 5_000,
    applicationName: 'test',
    settings,
    onIdleError,
  });
  t.teardown(() => pool.end());
  return pool;
}

void t.test('what other processes have seen counts, and is asked for once an address', async (t) => {
  const asked: string[] = [];
  const seen = ['192.0.2.1'];
  const shared: SharedUses = {
    async add(_token, address) {
      asked.push(address);
      if (!seen.includes(address)) seen.push(address);
      return { addresses: seen.length, place: seen.indexOf(address) + 1 };
    },
  };
  const use = new TokenAddresses({ shared });
  t.equal(await use.notice(token('j'), '192.0.2.2'), 2, 'the first address here is the second of all');
  t.equal(use.takeFlag(token('j'), '192.0.2.2'), 2);
  t.equal(await use.notice(token('j'), '192.0.2.1'), undefined, 'the second one here is the first of all');
  t.equal(use.takeFlag(token('j'), '192.0.2.1'), undefined);
  for (const address of [...seen, ...seen]) t.equal(use.notice(token('j'), address), undefined, 'no promise');
  t.strictSame(asked, ['192.0.2.2', '192.0.2.1']);
});

void t.test('a process that cannot ask the others goes by itself, and asks them later', async (t) => {
  const failures: unknown[] = [];
  let [down, asked] = [true, 0];
  const use = new TokenAddresses({
    onFailure: (error) => failures.push(error),
    shared: {
      async add() {
        asked++;
        if (down) throw new Error('down');
        return { addresses: 3, place: 3 };
      },
    },
  });
  t.equal(await use.notice(token('j'), '192.0.2.1'), undefined);
  t.equal(use.notice(token('j'), '192.0.2.2'), 2, 'at once: nobody is asked again for a second');
  t.equal(use.takeFlag(token('j'), '192.0.2.2'), 2);
  t.strictSame([asked, failures.length], [1, 1]);
  down = false;
  const later = performance.now() + 60_000;
  t.intercept(performance, 'now', { value: () => later });
  t.equal(await use.notice(token('j'), '192.0.2.1'), 3, 'it was not the first, as the others know');
  t.equal(await use.notice(token('j'), '192.0.2.2'), undefined, 'what was said is not said again');
  t.equal(use.takeFlag(token('j'), '192.0.2.2'), undefined);
  t.equal(asked, 3);
});

void t.test('nobody waits for long for what the others have seen', async (t) => {
  const answers: (() => void)[] = [];
  const shared: SharedUses = {
    add: () => new Promise((settle) => answers.push(() => settle({ addresses: 2, place: 2 }))),
  };
  const use = new TokenAddresses({ shared });
  t.equal(await use.notice(token('j'), '192.0.2.1'), undefined, 'goes on without an answer');
  for (const answer of answers) answer();
  await new Promise(setImmediate);
  t.equal(use.takeFlag(token('j'), '192.0.2.1'), 2, 'a late one goes to the next read');
});

void t.test('the table holds one row a token, no address, and nothing of tokens that are over', async (t) => {
  const store = await freshStore(t as never);
  const pool = poolOf(t, store.runtimeUrl);
  const uses = new TokenUses(pool, Buffer.alloc(32, 7), 3);
  const later = (Date.now() + 3_600_000) * 1_000;
  // All at once, as from many gateways: each address has one place, and no two the same.
  const added = await Promise.all(
    [1, 2, 3, 1, 2, 3].map((n) => uses.add('issuer\0j', `192.0.2.${n}`, later)),
  );
  t.strictSame(added.map(({ place }) => place).sort(), [1, 1, 2, 2, 3, 3]);
  t.strictSame(await uses.add('issuer\0j', '192.0.2.4', later), { addresses: 3, place: undefined });
  t.strictSame(await uses.add('issuer\0k', '192.0.2.1', later), { addresses: 1, place: 1 });
  const { rows } = await pool.query<{ addresses: string[] }>('SELECT addresses FROM weir.token_uses');
  t.equal(rows.length, 2);
  t.equal(new Set(rows.flatMap(({ addresses }) => addresses)).size, 4, 'one address, two digests');
  const over = (Date.now() - 2 * 3_600_000) * 1_000;
  await uses.add('issuer\0over', '192.0.2.1', over);
  await uses.removeOver();
  t.equal((await pool.query('SELECT FROM weir.token_uses')).rowCount, 2);
  for (let i = 0; i < 4; i++)
    t.match((await pool.query('SHOW synchronous_commit')).rows, [{ synchronous_commit: 'on' }], 'as before');
});

void t.test('one token at two gateways on one database, from two addresses, is flagged', async (t) => {
  const behindProxy: Parameters<typeof startGateway>[1] = {
    config: (config) => ({ ...config, http: { ...config.http, trustedProxies: ['127.0.0.0/8'] } }),
  };
  const one = await startGateway(t, behindProxy);
  const two = await startGateway(t, {
    store: one.store,
    config: (config) => ({ ...behindProxy.config!(config), identity: one.config.identity }),
  });
  const bearer = await one.token({ role: 'analyst', sub: 'li.na' });
  const ask = async ({ get }: typeof one, address: string) =>
    (await get('/rest/orders?limit=1', bearer, { 'x-forwarded-for': address })).status;
  for (const [gateway, address] of [
    [one, '192.0.2.1'],
    [two, '192.0.2.1'],
    [two, '192.0.2.2'],
    [two, '192.0.2.2'],
    [one, '2001:db8::3'],
  ] as const)
    t.equal(await ask(gateway, address), 200);
  const shared = [one, two].flatMap(({ observed }) =>
    observed.filter(({ event }) => event === 'token-shared'),
  );
  t.match(shared, [{ addresses: 3 }, { addresses: 2 }]);
  const alerts = await listAlerts(poolOf(t, one.store.superuserUrl), { limit: 10 });
  t.match(
    alerts.map(({ reasons }) => reasons[0]),
    [
      { rule: 'tokenAddresses', value: 3 },
      { rule: 'tokenAddresses', value: 2 },
    ],
  );
  t.equal(alerts.length, 2);
});

void t.test('a token from two addresses is served, flagged on the log, listed and counted', async (t) => {
  const gateway = await startGateway(t, {
    config: (config) => ({ ...config, http: { ...config.http, trustedProxies: ['127.0.0.0/8'] } }),
  });
  const bearer = await gateway.token({ role: 'analyst', sub: 'li.na' });
  const ask = async (address: string, path = '/rest/orders?limit=1') =>
    (await gateway.get(path, bearer, { 'x-forwarded-for': address })).status;
  t.equal(await ask('192.0.2.1'), 200);
  t.equal(await ask('192.0.2.1'), 200);
  t.equal(await ask('192.0.2.2', '/rest/nothing'), 404, 'refused, so that there is no read to flag yet');
  t.equal(await ask('192.0.2.2'), 200);
  t.equal(await ask('192.0.2.2'), 200);
  t.match(
    gateway.observed.filter(({ event }) => event === 'token-shared'),
    [{ event: 'token-shared', addresses: 2 }],
  );
  t.match(await (await fetch(`${gateway.address}/metrics`)).text(), 'weir_shared_tokens_total 1');
  const pool = poolOf(t, gateway.store.superuserUrl);
  const alerts = await listAlerts(pool, { limit: 10 });
  t.match(alerts, [
    {
      person: 'li.na',
      reasons: [{ rule: 'tokenAddresses', text: '2 addresses from which one token came (alert from 2)' }],
    },
  ]);
  t.equal(alerts.length, 1);
  t.same((await verified(gateway.store.superuserUrl)).faults, []);
  await withClient(gateway.store.superuserUrl, async (client) => {
    const { rows } = await client.query(`SELECT FROM weir.entries WHERE body LIKE '%192.0.2.%'`);
    t.equal(rows.length, 0, 'the addresses themselves are not on the log');
  });
});
