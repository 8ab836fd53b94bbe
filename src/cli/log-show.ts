/** `weir log show`: who read what, newest first. "Who has read this order" is `--record orders/59876`. */
import type { Door } from '../access.js';
import { decodeKey } from '../config/meaning.js';
import type { Config } from '../config/schema.js';
import { Digester } from '../log/digest.js';
import type { EntryKind } from '../log/entry.js';
import { findPeople, showLog, type ShowFilter, type ShownEntry } from '../log/show.js';
import { CliError, exitCodes, type CliContext } from './context.js';
import { findConfig, type ConfigOption } from './find-config.js';
import { withStore } from './open-store.js';
import { formatJsonLines, formatTable, shortEntry, type Column } from './table.js';
import { formatTime, readRange, type RangeOptions } from './time.js';

export interface LogShowOptions extends ConfigOption, RangeOptions {
  readonly person?: string;
  readonly issuer?: string;
  /** table/key */
  readonly record?: string;
  readonly subject?: string;
  readonly door?: Door;
  readonly kind?: EntryKind;
  readonly table?: string;
  readonly reason?: string;
  readonly ticket?: string;
  /** Also what writers say about themselves. */
  readonly all?: boolean;
  readonly limit: number;
  readonly json?: boolean;
}

/** @throws CliError */
export async function logShow(context: CliContext, options: LogShowOptions): Promise<number> {
  const { io } = context;
  const config = findConfig(context, options);
  const { zone } = config.log;
  const range = readRange(options, zone);
  const record = options.record === undefined ? undefined : readRecord(options.record);
  const { found, more } = await withStore(config, 'log show', async (pool) => {
    const people =
      options.person === undefined ? undefined : await findPeople(pool, options.person, options.issuer);
    if (people?.length === 0) {
      io.err(
        'nobody of that name has ever asked here (names are those of the tokens; actor ids count too)\n',
      );
      return { found: [], more: false };
    }
    if (people !== undefined && people.length > 1) {
      io.err(
        `${people.length} people have that name; --issuer tells them apart: ${people.map(({ issuer }) => issuer).join(', ')}\n`,
      );
    }
    const { subject, door, kind, table, reason, ticket } = options;
    const actorIds = people?.map(({ actorId }) => actorId);
    return take(
      showLog(pool, digesters(config), {
        ...range,
        actorIds,
        record,
        subject,
        door,
        kind,
        table,
        reason,
        ticket,
      }),
      options,
    );
  });

  if (options.json) io.out(formatJsonLines(found));
  else if (found.length > 0)
    io.out(
      formatTable(
        columns(
          zone,
          found.some((entry) => purpose(entry) !== ''),
        ),
        found,
        context.columns,
      ),
    );
  else if (options.person === undefined || record !== undefined) io.out('there is no such entry\n');
  if (more) io.err(`only the newest ${options.limit}; --limit shows more\n`);
  return exitCodes.ok;
}

async function take(
  entries: AsyncGenerator<ShownEntry, void, void>,
  { limit, all }: LogShowOptions,
): Promise<{ found: ShownEntry[]; more: boolean }> {
  const found: ShownEntry[] = [];
  for await (const entry of entries) {
    // A quiet gateway writes a heartbeat a minute: they would push everything else off the page.
    if (!all && (entry.kind === 'open' || entry.kind === 'heartbeat' || entry.kind === 'close')) continue;
    if (found.length === limit) return { found, more: true };
    found.push(entry);
  }
  return { found, more: false };
}

/** A read under an older key is not found by record or subject: this version knows one key. */
function digesters({ log }: Config): Digester[] {
  return [new Digester(decodeKey(log.digestKey)!, log.epoch)];
}

function readRecord(text: string): NonNullable<ShowFilter['record']> {
  const [, table, key] = /^([^/]+)\/(.+)$/s.exec(text) ?? [];
  if (table === undefined || key === undefined) {
    throw new CliError(
      '--record is not table/key',
      'write the name in the catalogue and the record key: orders/59876',
    );
  }
  return { table, key };
}

/** @param purposeful some entry says what it was for: only then is the column worth its place */
function columns(zone: string, purposeful: boolean): Column<ShownEntry>[] {
  return [
    { title: `time (${zone})`, text: ({ atMicros }) => formatTime(atMicros, zone) },
    {
      title: 'person',
      shrinks: true,
      text: ({ displayName, person, actorId }) => displayName ?? person ?? actorId ?? '',
    },
    { title: 'role', shrinks: true, text: ({ role }) => role ?? '' },
    { title: 'tool', shrinks: true, text: ({ tool }) => tool ?? '' },
    {
      title: 'table',
      text: ({ table, also = [] }) => [table ?? '', ...also.map((inside) => inside.table)].join('+'),
    },
    {
      title: 'records',
      align: 'right',
      text: ({ records, also = [] }) =>
        records === undefined ? '' : [records, ...also.map((inside) => inside.records)].join('+'),
    },
    { title: 'outcome', shrinks: true, text: outcome },
    ...(purposeful ? [{ title: 'for', shrinks: true, text: purpose }] : []),
    { title: 'saw', shrinks: true, text: saw },
    { title: 'entry', text: ({ entry }) => shortEntry(entry) },
  ];
}

function outcome({ kind, outcome, error, limit, fault, flags, route, filled, written }: ShownEntry): string {
  if (fault !== undefined) return `UNREADABLE: ${fault}`;
  const service = filled ?? written?.service;
  const to = service === undefined ? '' : `to ${service}`;
  const words = outcome === 'noted' ? [kind ?? '', route ?? ''] : [outcome, to, error ?? '', limit ?? ''];
  const alarm = flags.length === 0 ? [] : [`flagged: ${flags.map(({ rule }) => rule).join(', ')}`];
  return [...words, ...alarm].filter((word) => word !== '').join(' ');
}

function purpose({ reason, ticket }: ShownEntry): string {
  return [reason, ticket].filter((word) => word !== undefined).join(' ');
}

/** Columns that came in clear by their name, others with their mask: "order_no receiver_phone:last4 customers.name:surname". */
function saw({ columns: released = {}, also = [], filled }: ShownEntry): string {
  // Nothing of it: it went to the service. A write shows nothing either.
  if (filled !== undefined) return '';
  return [
    ...sawOf('', released),
    ...also.flatMap(({ table, columns: inside }) => sawOf(`${table}.`, inside)),
  ].join(' ');
}

function sawOf(table: string, released: Readonly<Record<string, string>>): string[] {
  return Object.entries(released).map(
    ([name, mask]) => `${table}${mask === 'clear' ? name : `${name}:${mask}`}`,
  );
}
