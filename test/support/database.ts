/**
 * A database for one test: a fresh copy of a template of the run's cluster, dropped with the test.
 */
import { randomBytes } from 'node:crypto';
import { createStoreDatabase, withClient } from '../../src/demo/databases.js';
import { sharedCluster, type Teardown } from './cluster.js';

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
      await client.query(`CREATE DATABASE ${name} TEMPLATE ${'x'}`);
    }
  });
  t.teardown(() =>
    withClient(adminUrl, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
  );
  return { name, url: cluster.url('postgres', name), adminUrl, urlFor: (user) => cluster.url(user, name) };
}
