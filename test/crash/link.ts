/**
 * The network between one gateway and its database, as bad as it can be: cut at once or exactly around
 * COMMIT, silent for a while, or late. What is held back is delivered afterwards in its order, as TCP
 * does: also to a server whose client has long gone.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * Relative to the COMMIT message of a transaction.
 * before: nothing of its round trip has reached the server. between: the server has everything but COMMIT.
 * sent: the server has COMMIT. answered: the server has answered it, and the answer is here.
 */
export type CommitMoment = 'before' | 'between' | 'sent' | 'answered';

export interface CommitTrap {
  readonly moment: CommitMoment;
  /** Runs at that moment, before anything else moves on this connection. */
  readonly act?: () => void;
  /**
   * cut: the connection is cut, what the server has not got it never gets. late: the gateway's side is
   * cut, what the server has not got it gets after `milliseconds`. silent: nothing comes back for so long.
   * pass: goes on as if nothing had been.
   */
  readonly then: 'cut' | 'late' | 'silent' | 'pass';
  readonly milliseconds?: number;
}

/** Writers ask for it by its name: "B….\0weir_commit\0", the first time after "P….weir_commit\0COMMIT\0". Others in words: "Q….COMMIT\0". */
const commitName = Buffer.from('weir_commit\0');
/** Also as the answer ends: "C….COMMIT\0". */
const commitText = Buffer.from('COMMIT\0');
const messageHead = 5;

/** Where the message begins that asks for COMMIT; -1: nothing in these bytes does. */
function startOfCommit(bytes: Buffer): number {
  const name = bytes.indexOf(commitName);
  // Before the name stands the empty name of a portal, where it is Bind.
  if (name >= 0) return Math.max(0, name - messageHead - (bytes[name - 1] === 0 ? 1 : 0));
  const text = bytes.indexOf(commitText);
  return text < 0 ? -1 : Math.max(0, text - messageHead);
}

/** One direction of one connection. What is put while it is held waits. */
class Lane {
  readonly #to: Socket;
  #waiting: (() => void)[] = [];
  #held: boolean;

  constructor(to: Socket, held: boolean) {
    this.#to = to;
    this.#held = held;
  }

  put(bytes: Buffer): void {
    this.#do(() => void this.#to.write(bytes));
  }

  /** Before everything that waits, held or not. */
  putFirst(bytes: Buffer): void {
    this.#to.write(bytes);
  }

  end(): void {
    this.#do(() => this.#to.end());
  }

  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    for (const action of this.#waiting.splice(0)) action();
  }

  drop(): void {
    this.#waiting = [];
  }

  #do(action: () => void): void {
    if (this.#held) this.#waiting.push(action);
    else action();
  }
}

class Connection {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly toServer: Lane;
  readonly toClient: Lane;
  /** Hears of COMMIT in what the client sends; true: it has dealt with the bytes. */
  onCommit: ((before: Buffer, fromCommit: Buffer) => boolean) | undefined;
  /** Hears of the answer to COMMIT; true: it has dealt with the bytes. */
  onAnswer: ((bytes: Buffer) => boolean) | undefined;

  constructor(client: Socket, port: number, held: boolean) {
    this.#client = client;
    this.#server = connect({ host: '127.0.0.1', port, noDelay: true });
    this.toServer = new Lane(this.#server, held);
    this.toClient = new Lane(this.#client, held);
    client.setNoDelay(true);
    client.on('data', (bytes) => {
      const start = this.onCommit === undefined ? -1 : startOfCommit(bytes);
      if (start >= 0 && this.onCommit?.(bytes.subarray(0, start), bytes.subarray(start))) return;
      this.toServer.put(bytes);
    });
    this.#server.on('data', (bytes) => {
      if (bytes.includes(commitText) && this.onAnswer?.(bytes)) return;
      this.toClient.put(bytes);
    });
    client.on('close', () => this.toServer.end());
    this.#server.on('close', () => this.toClient.end());
    client.on('error', () => undefined);
    this.#server.on('error', () => undefined);
  }

  /** Its port as the server sees it. */
  get port(): number | undefined {
    return this.#server.localPort;
  }

  get closed(): boolean {
    return this.#client.destroyed && this.#server.destroyed;
  }

  /** The client loses it now; the server gets what is on its way, then the end. */
  cut(): void {
    this.toServer.release();
    this.#client.destroy();
    this.#server.end();
  }

  cutClient(): void {
    this.#client.destroy();
  }

  /** Both lose it now, with all that was held. */
  destroy(): void {
    this.toServer.drop();
    this.toClient.drop();
    this.#client.destroy();
    this.#server.destroy();
  }
}

export class FaultyLink {
  readonly #server: Server;
  readonly #target: number;
  readonly #connections = new Set<Connection>();
  #silent = false;
  #trap: ((connection: Connection) => void) | undefined;
  #lastTrap: Promise<unknown> = Promise.resolve();

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => {
      const connection = new Connection(client, this.#target, this.#silent);
      for (const each of this.#connections) if (each.closed) this.#connections.delete(each);
      this.#connections.add(connection);
      this.#trap?.(connection);
    });
  }

  /** @param target port on 127.0.0.1 */
  static async open(target: number): Promise<FaultyLink> {
    const link = new FaultyLink(target);
    await new Promise<void>((settle, fail) => {
      link.#server.once('error', fail);
      link.#server.listen(0, '127.0.0.1', settle);
    });
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** @param clientPort as pg_stat_activity tells it */
  serves(clientPort: number): boolean {
    return [...this.#connections].some((connection) => connection.port === clientPort && !connection.closed);
  }

  /** Every connection is cut, whatever it was doing. */
  cut(): void {
    for (const connection of this.#connections) connection.destroy();
    this.#connections.clear();
  }

  /** Nothing passes in either direction for so long; then all of it does, or every connection is cut. */
  async silence(milliseconds: number, then: 'resume' | 'cut'): Promise<void> {
    this.#silent = true;
    for (const { toServer, toClient } of this.#connections) {
      toServer.hold();
      toClient.hold();
    }
    await delay(milliseconds);
    this.#silent = false;
    if (then === 'cut') this.cut();
    for (const { toServer, toClient } of this.#connections) {
      toServer.release();
      toClient.release();
    }
  }

  /**
   * Waits for the next COMMIT of whatever connection; one trap at a time.
   * @returns whether one came before the deadline; then its trap is over
   */
  async atNextCommit(trap: CommitTrap, deadlineMs: number): Promise<boolean> {
    const before = this.#lastTrap;
    const sprung = before.then(() => this.#await(trap, deadlineMs));
    this.#lastTrap = sprung;
    return sprung;
  }

  async #await(trap: CommitTrap, deadlineMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      let sprung = false;
      const timer = setTimeout(() => done(false), deadlineMs);
      const done = (came: boolean): void => {
        clearTimeout(timer);
        this.#trap = undefined;
        for (const connection of this.#connections) {
          connection.onCommit = undefined;
          if (!sprung) connection.onAnswer = undefined;
        }
        resolve(came);
      };
      this.#trap = (connection) => {
        connection.onCommit = (before, fromCommit) => {
          if (sprung) return false;
          sprung = true;
          clearTimeout(timer);
          void spring(connection, trap, before, fromCommit).then(() => done(true));
          return true;
        };
      };
      for (const connection of this.#connections) this.#trap(connection);
    });
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((settle) => this.#server.close(settle));
  }
}

async function spring(
  connection: Connection,
  { moment, act, then, milliseconds = 0 }: CommitTrap,
  before: Buffer,
  fromCommit: Buffer,
): Promise<void> {
  const { toServer, toClient } = connection;
  const all = Buffer.concat([before, fromCommit]);
  let missing: Buffer | undefined;
  if (moment === 'before') missing = all;
  else if (moment === 'between') {
    toServer.put(before);
    missing = fromCommit;
  } else toServer.put(all);

  let answer: Buffer | undefined;
  if (moment === 'answered') {
    answer = await new Promise<Buffer | undefined>((resolve) => {
      // The server may be gone; then there is no answer to be had.
      setTimeout(() => resolve(undefined), 1000);
      connection.onAnswer = (bytes) => {
        connection.onAnswer = undefined;
        toClient.hold();
        resolve(bytes);
        return true;
      };
    });
    connection.onAnswer = undefined;
  }
  act?.();
  switch (then) {
    case 'cut':
      connection.cut();
      break;
    case 'late':
      toServer.hold();
      if (missing !== undefined) toServer.put(missing);
      connection.cutClient();
      await delay(milliseconds);
      toServer.release();
      break;
    case 'silent':
      toClient.hold();
      if (missing !== undefined) toServer.put(missing);
      await delay(milliseconds);
      if (answer !== undefined) toClient.putFirst(answer);
      toClient.release();
      break;
    case 'pass':
      if (missing !== undefined) toServer.put(missing);
      if (answer === undefined) break;
      toClient.putFirst(answer);
      toClient.release();
      break;
  }
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
