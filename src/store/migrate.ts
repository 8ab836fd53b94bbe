/**
 * `weir migrate`: brings the gateway's own database to this version and grants the runtime role exactly
 * what it needs. Runs as the owner; the gateway itself never does. Safe to run again and from several
 * hosts at once (the schema is locked while it runs).
 */
import { fileURLToPath } from 'node:url';
import { drizzle } from 'drizzle-orm/node-postgres';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { migrate as applyMigrations } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';

const migrationsFolder = fileURLToPath(new URL('../../drizzle', import.meta.url));
const migrationsTable = { migrationsSchema: 'weir_migrations', migrationsTable: 'applied' };

/** Any fixed number: two `weir migrate` take turns by it. Convenience only, nothing relies on it for correctness. */
const migrationLock = 0x77656972;

export async function migrateStore(ownerUrl: string, runtimeRole: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl, application_name: 'weir migrate' });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [migrationLock]);
    await applyMigrations(drizzle(client), { migrationsFolder, ...migrationsTable });
    for (const statement of runtimeGrants(pg.escapeIdentifier(runtimeRole))) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** The whole of what the runtime role may do; start-up checks refuse a role that may do more to the log. */
function runtimeGrants(role: string): string[] {
  return [
    'BEGIN',
    'REVOKE ALL ON ALL TABLES IN SCHEMA weir FROM PUBLIC',
    `REVOKE ALL ON ALL TABLES IN SCHEMA weir FROM ${role}`,
    `GRANT USAGE ON SCHEMA weir, weir_migrations TO ${role}`,
    `GRANT SELECT ON weir_migrations.applied TO ${role}`,
    `GRANT SELECT, INSERT ON weir.actors, weir.entries, weir.read_digests, weir.policy_sets TO ${role}`,
    `GRANT SELECT ON weir.revocations TO ${role}`,
    `GRANT SELECT, INSERT ON weir.policy_changes TO ${role}`,
    `GRANT SELECT, INSERT ON weir.policy_proposals, weir.policy_approvals TO ${role}`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON weir.token_uses TO ${role}`,
    `GRANT SELECT, INSERT, UPDATE ON weir.meters, weir.seen TO ${role}`,
    'REVOKE ALL ON FUNCTION weir.drop_expired_meters(integer) FROM PUBLIC',
    `GRANT EXECUTE ON FUNCTION weir.drop_expired_meters(integer) TO ${role}`,
    'COMMIT',
  ];
}

/** Hash of the newest migration of this version, as `weir_migrations.applied` stores it. */
export function newestMigration(): string {
  const newest = readMigrationFiles({ migrationsFolder }).at(-1);
  if (newest === undefined) throw new Error('no migrations in drizzle/');
  return newest.hash;
}
