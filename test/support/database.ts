/**
 * A database for one test: a fresh copy of a template of the run's cluster, dropped with the test.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type pg from 'pg';
import {
  closeOrderDatabase,
  createOrderDatabase,
  createStoreDatabase,
  withClient,
} from '../../src/demo/databases.js';
import { sharedCluster, type SharedCluster, type Teardown } from './cluster.js';

/** empty: owned by weir_owner, as the gateway's own database before its migrations. shop: a small order database. */
export type Template = 'empty' | 'shop';

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

/** The first test that needs it makes it, the others wait. @returns its name */
async function ensureShopTemplate(admin: pg.Client, cluster: SharedCluster): Promise<string> {
  const name = `shop_template_${await digestOfDataset()}`;
  await admin.query(`SELECT pg_advisory_lock(hashtext('shop template'))`);
  try {
    const { rows } = await admin.query('SELECT datistemplate AS done FROM pg_database WHERE datname = $1', [
      name,
    ]);
    if (rows[0]?.done === true) return name;
    await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await createOrderDatabase(admin, name, (database) => cluster.url('postgres', database), testShop);
    await admin.query(`ALTER DATABASE ${name} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false`);
    return name;
  } finally {
    await admin.query(`SELECT pg_advisory_unlock(hashtext('shop template'))`);
  }
}

/** Another dataset, another template: runs side by side may hold different versions. */
async function digestOfDataset(): Promise<string> {
  const hash = createHash('sha256');
  const demo = new URL('../../src/demo/', import.meta.url);
  const names = (await readdir(new URL('dataset/', demo))).sort().map((name) => `dataset/${name}`);
  for (const name of ['databases.ts', ...names]) hash.update(await readFile(new URL(name, demo)));
  return hash.digest('hex').slice(0, 10);
}
