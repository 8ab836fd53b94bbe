/**
 * `weir policy diff`: what gets looser. `weir policy approve`: a second person lets it. Approvals are written
 * as the owner of the gateway's tables, so whoever can only change files, or runs a gateway, cannot approve.
 */
import { resolve } from 'node:path';
import { loosenings, type Loosening } from '../policy/compare.js';
import { formatFaults } from '../policy/faults.js';
import { loadKept, loadPolicies, type LoadedPolicies } from '../policy/load.js';
import { openPool } from '../store/pool.js';
import { PolicyRecord, type PolicyChange } from '../store/policy-record.js';
import { CliError, exitCodes, type CliContext } from './context.js';
import { databaseFault } from './database-fault.js';
import { findConfig, type ConfigOption } from './find-config.js';
import { withStore } from './open-store.js';
import { asOpened, openPolicies, policyDirectory, type FolderOption } from './policy-folder.js';
import { formatJsonLines } from './table.js';

export interface PolicyDiffOptions extends ConfigOption, FolderOption {
  readonly against?: string;
  readonly json?: boolean;
}

/** @returns 1 where the files show or allow more */
export async function policyDiff(context: CliContext, options: PolicyDiffOptions): Promise<number> {
  const { io } = context;
  const { directory, policies } = await openPolicies(context, options);
  const before =
    options.against === undefined
      ? await setInForce(context, options)
      : await loadPolicies(resolve(context.cwd, options.against));
  const { digest } = policies.set;
  const found = loosenings(before, policies).map(asOpened(context, directory));
  if (options.json) {
    io.out(formatJsonLines([{ digest, before: before.set.digest, looser: found }]));
  } else if (digest === before.set.digest) io.out(`set ${digest.slice(0, 12)}: nothing has changed\n`);
  else if (found.length === 0) io.out(`set ${digest.slice(0, 12)}: nothing gets looser\n`);
  else io.out(`${formatFaults(found)}\n${needsApproval(digest, found)}\n`);
  return found.length === 0 ? exitCodes.ok : exitCodes.bad;
}

function needsApproval(digest: string, { length }: readonly Loosening[]): string {
  const what = length === 1 ? '1 thing gets' : `${length} things get`;
  return `${what} looser: weir policy approve ${digest.slice(0, 12)} --by <second person>`;
}

async function setInForce(context: CliContext, options: ConfigOption): Promise<LoadedPolicies> {
  return withStore(findConfig(context, options), 'policy diff', async (pool) => {
    const record = new PolicyRecord(pool);
    const newest = await record.newest();
    if (newest === undefined) throw noSetYet();
    return kept(record, newest);
  });
}

async function kept(record: PolicyRecord, { digest }: Pick<PolicyChange, 'digest'>): Promise<LoadedPolicies> {
  return loadKept(digest, (await record.contentOf(digest))!);
}

function noSetYet(): CliError {
  const hint = 'the first gateway that starts on this database takes the set of its folder as approved';
  return new CliError('no set is in force yet', hint, exitCodes.bad);
}

export interface PolicyApproveOptions extends ConfigOption, FolderOption {
  readonly by: string;
  readonly author?: string;
}

/** @throws CliError where the set is not known, or one person is both */
export async function policyApprove(
  context: CliContext,
  digest: string,
  options: PolicyApproveOptions,
): Promise<number> {
  const { io } = context;
  const config = findConfig(context, options);
  const by = nameOf(options.by, '--by');
  const author = options.author === undefined ? undefined : nameOf(options.author, '--author');
  if (author !== undefined && author.toLowerCase() === by.toLowerCase())
    throw new CliError('nobody approves a change of their own', 'ask a second person');
  if (!/^[0-9a-f]{8,64}$/.test(digest))
    throw new CliError(
      'that is not a digest',
      'write 8 to 64 hexadecimal digits, as weir policy diff prints them',
    );
  if (config.store.ownerUrl === undefined) {
    throw new CliError(
      'an approval is written as the role that owns the tables',
      'set WEIR_STORE_OWNER_URL, or store.ownerUrl in the configuration (weir start does not need it)',
    );
  }
  const pool = openPool({
    url: config.store.ownerUrl,
    size: 1,
    connectTimeoutMs: 5_000,
    applicationName: 'weir policy approve',
    settings: {},
    onIdleError: () => undefined,
  });
  try {
    const record = new PolicyRecord(pool);
    const newest = await record.newest();
    if (newest === undefined) throw noSetYet();
    const set = await findSet(context, record, digest, options);
    const name = `set ${set.set.digest.slice(0, 12)}`;
    const found = set.set.digest === newest.digest ? [] : loosenings(await kept(record, newest), set);
    if (found.length === 0) {
      io.out(`${name} shows and allows no more than the set in force: nothing is to be approved\n`);
      return exitCodes.ok;
    }
    await record.approve({ digest: set.set.digest, replaces: newest, approvedBy: by, author });
    const places = found.map(({ message }) => `  ${message}\n`).join('');
    io.out(`${name} is approved by ${by}, in place of ${newest.digest.slice(0, 12)}:\n${places}`);
    io.out('gateways that have its files take it up within seconds\n');
    return exitCodes.ok;
  } catch (error) {
    throw databaseFault(error, "the gateway's own database", 'store.ownerUrl') ?? error;
  } finally {
    await pool.end();
  }
}

/** The set that gateways have read already, or the one of the folder if it is that. */
async function findSet(
  context: CliContext,
  record: PolicyRecord,
  digest: string,
  options: PolicyApproveOptions,
): Promise<LoadedPolicies> {
  const [known, another] = await record.digestsLike(digest);
  if (another !== undefined) throw new CliError('several sets begin so', 'write more of the digest');
  if (known !== undefined) return kept(record, { digest: known });
  const loaded = await loadPolicies(policyDirectory(context, options)).catch(() => undefined);
  if (loaded?.set.digest.startsWith(digest)) {
    await record.keep(loaded.set.digest, loaded.content);
    return loaded;
  }
  const hint = 'name its folder with --dir, or start a gateway that has its files';
  throw new CliError('no gateway has read such a set, and the folder holds another', hint, exitCodes.bad);
}

function nameOf(text: string, option: string): string {
  const name = text.normalize('NFC').trim();
  if (name === '' || name.length > 255 || /[\p{C}\p{Zl}\p{Zp}]/u.test(name))
    throw new CliError(`${option} is not the name of a person`, `write ${option} li.na`);
  return name;
}
