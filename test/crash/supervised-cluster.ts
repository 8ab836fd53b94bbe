/**
 * One PostgreSQL under a supervisor: started again on its port and data whenever its postmaster is gone.
 * Recovery is PostgreSQL's own.
 */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startCluster, type Cluster } from '../../src/demo/cluster.js';
import { eraseCluster } from '../../src/demo/cluster-directory.js';
import { withClient } from '../../src/demo/databases.js';

export class SupervisedCluster {
  readonly name: string;
  readonly #directory: string;
  readonly #password: string;
  readonly #port: number;
  /** Where its data really is. */
  readonly #home: string;
  #cluster: Cluster | undefined;
  #stopping = false;
  #restarting: Promise<void> = Promise.resolve();
  /** Restarts that failed: a store that does not come back by itself. */
  readonly faults: string[] = [];

  private constructor(name: string, directory: string, password: string, cluster: Cluster) {
    this.name = name;
    this.#directory = directory;
    this.#password = password;
    this.#port = cluster.port;
    this.#home = cluster.directory;
    this.#watch(cluster);
  }

  static async start(name: string, directory: string, password: string): Promise<SupervisedCluster> {
    const cluster = await startCluster({ directory, port: 0, superuserPassword: password });
    return new SupervisedCluster(name, directory, password, cluster);
  }

  get port(): number {
    return this.#port;
  }

  /** Undefined while it is down. */
  get running(): Cluster | undefined {
    return this.#cluster;
  }

  superuserUrl(database: string): string {
    return `postgres://postgres:${encodeURIComponent(this.#password)}@127.0.0.1:${this.#port}/${database}`;
  }

  /** The postmaster vanishes; its children notice and go. @returns whether there was one */
  killPostmaster(): boolean {
    if (this.#cluster === undefined) return false;
    return kill(this.#cluster.pid, 'SIGKILL');
  }

  /** As `pg_ctl stop -m immediate`. */
  stopImmediate(): boolean {
    if (this.#cluster === undefined) return false;
    void this.#cluster.stop('immediate');
    return true;
  }

  /** @returns backends with that application name, by port of their client; none while it is down */
  async backends(applicationName: string): Promise<{ pid: number; clientPort: number }[]> {
    return withClient(this.superuserUrl('postgres'), async (client) => {
      const { rows } = await client.query<{ pid: number; client_port: number }>(
        'SELECT pid, client_port FROM pg_stat_activity WHERE application_name = $1',
        [applicationName],
      );
      return rows.map(({ pid, client_port }) => ({ pid, clientPort: client_port }));
    }).catch(() => []);
  }

  /** Waits until it takes connections. */
  async ready(deadlineMs: number): Promise<boolean> {
    const deadline = Date.now() + deadlineMs;
    while (Date.now() < deadline) {
      const up = await withClient(this.superuserUrl('postgres'), (client) => client.query('SELECT 1')).then(
        () => true,
        () => false,
      );
      if (up) return true;
      await delay(50);
    }
    return false;
  }

  /** @param keepLog where its log is copied to; the data goes either way */
  async end(keepLog: string | undefined): Promise<void> {
    this.#stopping = true;
    await this.#restarting;
    await this.#cluster?.stop('immediate');
    if (keepLog !== undefined) await copyFile(join(this.#home, 'server.log'), keepLog).catch(() => undefined);
    await eraseCluster(this.#directory);
  }

  #watch(cluster: Cluster): void {
    this.#cluster = cluster;
    void cluster.exited.then(() => {
      this.#cluster = undefined;
      if (!this.#stopping) this.#restarting = this.#restart();
    });
  }

  async #restart(): Promise<void> {
    try {
      this.#watch(
        await startCluster({
          directory: this.#directory,
          port: this.#port,
          superuserPassword: this.#password,
        }),
      );
    } catch (error) {
      this.faults.push(
        `${this.name} did not come back: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
}

/** @returns whether there was such a process */
export function kill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
