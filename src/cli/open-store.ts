/** The gateway's own database for a verb that only reads: as the runtime role, one connection, closed afterwards. */
import type { Pool } from 'pg';
import type { Config } from '../config/schema.js';
import { WeirError } from '../errors.js';
import { openPool } from '../store/pool.js';
import { databaseFault } from './database-fault.js';

/** @throws CliError where the database cannot be used; whatever `work` throws otherwise */
export async function withStore<T>(
  config: Config,
  verb: string,
  work: (pool: Pool) => Promise<T>,
): Promise<T> {
  const pool = openPool({
    url: config.store.url,
    size: 2,
    connectTimeoutMs: 5_000,
    applicationName: `weir ${verb}`,
    settings: { default_transaction_read_only: 'on' },
    onIdleError: () => undefined,
  });
  try {
    return await work(pool);
  } catch (error) {
    const cause = error instanceof WeirError ? error.cause : error;
    throw databaseFault(cause, "the gateway's own database", 'store.url') ?? error;
  } finally {
    await pool.end();
  }
}
