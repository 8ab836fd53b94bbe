/** `weir policy check`: are the policy files sound, has the configuration the keys that they need, and do they fit the order database? */
import { checkAgainstDatabase } from '../policy/check-database.js';
import { formatFaults, PolicyFaults, type PolicyFault } from '../policy/faults.js';
import type { Config } from '../config/schema.js';
import { ConfigFaults } from '../config/faults.js';
import { loadPolicies, type LoadedPolicies } from '../policy/load.js';
import { missingKeyFaults } from '../policy/missing-keys.js';
import { readSchema } from '../sql/schema.js';
import { exitCodes, type CliContext } from './context.js';
import { databaseFault } from './database-fault.js';
import { findConfig, findConfigFile, type ConfigOption } from './find-config.js';
import { asOpened, openOrders, policyDirectory, shownDirectory } from './policy-folder.js';
import { formatJsonLines } from './table.js';

export interface PolicyCheckOptions extends ConfigOption {
  readonly dir?: string;
  readonly database?: boolean;
  readonly json?: boolean;
}

/**
 * @returns 0 where nothing is wrong, 1 with every fault told
 * @throws CliError where the order database was asked for and cannot be used
 */
export async function policyCheck(context: CliContext, options: PolicyCheckOptions): Promise<number> {
  const { io } = context;
  const directory = policyDirectory(context, options);
  const shown = shownDirectory(context, directory);
  const opened = asOpened(context, directory);
  const faults: PolicyFault[] = [];
  let loaded: LoadedPolicies | undefined;
  try {
    loaded = await loadPolicies(directory);
  } catch (error) {
    if (!(error instanceof PolicyFaults)) throw error;
    faults.push(...error.faults.map(opened));
  }
  const config = loaded === undefined ? undefined : configAtHand(context, options);
  if (loaded !== undefined && config !== undefined) {
    const { tokenKey } = config.masks;
    const keys = { token: tokenKey === undefined ? undefined : Buffer.from(tokenKey, 'base64') };
    faults.push(...missingKeyFaults(loaded, keys).map(opened));
  }
  if (loaded !== undefined && options.database) {
    const found = await compareWithDatabase(loaded, findConfig(context, options).orders.url);
    faults.push(...found.map(opened));
  }

  const sound = faults.length === 0;
  if (options.json) io.out(formatJsonLines([{ sound, digest: loaded?.set.digest ?? null, faults }]));
  else if (!sound)
    io.out(`${formatFaults(faults)}\n${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}\n`);
  else {
    const fits = options.database ? ', and they fit the order database' : '';
    const { roles, digest } = loaded!.set;
    io.out(`${shown}: ${roles.size} roles, no faults${fits} (set ${digest.slice(0, 12)})\n`);
  }
  return sound ? exitCodes.ok : exitCodes.bad;
}

/** One that nobody named, and that is not sound, is somebody else's business here. */
function configAtHand(context: CliContext, options: PolicyCheckOptions): Config | undefined {
  if (findConfigFile(context, options, 'reading') === undefined) return undefined;
  try {
    return findConfig(context, options);
  } catch (error) {
    if (error instanceof ConfigFaults && options.config === undefined && !options.database) return undefined;
    throw error;
  }
}

async function compareWithDatabase(loaded: LoadedPolicies, url: string): Promise<PolicyFault[]> {
  const pool = openOrders(url, 'weir policy check');
  try {
    const tables = [...loaded.set.catalog.tables.values()].map(({ from }) => from);
    return checkAgainstDatabase(loaded, await readSchema(pool, tables));
  } catch (error) {
    throw databaseFault(error, 'the order database', 'orders.url') ?? error;
  } finally {
    await pool.end();
  }
}
