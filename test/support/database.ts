/**
 * A database for one test: a fresh copy of a template of the run's cluster, dropped with the test.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type pg from 'pg';
import {
  closeOrderDatabase,
  closeStoreDatabase,
  createOrderDatabase,
  createStoreDatabase,
  withClient,
} from '../../src/demo/databases.js';
import { migrateStore } from '../../src/store/migrate.js';
import { sharedCluster, type SharedCluster, type Teardown } from './cluster.js';

/**
 * empty: owned by weir_owner, as the gateway's own database before its migrations. store: the same after them.
 * shop: a small order database.
 */
export type Template = 'empty' | 'store' | 'shop';

export interface FreshDatabase {
  readonly name: string;
  /** As superuser, on this database. */
  readonly url: string;
  /** As superuser, on the maintenance database of the cluster. */
  readonly adminUrl: string;
  /** As weir_owner, weir_runtime, weir_reader or postgres. */
  urlFor(user: string): string;
}

/** @returns a database of its own, dropped (connections or not) when the test ends */
export async function freshDatabase(
  t: Teardown,
  options: { template?: Template } = {},
): Promise<FreshDatabase> {
  const cluster = await sharedCluster();
  const adminUrl = cluster.url('postgres', 'postgres');
  const kind = options.template ?? 'empty';
  const name = `${kind}_${randomBytes(6).toString('hex')}`;
  await withClient(adminUrl, async (client) => {
    if (kind === 'empty') {
      await createStoreDatabase(client, name);
    } else if (kind === 'store') {
      const template = await ensureStoreTemplate(client, cluster);
      await client.query(`CREATE DATABASE ${name} OWNER weir_owner TEMPLATE ${template}`);
      await closeStoreDatabase(client, name);
    } else {
      const template = await ensureShopTemplate(client, cluster);
      await client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
      await closeOrderDatabase(client, name);
    }
  });
  t.teardown(() =>
    withClient(adminUrl, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
  );
  return { name, url: cluster.url('postgres', name), adminUrl, urlFor: (user) => cluster.url(user, name) };
}

/** What the shop template holds; the same rows in every run. */
export const testShop = { orders: 2_000, customers: 480, seed: 20_261_122, lastDay: '2026-11-21' } as const;

async function ensureShopTemplate(admin: pg.Client, cluster: SharedCluster): Promise<string> {
  const name = `shop_template_${await digestOfDataset()}`;
  const make = () =>
    createOrderDatabase(admin, name, (database) => cluster.url('postgres', database), testShop);
  return ensureTemplate(admin, name, make);
}

async function ensureStoreTemplate(admin: pg.Client, cluster: SharedCluster): Promise<string> {
  const name = `store_template_${await digestOfStore()}`;
  return ensureTemplate(admin, name, async () => {
    await createStoreDatabase(admin, name);
    await migrateStore(cluster.url('weir_owner', name), 'weir_runtime');
  });
}

/** The first test that needs it makes it, the others wait. @returns its name */
async function ensureTemplate(admin: pg.Client, name: string, make: () => Promise<void>): Promise<string> {
  await admin.query('SELECT pg_advisory_lock(hashtext($1))', [name]);
  try {
    const { rows } = await admin.query('SELECT datistemplate AS done FROM pg_database WHERE datname = $1', [
      name,
    ]);
    if (rows[0]?.done === true) return name;
    await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await make();
    await admin.query(`ALTER DATABASE ${name} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false`);
    return name;
  } finally {
    await admin.query('SELECT pg_advisory_unlock(hashtext($1))', [name]);
  }
}

/** Another dataset, another template: runs side by side may hold different versions. */
async function digestOfDataset(): Promise<string> {
  const demo = new URL('../../src/demo/', import.meta.url);
  return digestOf([new URL('databases.ts', demo), ...(await filesIn(new URL('dataset/', demo)))]);
}

async function digestOfStore(): Promise<string> {
  const migrate = new URL('../../src/store/migrate.ts', import.meta.url);
  return digestOf([migrate, ...(await filesIn(new URL('../../drizzle/', import.meta.url)))]);
}

async function filesIn(folder: URL): Promise<URL[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  return names.sort().map((name) => new URL(name, folder));
}

async function digestOf(files: readonly URL[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) hash.update(await readFile(file));
  return hash.digest('hex').slice(0, 10);
}
