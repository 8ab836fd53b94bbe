/** `weir grants`: prints the SQL that closes the side door to the order database. Nothing is executed. */
import { postgresUser } from '../config/meaning.js';
import { grantsScript } from '../sql/grants.js';
import { CliError, exitCodes, type CliContext } from './context.js';
import { findConfig, type ConfigOption } from './find-config.js';
import { openPolicies, type FolderOption } from './policy-folder.js';

export interface GrantsOptions extends ConfigOption, FolderOption {
  readonly reader?: string;
  readonly login?: readonly string[];
  readonly writer?: readonly string[];
}

export async function grants(context: CliContext, options: GrantsOptions): Promise<number> {
  const { policies } = await openPolicies(context, options);
  const reader = options.reader ?? postgresUser(findConfig(context, options).orders.url);
  if (reader === undefined) throw new CliError('orders.url names no user', 'name one with --reader');
  const { login = [], writer = [] } = options;
  if ([...login, ...writer].includes(reader))
    throw new CliError('Weir reads with that login itself', 'name those of the staff tools');
  context.io.out(grantsScript(policies.set.catalog, { reader, logins: login, writers: writer }));
  return exitCodes.ok;
}
