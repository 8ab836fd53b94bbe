/** Clusters for the tests of the cluster itself: in a directory that the test knows. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eraseCluster } from '../../src/demo/cluster-directory.js';
import { startCluster, type Cluster } from '../../src/demo/cluster.js';
import { withClient } from '../../src/demo/databases.js';
import type { Teardown } from '../support/cluster.js';

export const superuserPassword = "it's: a/password";

export async function emptyDirectory(t: Teardown): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'weir-cluster-test-'));
  t.teardown(() => eraseCluster(directory));
  return directory;
}

export async function begin(t: Teardown, directory: string, settings = {}): Promise<Cluster> {
  const cluster = await startCluster({ directory, port: 0, superuserPassword, settings });
  t.teardown(() => cluster.stop('immediate'));
  return cluster;
}

export async function ask(cluster: Cluster, sql: string): Promise<unknown[]> {
  return withClient(cluster.superuserUrl('postgres'), async (client) => {
    const { rows } = await client.query({ text: sql, rowMode: 'array' });
    return rows.flat();
  });
}
