/**
 * The demo's two databases and the roles that log in to them: the order database `shop`, which
 * `weir_reader` can only read, and the gateway's own `weir`, which `weir_owner` migrates and
 * `weir_runtime` works in. Safe to call at every start: what is complete stays, what a crash left
 * half-made is made again.
 */
import pg from 'pg';
import type { Cluster } from './cluster.js';
import { loadShop, type LoadOptions } from './dataset/load.js';
import { datasetFormat, demoShop, type ShopSize } from './dataset/shop.js';

export interface DatabaseSecrets {
  readonly ownerPassword: string;
  readonly runtimePassword: string;
  readonly readerPassword: string;
}

export const roles = { owner: 'weir_owner', runtime: 'weir_runtime', reader: 'weir_reader' } as const;

/** Runs the work with a connection of its own. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  // Without a listener, a server that goes away ends the process; the pending query fails anyway.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Makes the login roles where they are missing, and sets their passwords. @param client superuser on any database */
export async function ensureRoles(client: pg.Client, secrets: DatabaseSecrets): Promise<void> {
  const passwords: Record<string, string> = {
    [roles.owner]: secrets.ownerPassword,
    [roles.runtime]: secrets.runtimePassword,
    [roles.reader]: secrets.readerPassword,
  };
  for (const [role, password] of Object.entries(passwords)) {
    const { rowCount } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role]);
    if (rowCount === 0) await client.query(`CREATE ROLE ${role}`);
    await client.query(
      `ALTER ROLE ${role} WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD ${client.escapeLiteral(password)}`,
    );
  }
  await client.query(`ALTER ROLE ${roles.reader} SET default_transaction_read_only = on`);
  await client.query('REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC');
}

/** The gateway's own database, empty: weir_owner's, and weir_runtime may connect. @param client superuser */
export async function createStoreDatabase(client: pg.Client, name: string): Promise<void> {
  await client.query(
    `CREATE DATABASE ${client.escapeIdentifier(name)} OWNER ${roles.owner} TEMPLATE template0`,
  );
  await closeStoreDatabase(client, name);
}

/** CREATE DATABASE … TEMPLATE does not copy the rights on the database itself: they are given again to each copy. */
export async function closeStoreDatabase(client: pg.Client, name: string): Promise<void> {
  const database = client.escapeIdentifier(name);
  await client.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`);
  await client.query(`GRANT CONNECT ON DATABASE ${database} TO ${roles.runtime}`);
}

/**
 * An order database with the synthetic shop in it, that weir_reader can read and nothing else.
 * @param admin superuser on the maintenance database
 * @param urlOf superuser's URL of a database
 */
export async function createOrderDatabase(
  admin: pg.Client,
  name: string,
  urlOf: (database: string) => string,
  load: LoadOptions,
): Promise<void> {
  const database = admin.escapeIdentifier(name);
  await admin.query(`CREATE DATABASE ${database} TEMPLATE template0`);
  await withClient(urlOf(name), (client) =>
    loadShop(client, {
      ...load,
      beforeCommit: async () => {
        await client.query(readerRights);
        await load.beforeCommit?.();
        // Written with the rows, in one transaction: a database that has it is complete.
        await client.query(`COMMENT ON DATABASE ${database} IS ${client.escapeLiteral(contentOf(load))}`);
      },
    }),
  );
  await closeOrderDatabase(admin, name);
}

/** As with closeStoreDatabase: given again to each copy. */
export async function closeOrderDatabase(admin: pg.Client, name: string): Promise<void> {
  const database = admin.escapeIdentifier(name);
  await admin.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`);
  await admin.query(`GRANT CONNECT ON DATABASE ${database} TO ${roles.reader}`);
}

const readerRights = `
REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION pg_catalog.lo_creat(integer), pg_catalog.lo_create(oid),
  pg_catalog.lo_from_bytea(oid, bytea) FROM PUBLIC;
GRANT USAGE ON SCHEMA shop TO ${roles.reader};
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO ${roles.reader};
`;

/** What the database holds; another makes it out of date. */
function contentOf({ orders, customers, seed, lastDay }: ShopSize): string {
  return `weir synthetic shop ${JSON.stringify({ format: datasetFormat, orders, customers, seed, lastDay })}`;
}

export interface PrepareOptions extends Partial<ShopSize> {
  readonly secrets: DatabaseSecrets;
  readonly onProgress?: (text: string) => void;
}

export interface PreparedDatabases {
  /** weir_reader on the order database. */
  readonly ordersUrl: string;
  /** weir_owner on the gateway's own database. */
  readonly storeOwnerUrl: string;
  /** weir_runtime on the gateway's own database. */
  readonly storeRuntimeUrl: string;
  readonly ordersSuperuserUrl: string;
  readonly storeSuperuserUrl: string;
}

/** Roles, `weir` and `shop`. What is there and complete is left as it is. */
export async function prepareDatabases(
  cluster: Cluster,
  options: PrepareOptions,
): Promise<PreparedDatabases> {
  const { secrets, onProgress = () => undefined } = options;
  const size: ShopSize = {
    orders: options.orders ?? demoShop.orders,
    customers: options.customers ?? demoShop.customers,
    seed: options.seed ?? demoShop.seed,
    lastDay: options.lastDay ?? demoShop.lastDay,
  };
  await withClient(cluster.superuserUrl('postgres'), async (admin) => {
    await ensureRoles(admin, secrets);
    const content = await contents(admin);
    if (!content.has('weir')) await createStoreDatabase(admin, 'weir');
    // A crash may have come between making it and closing it.
    else await closeStoreDatabase(admin, 'weir');
    if (content.get('shop') === contentOf(size)) {
      await closeOrderDatabase(admin, 'shop');
      return;
    }
    await admin.query('DROP DATABASE IF EXISTS shop WITH (FORCE)');
    const what = `making ${size.orders.toLocaleString('en')} orders of ${size.customers.toLocaleString('en')} customers`;
    let told = -1;
    await createOrderDatabase(admin, 'shop', cluster.superuserUrl, {
      ...size,
      onProgress: (done) => {
        const quarter = Math.floor(done * 4);
        if (quarter !== told) onProgress(`${what}: ${(told = quarter) * 25} %`);
      },
    });
  });
  return {
    ordersUrl: cluster.url(roles.reader, secrets.readerPassword, 'shop'),
    storeOwnerUrl: cluster.url(roles.owner, secrets.ownerPassword, 'weir'),
    storeRuntimeUrl: cluster.url(roles.runtime, secrets.runtimePassword, 'weir'),
    ordersSuperuserUrl: cluster.superuserUrl('shop'),
    storeSuperuserUrl: cluster.superuserUrl('weir'),
  };
}

/** Name of each database → what its comment says it holds. */
async function contents(admin: pg.Client): Promise<Map<string, string>> {
  const { rows } = await admin.query<{ name: string; content: string | null }>(
    `SELECT datname AS name, shobj_description(oid, 'pg_database') AS content FROM pg_database`,
  );
  return new Map(rows.map(({ name, content }) => [name, content ?? '']));
}
