/**
 * One batch, decided in order: who is within the limits, what each entry says, what each meter holds
 * afterwards. Pure: the meters were locked and read before, and are written after, by batch-writer.ts.
 * A read over its limit becomes a refusal; the others go on.
 */
import { hash } from 'node:crypto';
import type { MaskedRows, Sent } from '../access.js';
import { LimitReached, WeirError, type ErrorCode } from '../errors.js';
import type { BulkThresholds, Flag, Limit } from '../policy/model.js';
import { chargeOf, describeLimit, type Charge } from '../quota/charge.js';
import type { DayClock } from '../quota/day-clock.js';
import { countDistinct } from '../quota/distinct.js';
import { guessesRefused, type Guess } from '../quota/guesses.js';
import type { Instant } from '../quota/instant.js';
import { longerWait, type Exceeded, type Meter } from '../quota/meter.js';
import type { SharedMeter } from '../quota/shared-meter.js';
import { bulkFlags } from '../watch/bulk.js';
import {
  accountOf,
  chargeTold,
  instantOf,
  limitsPer,
  partOf,
  type Account,
  type LastDays,
  type MeterNow,
  type Part,
} from './accounts.js';
import { digestTexts } from './digest.js';
import type { Actor } from './directory.js';
import {
  entryVersion,
  flagsOf,
  limitsOf,
  type EntryAlso,
  type EntryBody,
  type EntryContext,
  type EntryKind,
  type EntryRead,
} from './entry.js';
import { entryText } from './entry-text.js';
import type { Neighbours } from './neighbours.js';

/** Of the rows' record and subject keys, 8 bytes each, in row order; then those of each embedded table. */
export interface ReadDigests {
  /** Records, with embedded ones. */
  readonly count: number;
  /** Those of the records, then those of the subjects. */
  readonly bytes: Buffer;
  /** The distinct ones of the subjects, see peopleOf; beside embedded tables, of those tables that are charged. */
  readonly people: readonly string[];
}

/** A chunk of rows that wants to leave. */
export interface ReadItem {
  readonly kind: 'read';
  readonly context: EntryContext;
  readonly actor: Actor;
  /** Charged beside the actor's own meter: of the tool, of the token. */
  readonly shared?: readonly SharedMeter[] | undefined;
  readonly table: string;
  readonly see: Readonly<Record<string, string>>;
  readonly rows: MaskedRows;
  readonly digests: ReadDigests;
  /** Tables that came inside the rows. */
  readonly also?: readonly EntryAlso[] | undefined;
  readonly epoch: string;
  readonly limits: readonly Limit[];
  /** Watched only: a read beyond one is flagged. */
  readonly observed?: readonly Limit[];
  readonly thresholds: BulkThresholds;
  /** Rows count as records; without a personal column they are free. */
  readonly personal: boolean;
  readonly lookups: number;
  /** Values looked up, where they could be guesses at hidden digits. */
  readonly guesses?: readonly Guess[];
  /** Each row found is a look-up, see Decision. */
  readonly candidates?: boolean;
  /** The column that is revealed in clear. */
  readonly reveal?: string | undefined;
  /** It goes to a service instead. */
  readonly sent?: Sent | undefined;
  /** Records that were charged before, with what was sent. */
  readonly reserved?: number | undefined;
  /** The token came from so many addresses; undefined: nothing new about that. */
  readonly tokenAddresses?: number | undefined;
  readonly bytes: number;
}

/** Something to record that charges nothing. */
export interface NoteItem {
  readonly kind: Exclude<EntryKind, 'read' | 'write' | 'fill'>;
  readonly context: EntryContext | undefined;
  readonly error?: ErrorCode;
  readonly limit?: string;
  readonly zone?: string;
  readonly version?: string;
}

export type Item = ReadItem | NoteItem;

export type Outcome =
  | { readonly number: number; readonly at: number; readonly flags: readonly Flag[] }
  | { readonly refused: WeirError; readonly flags: readonly Flag[] };

export interface Decided {
  /** One an item, in order. */
  readonly outcomes: Outcome[];
  readonly entries: {
    readonly number: number;
    readonly at: number;
    readonly actorId: string | null;
    readonly flagged: boolean;
    readonly body: string;
  }[];
  /** Of records and, of the same length, of subjects. */
  readonly digests: { readonly number: number; readonly bytes: Buffer }[];
  /** Meters that were charged, by id. */
  readonly charged: Map<number, Meter>;
  /** People whose last day changes, each once a meter. */
  readonly touched: Touch[];
}

export interface Touch {
  readonly meterId: number;
  /** 8 bytes as latin1 text. */
  readonly digest: string;
  /** Becomes their last day. */
  readonly day: number;
  /** The meter has met them before: there is a row to change. */
  readonly known: boolean;
}

export interface WriterPosition {
  readonly writer: string;
  readonly nextNumber: number;
  readonly lastAt: number;
}

/**
 * @param meters locked and decoded, by meter id; those of every read of the batch, with the last day of the batch's people, as far
 * as known. They are changed in place, and their people told of those whom a read touched
 * @param nowMicros the database's clock, read with the locks
 */
export function decideBatch(
  items: readonly Item[],
  meters: ReadonlyMap<number, MeterNow>,
  nowMicros: number,
  position: WriterPosition,
  clock: DayClock,
  neighbours: Neighbours,
): Decided {
  const decided: Decided = { outcomes: [], entries: [], digests: [], charged: new Map(), touched: [] };
  let { nextNumber: number, lastAt: at } = position;
  for (const item of items) {
    const earliest = Math.max(at + 1, nowMicros);
    if (item.kind === 'read') {
      const own = accountOf(item.actor, meters);
      const shared = item.shared?.map((each) => accountOf(each, meters)) ?? none;
      const instant = instantOf(own, shared, earliest, clock);
      at = instant.micros;
      const place = { writer: position.writer, number, at };
      decided.outcomes.push(decideRead(item, own, shared, instant, clock, neighbours, decided, place));
    } else {
      at = earliest;
      const { kind, error, limit, zone, version } = item;
      const { writer } = position;
      const more = defined({ error, limit, zone, version });
      const body: EntryBody = { v: entryVersion, writer, number, ...item.context, kind, at, ...more };
      decided.entries.push({
        number,
        at,
        actorId: item.context?.actor ?? null,
        flagged: false,
        body: JSON.stringify(body),
      });
      decided.outcomes.push({ number, at, flags: [] });
    }
    number++;
  }
  return decided;
}

interface Place {
  readonly writer: string;
  readonly number: number;
  readonly at: number;
}

const none: readonly never[] = Object.freeze([]);

function decideRead(
  item: ReadItem,
  own: Account,
  shared: readonly Account[],
  instant: Instant,
  clock: DayClock,
  neighbours: Neighbours,
  decided: Decided,
  place: Place,
): Outcome {
  const { rows, actor } = item;
  const { number, at } = place;
  const inside = embeddedRecords(item);
  const charged = chargedPeople(item);
  const first = rows.part === 0;
  const found = rows.values.length;
  const people = countDistinct(charged, own.seen, instant.day);
  const charge = chargeOf({
    queries: first ? 1 : 0,
    records: (item.personal ? found - reservedOf(item) : 0) + inside + reservesOf(item),
    people: { fresh: people.fresh, returning: people.returning },
    lookups: first ? lookupsOf(item, found) : 0,
    reveals: first && item.reveal !== undefined ? found : 0,
    misses: first && item.lookups > 0 && found === 0 ? 1 : 0,
    bytes: item.bytes,
    fills: first && item.sent?.as === 'fill' ? found : 0,
  });
  const { meter } = own;
  const guesses = first ? (item.guesses ?? none) : none;
  const alike = meter.guessing(guesses, instant);
  if (alike >= guessesRefused) {
    const flags: Flag[] = [{ rule: 'guessing', value: alike, threshold: guessesRefused }];
    return refuse(item, decided, place, guessingRefused(), undefined, flags);
  }
  const ownPart: Part = { account: own, touched: people.touched, charge };
  const sharedParts =
    shared.length === 0
      ? none
      : shared.map((each) => partOf(each, charge, countDistinct(charged, each.seen, instant.day)));
  const parts = shared.length === 0 ? [ownPart] : [ownPart, ...sharedParts];
  const alone = parts.length === 1;
  let exceeded: Exceeded | undefined;
  for (const { account, touched, charge: part } of parts) {
    const limits = limitsPer(item.limits, account, alone);
    const known = charged.length - touched.length;
    const over = account.meter.check(limits, asChecked(part, item), instant, clock, known);
    exceeded = longerWait(exceeded, over);
  }
  if (exceeded !== undefined) {
    const refused = limitReached(exceeded);
    return refuse(item, decided, place, refused, refused.limit, none);
  }

  const observed: Flag[] = [];
  for (const { account, charge: part } of item.observed?.length ? parts : none) {
    const limits = limitsPer(item.observed!, account, alone);
    observed.push(...observedFlags(limits, account.meter, part, instant, clock));
  }
  for (const { account, touched, charge: part } of parts) {
    account.meter.charge(part, instant, account === own ? guesses : none);
    decided.charged.set(account.meterId, account.meter);
    if (touched.length > 0) remember(decided, account.meterId, account.seen, touched, instant.day);
  }
  const consecutiveInside = embeddedConsecutive(item, neighbours);
  const consecutiveOwn = neighbours.count(actor.actorId, item.table, rows.recordKeys);
  const consecutive = consecutiveOwn + consecutiveInside;
  const flags = bulkFlags(item.thresholds, {
    recordsPerRead: (item.personal ? found : 0) + inside,
    recordsPerHour: meter.used('records', 'hour', instant),
    recordsPerDay: meter.used('records', 'day', instant),
    peoplePerRead: charged.length,
    peoplePerHour: meter.used('people', 'hour', instant),
    peoplePerDay: meter.used('people', 'day', instant),
    consecutive: (item.personal ? consecutiveOwn : 0) + consecutiveInside,
  });
  if (item.tokenAddresses !== undefined)
    flags.push({ rule: 'tokenAddresses', value: item.tokenAddresses, threshold: 2 });
  if (observed.length > 0) flags.push(...observed);
  enter(item, decided, place, item.sent?.as ?? 'read', flags, leavingOf(item, consecutive), {
    charge: chargeTold(ownPart, sharedParts, instant.day),
    limits: limitsOf(item.limits),
  });
  if (found > 0) decided.digests.push({ number, bytes: item.digests.bytes });
  return { number, at, flags };
}

/** The people that the read shows: rows without a personal column are free, and show nobody. */
export function chargedPeople(item: ReadItem): readonly string[] {
  return item.personal || embeddedRecords(item) > 0 ? item.digests.people : nobody;
}

const nobody: readonly string[] = Object.freeze([]);
const nothingMore = {};

/** Embedded rows that are charged. */
function embeddedRecords({ also }: ReadItem): number {
  if (also === undefined) return 0;
  return also.reduce((sum, [, , records, personal]) => (personal ? sum + records : sum), 0);
}

/** Of those tables only: lines of one order always have adjacent keys. */
function embeddedConsecutive({ also, rows, actor }: ReadItem, neighbours: Neighbours): number {
  if (also === undefined) return 0;
  return also.reduce((sum, [table, , , personal], i) => {
    const keys = rows.embedded?.[i]?.recordKeys ?? [];
    return personal ? sum + neighbours.count(actor.actorId, table, keys) : sum;
  }, 0);
}

function observedFlags(
  limits: readonly Limit[],
  meter: Meter,
  charge: Charge,
  instant: Instant,
  clock: DayClock,
): Flag[] {
  return limits.flatMap((limit): Flag[] => {
    const exceeded = meter.check([limit], charge, instant, clock);
    if (exceeded === undefined) return [];
    const { count, window, max, per } = limit;
    const rule =
      `observed ${count} per ${window}${per === undefined ? '' : (` of the ${per}` as const)}` as const;
    return [{ rule, value: exceeded.used + exceeded.amount, threshold: max }];
  });
}

/** What left, under the name of its kind. */
function leavingOf(item: ReadItem, consecutive: number): Pick<EntryBody, 'read' | 'write' | 'fill'> {
  const { sent, table, rows, epoch } = item;
  const { part, last } = rows;
  const records = rows.values.length;
  const digests = hash('sha256', item.digests.bytes, 'hex');
  const reserves = reservesOf(item);
  const more = reserves === 0 ? nothingMore : { reserves };
  switch (sent?.as) {
    case undefined: {
      const { see, reveal, also } = item;
      const reserved = reservedOf(item);
      const read: EntryRead = {
        table,
        see,
        part,
        last,
        records,
        digests,
        epoch,
        consecutive,
        ...(reveal === undefined ? {} : { reveal }),
        ...(reserved === 0 ? {} : { reserved }),
        ...(also === undefined ? {} : { also }),
      };
      return { read };
    }
    case 'write': {
      const { service, body } = sent;
      return {
        write: { service, table, body, part, last, records, digests, epoch, consecutive, ...more },
      };
    }
    case 'fill': {
      const { service } = sent;
      // The service's answer follows a request that was filled; what is not found is not sent.
      const ends = last && records === 0;
      return {
        fill: {
          service,
          table,
          see: item.see,
          part,
          last: ends,
          records,
          digests,
          epoch,
          consecutive,
          ...more,
        },
      };
    }
  }
}

/** Records of the answer to come that are charged with what is sent; what is not found is not sent. */
function reservesOf({ sent, rows }: ReadItem): number {
  if (sent === undefined || (sent.as === 'fill' && rows.values.length === 0)) return 0;
  return sent.reserves.records;
}

/** Records that were charged before. */
function reservedOf({ personal, reserved = 0, rows }: ReadItem): number {
  return personal ? Math.min(reserved, rows.values.length) : 0;
}

/** What became of an item, as its entry: the same head whether it left or was refused. */
function enter(
  { context, actor }: ReadItem,
  decided: Decided,
  { writer, number, at }: Place,
  kind: EntryKind,
  flags: readonly Flag[],
  ...parts: readonly Partial<EntryBody>[]
): void {
  const flagged = flags.length > 0;
  const more = flagged ? { flags: flagsOf(flags) } : nothingMore;
  const body = entryText({ v: entryVersion, writer, number }, context, { at, kind }, ...parts, more);
  decided.entries.push({ number, at, actorId: actor.actorId, flagged, body });
}

function refuse(
  item: ReadItem,
  decided: Decided,
  place: Place,
  refused: WeirError,
  limit: string | undefined,
  flags: readonly Flag[],
): Outcome {
  const why = { error: refused.code, ...(limit === undefined ? {} : { limit }) };
  enter(item, decided, place, 'refusal', flags, { limits: limitsOf(item.limits) }, why);
  return { refused, flags };
}

function guessingRefused(): WeirError {
  return new WeirError('guessing-refused', {
    detail: 'values looked up within the hour differ only in digits that the role does not see',
    hint: 'look up what the customer has said in full; security can see that this was asked',
  });
}

/**
 * What must fit. A look-up is checked as if it missed, found or not: otherwise, with the limit on misses used up, the
 * refusal itself would tell a miss from a hit. And what is sent as if its answer showed all that it may: a write cannot
 * be taken back once its answer does not fit.
 */
function asChecked(charge: Charge, item: ReadItem): Charge {
  const { reveal, sent } = item;
  if (charge.lookups === 0 && reveal === undefined && sent === undefined) return charge;
  const { people } = charge;
  return {
    ...charge,
    misses: charge.lookups > 0 ? 1 : 0,
    reveals: reveal === undefined ? 0 : 1,
    fills: sent?.as === 'fill' ? 1 : 0,
    ...(sent === undefined
      ? {}
      : {
          records: charge.records - reservesOf(item) + sent.reserves.records,
          people: { ...people, fresh: people.fresh + sent.reserves.people },
        }),
  };
}

/** By its last digits a value stands for everybody who has them. */
function lookupsOf({ lookups, candidates }: ReadItem, found: number): number {
  return candidates === true ? Math.max(lookups, found) : lookups;
}

function remember(
  decided: Decided,
  meterId: number,
  seen: LastDays,
  touched: readonly string[],
  day: number,
): void {
  for (const digest of touched) {
    decided.touched.push({ meterId, digest, day, known: seen.get(digest) !== undefined });
    // So that the next read of this batch knows.
    seen.set(digest, day);
  }
}

export function limitReached(exceeded: Exceeded): LimitReached {
  return new LimitReached({
    limit: describeLimit(exceeded.limit),
    max: exceeded.limit.max,
    remaining: exceeded.remaining,
    windowSeconds: exceeded.windowSeconds,
    retryAfterSeconds: exceeded.retryAfterSeconds,
    neverFits: exceeded.neverFits,
  });
}

/** The distinct people of a read, for the meter. @param first subject of the list */
export function peopleOf(list: Buffer, first = 0): string[] {
  const texts = digestTexts(list, first);
  return texts.length < 2 ? texts : [...new Set(texts)];
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(members: T): Defined<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Defined<T>;
}
