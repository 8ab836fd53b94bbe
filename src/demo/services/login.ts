/**
 * The order service's own login to the order database: it reads what shipments need, writes what a clerk may
 * change of one, and keeps its notes in a schema of its own. Weir's reader has no part in any of it.
 * Safe to call at every start.
 */
import type pg from 'pg';
import { withClient } from '../databases.js';

export interface ServiceLogin {
  readonly user: string;
  readonly password: string;
}

/** @param superuserUrl on the order database */
export async function openServiceLogin(
  superuserUrl: string,
  { user, password }: ServiceLogin,
): Promise<void> {
  await withClient(superuserUrl, async (client) => {
    await ensureLogin(client, user, password);
    const role = client.escapeIdentifier(user);
    const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
    await client.query(`
      GRANT CONNECT ON DATABASE ${client.escapeIdentifier(rows[0]!.name)} TO ${role};
      GRANT USAGE ON SCHEMA shop TO ${role};
      GRANT SELECT ON shop.shipments, shop.order_items TO ${role};
      GRANT SELECT (order_id, order_no, warehouse) ON shop.orders TO ${role};
      GRANT UPDATE (status, receiver_phone) ON shop.shipments TO ${role};
      CREATE SCHEMA IF NOT EXISTS fulfilment;
      GRANT USAGE ON SCHEMA fulfilment TO ${role};
      CREATE TABLE IF NOT EXISTS fulfilment.notes (
        shipment_id bigint PRIMARY KEY REFERENCES shop.shipments, note text, updated_at timestamptz NOT NULL);
      GRANT SELECT, INSERT, UPDATE ON fulfilment.notes TO ${role}`);
  });
}

async function ensureLogin(client: pg.Client, user: string, password: string): Promise<void> {
  const role = client.escapeIdentifier(user);
  const { rowCount } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [user]);
  if (rowCount === 0) await client.query(`CREATE ROLE ${role}`);
  await client.query(
    `ALTER ROLE ${role} WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD ${client.escapeLiteral(password)}`,
  );
}
