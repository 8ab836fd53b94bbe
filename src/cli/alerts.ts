/** `weir alerts`: the reads that were flagged as they were written, for security to look at. */
import { listAlerts, type Alert } from '../watch/alerts.js';
import { exitCodes, type CliContext } from './context.js';
import { findConfig, type ConfigOption } from './find-config.js';
import { withStore } from './open-store.js';
import { formatJsonLines, formatTable, shortEntry, type Column } from './table.js';
import { formatTime, readRange, type RangeOptions } from './time.js';

export interface AlertsOptions extends ConfigOption, RangeOptions {
  readonly limit: number;
  readonly json?: boolean;
}

export async function alerts(context: CliContext, options: AlertsOptions): Promise<number> {
  const { io } = context;
  const config = findConfig(context, options);
  const { zone } = config.log;
  const range = readRange(options, zone);
  const found = await withStore(config, 'alerts', (pool) =>
    listAlerts(pool, { ...range, limit: options.limit }),
  );
  if (options.json) io.out(formatJsonLines(found));
  else if (found.length === 0) io.out('no read was flagged in that time\n');
  else io.out(formatTable(columns(zone), found, context.columns));
  if (found.length === options.limit) io.err(`only the newest ${options.limit}; --limit shows more\n`);
  return exitCodes.ok;
}

function columns(zone: string): Column<Alert>[] {
  return [
    { title: `time (${zone})`, text: ({ at }) => formatTime(Date.parse(at) * 1000, zone) },
    {
      title: 'person',
      shrinks: true,
      text: ({ person, displayName, actorId }) => displayName ?? person ?? actorId,
    },
    { title: 'role', text: ({ role }) => role },
    { title: 'tool', shrinks: true, text: ({ tool }) => tool },
    { title: 'table', text: ({ table }) => table },
    { title: 'records', align: 'right', text: ({ records }) => String(records) },
    { title: 'why', shrinks: true, text: ({ reasons }) => reasons.map(({ text }) => text).join('; ') },
    { title: 'entry', text: ({ entry }) => shortEntry(entry) },
  ];
}
