/**
 * A few connections that short reads share. Pipelined: queries of one turn of the event loop go out together
 * and are answered in order, so that a burst of look-ups costs few system calls and wake-ups on either side.
 * The price is that a read waits for those before it on its connection; only reads by a pin, which have an
 * index and few rows, may come here. A connection that fails takes its reads with it and is replaced by the
 * next one; nothing is asked twice.
 */
import type { Duplex } from 'node:stream';
import { DatabaseError, type Client } from 'pg';
import type { QueryArrayConfig, QueryArrayResult } from 'pg';
import { openClient, type ConnectOptions } from '../store/pool.js';

/** Reads under way on one connection, above which another is opened while there may be more. */
const crowd = 8;

interface Lane {
  readonly opening: Promise<Client>;
  client: Client | undefined;
  inFlight: number;
  corked: boolean;
}

export interface SharedOptions extends ConnectOptions {
  /** Connections at the most. */
  readonly size: number;
  readonly onIdleError: (error: Error) => void;
}

export class SharedConnections {
  readonly #options: SharedOptions;
  readonly #lanes = new Set<Lane>();
  #closed = false;

  constructor(options: SharedOptions) {
    this.#options = options;
  }

  /** @throws what pg throws */
  async query<Row extends unknown[]>(config: QueryArrayConfig): Promise<QueryArrayResult<Row>> {
    if (this.#closed) throw new Error('Client was closed');
    const lane = this.#choose();
    lane.inFlight++;
    try {
      const client = lane.client ?? (await lane.opening);
      this.#gather(lane, client);
      return await client.query<Row>(config);
    } catch (thrown) {
      // Anything but an error of this one query is the end of the connection, though it may not have heard yet.
      if (!(thrown instanceof DatabaseError && thrown.severity === 'ERROR'))
        this.#drop(lane, thrown as Error);
      throw thrown;
    } finally {
      lane.inFlight--;
    }
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
    await Promise.allSettled(lanes.map(async ({ opening }) => (await opening).end()));
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
    const client = openClient({ ...this.#options, pipeline: true });
    const lane: Lane = {
      opening: client.connect().then(() => (lane.client = client)),
      client: undefined,
      inFlight: 0,
      corked: false,
    };
    this.#lanes.add(lane);
    const lost = (error: Error): void => {
      if (!this.#lanes.delete(lane)) return;
      if (lane.inFlight === 0) this.#options.onIdleError(error);
    };
    client.on('error', lost);
    client.on('end', () => lost(new Error('Connection terminated')));
    lane.opening.catch((error: Error) => {
      this.#lanes.delete(lane);
      streamOf(client).destroy(error);
    });
    return lane;
  }

  /** What this turn of the event loop still brings goes out in the same piece. */
  #gather(lane: Lane, client: Client): void {
    if (lane.corked) return;
    lane.corked = true;
    const stream = streamOf(client);
    stream.cork();
    setImmediate(() => {
      lane.corked = false;
      stream.uncork();
    });
  }

  #drop(lane: Lane, reason: Error): void {
    this.#lanes.delete(lane);
    if (lane.client !== undefined) streamOf(lane.client).destroy(reason);
  }
}

/** pg's types do not show it. */
function streamOf(client: Client): Duplex {
  return (client as unknown as { connection: { stream: Duplex } }).connection.stream;
}
