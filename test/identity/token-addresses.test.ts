import t from 'tap';
import type { Principal } from '../../src/access.js';
import { TokenAddresses } from '../../src/identity/token-addresses.js';
import { withClient } from '../../src/demo/databases.js';
import { verified } from '../fault/traffic.js';
import { listAlerts } from '../../src/watch/alerts.js';
import { openPool } from '../../src/store/pool.js';
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
  t.equal(use.takeFlag(token('j'), '192.0.2.2'), 3, 'the first read from there is flagged');
  t.equal(use.takeFlag(token('j'), '192.0.2.2'), undefined, 'and no other');
  t.equal(
    use.notice(token('j', 'https://b.example'), '192.0.2.9'),
    undefined,
    'another issuer, another token',
  );
  for (const address of ['192.0.2.1', '192.0.2.2']) t.equal(use.notice(token(undefined), address), undefined);
  for (let i = 10; i < 100; i++) use.notice(token('j'), `192.0.2.${i}`);
  t.equal(use.notice(token('j'), '192.0.2.200'), undefined, 'a token that goes round is told so many times');
});

void t.test('the tokens used least recently are forgotten', async (t) => {
  const use = new TokenAddresses(2);
  for (const id of ['a', 'b', 'a', 'c']) use.notice(token(id), '192.0.2.1');
  t.equal(use.notice(token('a'), '192.0.2.2'), 2);
  t.equal(use.notice(token('b'), '192.0.2.2'), undefined);
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
  const pool = openPool({
    url: gateway.store.superuserUrl,
    size: 1,
    connectTimeoutMs: 5_000,
    applicationName: 'test',
    settings: {},
    onIdleError: () => undefined,
  });
  t.teardown(() => pool.end());
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
