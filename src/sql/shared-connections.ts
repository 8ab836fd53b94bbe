/**
 * A few connections that short reads share. Pipelined: queries of one turn of the event loop go out together
 * and are answered in order, so that a burst of look-ups costs few system calls and wake-ups on either side.
 * The price is that a read waits for those before it on its connection; only reads by a pin, which have an
 * index and few rows, may come here. A connection that fails takes its reads with it and is replaced by the
 * next one; nothing is asked twice.
 */
import { DatabaseError } from 'pg';
import { Pipeline, type PipelinedAnswer, type PipelinedQuery } from '../store/pipeline.js';
import { openClient, type ConnectOptions } from '../store/pool.js';

/** Reads under way on one connection, above which another is opened while there may be more. */
const crowd = 8;
/** How often is looked who waits for too long: one timer for all instead of one for each. */
const sweepMs = 100;

interface Lane {
  readonly opening: Promise<Pipeline>;
  pipeline: Pipeline | undefined;
  inFlight: number;
}

interface Waiting {
  /** Among all that wait; -1: no longer. */
  place: number;
  readonly lane: Lane;
  readonly sinceMillis: number;
  readonly reject: (error: Error) => void;
}

export interface SharedOptions extends ConnectOptions {
  /** Connections at the most. */
  readonly size: number;
  /** A read that waits for longer ends with NoAnswer, and so does every other that is under way. */
  readonly giveUpMs: number;
  readonly onIdleError: (error: Error) => void;
}

/** The server no longer answers at all. */
export class NoAnswer extends Error {}

export class SharedConnections {
  readonly #options: SharedOptions;
  readonly #lanes = new Set<Lane>();
  /** In no order. Not a Set: see forward.ts of the proxy door. */
  readonly #waiting: Waiting[] = [];
  #sweeper: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SharedOptions) {
    this.#options = options;
  }

  /** @throws NoAnswer, or what pg throws */
  query(query: PipelinedQuery): Promise<PipelinedAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new Error('Client was closed');
      const lane = this.#choose();
      const waiting: Waiting = {
        place: this.#waiting.length,
        lane,
        sinceMillis: performance.now(),
        reject,
      };
      lane.inFlight++;
      this.#waiting.push(waiting);
      this.#sweeper ??= setInterval(() => this.#sweep(), sweepMs);
      const answered = (error: Error | undefined, answer: PipelinedAnswer): void => {
        this.#leave(waiting);
        if (error === undefined) return resolve(answer);
        // Anything but an error of this one query is the end of the connection, though it may not have heard yet.
        if (!(error instanceof DatabaseError && error.severity === 'ERROR')) this.#drop(lane, error);
        reject(error);
      };
      if (lane.pipeline !== undefined) lane.pipeline.ask(query, answered);
      else
        lane.opening.then(
          (pipeline) => {
            if (waiting.place >= 0) pipeline.ask(query, answered);
          },
          (error: Error) => {
            this.#leave(waiting);
            reject(error);
          },
        );
    });
  }

  /**
   * Gives up every connection on which a read is under way: for a server that no longer answers. The reads
   * end with an error.
   */
  hangUp(reason: Error): void {
    for (const lane of this.#lanes) if (lane.inFlight > 0) this.#drop(lane, reason);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const lanes = [...this.#lanes];
    this.#lanes.clear();
    await Promise.allSettled(lanes.map(async ({ opening }) => (await opening).close()));
    clearInterval(this.#sweeper);
  }

  /** The first that is not crowded, so that as few as will do are busy, and what comes together goes together. */
  #choose(): Lane {
    let least: Lane | undefined;
    for (const lane of this.#lanes) {
      if (lane.inFlight < crowd) return lane;
      if (least === undefined || lane.inFlight < least.inFlight) least = lane;
    }
    return least === undefined || this.#lanes.size < this.#options.size ? this.#open() : least;
  }

  #open(): Lane {
    const client = openClient({ ...this.#options, pipeline: false });
    const lane: Lane = {
      opening: Pipeline.open(client).then((pipeline) => (lane.pipeline = pipeline)),
      pipeline: undefined,
      inFlight: 0,
    };
    this.#lanes.add(lane);
    const lost = (error: Error): void => {
      if (!this.#lanes.delete(lane)) return;
      if (lane.inFlight === 0) this.#options.onIdleError(error);
    };
    client.on('error', lost);
    client.on('end', () => lost(new Error('Connection terminated')));
    lane.opening.catch(() => this.#lanes.delete(lane));
    return lane;
  }

  #leave(waiting: Waiting): void {
    const { place, lane } = waiting;
    if (place < 0) return;
    const last = this.#waiting.pop()!;
    if (last !== waiting) {
      this.#waiting[place] = last;
      last.place = place;
    }
    waiting.place = -1;
    lane.inFlight--;
  }

  #sweep(): void {
    if (this.#waiting.length === 0) {
      clearInterval(this.#sweeper);
      this.#sweeper = undefined;
      return;
    }
    const since = performance.now() - this.#options.giveUpMs;
    if (!this.#waiting.some(({ sinceMillis }) => sinceMillis <= since)) return;
    const error = new NoAnswer(`no answer in ${this.#options.giveUpMs} ms`);
    this.hangUp(error);
    // Those whose connection is not open yet.
    for (const waiting of this.#waiting.filter(({ sinceMillis }) => sinceMillis <= since)) {
      this.#leave(waiting);
      waiting.reject(error);
    }
  }

  #drop(lane: Lane, reason: Error): void {
    this.#lanes.delete(lane);
    lane.pipeline?.destroy(reason);
  }
}
