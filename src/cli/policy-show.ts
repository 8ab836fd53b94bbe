/** `weir policy show`: what a role sees of one invented order, or of one record of a service, beside the other roles. */
import { DocumentUnfit } from '../mask/document/document-unfit.js';
import { loadInvented } from '../policy/cases.js';
import type { CatalogService, PolicySet, ServiceRoute } from '../policy/model.js';
import { showService, type SeenField } from '../policy/show-service.js';
import { inventRow, showTable, type SeenColumn } from '../policy/show.js';
import { suggest } from '../spelling.js';
import { CliError, exitCodes, type CliContext } from './context.js';
import type { ConfigOption } from './find-config.js';
import { openPolicies, type FolderOption } from './policy-folder.js';
import { formatJsonLines, formatTable, type Column } from './table.js';

export interface PolicyShowOptions extends ConfigOption, FolderOption {
  readonly role: string;
  readonly table?: string;
  readonly service?: string;
  /** As the catalogue writes it; undefined: the first of the service. */
  readonly route?: string;
  readonly json?: boolean;
}

/** @throws CliError for a role, table, service or route that does not exist */
export async function policyShow(context: CliContext, options: PolicyShowOptions): Promise<number> {
  const { io } = context;
  const { directory, policies } = await openPolicies(context, options);
  const { set } = policies;
  if (!set.roles.has(options.role)) {
    throw new CliError('there is no such role', suggest(options.role, set.roles.keys(), 'see roles/'));
  }
  if ((options.table === undefined) === (options.service === undefined))
    throw new CliError('one thing is shown at a time', 'give --table <table> or --service <service>');
  const { rows, services } = await loadInvented(directory, set);
  if (options.service !== undefined) {
    const { service, route } = chosen(set, options.service, options.route);
    const seen = fitting(() => showService(set, options.role, service, route, services.get(service.name)));
    if (options.json) io.out(formatJsonLines([seen]));
    else {
      io.out(`${service.name} ${route.match}: an invented record, as each role sees it; · is removed\n\n`);
      io.out(
        formatTable(
          columnsOf<SeenField>('field', ({ field }) => field, seen.roles),
          seen.fields,
          context.columns,
        ),
      );
      io.out('\n');
      for (const role of seen.roles) io.out(`${role}: ${seen.access[role]!.join('; ')}\n`);
    }
    return exitCodes.ok;
  }
  const table = set.catalog.tables.get(options.table!);
  if (table === undefined) {
    const hint = suggest(options.table!, set.catalog.tables.keys(), 'see catalog.yaml');
    throw new CliError('there is no such table in the catalogue', hint);
  }
  const shown = showTable(set, options.role, table, rows.get(table.name)?.[0] ?? inventRow(table));
  if (options.json) {
    io.out(formatJsonLines([shown]));
    return exitCodes.ok;
  }
  const columns = columnsOf<SeenColumn>('column', ({ column }) => column, shown.roles);
  io.out(`${table.name}: an invented row, as each role sees it; · is hidden\n\n`);
  io.out(formatTable(columns, shown.columns, context.columns));
  io.out('\n');
  for (const role of shown.roles) io.out(`${role}: ${shown.access[role]!.join('; ')}\n`);
  return exitCodes.ok;
}

/** @throws CliError where somebody has invented what no service could answer */
function fitting<T>(show: () => T): T {
  try {
    return show();
  } catch (thrown) {
    if (!(thrown instanceof DocumentUnfit)) throw thrown;
    const message = `the invented record is not what the catalogue says: ${thrown.message}`;
    throw new CliError(message, 'correct it in tests/rows.yaml');
  }
}

function columnsOf<Seen extends SeenColumn | SeenField>(
  title: string,
  nameOf: (seen: Seen) => string,
  roles: readonly string[],
): Column<Seen>[] {
  return [
    { title, text: nameOf },
    { title: 'class', text: ({ class: dataClass }) => dataClass },
    { title: 'as it is', shrinks: true, text: ({ sample }) => sample ?? '' },
    ...roles.map((role) => ({
      title: role,
      shrinks: true,
      text: ({ seen }: Seen) => (seen[role] === undefined ? '·' : (seen[role].value ?? '')),
    })),
  ];
}

function chosen(
  { catalog }: PolicySet,
  name: string,
  match: string | undefined,
): { service: CatalogService; route: ServiceRoute } {
  const services = catalog.services ?? new Map<string, CatalogService>();
  const service = services.get(name);
  if (service === undefined)
    throw new CliError(
      'there is no such service in the catalogue',
      suggest(name, services.keys(), 'see catalog.yaml'),
    );
  const route = match === undefined ? [...service.routes.values()][0] : service.routes.get(match);
  if (route === undefined)
    throw new CliError(
      'the service has no such route',
      suggest(match ?? '', service.routes.keys(), 'see catalog.yaml'),
    );
  return { service, route };
}
