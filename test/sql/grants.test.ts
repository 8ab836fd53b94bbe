import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { withClient } from '../../src/demo/databases.js';
import { weir } from '../cli/weir-process.js';
import { freshDatabase } from '../support/database.js';
import { policiesDirectory, startGateway } from '../support/gateway.js';

const grants = (...args: string[]) => weir(['grants', '--dir', policiesDirectory, ...args]);

void t.test('after the script, tools no longer read past Weir, and Weir reads as before', async (t) => {
  const opened = await startGateway(t);
  const suffix = randomBytes(4).toString('hex');
  const [crm, erp] = [`crm_${suffix}`, `Erp "${suffix}`];
  await withClient(opened.ordersUrl, async (client) => {
    await client.query(`CREATE ROLE ${crm} LOGIN; CREATE ROLE ${client.escapeIdentifier(erp)} LOGIN;
      GRANT USAGE ON SCHEMA shop TO PUBLIC; GRANT SELECT (order_id) ON shop.orders TO ${crm};
      GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA shop TO ${crm}, ${client.escapeIdentifier(erp)};
      GRANT SELECT ON shop.customers TO PUBLIC`);
    const { code, out, err } = await grants('--reader', 'weir_reader', '--login', crm, '--writer', erp);
    t.strictSame({ code, err }, { code: 0, err: '' });
    await client.query(out);
    const results = (await client.query(out)) as unknown as { rows: { login: string }[] }[];
    const left = results.at(-1)!.rows.map(({ login }) => login);
    t.notOk(left.includes(crm) || left.includes(erp), 'the last query finds neither');

    const as = async (role: string, sql: string) => {
      await client.query(`SET ROLE ${client.escapeIdentifier(role)}`);
      const outcome = await client.query(sql).then(
        () => 'allowed',
        (error: { code: string }) => error.code,
      );
      await client.query('RESET ROLE');
      return outcome;
    };
    t.equal(await as(crm, 'SELECT receiver_phone FROM shop.orders LIMIT 1'), '42501');
    t.equal(await as(crm, 'SELECT order_id FROM shop.orders LIMIT 1'), '42501');
    t.equal(await as(crm, 'SELECT name FROM shop.customers LIMIT 1'), '42501');
    t.equal(await as(erp, 'SELECT receiver_phone FROM shop.orders LIMIT 1'), '42501');
    t.equal(await as(erp, "UPDATE shop.orders SET status = 'lost' WHERE order_id = -1"), 'allowed');
    t.equal(await as('weir_reader', 'SELECT receiver_phone_last4 FROM shop.orders LIMIT 1'), 'allowed');
    await client.query('ALTER TABLE shop.orders ADD secret text');
    t.equal(await as('weir_reader', 'SELECT secret FROM shop.orders LIMIT 1'), '42501');
  });
  const seen = await opened.get('/rest/orders?limit=3', { role: 'analyst', sub: 'an.alyst' });
  t.equal(((await seen.json()) as unknown[]).length, 3);
});

void t.test('a role that is not there yet is made, able to do nothing but read', async (t) => {
  const database = await freshDatabase(t, { template: 'shop' });
  const reader = `reader_${randomBytes(4).toString('hex')}`;
  await withClient(database.url, async (client) => {
    await client.query((await grants('--reader', reader)).out);
    const { rows } = await client.query(
      `SELECT rolsuper OR rolcreatedb OR rolcreaterole AS more, has_table_privilege($1, 'shop.orders', 'INSERT, UPDATE, DELETE') AS writes,
              has_column_privilege($1, 'shop.orders', 'address', 'SELECT') AS reads FROM pg_roles WHERE rolname = $1`,
      [reader],
    );
    t.strictSame(rows, [{ more: false, writes: false, reads: true }]);
  });
});

void t.test(
  "Weir's own login cannot be closed out, and is that of the configuration unless named",
  async (t) => {
    t.match(await grants('--reader', 'weir_reader', '--login', 'weir_reader'), { code: 2, err: /itself/ });
    const cwd = t.testdir({});
    const config = {
      store: { url: 'postgres://a:b@127.0.0.1:1/weir' },
      orders: { url: 'postgres://order_reader:b@127.0.0.1:1/shop' },
      policies: { directory: policiesDirectory },
      identity: {
        issuers: [
          { issuer: 'https://id.example', audience: 'weir', jwks: { url: 'https://id.example/jwks' } },
        ],
      },
      log: { digestKey: randomBytes(32).toString('base64') },
    };
    writeFileSync(path.join(cwd, 'weir.yaml'), JSON.stringify(config));
    const { out } = await weir(['grants'], { cwd });
    t.match(out, /CREATE ROLE "order_reader" LOGIN/);
    t.match(
      out,
      /GRANT SELECT \("order_id", "customer_id", .*"receiver_phone_last4".*\) ON "shop"\."orders" TO "order_reader";/,
    );
  },
);
