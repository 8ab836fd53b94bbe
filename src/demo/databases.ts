/**
 * The demo's two databases and the roles that log in to them: the order database `shop`, which
 * `weir_reader` can only read, and the gateway's own `weir`, which `weir_owner` migrates and
 * `weir_runtime` works in. Safe to call at every start: what is complete stays, what a crash left
 * half-made is made again.
 */
import pg from 'pg';
import type { Cluster } from './cluster.js';

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
