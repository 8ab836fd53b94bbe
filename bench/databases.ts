/**
 * The PostgreSQL of a run: the order database, made once and kept; a log to verify, likewise; and stores,
 * each a copy of one template, so that every round begins in the same state. What is there and complete
 * is used again, what is half-made or of another version is made anew.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { startCluster, type Cluster } from '../src/demo/cluster.js';
import {
  closeStoreDatabase,
  createStoreDatabase,
  prepareDatabases,
  roles,
  withClient,
  type DatabaseSecrets,
} from '../src/demo/databases.js';
import { migrateStore } from '../src/store/migrate.js';
import type { Cores } from './cores.js';
import { generateLog, typicalLog } from './log-generator.js';
import type { Scale } from './options.js';
import { project } from './subject-code.js';

export interface Store {
  readonly name: string;
  /** As weir_runtime. */
  readonly runtimeUrl: string;
  readonly superuserUrl: string;
  drop(): Promise<void>;
}

interface Secrets extends DatabaseSecrets {
  readonly superuserPassword: string;
}

export class BenchDatabases {
  readonly #secrets: Secrets;
  readonly #cluster: Cluster;
  #stores = 0;

  private constructor(
    cluster: Cluster,
    secrets: Secrets,
    /** As weir_reader. */
    readonly ordersUrl: string,
  ) {
    this.#cluster = cluster;
    this.#secrets = secrets;
  }

  static async open(
    directory: string,
    scale: Scale,
    cores: Cores,
    onProgress: (text: string) => void,
  ): Promise<BenchDatabases> {
    await mkdir(directory, { recursive: true });
    const secrets = await openSecrets(join(directory, 'secrets.json'));
    const cluster = await startCluster({
      directory: join(directory, 'postgres'),
      port: 0,
      superuserPassword: secrets.superuserPassword,
      onProgress,
    });
    try {
      const { ordersUrl } = await prepareDatabases(cluster, {
        secrets,
        orders: scale.orders,
        customers: scale.customers,
        onProgress,
      });
      // Only now: what makes the data may use every core.
      await cores.bind(cluster.pid);
      return new BenchDatabases(cluster, secrets, ordersUrl);
    } catch (error) {
      await cluster.stop('fast');
      throw error;
    }
  }

  get postmasterPid(): number {
    return this.#cluster.pid;
  }

  get ordersSuperuserUrl(): string {
    return this.#cluster.superuserUrl('shop');
  }

  /** @param fill what every store begins with */
  async makeTemplate(fill: (runtimeUrl: string, superuserUrl: string) => Promise<void>): Promise<void> {
    await this.#admin(async (admin) => {
      const { rows } = await admin.query<{ name: string }>(
        `SELECT datname AS name FROM pg_database WHERE datname LIKE 'bench\\_store%'`,
      );
      for (const { name } of rows) await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await createStoreDatabase(admin, template);
    });
    await migrateStore(this.#url(roles.owner, template), roles.runtime);
    await fill(this.#url(roles.runtime, template), this.#cluster.superuserUrl(template));
  }

  /** A store in the state of the template. Written to disk before it is used, so that no round pays for the one before. */
  async freshStore(): Promise<Store> {
    const name = `${template}_${++this.#stores}`;
    await this.#admin(async (admin) => {
      await admin.query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
      await closeStoreDatabase(admin, name);
      await admin.query('CHECKPOINT');
    });
    return {
      name,
      runtimeUrl: this.#url(roles.runtime, name),
      superuserUrl: this.#cluster.superuserUrl(name),
      drop: () =>
        this.#admin(async (admin) => {
          await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
        }),
    };
  }

  /** A store with a long log in it, as weir_runtime. Kept from run to run. */
  async longLog(entries: number, onProgress: (text: string) => void): Promise<string> {
    const name = `bench_log_${await digestOfGenerator(entries)}`;
    await this.#admin(async (admin) => {
      const { rows } = await admin.query<{ name: string; done: boolean }>(
        `SELECT datname AS name, shobj_description(oid, 'pg_database') = 'complete' AS done
           FROM pg_database WHERE datname LIKE 'bench\\_log\\_%'`,
      );
      if (rows.some((row) => row.name === name && row.done)) return;
      for (const row of rows) await admin.query(`DROP DATABASE ${row.name} WITH (FORCE)`);
      onProgress(`writing a log of ${entries.toLocaleString('en')} entries`);
      await createStoreDatabase(admin, name);
      await migrateStore(this.#url(roles.owner, name), roles.runtime);
      await generateLog(this.#cluster.superuserUrl(name), { ...typicalLog, entries });
      await withClient(this.#cluster.superuserUrl(name), (client) => client.query('VACUUM ANALYZE'));
      await admin.query(`COMMENT ON DATABASE ${name} IS 'complete'`);
      await admin.query('CHECKPOINT');
    });
    return this.#url(roles.runtime, name);
  }

  async stop(): Promise<void> {
    await this.#cluster.stop('fast');
  }

  #url(role: string, database: string): string {
    const password = {
      [roles.owner]: this.#secrets.ownerPassword,
      [roles.runtime]: this.#secrets.runtimePassword,
    }[role];
    return this.#cluster.url(role, password ?? '', database);
  }

  #admin(work: (admin: pg.Client) => Promise<void>): Promise<void> {
    return withClient(this.#cluster.superuserUrl('postgres'), work);
  }
}

const template = 'bench_store';

/** Whatever a log is made by: another version, another log. */
async function digestOfGenerator(entries: number): Promise<string> {
  const hash = createHash('sha256').update(String(entries));
  const migrations = (await readdir(join(project, 'drizzle'))).filter((name) => name.endsWith('.sql')).sort();
  const files = [
    'bench/log-generator.ts',
    ...['decide', 'digest', 'entry', 'sql'].map((name) => `src/log/${name}.ts`),
    ...migrations.map((name) => `drizzle/${name}`),
  ];
  for (const file of files) {
    const path = join(project, file);
    if (existsSync(path)) hash.update(await readFile(path));
  }
  return hash.digest('hex').slice(0, 10);
}

async function openSecrets(file: string): Promise<Secrets> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text !== undefined) return JSON.parse(text) as Secrets;
  const password = () => randomBytes(18).toString('base64url');
  const made: Secrets = {
    superuserPassword: password(),
    ownerPassword: password(),
    runtimePassword: password(),
    readerPassword: password(),
  };
  await writeFile(file, JSON.stringify(made), { mode: 0o600 });
  return made;
}
