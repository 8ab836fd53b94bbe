/** `weir migrate`: brings the gateway's own database to this version, as its owner. Safe to repeat. */
import { postgresUser } from '../config/meaning.js';
import { migrateStore } from '../store/migrate.js';
import { CliError, exitCodes, type CliContext } from './context.js';
import { databaseFault } from './database-fault.js';
import { findConfig, type ConfigOption } from './find-config.js';

/** @throws CliError where the owner's address is missing or the database refuses */
export async function migrate(context: CliContext, options: ConfigOption): Promise<number> {
  const { store } = findConfig(context, options);
  if (store.ownerUrl === undefined) {
    throw new CliError(
      'weir migrate needs the role that owns the tables',
      'set WEIR_STORE_OWNER_URL, or store.ownerUrl in the configuration (weir start does not need it)',
    );
  }
  // The schema of the configuration has made sure that the address names a user.
  const runtimeRole = store.runtimeRole ?? postgresUser(store.url)!;
  try {
    await migrateStore(store.ownerUrl, runtimeRole);
  } catch (error) {
    throw databaseFault(error, "the gateway's own database", 'store.ownerUrl') ?? error;
  }
  context.io.out(`the gateway's database is at this version, and ${runtimeRole} may work in it\n`);
  return exitCodes.ok;
}
