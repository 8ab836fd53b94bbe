/** `weir policy drift`: what the order database holds that the catalogue does not say. Names and counts, no values. */
import { findDrift, normalLookups, unclassified, type NormalForms, type Samples } from '../policy/drift.js';
import { formatFaults, type PolicyFault } from '../policy/faults.js';
import type { LoadedPolicies } from '../policy/load.js';
import { sampleColumns, samplePairs } from '../sql/sample.js';
import { readSchema } from '../sql/schema.js';
import { exitCodes, type CliContext } from './context.js';
import { databaseFault } from './database-fault.js';
import { findConfig, type ConfigOption } from './find-config.js';
import { asOpened, openOrders, openPolicies, type FolderOption } from './policy-folder.js';
import { formatJsonLines } from './table.js';

export interface PolicyDriftOptions extends ConfigOption, FolderOption {
  readonly json?: boolean;
}

/** @returns 1 where something was found */
export async function policyDrift(context: CliContext, options: PolicyDriftOptions): Promise<number> {
  const { io } = context;
  const { directory, policies } = await openPolicies(context, options);
  const found = (await look(policies, findConfig(context, options).orders.url)).map(
    asOpened(context, directory),
  );
  if (options.json) io.out(formatJsonLines(found));
  else if (found.length === 0) io.out('the catalogue says what the order database holds\n');
  else io.out(`${formatFaults(found)}\n${found.length} ${found.length === 1 ? 'finding' : 'findings'}\n`);
  return found.length === 0 ? exitCodes.ok : exitCodes.bad;
}

async function look(policies: LoadedPolicies, url: string): Promise<PolicyFault[]> {
  const pool = openOrders(url, 'weir policy drift');
  try {
    const tables = [...policies.set.catalog.tables.values()];
    const live = await readSchema(
      pool,
      tables.map(({ from }) => from),
    );
    const samples: Samples = new Map(
      await Promise.all(
        tables.flatMap((table) => {
          const name = `${table.from.schema}.${table.from.table}`;
          const found = live.get(name);
          if (found === undefined) return [];
          const sampled = sampleColumns(pool, found, unclassified(table, found));
          return [sampled.then((columns) => [name, columns] as const)];
        }),
      ),
    );
    const normalForms: NormalForms = new Map(
      await Promise.all(
        tables.map(async (table) => {
          const place = `${table.from.schema}.${table.from.table}`;
          const found = live.get(place);
          const pairs = normalLookups(table).map(async ({ name, column }) => {
            const there = found?.columns.has(name) === true && found.columns.has(column);
            return [name, there ? await samplePairs(pool, found, [name, column]) : []] as const;
          });
          return [place, new Map(await Promise.all(pairs))] as const;
        }),
      ),
    );
    return findDrift(policies, live, samples, normalForms);
  } catch (error) {
    throw databaseFault(error, 'the order database', 'orders.url') ?? error;
  } finally {
    await pool.end();
  }
}
