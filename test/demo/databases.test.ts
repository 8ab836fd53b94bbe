/** The demo's databases are made once, made again where a crash left them half-made, and closed to the reader's writes. */
import t from 'tap';
import { prepareDatabases, roles, withClient, type PrepareOptions } from '../../src/demo/databases.js';
import { ownCluster } from '../support/cluster.js';
import { freshDatabase, testShop } from '../support/database.js';

const secrets = { ownerPassword: 'o: 1', runtimePassword: 'r/2', readerPassword: "r'3" };
const small = { secrets, orders: 300, customers: 60 };

void t.test('prepareDatabases makes them once, and again what a crash left half-made', async (t) => {
  const cluster = await ownCluster(t);
  const prepare = async (options: Partial<PrepareOptions> = {}) => {
    const told: string[] = [];
    const urls = await prepareDatabases(cluster, {
      ...small,
      ...options,
      onProgress: (text) => told.push(text),
    });
    return { urls, told };
  };
  const count = async (url: string) =>
    withClient(url, async (client) => {
      const { rows } = await client.query<{ n: number }>('SELECT count(*)::int AS n FROM shop.orders');
      return rows[0]?.n;
    });

  const first = await prepare();
  t.match(first.told[0], '300 orders of 60 customers');
  t.equal(await count(first.urls.ordersUrl), 300);
  await withClient(first.urls.storeOwnerUrl, (client) => client.query('CREATE TABLE public.log (n int)'));

  const second = await prepare();
  t.same(second.told, [], 'nothing is made a second time');
  await withClient(second.urls.storeRuntimeUrl, async (client) => {
    await t.rejects(
      client.query('SELECT * FROM log'),
      { code: '42501' },
      'the log stays, and has given no rights yet',
    );
  });

  await withClient(cluster.superuserUrl('postgres'), (client) =>
    // What a load that was cut short leaves: a database without the word that it is complete.
    client.query('COMMENT ON DATABASE shop IS NULL'),
  );
  await withClient(cluster.superuserUrl('shop'), (client) => client.query('DELETE FROM shop.order_items'));
  const third = await prepare();
  t.ok(third.told.length > 0, 'half-made, it is made again');
  t.equal(await count(third.urls.ordersUrl), 300);

  const larger = await prepare({ orders: 400, secrets: { ...secrets, readerPassword: 'another' } });
  t.equal(
    await count(larger.urls.ordersUrl),
    400,
    'of another size, it is made again; passwords follow the secrets',
  );
});

void t.test('the database of a load that fails counts as not made', async (t) => {
  const cluster = await ownCluster(t);
  const cutShort = prepareDatabases(cluster, {
    ...small,
    onProgress: (text) => {
      if (text.endsWith('100 %')) throw new Error('power cut');
    },
  });
  await t.rejects(cutShort, { message: 'power cut' });
  const { ordersUrl } = await prepareDatabases(cluster, small);
  await withClient(ordersUrl, async (client) => {
    t.same((await client.query('SELECT count(*)::int AS n FROM shop.orders')).rows, [{ n: 300 }]);
  });
});

void t.test('the reader reads the shop and can do nothing else', async (t) => {
  const db = await freshDatabase(t, { template: 'shop' });
  await withClient(db.urlFor(roles.reader), async (client) => {
    const { rows } = await client.query<{ n: number }>('SELECT count(*)::int AS n FROM shop.orders');
    t.equal(rows[0]?.n, testShop.orders);
    t.same((await client.query('SHOW default_transaction_read_only')).rows, [
      { default_transaction_read_only: 'on' },
    ]);
    await t.rejects(client.query(`UPDATE shop.orders SET remark = ''`), { code: /25006|42501/ });

    await client.query('SET default_transaction_read_only = off');
    for (const statement of [
      `UPDATE shop.orders SET remark = ''`,
      'INSERT INTO shop.order_items SELECT * FROM shop.order_items',
      'DELETE FROM shop.shipments',
      'TRUNCATE shop.order_items',
      'SELECT * FROM shop.orders FOR UPDATE',
      'CREATE TABLE shop.x (a int)',
      'CREATE TABLE public.x (a int)',
      'CREATE TEMPORARY TABLE x (a int)',
      'CREATE SCHEMA x',
      'CREATE ROLE x',
      'SELECT lo_create(0)',
      `SELECT lo_from_bytea(0, '')`,
      `SELECT pg_read_file('PG_VERSION')`,
      `COPY shop.orders TO PROGRAM 'true'`,
    ]) {
      await t.rejects(client.query(statement), { code: '42501' }, statement);
    }
  });
});

void t.test('each role connects to its own database only', async (t) => {
  const shop = await freshDatabase(t, { template: 'shop' });
  const store = await freshDatabase(t);
  const connect = (url: string) => withClient(url, (client) => client.query('SELECT 1'));
  for (const url of [
    store.urlFor(roles.reader),
    shop.urlFor(roles.owner),
    shop.urlFor(roles.runtime),
    new URL('/postgres', shop.urlFor(roles.reader)).href,
    new URL('/template1', shop.urlFor(roles.runtime)).href,
  ]) {
    await t.rejects(connect(url), { code: '42501' }, new URL(url).username);
  }
  await connect(store.urlFor(roles.owner));
  await connect(store.urlFor(roles.runtime));
});

void t.test('two tests on one template do not see one another', async (t) => {
  const [one, two] = [
    await freshDatabase(t, { template: 'shop' }),
    await freshDatabase(t, { template: 'shop' }),
  ];
  await withClient(one.url, (client) => client.query('DELETE FROM shop.order_items'));
  await withClient(two.url, async (client) => {
    const { rows } = await client.query<{ n: number }>('SELECT count(*)::int AS n FROM shop.order_items');
    t.ok((rows[0]?.n ?? 0) > testShop.orders);
  });
});
