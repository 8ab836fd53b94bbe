/**
 * Record and charge in one commit. One serial loop a writer: it takes what is waiting, locks the meter
 * rows, decides (decide.ts), writes meters and entries, commits, and only then tells each caller. Two
 * round trips a batch, whatever its size; one where this process knows the meters (known-meters.ts) and the write can check that
 * nobody else has changed them.
 *
 * Holds, whatever fails and whenever:
 * - one batch in flight; number n+1 is not sent while n's outcome is unknown, so a writer's numbers have no gap;
 * - a caller hears "recorded" only after a commit that is known to have happened;
 * - a caller hears something before its deadline. (A 503 may have been recorded: that is the safe side.)
 */
import { performance } from 'node:perf_hooks';
import { WeirError } from '../errors.js';
import type { Observe } from '../observation.js';
import type { DayClock } from '../quota/day-clock.js';
import { memoryDays } from '../quota/distinct.js';
import type { Meter } from '../quota/meter.js';
import { NotRun, type PipelinedAnswer } from '../store/pipeline.js';
import type { MeterNow } from './accounts.js';
import { sqlstateOf, WriterConnection, type ConnectionOptions } from './connection.js';
import { DatabaseClock } from './database-clock.js';
import { decideBatch, type Decided, type Item, type Outcome } from './decide.js';
import { maxPeople, type KnownMeter, type KnownMeters } from './known-meters.js';
import type { Neighbours } from './neighbours.js';
import { allPeople, lastDays, metersOf, readLocks, unseenPeople } from './opening.js';
import type { SeenToday } from './seen-today.js';
import {
  begin,
  commit,
  lastNumbers,
  lockMeters,
  metPeople,
  moveFence,
  passFence,
  rollback,
  seenPeople,
  writeBatch,
} from './sql.js';

export interface WriterMemory {
  readonly neighbours: Neighbours;
  readonly seen: SeenToday;
  readonly known: KnownMeters;
}

export interface BatchWriterOptions {
  readonly connection: ConnectionOptions;
  /** This process start; a new one each time. */
  readonly writer: string;
  /** A meter row of the writer's own: locked by every batch, so that an older batch of ours cannot still be in flight. */
  readonly writerMeterId: number;
  readonly deadlineMs: number;
  readonly maxWaiting: number;
  /** What the writers of a process remember together; told of nothing before its commit. */
  readonly memory: WriterMemory;
  readonly dayClock: DayClock;
  readonly observe: Observe;
}

interface Pending {
  readonly item: Item;
  readonly expires: number;
  /** How often its meter was found locked by another process, since somebody last waited for it. */
  skips: number;
  /** Its meter was ever found locked: that it is late says nothing about the database. */
  contended: boolean;
  settled: boolean;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: WeirError) => void;
}

interface Writing {
  readonly batch: readonly Pending[];
  readonly meterIds: readonly number[];
  readonly decided: Decided;
  readonly firstNumber: number;
  readonly meters: ReadonlyMap<number, MetMeter>;
  /** What the charged ones hold afterwards, in ascending order of their ids. */
  readonly states: ReadonlyMap<number, Buffer>;
}

interface MetMeter {
  readonly meter: Meter;
  /** Whom it has met in the days that count, where that is known. */
  readonly people: Map<string, number> | undefined;
}

const maxBatchItems = 256;
const maxBatchRows = 20_000;
/** Meters whose people are all read in one batch: a person may have met thousands. */
const loadsInBatch = 1;
/** A meter found locked this often is waited for, in a batch of its own. */
const patientSkips = 2;
const maxBackoffMs = 2000;

export class BatchWriter {
  readonly #options: BatchWriterOptions;
  readonly #memory: WriterMemory;
  readonly #clock = new DatabaseClock();
  readonly #sweeper: NodeJS.Timeout;
  #queue: Pending[] = [];
  #inFlight: readonly Pending[] = [];
  #unknown: Writing | undefined;
  #running = false;
  #closed = false;
  /** Given up, whatever is still open. */
  #ended = false;
  #connection: WriterConnection | undefined;
  #nextNumber = 1;
  /** State of the writer's own row; moved, so that what was sent before fails if it still comes. */
  #fence: Buffer | null = null;
  #fences = 0;
  #lastAt = 0;
  #failures = 0;
  #downUntil = 0;
  #downReason: string | undefined;
  #idle: (() => void)[] = [];

  constructor(options: BatchWriterOptions) {
    this.#options = options;
    this.#memory = options.memory;
    this.#sweeper = setInterval(() => this.#sweep(), 50);
    this.#sweeper.unref();
  }

  /** Why nothing can be recorded at the moment; undefined when all is well. */
  get downReason(): string | undefined {
    return this.#downReason;
  }

  get lastNumber(): number {
    return this.#nextNumber - 1;
  }

  /** @throws WeirError log-unavailable, busy; LimitReached comes as an outcome, since it is recorded */
  commit(item: Item): Promise<Outcome> {
    if (this.#closed) return Promise.reject(new WeirError('draining'));
    const now = performance.now();
    if (now < this.#downUntil) return Promise.reject(unavailable(new Error(this.#downReason ?? 'down')));
    if (this.#queue.length >= this.#options.maxWaiting) {
      return Promise.reject(new WeirError('busy', { hint: 'try again shortly', retryAfterSeconds: 1 }));
    }
    return this.#enqueue(item, now);
  }

  #enqueue(item: Item, now: number): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#queue.push({
        item,
        expires: now + this.#options.deadlineMs,
        skips: 0,
        contended: false,
        settled: false,
        resolve,
        reject,
      });
      this.#kick();
    });
  }

  /** Accepts nothing more, settles what is queued, puts `last` behind all of it, and hangs up. */
  async close(last: Item): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // Only once nothing is queued or in flight: a read that waited for its meter would come to stand behind the closing entry.
    if (await this.#settled()) {
      await this.#enqueue(last, performance.now()).catch(() => undefined);
      await this.#settled();
    }
    clearInterval(this.#sweeper);
    this.#ended = true;
    await this.#connection?.close().catch(() => {});
  }

  /** @returns false where that takes too long: with the database away an open outcome cannot be settled, and the next reading of the log tells it */
  async #settled(): Promise<boolean> {
    if (!this.#running) return true;
    let timer: NodeJS.Timeout | undefined;
    const idle = new Promise<boolean>((resolve) => this.#idle.push(() => resolve(true)));
    const bound = new Promise<boolean>(
      (resolve) => (timer = setTimeout(() => resolve(false), this.#options.deadlineMs + 1000)),
    );
    const inTime = await Promise.race([idle, bound]);
    clearTimeout(timer);
    return inTime;
  }

  #kick(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    for (;;) {
      // One turn of the event loop, so that everybody who came in this turn shares the commit.
      await new Promise((resolve) => setImmediate(resolve));
      const work = !this.#ended && (this.#queue.length > 0 || this.#unknown !== undefined);
      // No await between this look at the queue and `running = false`: what comes later kicks again.
      if (!work) break;
      try {
        if (this.#unknown !== undefined) await this.#resolveUnknown(this.#unknown);
        else {
          const { batch, wait } = this.#takeBatch();
          await this.#attempt(batch, wait);
        }
      } catch (error) {
        // Not foreseen. Refuse everything rather than guess; the unknown batch, if any, stays unknown.
        this.#options.observe({ event: 'failure', requestId: undefined, where: 'log writer', error });
        this.#hangUp(error);
        this.#fail(error);
        await this.#backOff();
      }
    }
    this.#running = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** @returns what goes next; `wait`: its rows were found locked before and are now waited for */
  #takeBatch(): { batch: Pending[]; wait: boolean } {
    this.#queue = this.#queue.filter((pending) => !pending.settled);
    const patient = this.#toWaitFor();
    const batch: Pending[] = [];
    const rest: Pending[] = [];
    let rows = 0;
    for (const pending of this.#queue) {
      // Waiting for somebody's row must not hold up people whose rows are free: it gets a batch of its own.
      const fits = patient === undefined || sharesMeter(pending, patient);
      if (fits && batch.length < maxBatchItems && rows < maxBatchRows) {
        batch.push(pending);
        if (pending.item.kind === 'read') rows += pending.item.digests.count;
      } else rest.push(pending);
    }
    // Counted anew: if the wait is in vain, the others have their turn first.
    if (patient !== undefined) for (const pending of batch) pending.skips = 0;
    this.#queue = rest;
    return { batch, wait: patient !== undefined };
  }

  /**
   * Whose locked row is worth waiting for (a few milliseconds, see lockTimeoutMs): while everybody in the
   * queue waits for one anyway, or when somebody's deadline comes near. Otherwise the others go first.
   */
  #toWaitFor(): Pending | undefined {
    const due = performance.now() + this.#options.deadlineMs / 2;
    const locked = this.#queue.filter((pending) => pending.skips >= patientSkips);
    return locked.length === this.#queue.length ? locked[0] : locked.find((pending) => pending.expires < due);
  }

  async #attempt(batch: readonly Pending[], wait: boolean): Promise<void> {
    if (batch.length === 0) return;
    this.#inFlight = batch;
    const started = performance.now();
    const connection = await this.#connect(batch);
    if (connection === undefined) return;

    const meterIds = allMeters(batch);
    const now = this.#clock.now();
    const known = wait || now === undefined ? undefined : this.#memory.known.take(meterIds);
    const writing =
      known === undefined
        ? await this.#lockAndDecide(batch, meterIds, wait, connection)
        : this.#decideByKnown(batch, known, now!);
    if (writing === undefined) return;

    // The other round trip: write and commit.
    const { decided, states } = writing;
    this.#inFlight = writing.batch;
    const { writer, writerMeterId } = this.#options;
    const opening = known === undefined ? [] : [begin, passFence(writerMeterId, this.#fence)];
    const answers = await connection.exchange([
      ...opening,
      ...writeBatch(writer, decided, states, known),
      commit,
    ]);
    const last = answers.at(-1)!;
    const failed = answers.find((answer) => answer.status === 'rejected');
    if (failed === undefined && last.status === 'fulfilled' && last.value.tag === 'COMMIT') {
      if (known !== undefined) this.#clock.tell(Number(answerOf(answers[1]!).rows[0]![0]));
      this.#settle(writing);
      this.#options.observe({
        event: 'batch',
        requests: writing.batch.length,
        milliseconds: performance.now() - started,
        exchanges: known === undefined ? 2 : 1,
      });
      return;
    }
    // A server that did not run COMMIT, or answered it with ROLLBACK, has told us; anything else leaves the outcome open.
    const refused = last.status === 'fulfilled' || last.reason instanceof NotRun;
    if (refused && failed !== undefined) {
      if (known === undefined) return this.#failedInWrite(writing.batch, failed.reason);
      // A meter was changed or is being changed, most likely. Asked under the locks, everything shows what it is.
      this.#clock.forget();
      this.#queue.unshift(...writing.batch.filter((pending) => !pending.settled));
      this.#inFlight = [];
      return;
    }
    this.#unknown = writing;
    connection.destroy(new Error('the outcome of the last commit is not known'));
    this.#connection = undefined;
  }

  /** By what this process left behind. */
  #decideByKnown(
    batch: readonly Pending[],
    known: ReadonlyMap<number, KnownMeter>,
    nowMicros: number,
  ): Writing {
    const decided = this.#decide(batch, known, nowMicros);
    const states = new Map<number, Buffer>();
    // Those of refused reads as well: their states decided too, and are checked by being written as they are.
    for (const [id, { meter, bytes }] of known)
      states.set(id, decided.charged.has(id) ? meter.encode() : bytes);
    return this.#writingOf(batch, [...known.keys()], decided, known, states);
  }

  /** The first round trip of two: lock, read the clock, ask about people that this process has not seen today. */
  async #lockAndDecide(
    batch: readonly Pending[],
    meterIds: readonly number[],
    wait: boolean,
    connection: WriterConnection,
  ): Promise<Writing | undefined> {
    const { writerMeterId, dayClock } = this.#options;
    const { known, seen } = this.#memory;
    const today = dayClock.day(this.#lastAt);
    const items = batch.map(({ item }) => item);
    const unseen = unseenPeople(items, seen, today);
    const loading = known.worthKnowing(meterIds, loadsInBatch);
    const asking = unseen.meterIds.length > 0 ? [seenPeople(unseen.meterIds, unseen.digests)] : [];
    const opening = await connection.exchange([
      begin,
      lockMeters([writerMeterId, ...meterIds], wait),
      ...asking,
      ...(loading.length > 0 ? [metPeople(loading, today - memoryDays, maxPeople)] : []),
    ]);
    const refusedAtLock = opening.find((answer) => answer.status === 'rejected');
    if (refusedAtLock !== undefined) {
      await this.#failedBeforeWrite(batch, refusedAtLock.reason);
      return undefined;
    }

    const {
      meters,
      states: found,
      corrupt,
      own,
      nowMicros,
    } = readLocks(answerOf(opening[1]!), writerMeterId);
    this.#clock.tell(nowMicros);
    for (const pending of batch) {
      const damaged = corrupt.size === 0 ? undefined : metersOf(pending.item).find((id) => corrupt.has(id));
      if (damaged !== undefined) this.#reject(pending, unavailable(corrupt.get(damaged)));
    }
    const waiting = batch.filter((pending) => !pending.settled);
    const isReady = ({ item }: Pending): boolean => metersOf(item).every((id) => meters.has(id));
    const ready = waiting.filter(isReady);
    const skipped = waiting.filter((pending) => !isReady(pending));
    for (const pending of skipped) foundLocked(pending);
    const midnight = unseen.assumed && dayClock.day(nowMicros) !== today;
    if (midnight) this.#lastAt = Math.max(this.#lastAt, nowMicros);
    if (midnight || ready.length === 0 || !own) {
      this.#queue.unshift(...waiting);
      this.#inFlight = [];
      await connection.exchange([rollback]);
      return undefined;
    }
    this.#queue.push(...skipped);

    const readyItems = ready.map(({ item }) => item);
    const asked = asking.length === 0 ? undefined : answerOf(opening[2]!);
    const days = lastDays(readyItems, seen, asked);
    const met = allPeople(loading, loading.length === 0 ? undefined : answerOf(opening.at(-1)!));
    for (const [id, state] of found) {
      const people = known.locked(id, state);
      if (people !== undefined) met.set(id, people);
    }
    const now = new Map<number, MeterNow>();
    for (const [id, meter] of meters)
      now.set(id, { meter, people: days.get(id) ?? new Map<string, number>() });
    const decided = this.#decide(ready, now, nowMicros);
    for (const { meterId, digest, day } of decided.touched) met.get(meterId)?.set(digest, day);
    const ids = [...decided.charged.keys()].sort((a, b) => a - b);
    const states = new Map(ids.map((id) => [id, decided.charged.get(id)!.encode()]));
    const left = new Map<number, MetMeter>();
    for (const [id, meter] of meters) left.set(id, { meter, people: met.get(id) });
    return this.#writingOf(ready, meterIds, decided, left, states);
  }

  #decide(batch: readonly Pending[], meters: ReadonlyMap<number, MeterNow>, nowMicros: number): Decided {
    const { writer, dayClock } = this.#options;
    return decideBatch(
      batch.map((pending) => pending.item),
      meters,
      nowMicros,
      { writer, nextNumber: this.#nextNumber, lastAt: this.#lastAt },
      dayClock,
      this.#memory.neighbours,
    );
  }

  #writingOf(
    batch: readonly Pending[],
    charged: readonly number[],
    decided: Decided,
    meters: ReadonlyMap<number, MetMeter>,
    states: ReadonlyMap<number, Buffer>,
  ): Writing {
    const meterIds = [this.#options.writerMeterId, ...charged];
    return { batch, meterIds, decided, firstNumber: this.#nextNumber, meters, states };
  }

  /** Certainly not committed: nothing was written yet. */
  async #failedBeforeWrite(batch: readonly Pending[], reason: unknown): Promise<void> {
    const sqlstate = sqlstateOf(reason);
    if (sqlstate !== undefined && retryable.test(sqlstate) && this.#connection?.broken === undefined) {
      for (const pending of batch) foundLocked(pending);
      this.#queue.push(...batch.filter((pending) => !pending.settled));
      return;
    }
    this.#hangUp(reason);
    this.#inFlight = batch;
    this.#fail(reason);
    await this.#backOff();
  }

  /** Certainly not committed: the server rolled back. One poisoned entry must not take the others with it. */
  async #failedInWrite(batch: readonly Pending[], reason: unknown): Promise<void> {
    const sqlstate = sqlstateOf(reason);
    this.#options.observe({ event: 'failure', requestId: undefined, where: 'log write', error: reason });
    if (sqlstate !== undefined && retryable.test(sqlstate)) {
      this.#queue.push(...batch);
    } else if (sqlstate !== undefined && poison.test(sqlstate)) {
      if (batch.length === 1) this.#reject(batch[0]!, unavailable(reason));
      else {
        const middle = batch.length >> 1;
        await this.#attempt(batch.slice(0, middle), false);
        if (this.#unknown === undefined) await this.#attempt(batch.slice(middle), false);
        else this.#queue.unshift(...batch.slice(middle));
      }
    } else {
      this.#inFlight = batch;
      this.#fail(reason);
      await this.#backOff();
    }
  }

  /** Asks the database what became of a batch whose COMMIT was not answered. Nothing else happens until it is known. */
  async #resolveUnknown(unknown: Writing): Promise<void> {
    this.#inFlight = unknown.batch;
    const connection = await this.#connect([]);
    if (connection === undefined) return;
    const fence = Buffer.from(String(++this.#fences));
    const answers = await connection.exchange([
      begin,
      // Waits for the old transaction, which holds these rows as long as it lives.
      lockMeters(unknown.meterIds, true),
      lastNumbers(this.#options.writer, unknown.firstNumber),
      // It may not even have begun: then its row is free, and what was sent must fail if it still comes.
      moveFence(this.#options.writerMeterId, fence),
      commit,
    ]);
    const failed = answers.find((answer) => answer.status === 'rejected');
    if (failed !== undefined) {
      const sqlstate = sqlstateOf(failed.reason);
      if (sqlstate === undefined || !retryable.test(sqlstate)) {
        this.#hangUp(failed.reason);
        this.#fail(failed.reason);
      }
      await this.#backOff();
      return;
    }
    const found = (answers[2] as PromiseFulfilledResult<PipelinedAnswer>).value.rows.length;
    if (found !== 0 && found !== unknown.decided.entries.length) {
      throw new Error(
        `a commit of ${unknown.decided.entries.length} entries left ${found}: the gateway database is not atomic`,
      );
    }
    this.#unknown = undefined;
    this.#fence = fence;
    this.#options.observe({
      event: 'outcome-unknown',
      resolvedAs: found === 0 ? 'not-committed' : 'committed',
    });
    if (found > 0) this.#settle(unknown);
    else this.#queue.unshift(...unknown.batch.filter((pending) => !pending.settled));
  }

  #settle({ batch, decided, meters, states }: Writing): void {
    const { seen, known } = this.#memory;
    this.#nextNumber += decided.entries.length;
    this.#lastAt = decided.entries.at(-1)?.at ?? this.#lastAt;
    // Whose people are all known needs no other list of them.
    for (const { meterId, digest, day } of decided.touched)
      if (meters.get(meterId)?.people === undefined) seen.add(meterId, day, digest);
    for (const [id, bytes] of states) {
      const { meter, people } = meters.get(id)!;
      known.committed(id, meter, bytes, people);
    }
    this.#inFlight = [];
    // A commit that came too late for all of them helped nobody: the database is not well yet.
    if (batch.some((pending) => !pending.settled)) this.#up();
    batch.forEach((pending, i) => {
      if (pending.settled) return;
      pending.settled = true;
      pending.resolve(decided.outcomes[i]!);
    });
  }

  async #connect(batch: readonly Pending[]): Promise<WriterConnection | undefined> {
    if (this.#connection !== undefined && this.#connection.broken === undefined) return this.#connection;
    try {
      this.#connection = await WriterConnection.open(this.#options.connection);
      return this.#connection;
    } catch (error) {
      this.#connection = undefined;
      this.#inFlight = batch;
      this.#fail(error);
      await this.#backOff();
      return undefined;
    }
  }

  #hangUp(reason: unknown): void {
    this.#connection?.destroy(reason instanceof Error ? reason : new Error('gave up'));
    this.#connection = undefined;
  }

  /** Everybody who waits hears now that nothing can be recorded. */
  #fail(reason: unknown): void {
    this.#failures++;
    this.#down(reasonOf(reason));
    for (const pending of [...this.#inFlight, ...this.#queue]) this.#reject(pending, unavailable(reason));
    this.#inFlight = [];
    this.#queue = [];
  }

  #down(reason: string): void {
    if (this.#downReason === undefined) this.#options.observe({ event: 'store', state: 'down', reason });
    this.#downReason = reason;
  }

  #up(): void {
    this.#failures = 0;
    this.#downUntil = 0;
    if (this.#downReason !== undefined)
      this.#options.observe({ event: 'store', state: 'up', reason: undefined });
    this.#downReason = undefined;
  }

  async #backOff(): Promise<void> {
    const milliseconds = Math.min(maxBackoffMs, 50 * 2 ** Math.min(this.#failures, 10));
    this.#downUntil = performance.now() + milliseconds;
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
  }

  #reject(pending: Pending, error: WeirError): void {
    if (pending.settled) return;
    pending.settled = true;
    pending.reject(error);
  }

  #sweep(): void {
    const now = performance.now();
    for (const list of [this.#queue, this.#inFlight, this.#unknown?.batch ?? []]) {
      for (const pending of list) {
        if (now < pending.expires || pending.settled) continue;
        this.#reject(pending, unavailable(new Error(tooLate)));
        // It answers perhaps, but too late for anybody: not ready. The next commit in time ends it (a heartbeat's, if no other).
        if (!pending.contended) this.#down(tooLate);
      }
    }
  }
}

/** Lock time-out, deadlock, serialisation failure: the same batch may well succeed. */
const retryable = /^(55P03|40P01|40001)$/;
/** The data of some entry, not the database's state: worth finding out which. */
const poison = /^(22|23|54)/;

const tooLate = 'not committed before the deadline';

/** Short and without anybody's text or address: SQLSTATE, a system error such as ECONNREFUSED, or words of ours or the driver's. */
function reasonOf(thrown: unknown): string {
  const sqlstate = sqlstateOf(thrown);
  if (sqlstate !== undefined) return sqlstate;
  if (!(thrown instanceof Error)) return 'unknown';
  return 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : thrown.message;
}

function foundLocked(pending: Pending): void {
  pending.skips++;
  pending.contended = true;
}

/** Each once, ascending. */
function allMeters(batch: readonly Pending[]): number[] {
  const ids = new Set<number>();
  for (const { item } of batch) for (const id of metersOf(item)) ids.add(id);
  return [...ids].sort((a, b) => a - b);
}

/** Both would wait for the same row. */
function sharesMeter(one: Pending, other: Pending): boolean {
  const meters = metersOf(other.item);
  return metersOf(one.item).some((id) => meters.includes(id));
}

function answerOf(settled: PromiseSettledResult<PipelinedAnswer>): PipelinedAnswer {
  return (settled as PromiseFulfilledResult<PipelinedAnswer>).value;
}

function unavailable(cause: unknown): WeirError {
  return new WeirError('log-unavailable', {
    hint: 'nothing was released; try again shortly',
    retryAfterSeconds: 2,
    cause,
  });
}
