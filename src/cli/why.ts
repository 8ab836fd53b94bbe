/**
 * `weir why <request-id>`: what became of a request, for the help desk. Who, when, through which tool, and what
 * the error means; no record, no customer, no value, and nothing of what security watches.
 */
import { errorKinds, type ErrorCode, type Severity } from '../errors.js';
import { showLog, type ShownEntry } from '../log/show.js';
import { sharedBy } from '../policy/model.js';
import { CliError, exitCodes, type CliContext } from './context.js';
import { findConfig, type ConfigOption } from './find-config.js';
import { withStore } from './open-store.js';
import { formatJsonLines } from './table.js';
import { formatTime, readRange } from './time.js';

export interface WhyOptions extends ConfigOption {
  readonly from: string;
  readonly json?: boolean;
}

interface Told {
  readonly at: string;
  readonly person: string | undefined;
  readonly tool: string | undefined;
  readonly role: string | undefined;
  readonly route: string | undefined;
  readonly outcome: string;
  readonly error: string | undefined;
  readonly meaning: string | undefined;
  readonly limit: string | undefined;
  /** In whose limits it counts, where not in its person's alone. */
  readonly counted: string | undefined;
}

/** @returns 1 where the log knows nothing of it */
export async function why(context: CliContext, request: string, options: WhyOptions): Promise<number> {
  const { io } = context;
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(request)) {
    const hint = 'write it as the header weir-request-id, or "instance" of the error, has it';
    throw new CliError('that is not a request id', hint);
  }
  const config = findConfig(context, options);
  const { zone } = config.log;
  const { sinceMicros } = readRange({ from: options.from }, zone);
  const told = await withStore(config, 'why', async (pool) => {
    const found: Told[] = [];
    for await (const entry of showLog(pool, [], { request, sinceMicros })) {
      if (entry.request === request) found.push(tell(entry));
    }
    return found.reverse(); // newest first on the log, first things first here
  });
  if (options.json) io.out(formatJsonLines(told));
  else if (told.length === 0) {
    io.out(
      `the log knows nothing of this request since ${options.from}. Its token was not accepted (401), or it could not be\n` +
        `recorded (503), so nothing was released; or it is older (--from). The gateway's own log may have its id\n`,
    );
  } else io.out(told.map((entry) => written(entry, zone)).join('\n'));
  return told.length === 0 ? exitCodes.bad : exitCodes.ok;
}

function tell(entry: ShownEntry): Told {
  const { at, displayName, person, actorId, tool, role, route, error, limit } = entry;
  return {
    at,
    person: displayName ?? person ?? actorId,
    tool,
    role,
    route,
    outcome: outcomeOf(entry),
    error,
    meaning: meaningOf(error),
    limit,
    counted: countedFor(entry),
  };
}

function outcomeOf({ outcome, table, records, part, also = [], fault, filled, written }: ShownEntry): string {
  if (fault !== undefined) return `the entry cannot be read: ${fault}`;
  if (outcome === 'refused') return 'refused';
  if (outcome === 'noted') return 'allowed';
  const own = `${records ?? 0} ${records === 1 ? 'row' : 'rows'} of ${table ?? 'a table'}`;
  if (written !== undefined) {
    const { service, body } = written;
    const fields = body.length === 0 ? '' : `, which names ${body.join(', ')}`;
    const of = records === 0 ? (table ?? 'a table') : own;
    return `forwarded a write of ${of} to ${service}${fields}`;
  }
  const rows = [own, ...also.map((inside) => `${inside.records} of ${inside.table}`)].join(', with ');
  const which = part === undefined || part === 0 ? '' : `, part ${part + 1}`;
  const none = records === 0 ? ': nothing matched, or nothing that the role may see' : '';
  const to = filled === undefined ? '' : ` to ${filled}, not to the caller`;
  return `released ${rows}${which}${to}${none}`;
}

function countedFor({ meters = [], person }: ShownEntry): string | undefined {
  const shared = sharedBy.filter((per) => meters.some((meter) => meter.startsWith(`${per}:`)));
  if (shared.length === 0) return undefined;
  const all = [person === undefined ? 'whoever asked' : 'the person', ...shared.map((per) => `the ${per}`)];
  return `for ${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
}

const whose: Readonly<Record<Severity, string>> = {
  caller: 'whoever asked can mend it',
  operator: 'it is for those who run the gateway',
  security: 'it is refused by the policy of the role; its owner decides about that',
};

/** Where the severity alone would lead to the wrong desk. */
const decided: Readonly<Partial<Record<string, string>>> = {
  'token-revoked': 'weir revoke --list says who was shut out and why; security decides about that',
  'token-invalid': 'the tool, or the issuer of the token, has to mend it',
  'approval-refused': 'two people stand for a policy set: one proposes it, another one approves it',
};

function meaningOf(code: string | undefined): string | undefined {
  if (code === undefined) return undefined;
  const kind = Object.hasOwn(errorKinds, code) ? errorKinds[code as ErrorCode] : undefined;
  return kind === undefined
    ? 'this version knows no such error'
    : `${kind.title}; ${decided[code] ?? whose[kind.severity]}`;
}

function written(told: Told, zone: string): string {
  const lines: [string, string | undefined][] = [
    ['time', `${formatTime(Date.parse(told.at) * 1000, zone)} (${zone})`],
    ['person', told.person],
    ['tool', told.tool],
    ['role', told.role],
    ['request', told.route],
    ['outcome', told.outcome],
    ['error', told.error && `${told.error}: ${told.meaning}`],
    ['limit', told.limit],
    ['counted', told.counted],
  ];
  return lines
    .filter(([, text]) => text !== undefined)
    .map(([name, text]) => `${name.padEnd(8)} ${text!.replace(/[\p{Cc}\p{Cf}]/gu, '\u{FFFD}')}\n`)
    .join('');
}
