/**
 * The access log as the corridor knows it: record a chunk of rows (and charge for it), a refusal, an
 * administrative read. A Receipt comes from here and from nowhere else, and only after the commit.
 */
import type { Pool } from 'pg';
import type { Asked, Decision, EmbeddedTable, MaskedRows, Receipt, ReleasedColumn } from '../access.js';
import { LimitReached, WeirError } from '../errors.js';
import type { Observe } from '../observation.js';
import { DayClock } from '../quota/day-clock.js';
import { sharedMetersOf } from '../quota/shared-meter.js';
import { thresholdsFor } from '../watch/bulk.js';
import type { ConnectionOptions } from './connection.js';
import { peopleOf, type NoteItem, type Outcome, type ReadDigests, type ReadItem } from './decide.js';
import { digestBytes, peopleSpace, type Digester, type LaterDigests } from './digest.js';
import { Directory, type Actor } from './directory.js';
import { Dispatch } from './dispatch.js';
import { seeOf, type EntryAlso, type EntryContext } from './entry.js';
import { KnownMeters } from './known-meters.js';
import { LogWriter } from './log-writer.js';
import { Neighbours } from './neighbours.js';
import { SeenToday } from './seen-today.js';
import { guessesOf } from './look-ups.js';

export interface AccessLogOptions {
  /** For look-ups beside the batches; the batches have a connection of their own. */
  readonly pool: Pool;
  readonly connection: ConnectionOptions;
  readonly digester: Digester;
  readonly zone: string;
  readonly deadlineMs: number;
  /** Reads and refusals that may wait for a commit at one writer. */
  readonly maxWaiting: number;
  readonly heartbeatSeconds: number;
  readonly version: string;
  readonly observe: Observe;
  /** Batches that may be under way at once, each by a writer with a connection of its own. Default 1. */
  readonly writers?: number;
}

type Writer = Pick<LogWriter, 'id' | 'downReason' | 'commit' | 'close'>;
type People = Pick<Directory, 'identify' | 'known' | 'sharedMeters'>;
type Parts = Pick<AccessLogOptions, 'digester' | 'observe'>;

export class AccessLog {
  readonly directory: People;
  readonly #options: Parts;
  readonly #writers: readonly Writer[];
  readonly #dispatch: Dispatch<Writer>;
  readonly #sees = new WeakMap<readonly ReleasedColumn[], Readonly<Record<string, string>>>();

  private constructor(options: Parts, writers: readonly Writer[], directory: People) {
    this.#options = options;
    this.#writers = writers;
    this.#dispatch = new Dispatch(writers);
    this.directory = directory;
  }

  /** Over writers and people that are there already, for rehearsals that keep no log. */
  static over(options: Parts, writers: readonly Writer[], directory: People): AccessLog {
    return new AccessLog(options, writers, directory);
  }

  /** Begins writers of its own and puts their first entries on the log. @throws WeirError, or what the driver throws */
  static async open(options: AccessLogOptions): Promise<AccessLog> {
    const { zone, writers = 1 } = options;
    const dayClock = new DayClock(zone);
    const memory = { neighbours: new Neighbours(), seen: new SeenToday(), known: new KnownMeters() };
    const opened: LogWriter[] = [];
    try {
      for (let n = 0; n < writers; n++) opened.push(await LogWriter.open({ ...options, dayClock, memory }));
    } catch (error) {
      await Promise.allSettled(opened.map((writer) => writer.close()));
      throw error;
    }
    // Half, so that being entered and being recorded together take little more than one deadline.
    return new AccessLog(options, opened, new Directory(options.pool, options.deadlineMs / 2));
  }

  /** Why nothing can be recorded now; undefined when all is well. */
  get downReason(): string | undefined {
    for (const { downReason } of this.#writers) if (downReason !== undefined) return downReason;
    return undefined;
  }

  /**
   * Records and charges one chunk. The receipt is the permission to release exactly these rows.
   * @throws LimitReached, WeirError guessing-refused (both recorded as refusals), log-unavailable, busy, draining
   */
  async record(decision: Decision, actor: Actor, rows: MaskedRows): Promise<Receipt> {
    const { set, role, table, columns } = decision;
    const { digester } = this.#options;
    const kinds = sharedMetersOf(role);
    const { principal } = decision.request;
    const shared =
      kinds.length === 0 ? undefined : await this.directory.sharedMeters(kinds, role.role, principal);
    const own = new OwnDigests(table.table.name, rows, digester);
    const inside = decision.also && this.#embedded(decision, decision.also, rows, own);
    const digests = inside?.digests ?? own;
    const item: ReadItem = {
      kind: 'read',
      context: readContext(decision, actor),
      actor,
      shared,
      table: table.table.name,
      see: this.#seeOf(columns),
      rows,
      digests,
      also: inside?.also,
      epoch: digester.epoch,
      limits: decision.limits,
      observed: decision.observed ?? [],
      thresholds: thresholdsFor(set.alerts, role.role),
      personal: decision.personal,
      lookups: decision.lookups,
      guesses: guessesOf(decision.lookedUp ?? [], table.table.name, digester),
      candidates: decision.candidates === true,
      reveal: decision.request.reveal?.column,
      sent: decision.sent,
      reserved: decision.reserved,
      tokenAddresses: rows.part === 0 ? decision.tokenAddresses : undefined,
      bytes: bytesOf(rows),
    };
    // The meter that most reads share: whoever is charged to it goes the same way.
    const meterId = shared?.find(({ per }) => per === 'tool')?.meterId ?? actor.meterId;
    const { count } = digests;
    const writer = this.#dispatch.take(meterId, count);
    let outcome: Outcome;
    try {
      outcome = await writer.commit(item);
    } finally {
      this.#dispatch.leave(meterId, count);
    }
    if (outcome.flags.length > 0) {
      const rules = outcome.flags.map((flag) => flag.rule);
      this.#options.observe({
        event: 'flagged',
        requestId: decision.request.id,
        actorId: actor.actorId,
        rules,
      });
    }
    if ('refused' in outcome) throw outcome.refused;
    const receipt = {
      rows,
      writer: writer.id,
      number: outcome.number,
      atMicros: outcome.at,
      flags: outcome.flags,
    };
    return receipt as unknown as Receipt;
  }

  /** @throws WeirError log-unavailable, busy, draining */
  async recordRefusal(
    asked: Asked,
    actor: Actor,
    error: WeirError,
    more: Pick<EntryContext, 'role' | 'policy' | 'statement' | 'reason' | 'ticket'>,
  ): Promise<void> {
    await this.#note(actor, {
      kind: 'refusal',
      context: { ...contextOf(asked, actor), ...more },
      error: error.code,
      ...(error instanceof LimitReached ? { limit: error.limit } : {}),
    });
  }

  /** @throws WeirError log-unavailable, busy, draining */
  async recordAdministration(
    asked: Asked,
    actor: Actor,
    more: { role: string; policy: string; statement: string },
  ): Promise<void> {
    await this.#note(actor, { kind: 'admin', context: { ...contextOf(asked, actor), ...more } });
  }

  /** Puts the closing entries on the log, after everything that is waiting. */
  async close(): Promise<void> {
    await Promise.all(this.#writers.map((writer) => writer.close()));
  }

  /** Every embedded row has to be accounted for, by table. @throws WeirError internal where rows and decision differ */
  #embedded(
    { personal }: Decision,
    also: readonly EmbeddedTable[],
    rows: MaskedRows,
    own: ReadDigests,
  ): Inside {
    const keys = rows.embedded ?? [];
    if (keys.length !== also.length || keys.some(({ table }, i) => table !== also[i]!.table))
      throw new WeirError('internal', { cause: new Error('embedded rows that nobody decided on') });
    const { digester } = this.#options;
    const subjects = keys.map(({ subjectKeys }) => digester.digest(peopleSpace, 'person', subjectKeys));
    const charged = subjects.filter((_, i) => also[i]!.personal);
    const records = keys.map(({ table, recordKeys }) => digester.digest(table, 'record', recordKeys));
    const ownRecords = own.bytes.subarray(0, own.count * digestBytes);
    const ownSubjects = own.bytes.subarray(own.count * digestBytes);
    return {
      also: also.map(({ table, columns, personal: charge }, i) => [
        table,
        this.#seeOf(columns),
        keys[i]!.recordKeys.length,
        charge,
      ]),
      digests: {
        count: keys.reduce((sum, { recordKeys }) => sum + recordKeys.length, own.count),
        bytes: Buffer.concat([ownRecords, ...records, ownSubjects, ...subjects]),
        people: peopleOf(Buffer.concat(personal ? [ownSubjects, ...charged] : charged)),
      },
    };
  }

  async #note({ meterId }: Actor, item: NoteItem): Promise<void> {
    try {
      await this.#dispatch.take(meterId, 1).commit(item);
    } finally {
      this.#dispatch.leave(meterId, 1);
    }
  }

  /** Statements of one shape share their columns, see sql/statement-cache.ts. */
  #seeOf(columns: readonly ReleasedColumn[]): Readonly<Record<string, string>> {
    let see = this.#sees.get(columns);
    if (see === undefined) this.#sees.set(columns, (see = seeOf(columns)));
    return see;
  }
}

/** Of the embedded tables of one chunk; people are those of the main table too, where it is charged. */
interface Inside {
  readonly also: readonly EntryAlso[];
  readonly digests: ReadDigests;
}

/** Of a chunk without embedded tables, made when the batch is decided that it comes into. */
class OwnDigests implements ReadDigests {
  readonly count: number;
  readonly #bytes: Buffer;
  readonly #records: LaterDigests;
  readonly #subjects: LaterDigests;
  #people: readonly string[] | undefined;

  constructor(table: string, { recordKeys, subjectKeys }: MaskedRows, digester: Digester) {
    this.count = recordKeys.length;
    this.#bytes = Buffer.allocUnsafe(2 * this.count * digestBytes);
    this.#records = digester.later(table, 'record', recordKeys, this.#bytes, 0);
    this.#subjects = digester.later(
      peopleSpace,
      'person',
      subjectKeys,
      this.#bytes,
      this.count * digestBytes,
    );
  }

  get bytes(): Buffer {
    this.#records.make();
    this.#subjects.make();
    return this.#bytes;
  }

  get people(): readonly string[] {
    return (this.#people ??= peopleOf(this.bytes, this.count));
  }
}

function contextOf(asked: Asked, actor: Actor): EntryContext {
  const { id, door, route, principal } = asked;
  const { tool, act } = principal;
  const { actorId } = actor;
  return act === undefined
    ? { request: id, door, route, actor: actorId, tool }
    : { request: id, door, route, actor: actorId, tool, act };
}

/** Written out, because an object that begins with a spread costs several microseconds (V8 of Node 20). */
function readContext(decision: Decision, actor: Actor): EntryContext {
  const { reason, ticket } = decision.purpose ?? {};
  const context: { -readonly [Key in keyof EntryContext]: EntryContext[Key] } = plainContext(decision, actor);
  if (reason !== undefined) context.reason = reason;
  if (ticket !== undefined) context.ticket = ticket;
  return context;
}

function plainContext({ request, role: { role }, set, statement }: Decision, actor: Actor): EntryContext {
  const { id, door, route, principal } = request;
  const { tool, act } = principal;
  const { actorId } = actor;
  const policy = set.digest;
  return act === undefined
    ? { request: id, door, route, actor: actorId, tool, role, policy, statement }
    : { request: id, door, route, actor: actorId, tool, act, role, policy, statement };
}

/** UTF-8 bytes of the values themselves, without a door's framing. */
function bytesOf(rows: MaskedRows): number {
  if (rows.body !== undefined) return rows.body.ofRecords;
  let bytes = 0;
  for (const row of rows.values)
    for (const value of row) if (value !== null) bytes += Buffer.byteLength(value);
  return bytes;
}
