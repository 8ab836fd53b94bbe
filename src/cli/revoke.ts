/**
 * `weir revoke`: a person, a tool or a single token no longer counts, in every gateway on the database within
 * two seconds, answers under way included; `--lift` takes it back, `--list` shows. Writing needs the owner's
 * address, as `weir migrate` does: the gateways themselves can only read the list.
 */
import pg from 'pg';
import {
  addRevocation,
  knownIssuers,
  liftRevocation,
  listRevocations,
  type ListedRevocation,
  type RevocationKind,
} from '../store/revocations.js';
import type { Config } from '../config/schema.js';
import { WeirError } from '../errors.js';
import { CliError, exitCodes, type CliContext } from './context.js';
import { databaseFault } from './database-fault.js';
import { findConfig, type ConfigOption } from './find-config.js';
import { withStore } from './open-store.js';
import { formatJsonLines, formatTable, type Column } from './table.js';
import { formatTime, parseDurationSeconds, parseTimeMicros } from './time.js';

export interface RevokeOptions extends ConfigOption {
  readonly person?: string;
  readonly tool?: string;
  readonly jti?: string;
  readonly issuer?: string;
  readonly reason?: string;
  readonly until?: string;
  readonly lift?: number;
  readonly list?: boolean;
  /** With --list: also what was lifted or has run out. */
  readonly all?: boolean;
  readonly json?: boolean;
}

const kinds: readonly RevocationKind[] = ['person', 'tool', 'jti'];

/** @throws CliError */
export async function revoke(context: CliContext, options: RevokeOptions): Promise<number> {
  const named = kinds.filter((kind) => options[kind] !== undefined);
  const asked = named.length + Number(options.lift !== undefined) + Number(options.list === true);
  if (asked !== 1)
    throw new CliError(
      'weir revoke does one thing at a time',
      'write one of --person, --tool, --jti, --lift or --list',
    );
  const config = findConfig(context, options);
  if (options.list) return list(context, config, options);
  const reason = options.reason?.trim();
  if (!reason) throw new CliError('there is no reason', 'say why with --reason, for whoever asks later');
  if (options.lift !== undefined) {
    refuseWith(options, ['issuer', 'until'], '--lift');
    return lift(context, config, options.lift, reason);
  }
  return add(context, config, named[0]!, options, reason);
}

async function add(
  { io }: CliContext,
  config: Config,
  kind: RevocationKind,
  options: RevokeOptions,
  reason: string,
): Promise<number> {
  const { zone } = config.log;
  // As the ids of tokens are: anything else could never fit one.
  const value = options[kind]!.trim().normalize('NFC');
  if (value === '' || value.length > 255)
    throw new CliError(`--${kind} is not 1 to 255 characters`, 'write it as the token has it');
  const issuers = config.identity.issuers.map(({ issuer }) => issuer);
  if (options.issuer !== undefined && !issuers.includes(options.issuer))
    throw new CliError('--issuer names no configured issuer', `write one of: ${issuers.join(', ')}`);
  const until = untilOf(options.until, kind, config);
  const { id, known } = await asOwner(config, async (client) => ({
    known: kind === 'jti' ? undefined : await knownIssuers(client, kind, value),
    id: await addRevocation(client, { kind, value, issuer: options.issuer, reason, until }),
  }));
  if (kind === 'person' && known?.length === 0)
    io.err(
      'nobody of that name has asked here so far; it is revoked all the same, but look at the spelling\n',
    );
  const whose = options.issuer === undefined ? 'every issuer' : options.issuer;
  const end =
    until === undefined
      ? 'until it is lifted'
      : `until ${formatTime(until.getTime() * 1000, zone)} (${zone})`;
  if (options.json)
    io.out(
      formatJsonLines([{ id, kind, value, issuer: options.issuer ?? null, reason, until: until ?? null }]),
    );
  else
    io.out(
      `revoked as number ${id}: the ${words[kind]} ${value} of ${whose}, ${end}\nevery gateway refuses it within 2 s; weir revoke --lift ${id} --reason … takes it back\n`,
    );
  return exitCodes.ok;
}

const words: Readonly<Record<RevocationKind, string>> = { person: 'person', tool: 'tool', jti: 'token' };

/** A token is over by itself after its longest lifetime: a revocation of it need not stand for ever. */
function untilOf(
  text: string | undefined,
  kind: RevocationKind,
  { identity, log }: Config,
): Date | undefined {
  const now = Date.now();
  if (text === undefined) {
    const longest = identity.maxTokenLifetimeSeconds + 2 * identity.clockToleranceSeconds;
    return kind === 'jti' ? new Date(now + longest * 1000) : undefined;
  }
  let millis: number;
  try {
    millis = /^\d+[smhd]$/.test(text)
      ? now + parseDurationSeconds(text) * 1000
      : parseTimeMicros(text, { nowMicros: now * 1000, zone: log.zone }) / 1000;
  } catch {
    throw new CliError(
      '--until is no time',
      'write 8h (from now), 2026-11-22 or 2026-11-22T14:05, with or without +08:00',
    );
  }
  if (millis <= now)
    throw new CliError('--until lies in the past', 'write a time to come, or 8h for eight hours from now');
  return new Date(millis);
}

async function lift({ io }: CliContext, config: Config, id: number, reason: string): Promise<number> {
  const outcome = await asOwner(config, (client) => liftRevocation(client, id, reason));
  if (outcome === 'lifted') {
    io.out(`lifted number ${id}: its tokens count again within 2 s, unless another revocation holds them\n`);
    return exitCodes.ok;
  }
  throw new CliError(
    outcome === 'unknown' ? `there is no revocation number ${id}` : `number ${id} was lifted before`,
    'weir revoke --list --all shows every number',
    exitCodes.bad,
  );
}

async function list(context: CliContext, config: Config, options: RevokeOptions): Promise<number> {
  refuseWith(options, ['issuer', 'until', 'reason'], '--list');
  const { io } = context;
  const found = await withStore(config, 'revoke', (pool) => listRevocations(pool, options.all === true));
  if (options.json) io.out(formatJsonLines(found));
  else if (found.length === 0) io.out('nothing is revoked\n');
  else io.out(formatTable(columns(config.log.zone), found, context.columns));
  return exitCodes.ok;
}

function columns(zone: string): Column<ListedRevocation>[] {
  const time = (at: Date | null) => (at === null ? '' : formatTime(at.getTime() * 1000, zone));
  return [
    { title: 'number', align: 'right', text: ({ id }) => String(id) },
    { title: `time (${zone})`, text: ({ at }) => time(at) },
    { title: 'kind', text: ({ kind }) => kind },
    { title: 'who', shrinks: true, text: ({ value }) => value },
    { title: 'issuer', shrinks: true, text: ({ issuer }) => issuer ?? '(every)' },
    { title: 'until', text: ({ until }) => time(until) },
    { title: 'reason', shrinks: true, text: ({ reason }) => reason },
    {
      title: 'lifted',
      shrinks: true,
      text: ({ lifted }) => (lifted === null ? '' : `${time(lifted.at)} ${lifted.reason}`),
    },
  ];
}

function refuseWith(options: RevokeOptions, names: readonly (keyof RevokeOptions)[], what: string): void {
  const given = names.find((name) => options[name] !== undefined);
  if (given !== undefined) throw new CliError(`--${given} does not go with ${what}`, `leave --${given} out`);
}

async function asOwner<T>({ store }: Config, work: (client: pg.Client) => Promise<T>): Promise<T> {
  if (store.ownerUrl === undefined)
    throw new CliError(
      'weir revoke needs the role that owns the tables',
      'set WEIR_STORE_OWNER_URL, or store.ownerUrl in the configuration: the gateways can only read what is revoked',
    );
  const client = new pg.Client({
    connectionString: store.ownerUrl,
    application_name: 'weir revoke',
    connectionTimeoutMillis: 5_000,
    query_timeout: 10_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    const cause = error instanceof WeirError ? error.cause : error;
    throw databaseFault(cause, "the gateway's own database", 'store.ownerUrl') ?? error;
  } finally {
    await client.end().catch(() => undefined);
  }
}
