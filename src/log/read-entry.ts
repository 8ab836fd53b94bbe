/**
 * Reads an entry back, strictly: it believes nothing that the database says. A body passes only if it is
 * JSON of a known version, with exactly the members that its kind has, each of the right type, and
 * written as a gateway writes it. Shares no code with the writer. docs/log-format.md says what each member means.
 */
import { counts, sharedBy, windows } from '../policy/model.js';
import { isSharedMeterKey } from '../quota/shared-meter.js';
import type {
  EntryBody,
  EntryCharge,
  EntryFill,
  EntryKind,
  EntryRead,
  EntryRecords,
  EntryWrite,
} from './entry.js';

/** One row of weir.entries. */
export interface StoredEntry {
  readonly writer: string;
  readonly number: number;
  readonly at: number;
  readonly actorId: string | null;
  readonly flagged: boolean;
  readonly body: string;
}

const knownVersion = 1;
const sha256 = /^[0-9a-f]{64}$/;
const countNames: ReadonlySet<string> = new Set(counts);
const windowNames: ReadonlySet<string> = new Set(windows);
const sharedNames: ReadonlySet<string> = new Set(sharedBy);

/** @returns the entry; or, in words and without any value of it, what is wrong */
export function readEntry(text: string): EntryBody | string {
  let body: EntryBody;
  try {
    body = JSON.parse(text) as EntryBody;
  } catch {
    return 'its body is not JSON';
  }
  if (!isObject(body)) return 'its body is not a JSON object';
  if (body.v !== knownVersion) return 'its version is not known here';
  const fault = shapeFault(body);
  if (fault !== undefined) return fault;
  // A member given twice, another spelling of a number: readers could disagree on what such a body says.
  return JSON.stringify(body) === text ? body : 'its body is not written as a gateway writes it';
}

/** @returns what a column says otherwise than the body does */
export function columnFault(row: StoredEntry, body: EntryBody): string | undefined {
  if (body.writer !== row.writer) return 'its column "writer" differs from its body';
  if (body.number !== row.number) return 'its column "number" differs from its body';
  if (body.at !== row.at) return 'its column "at" differs from its body';
  if ((body.actor ?? null) !== row.actorId) return 'its column "actor_id" differs from its body';
  if ((body.flags !== undefined) !== row.flagged) return 'its column "flagged" differs from its body';
  return undefined;
}

function shapeFault(body: EntryBody): string | undefined {
  if (!isText(body.writer)) return wrong('writer');
  if (!isCount(body.number) || body.number === 0) return wrong('number');
  if (!isCount(body.at)) return wrong('at');
  const known = kindFault(body.kind, body);
  if (typeof known === 'string') return known;
  // As many members as were looked at: so there is no other.
  return Object.keys(body).length === 5 + known
    ? undefined
    : `it has a member that no ${body.kind} entry has`;
}

/** @returns the fault, or how many members (beside the five that every entry has) are as they should be */
function kindFault(kind: EntryKind, body: EntryBody): string | number {
  switch (kind) {
    case 'heartbeat':
    case 'close':
      return 0;
    case 'open':
      if (!isText(body.zone)) return wrong('zone');
      return isText(body.version) ? 2 : wrong('version');
    case 'admin':
      return contextFault(body, true);
    case 'refusal': {
      const context = contextFault(body, false);
      if (typeof context === 'string') return context;
      if (!isText(body.error)) return wrong('error');
      const limit = optional(body.limit, isText);
      const limits = optional(body.limits, areLimits);
      if (limit < 0) return wrong('limit');
      if (limits < 0) return wrong('limits');
      const flags = optional(body.flags, areFlags);
      return flags < 0 ? wrong('flags') : context + 1 + limit + limits + flags;
    }
    case 'read':
    case 'write':
    case 'fill': {
      const context = contextFault(body, true);
      if (typeof context === 'string') return context;
      const fault = leavingFaults[kind](body) ?? chargeFault(body.charge) ?? sharedFault(body);
      if (fault !== undefined) return fault;
      if (!areLimits(body.limits)) return wrong('limits');
      const unmetered = unmeteredLimit(body.limits, body.charge?.shared ?? []);
      if (unmetered !== undefined)
        return `it has a limit per ${unmetered}, and charges no meter of a ${unmetered}`;
      const flags = optional(body.flags, areFlags);
      return flags < 0 ? wrong('flags') : context + 3 + flags;
    }
    default:
      return 'its kind is not known here';
  }
}

/**
 * @param decided a policy has decided: role, policy set and statement are known
 * @returns the fault, or how many members of a context there are
 */
export function contextFault(body: EntryBody, decided: boolean): string | number {
  if (!isText(body.request)) return wrong('request');
  if (!isText(body.door)) return wrong('door');
  if (!isText(body.route)) return wrong('route');
  if (!isText(body.actor)) return wrong('actor');
  if (!isText(body.tool)) return wrong('tool');
  const act = optional(body.act, isText);
  const role = optional(body.role, isText);
  const policy = optional(body.policy, isText);
  const statement = optional(body.statement, isText);
  if (act < 0) return wrong('act');
  if (role < 0 || (decided && role === 0)) return wrong('role');
  if (policy < 0 || (decided && policy === 0)) return wrong('policy');
  if (statement < 0 || (decided && statement === 0)) return wrong('statement');
  const reason = optional(body.reason, isText);
  const ticket = optional(body.ticket, isText);
  if (reason < 0) return wrong('reason');
  if (ticket < 0) return wrong('ticket');
  return 5 + act + role + policy + statement + reason + ticket;
}

export function readFault(read: EntryRead | undefined): string | undefined {
  if (!isObject(read)) return wrong('read');
  const fault = recordsFault('read', read);
  if (fault !== undefined) return fault;
  if (!isSee(read.see)) return wrong('read.see');
  const also = optional(read.also, isAlso);
  if (also < 0) return wrong('read.also');
  if (read.consecutive > allRecords(read)) return wrong('read.consecutive');
  const reveal = optional(read.reveal, isText);
  const fill = optional(read.fill, isText);
  if (fill < 0) return wrong('read.fill');
  // Columns of one record are revealed, or go to a service, with nothing inside it.
  if (reveal < 0 || (reveal === 1 && also === 1)) return wrong('read.reveal');
  if (fill === 1 && also === 1) return wrong('read.fill');
  const reserved = optional(read.reserved, isPositive);
  if (reserved < 0 || (reserved === 1 && read.reserved! > read.records)) return wrong('read.reserved');
  return Object.keys(read).length === 8 + reveal + fill + reserved + also
    ? undefined
    : 'its "read" has a member that no read has';
}

/** What left, by kind. */
const leavingFaults = {
  read: ({ read }: EntryBody) => readFault(read),
  write: ({ write }: EntryBody) => sentFault('write', write, 'body', areTexts(write?.body)),
  fill: ({ fill }: EntryBody) => sentFault('fill', fill, 'see', isSee(fill?.see)),
};

/** The member that says what left. */
export function leavingOf({ read, write, fill }: EntryBody): EntryRead | EntryWrite | EntryFill | undefined {
  return read ?? write ?? fill;
}

function sentFault(
  kind: 'write' | 'fill',
  sent: EntryWrite | EntryFill | undefined,
  what: string,
  sound: boolean,
): string | undefined {
  if (!isObject(sent)) return wrong(kind);
  if (!isText(sent.service)) return wrong(`${kind}.service`);
  if (!sound) return wrong(`${kind}.${what}`);
  const fault = recordsFault(kind, sent);
  if (fault !== undefined) return fault;
  if (sent.records > 1) return wrong(`${kind}.records`);
  if (sent.consecutive > sent.records) return wrong(`${kind}.consecutive`);
  const reserves = optional(sent.reserves, isPositive);
  if (reserves < 0) return wrong(`${kind}.reserves`);
  return Object.keys(sent).length === 9 + reserves
    ? undefined
    : `its "${kind}" has a member that no ${kind} has`;
}

function recordsFault(name: string, of: EntryRecords): string | undefined {
  if (!isText(of.table)) return wrong(`${name}.table`);
  if (!isCount(of.part)) return wrong(`${name}.part`);
  if (typeof of.last !== 'boolean') return wrong(`${name}.last`);
  if (!isCount(of.records)) return wrong(`${name}.records`);
  if (typeof of.digests !== 'string' || !sha256.test(of.digests)) return wrong(`${name}.digests`);
  if (!isText(of.epoch)) return wrong(`${name}.epoch`);
  return isCount(of.consecutive) ? undefined : wrong(`${name}.consecutive`);
}

function isSee(see: unknown): boolean {
  return isObject(see) && Object.values(see).every(isText);
}

function areTexts(value: unknown): boolean {
  return Array.isArray(value) && (value as unknown[]).every(isText);
}

/** [table, see, records, personal] of each table that came inside the rows; none comes inside nothing. */
function isAlso(value: unknown): boolean {
  if (!Array.isArray(value) || value.length === 0) return false;
  return (value as unknown[]).every((table) => {
    if (!Array.isArray(table) || table.length !== 4 || !isText(table[0]) || !isObject(table[1])) return false;
    return Object.values(table[1]).every(isText) && isCount(table[2]) && typeof table[3] === 'boolean';
  });
}

/** Rows of every table of the read. */
export function allRecords({ records, also = [] }: EntryRead): number {
  return also.reduce((sum, [, , inside]) => sum + inside, records);
}

export function chargeFault(charge: EntryCharge | undefined): string | undefined {
  if (!isObject(charge)) return wrong('charge');
  if (!isText(charge.meter)) return wrong('charge.meter');
  if (!isCount(charge.sequence) || charge.sequence === 0) return wrong('charge.sequence');
  if (!isCount(charge.day)) return wrong('charge.day');
  if (!isObject(charge.amounts)) return wrong('charge.amounts');
  for (const count in charge.amounts) {
    const amount = charge.amounts[count];
    const sound =
      count === 'people' ? arePeople(amount) : countNames.has(count) && isCount(amount) && amount > 0;
    if (!sound) return wrong('charge.amounts');
  }
  const shared = optional(charge.shared, areShared);
  if (shared < 0) return wrong('charge.shared');
  return Object.keys(charge).length === 4 + shared
    ? undefined
    : 'its "charge" has a member that no charge has';
}

/** [meter, sequence, people] of a tool, a token, or both in this order. */
function areShared(value: unknown): boolean {
  if (!Array.isArray(value) || value.length === 0 || value.length > sharedBy.length) return false;
  return (value as unknown[]).every(
    (meter) =>
      Array.isArray(meter) &&
      meter.length === 3 &&
      isText(meter[0]) &&
      isCount(meter[1]) &&
      meter[1] > 0 &&
      isPeopleList(meter[2]),
  );
}

/** Each meter is one of the tool and role that the entry names. */
function sharedFault({ charge, role, tool }: EntryBody): string | undefined {
  let from = 0;
  for (const [key] of charge?.shared ?? []) {
    const kind = sharedBy.findIndex((per, at) => at >= from && key.startsWith(`${per}:`));
    if (kind < 0) return wrong('charge.shared');
    if (!isSharedMeterKey(sharedBy[kind]!, key, role!, tool!))
      return `it charges the meter of another ${sharedBy[kind]}`;
    from = kind + 1;
  }
  return undefined;
}

/** Whose meter a limit in force would need that is not charged. */
function unmeteredLimit(
  limits: NonNullable<EntryBody['limits']>,
  shared: NonNullable<EntryCharge['shared']>,
): string | undefined {
  for (const [, , , per] of limits)
    if (per !== undefined && !shared.some(([key]) => key.startsWith(`${per}:`))) return per;
  return undefined;
}

/** [fresh, [day, n], …], and not nobody. */
function arePeople(value: unknown): boolean {
  return isPeopleList(value) && (value.length > 1 || value[0] !== 0);
}

export function isPeopleList(value: unknown): value is [number, ...[number, number][]] {
  if (!Array.isArray(value) || !isCount(value[0])) return false;
  for (let i = 1; i < value.length; i++) {
    const pair = value[i] as unknown;
    if (!Array.isArray(pair) || pair.length !== 2 || !isCount(pair[0]) || !isCount(pair[1])) return false;
  }
  return true;
}

export function areLimits(value: unknown): value is NonNullable<EntryBody['limits']> {
  if (!Array.isArray(value)) return false;
  for (const limit of value as unknown[]) {
    if (!Array.isArray(limit) || limit.length < 3 || limit.length > 4) return false;
    if (limit.length === 4 && !sharedNames.has(limit[3] as string)) return false;
    if (!countNames.has(limit[0] as string) || !windowNames.has(limit[1] as string) || !isCount(limit[2]))
      return false;
  }
  return true;
}

/** [rule, value, threshold], and the value reaches the threshold. */
function areFlags(value: unknown): boolean {
  if (!Array.isArray(value) || value.length === 0) return false;
  for (const flag of value as unknown[]) {
    if (!Array.isArray(flag) || flag.length !== 3) return false;
    if (!isText(flag[0]) || !isCount(flag[1]) || !isCount(flag[2]) || flag[1] < flag[2]) return false;
  }
  return true;
}

/** 0: the member is not there; 1: there and sound; -1: there and wrong. */
function optional(value: unknown, sound: (value: unknown) => boolean): number {
  if (value === undefined) return 0;
  return sound(value) ? 1 : -1;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isPositive(value: unknown): value is number {
  return isCount(value) && value > 0;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function wrong(member: string): string {
  return `its "${member}" is missing or not of the right form`;
}
