/** What the verbs of `weir policy` share: the folder that they work on, and the order database read-only. */
import { join, relative, resolve } from 'node:path';
import type { Pool } from 'pg';
import { PolicyFaults, type PolicyFault } from '../policy/faults.js';
import { loadPolicies, type LoadedPolicies } from '../policy/load.js';
import { openPool } from '../store/pool.js';
import type { CliContext } from './context.js';
import { findConfig, type ConfigOption } from './find-config.js';

export interface FolderOption {
  /** --dir FOLDER */
  readonly dir?: string;
}

export function policyDirectory(context: CliContext, options: FolderOption & ConfigOption): string {
  return options.dir === undefined
    ? findConfig(context, options).policies.directory
    : resolve(context.cwd, options.dir);
}

/** Faults name files as the reader would open them from here. */
export function asOpened(context: CliContext, directory: string): (fault: PolicyFault) => PolicyFault {
  const shown = shownDirectory(context, directory);
  return (fault) => ({ ...fault, file: join(shown, relative(directory, fault.file)) });
}

export function shownDirectory(context: CliContext, directory: string): string {
  const path = relative(context.cwd, directory);
  return path.startsWith('..') ? directory : path || '.';
}

/** @throws PolicyFaults with files as they open from here */
export async function openPolicies(
  context: CliContext,
  options: FolderOption & ConfigOption,
): Promise<{ directory: string; policies: LoadedPolicies }> {
  const directory = policyDirectory(context, options);
  try {
    return { directory, policies: await loadPolicies(directory) };
  } catch (error) {
    throw error instanceof PolicyFaults
      ? new PolicyFaults(error.faults.map(asOpened(context, directory)))
      : error;
  }
}

/** One connection that can only read. */
export function openOrders(url: string, applicationName: string): Pool {
  return openPool({
    url,
    size: 1,
    connectTimeoutMs: 5_000,
    applicationName,
    settings: { default_transaction_read_only: 'on', search_path: 'pg_catalog,pg_temp' },
    onIdleError: () => undefined,
  });
}
