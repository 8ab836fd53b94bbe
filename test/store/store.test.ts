/** The gateway's own tables: what the migrations make, what the runtime role may do, what starting refuses. */
import { getTableConfig } from 'drizzle-orm/pg-core';
import pg from 'pg';
import t from 'tap';
import { checkOrders, checkStore } from '../../src/store/checks.js';
import { migrateStore } from '../../src/store/migrate.js';
import * as schema from '../../src/store/schema.js';
import { freshStore } from '../log/open-log.js';
import { freshDatabase } from '../support/database.js';

function poolFor(t: { teardown(work: () => unknown): void }, url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => {});
  t.teardown(() => pool.end());
  return pool;
}

void t.test('the migrations make exactly the tables that the readers know', async (t) => {
  const store = await freshStore(t);
  const pool = poolFor(t, store.superuserUrl);
  for (const table of [
    schema.actors,
    schema.entries,
    schema.readDigests,
    schema.meters,
    schema.seen,
    schema.policySets,
    schema.revocations,
    schema.policyChanges,
    schema.policyProposals,
    schema.policyApprovals,
    schema.tokenUses,
  ]) {
    const { name, columns } = getTableConfig(table);
    const { rows } = await pool.query<{ name: string; type: string; required: boolean }>(
      `SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required FROM pg_attribute
        WHERE attrelid = $1::regclass AND attnum > 0 ORDER BY attname`,
      [`weir.${name}`],
    );
    const known = columns.map((column) => ({
      name: column.name,
      type: column.getSQLType(),
      required: column.notNull,
    }));
    t.same(
      rows,
      known.sort((a, b) => (a.name < b.name ? -1 : 1)),
      `weir.${name}`,
    );
  }
});

void t.test('migrating again, and several at once, changes nothing', async (t) => {
  const store = await freshStore(t);
  await Promise.all([1, 2, 3].map(() => migrateStore(store.ownerUrl, 'weir_runtime')));
  const { faults } = await checkStore(poolFor(t, store.runtimeUrl));
  t.same(faults, []);
});

void t.test(
  'nobody changes or removes what is on the log: not the runtime role, not the owner, not by TRUNCATE',
  async (t) => {
    const store = await freshStore(t);
    const insert = `INSERT INTO weir.entries (writer, number, at, flagged, body) VALUES (gen_random_uuid(), 1, 1, false, '{}')`;
    const runtime = poolFor(t, store.runtimeUrl);
    await runtime.query(insert);
    const attempts = [
      `UPDATE weir.entries SET body = 'x'`,
      'DELETE FROM weir.entries',
      'TRUNCATE weir.entries',
      `UPDATE weir.read_digests SET records = ''`,
      'DELETE FROM weir.read_digests',
      'TRUNCATE weir.read_digests',
      `UPDATE weir.policy_sets SET content = ''`,
      'DELETE FROM weir.policy_sets',
      'TRUNCATE weir.policy_sets',
      `UPDATE weir.policy_proposals SET person = 'x'`,
      'DELETE FROM weir.policy_proposals',
      'TRUNCATE weir.policy_proposals CASCADE',
      'DELETE FROM weir.policy_approvals',
      `UPDATE weir.revocations SET until = now()`,
      'DELETE FROM weir.revocations',
      'TRUNCATE weir.revocations',
    ];
    for (const [who, url] of Object.entries(store)) {
      const pool = poolFor(t, url as string);
      for (const attempt of attempts) {
        await t.rejects(pool.query(attempt), { code: '42501' }, `${who}: ${attempt}`);
        await t.rejects(
          pool.query(`SET session_replication_role = replica; ${attempt}`),
          { code: '42501' },
          `${who}, as a replica: ${attempt}`,
        );
      }
    }
    t.equal((await runtime.query('SELECT FROM weir.entries')).rowCount, 1);
  },
);

void t.test('the runtime role cannot delete meters or people seen, nor make tables', async (t) => {
  const store = await freshStore(t);
  const pool = poolFor(t, store.runtimeUrl);
  for (const attempt of [
    'DELETE FROM weir.meters',
    'DELETE FROM weir.seen',
    'TRUNCATE weir.meters',
    'UPDATE weir.actors SET subject = $$x$$',
    'CREATE TABLE weir.x ()',
    'CREATE TABLE public.x ()',
    'DROP TABLE weir.entries',
    `INSERT INTO weir.revocations (reason, kind, value) VALUES ('x', 'tool', 'x')`,
  ]) {
    await t.rejects(pool.query(attempt), { code: '42501' }, attempt);
  }
});

void t.test(
  'starting is refused on a store that would make the promises untrue, with every reason and what to do',
  async (t) => {
    const store = await freshStore(t);
    const admin = poolFor(t, store.superuserUrl);
    const asRuntime = () => checkStore(poolFor(t, store.runtimeUrl));
    t.same((await asRuntime()).faults, []);
    t.match((await checkStore(admin)).faults.join('\n'), /is a superuser/);
    t.match((await checkStore(poolFor(t, store.ownerUrl))).faults.join('\n'), /owns weir\.entries/);

    const expectFault = async (break_: string, fault: RegExp, mend: string) => {
      await admin.query(break_);
      t.match((await asRuntime()).faults.join('\n'), fault, break_);
      await admin.query(mend);
      t.same((await asRuntime()).faults, [], mend);
    };
    await expectFault(
      'GRANT UPDATE ON weir.entries TO weir_runtime',
      /may change or remove rows of weir\.entries/,
      'REVOKE UPDATE ON weir.entries FROM weir_runtime',
    );
    await expectFault(
      'REVOKE INSERT ON weir.read_digests FROM weir_runtime',
      /may not read and insert/,
      'GRANT INSERT ON weir.read_digests TO weir_runtime',
    );
    await expectFault(
      'ALTER TABLE weir.entries DISABLE TRIGGER entries_append_only',
      /trigger of weir\.entries is missing or switched off/,
      'ALTER TABLE weir.entries ENABLE ALWAYS TRIGGER entries_append_only',
    );
    await expectFault(
      'GRANT INSERT ON weir.revocations TO weir_runtime',
      /may write weir\.revocations/,
      'REVOKE INSERT ON weir.revocations FROM weir_runtime',
    );
    await expectFault(
      'REVOKE SELECT ON weir.revocations FROM weir_runtime',
      /may not read weir\.revocations/,
      'GRANT SELECT ON weir.revocations TO weir_runtime',
    );
    await expectFault(
      'ALTER TABLE weir.revocations DISABLE TRIGGER revocations_told',
      /trigger of weir\.revocations is missing or switched off/,
      'ALTER TABLE weir.revocations ENABLE ALWAYS TRIGGER revocations_told',
    );
    await expectFault(
      'ALTER TABLE weir.policy_approvals DISABLE TRIGGER policy_approvals_taken',
      /trigger of weir\.policy_approvals is missing or switched off/,
      'ALTER TABLE weir.policy_approvals ENABLE ALWAYS TRIGGER policy_approvals_taken',
    );
    await expectFault(
      'ALTER TABLE weir.policy_proposals DISABLE TRIGGER policy_proposals_taken',
      /trigger of weir\.policy_proposals is missing or switched off/,
      'ALTER TABLE weir.policy_proposals ENABLE ALWAYS TRIGGER policy_proposals_taken',
    );
    await expectFault(
      `UPDATE weir_migrations.applied SET hash = 'x' || hash`,
      /of another version\. Run weir migrate/,
      `UPDATE weir_migrations.applied SET hash = substr(hash, 2)`,
    );
    const empty = await freshDatabase(t);
    t.match(
      (await checkStore(poolFor(t, empty.urlFor('weir_runtime')))).faults.join('\n'),
      /no tables yet\. Run weir migrate/,
    );
  },
);

void t.test('a runtime role with synchronous_commit off is refused', async (t) => {
  const store = await freshStore(t);
  const url = new URL(store.runtimeUrl);
  url.searchParams.set('options', '-c synchronous_commit=off');
  t.match((await checkStore(poolFor(t, url.href))).faults.join('\n'), /synchronous_commit = off/);
});

void t.test('starting is refused with an order database role that can do more than read', async (t) => {
  const shop = await freshDatabase(t, { template: 'shop' });
  const admin = poolFor(t, shop.url);
  const tables = [{ schema: 'shop', table: 'orders' }];
  const role = `reader_${shop.name.slice(-8)}`;
  await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
  t.teardown(() => admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`));
  const url = new URL(shop.url);
  url.username = role;
  url.password = 'x';
  await admin.query(
    `GRANT CONNECT ON DATABASE "${shop.name}" TO ${role}; GRANT USAGE ON SCHEMA shop TO ${role}; GRANT SELECT ON ALL TABLES IN SCHEMA shop TO ${role}`,
  );
  const faults = async () => (await checkOrders(poolFor(t, url.href), tables)).faults.join('\n');
  t.equal(await faults(), '');
  t.match((await checkOrders(admin, tables)).faults.join('\n'), /is a superuser/);

  const expectFault = async (break_: string, fault: RegExp, mend: string) => {
    await admin.query(break_);
    t.match(await faults(), fault, break_);
    await admin.query(mend);
    t.equal(await faults(), '', mend);
  };
  await expectFault(
    `GRANT UPDATE ON shop.orders TO ${role}`,
    /can write to shop\.orders\. REVOKE/,
    `REVOKE UPDATE ON shop.orders FROM ${role}`,
  );
  await expectFault(
    `GRANT UPDATE (remark) ON shop.orders TO ${role}`,
    /can write to shop\.orders/,
    `REVOKE UPDATE (remark) ON shop.orders FROM ${role}`,
  );
  await expectFault(
    `GRANT pg_write_all_data TO ${role}`,
    /member of pg_write_all_data/,
    `REVOKE pg_write_all_data FROM ${role}`,
  );
  await expectFault(`ALTER ROLE ${role} CREATEROLE`, /has CREATEROLE/, `ALTER ROLE ${role} NOCREATEROLE`);
  await expectFault(
    `GRANT CREATE ON SCHEMA shop TO ${role}`,
    /can create objects in schema shop/,
    `REVOKE CREATE ON SCHEMA shop FROM ${role}`,
  );
  await expectFault(
    `CREATE TABLE shop.mine (); ALTER TABLE shop.mine OWNER TO ${role}`,
    /owns shop\.mine/,
    'DROP TABLE shop.mine',
  );
  await expectFault(
    `REVOKE SELECT ON shop.orders FROM ${role}`,
    /may not SELECT from shop\.orders/,
    `GRANT SELECT ON shop.orders TO ${role}`,
  );
  t.match(
    (await checkOrders(admin, [{ schema: 'shop', table: 'gone' }])).faults.join('\n'),
    /no table shop\.gone/,
  );
});
