/** `weir policy diff`: what gets looser, against the set in force or another folder. */
import { resolve } from 'node:path';
import { loosenings, type Loosening } from '../policy/compare.js';
import { formatFaults } from '../policy/faults.js';
import { keptSet } from '../policy/kept-sets.js';
import { loadPolicies, type LoadedPolicies } from '../policy/load.js';
import { PolicyRecord } from '../store/policy-record.js';
import { CliError, exitCodes, type CliContext } from './context.js';
import { findConfig, type ConfigOption } from './find-config.js';
import { withStore } from './open-store.js';
import { asOpened, openPolicies, type FolderOption } from './policy-folder.js';
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
  return `${what} looser. One person proposes it, another one approves it:\n  weir policy propose ${digest}\n  weir policy approve ${digest}`;
}

async function setInForce(context: CliContext, options: ConfigOption): Promise<LoadedPolicies> {
  return withStore(findConfig(context, options), 'policy diff', async (pool) => {
    const record = new PolicyRecord(pool);
    const newest = await record.newest();
    if (newest === undefined) {
      const hint = 'the first gateway that starts on this database takes the set of its folder as approved';
      throw new CliError('no set is in force yet', hint, exitCodes.bad);
    }
    return keptSet(record, newest.digest);
  });
}
