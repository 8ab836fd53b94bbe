/** `weir policy show`: what a role sees of one invented order, beside the other roles. */
import { loadInvented } from '../policy/cases.js';
import { inventRow, showTable, type SeenColumn } from '../policy/show.js';
import { suggest } from '../spelling.js';
import { CliError, exitCodes, type CliContext } from './context.js';
import type { ConfigOption } from './find-config.js';
import { openPolicies, type FolderOption } from './policy-folder.js';
import { formatJsonLines, formatTable, type Column } from './table.js';

export interface PolicyShowOptions extends ConfigOption, FolderOption {
  readonly role: string;
  readonly table: string;
  readonly json?: boolean;
}

/** @throws CliError for a role or table that does not exist */
export async function policyShow(context: CliContext, options: PolicyShowOptions): Promise<number> {
  const { io } = context;
  const { directory, policies } = await openPolicies(context, options);
  const { set } = policies;
  const table = set.catalog.tables.get(options.table);
  if (!set.roles.has(options.role)) {
    throw new CliError('there is no such role', suggest(options.role, set.roles.keys(), 'see roles/'));
  }
  if (table === undefined) {
    const hint = suggest(options.table, set.catalog.tables.keys(), 'see catalog.yaml');
    throw new CliError('there is no such table in the catalogue', hint);
  }
  const { rows } = await loadInvented(directory, set);
  const shown = showTable(set, options.role, table, rows.get(table.name)?.[0] ?? inventRow(table));
  if (options.json) {
    io.out(formatJsonLines([shown]));
    return exitCodes.ok;
  }
  const columns: Column<SeenColumn>[] = [
    { title: 'column', text: ({ column }) => column },
    { title: 'class', text: ({ class: dataClass }) => dataClass },
    { title: 'as it is', shrinks: true, text: ({ sample }) => sample ?? '' },
    ...shown.roles.map((role) => ({
      title: role,
      shrinks: true,
      text: ({ seen }: SeenColumn) => (seen[role] === undefined ? '·' : (seen[role].value ?? '')),
    })),
  ];
  io.out(`${table.name}: an invented row, as each role sees it; · is hidden\n\n`);
  io.out(formatTable(columns, shown.columns, context.columns));
  io.out('\n');
  for (const role of shown.roles) io.out(`${role}: ${shown.access[role]!.join('; ')}\n`);
  return exitCodes.ok;
}
