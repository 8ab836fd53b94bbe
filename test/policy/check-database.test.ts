import path from 'node:path';
import pg from 'pg';
import t from 'tap';
import { checkAgainstDatabase } from '../../src/policy/check-database.js';
import { formatFaults } from '../../src/policy/faults.js';
import { loadPolicies } from '../../src/policy/load.js';
import { readSchema, type LiveSchema } from '../../src/sql/schema.js';
import { freshDatabase } from '../support/database.js';
import { agent, alerts, catalog, edit, writeSet, type Files, type Teardown } from './policy-files.js';

const tables = ['orders', 'order_items', 'customers', 'shipments'].map((table) => ({
  schema: 'shop',
  table,
}));

/** The live schema of the test's own shop, after some changes by its owner. */
async function shopSchema(t: Teardown, changes = ''): Promise<LiveSchema> {
  const database = await freshDatabase(t, { template: 'shop' });
  const owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
  try {
    if (changes !== '') await owner.query(changes);
  } finally {
    await owner.end();
  }
  const reader = new pg.Pool({ connectionString: database.urlFor('weir_reader'), max: 1 });
  try {
    return await readSchema(reader, tables);
  } finally {
    await reader.end();
  }
}

async function check(t: Teardown, live: LiveSchema, changed: Files = {}): Promise<string[]> {
  const directory = await writeSet(t, changed);
  const faults = checkAgainstDatabase(await loadPolicies(directory), live);
  return faults.length === 0 ? [] : formatFaults(faults).replaceAll(`${directory}/`, '').split('\n');
}

void t.test('against the order database as it is', async (t) => {
  const live = await shopSchema(t);

  await t.test('the example set fits the demo shop', async (t) => {
    const loaded = await loadPolicies(path.resolve(import.meta.dirname, '../../policies'));
    t.equal(formatFaults(checkAgainstDatabase(loaded, live)), '');
  });

  await t.test('a small good set fits', async (t) => {
    t.strictSame(await check(t, live), []);
  });

  await t.test('masks for dates and numbers are held to the type of their column', async (t) => {
    const shown = (order: string) => ({
      'catalog.yaml': edit(
        catalog,
        '      status: none\n  shipments',
        '      status: none\n      amount: amount\n      created_at: none\n  shipments',
      ),
      'roles/agent.yaml': edit(agent, '      status: clear\n', order),
    });
    const right =
      '      created_at: month\n      amount: { mask: bucket, width: 100 }\n      order_id: { mask: bucket, width: 10 }\n';
    const agentRight = shown(right);
    const withoutTwice = {
      ...agentRight,
      'roles/agent.yaml': edit(agentRight['roles/agent.yaml'], '      order_id: clear\n', ''),
    };
    t.strictSame(await check(t, live, withoutTwice), []);
    t.strictSame(
      await check(t, live, shown('      created_at: { mask: bucket, width: 100 }\n      status: month\n')),
      [
        'roles/agent.yaml:12:19 the mask bucket(100) is for numbers, and created_at is of type timestamp with time zone — write clear or hidden, or name a column of that type',
        'roles/agent.yaml:13:15 the mask month is for dates and timestamps, and status is of type text — write clear or hidden, or name a column of that type',
      ],
    );
  });

  await t.test('a table that is not there is told at its line', async (t) => {
    t.strictSame(await check(t, live, { 'catalog.yaml': edit(catalog, 'shop.shipments', 'shop.shipment') }), [
      'catalog.yaml:18:11 the order database has no table "shop.shipment" that the gateway may read — write shop.shipments',
    ]);
    t.strictSame(await check(t, live, { 'catalog.yaml': edit(catalog, 'shop.shipments', 'erp.parcels') }), [
      'catalog.yaml:18:11 the order database has no table "erp.parcels" that the gateway may read — correct the name, or grant the gateway SELECT on the table',
    ]);
  });

  await t.test('a column that is not there is told with the one that was meant', async (t) => {
    const wrong = edit(catalog, 'remark: free-text', 'remarks: free-text');
    t.strictSame(await check(t, live, { 'catalog.yaml': wrong }), [
      'catalog.yaml:14:7 shop.orders has no column "remarks" — write remark',
    ]);
  });

  await t.test('a subject that is not there is told where it is named and where it is listed', async (t) => {
    const wrong = catalog.replaceAll('customer_id', 'customer_key');
    t.strictSame(await check(t, live, { 'catalog.yaml': wrong }), [
      'catalog.yaml:6:14 shop.orders has no column "customer_key" to name the person — write customer_id',
      'catalog.yaml:9:7 shop.orders has no column "customer_key" — write customer_id',
    ]);
  });

  await t.test('a record column that does not name one row is refused', async (t) => {
    const wrong = edit(catalog, 'record: order_id', 'record: status');
    t.strictSame(await check(t, live, { 'catalog.yaml': wrong }), [
      'catalog.yaml:5:13 status is not unique, so that it does not name one record — write order_id',
    ]);
  });

  await t.test('several columns name a record where they are unique together, and no text', async (t) => {
    const named = (record: string) => ({
      'catalog.yaml': edit(catalog, 'record: order_id', `record: ${record}`),
    });
    const together = await shopSchema(
      t,
      `CREATE UNIQUE INDEX ON shop.orders (customer_id, order_id);
       CREATE UNIQUE INDEX ON shop.orders (order_id, status)`,
    );
    const told = (what: string) => [`catalog.yaml:5:13 ${what}`];
    t.strictSame(await check(t, together, named('[order_id, customer_id]')), []);
    t.match(await check(t, live, named('[customer_id, status]')), [
      /^catalog\.yaml:5:13 customer_id.* so that it does not name one record — write order_id$/,
    ]);
    t.strictSame(
      await check(t, together, named('[order_id, status]')),
      told(
        "status is part of a record's name, and neither a whole number nor a uuid nor a date — name the record by other columns, or by one",
      ),
    );
  });

  await t.test('a reference between columns that cannot be compared is told', async (t) => {
    const refers = (column: string) => ({
      'catalog.yaml': edit(
        catalog,
        '    subject: customer_id\n',
        `    subject: customer_id\n    references: { ${column}: shipments }\n`,
      ),
    });
    t.strictSame(await check(t, live, refers('customer_id')), []);
    t.strictSame(await check(t, live, refers('status')), [
      'catalog.yaml:7:27 status is of type text and shipments.shipment_id of bigint, so that the two cannot be joined — remove the line',
    ]);
  });

  await t.test('a column for the last four digits that is not there is told', async (t) => {
    const wrong = edit(catalog, '{ last4: receiver_phone_last4 }', '{ last4: phone_last4 }');
    t.match(await check(t, live, { 'catalog.yaml': wrong }), [
      /^catalog\.yaml:12:64 shop\.orders has no column "phone_last4" — name the column that holds the last four digits$/,
    ]);
  });

  await t.test('find_by without an index is told in the role file', async (t) => {
    const wrong = edit(agent, '[order_no, receiver_phone]', '[order_no, status, region]');
    t.strictSame(await check(t, live, { 'roles/agent.yaml': wrong }), [
      'roles/agent.yaml:7:25 status has no index, so that each read by it would scan orders — create an index on shop.orders (status), or remove it here',
      'roles/agent.yaml:7:33 region has no index, so that each read by it would scan orders — create an index on shop.orders (region), or remove it here',
    ]);
  });

  await t.test('a declared look-up without an index is told in the catalogue, once', async (t) => {
    const wrong = edit(catalog, 'receiver_name: name', 'receiver_name: { class: name, lookup: [exact] }');
    const files = {
      'catalog.yaml': wrong,
      'roles/agent.yaml': edit(agent, '[order_no, receiver_phone]', '[order_no, receiver_name]'),
    };
    t.strictSame(await check(t, live, files), [
      'catalog.yaml:11:46 the look-up of receiver_name needs an index on receiver_name, and there is none — create an index on shop.orders (receiver_name), or remove the look-up',
    ]);
  });
});

void t.test('an order database that has changed under the policies is told', async (t) => {
  const live = await shopSchema(
    t,
    `DROP INDEX shop.orders_receiver_phone_last4_idx;
     ALTER TABLE shop.orders DROP COLUMN address;
     ALTER TABLE shop.shipments DROP CONSTRAINT shipments_pkey;
     ALTER TABLE shop.shipments ALTER COLUMN shipment_id DROP NOT NULL;
     CREATE UNIQUE INDEX ON shop.shipments (shipment_id)`,
  );
  t.strictSame(await check(t, live), [
    'catalog.yaml:12:55 the look-up of receiver_phone needs an index on receiver_phone_last4, and there is none — create an index on shop.orders (receiver_phone_last4), or remove the look-up',
    'catalog.yaml:13:7 shop.orders has no column "address" — correct the name, or remove the line',
    'catalog.yaml:19:13 shipment_id may be NULL, so that it does not name one record — make shipment_id NOT NULL and UNIQUE',
  ]);
});

void t.test('an empty order database misses every table, and nothing is told twice', async (t) => {
  t.strictSame(
    (await check(t, new Map(), { 'alerts.yaml': alerts })).map((line) => line.slice(0, line.indexOf(' '))),
    ['catalog.yaml:4:11', 'catalog.yaml:18:11'],
  );
});
