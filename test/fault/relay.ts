/**
 * A TCP relay between the gateway and one of its databases, with the faults that a network has: late, silent
 * (everything is accepted, nothing arrives), cut, refused, and half-open (the other side is gone and nobody
 * said so). As TCP does, it keeps the order of what it carries, and what it held back arrives once the fault
 * is over, also the farewell of somebody who hung up long ago.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Teardown } from '../support/cluster.js';

/** One direction of one connection: what is due leaves in order, nothing leaves while it is silent. */
class Lane {
  readonly #to: Socket;
  readonly #waiting: { readonly due: number; readonly act: () => void }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #silent: boolean;

  constructor(to: Socket, silent: boolean) {
    this.#to = to;
    this.#silent = silent;
  }

  write(bytes: Buffer, delayMs: number): void {
    this.#put(() => void this.#to.write(bytes), delayMs);
  }

  end(delayMs: number): void {
    this.#put(() => void this.#to.end(), delayMs);
  }

  set silent(silent: boolean) {
    this.#silent = silent;
    this.#move();
  }

  drop(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  #put(act: () => void, delayMs: number): void {
    this.#waiting.push({ due: performance.now() + delayMs, act });
    this.#move();
  }

  #move(): void {
    clearTimeout(this.#timer);
    while (!this.#silent && this.#waiting.length > 0) {
      const wait = this.#waiting[0]!.due - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#move(), Math.ceil(wait));
        return;
      }
      this.#waiting.shift()!.act();
    }
  }
}

interface Connection {
  readonly client: Socket;
  readonly server: Socket;
  readonly toServer: Lane;
  readonly toClient: Lane;
}

export class Relay {
  readonly #target: number;
  readonly #connections = new Set<Connection>();
  #listener: Server | undefined;
  #port = 0;
  #silent = false;
  #delayMs = 0;
  #bytesFromServer = 0;
  #bytesUntilFault = Infinity;
  #faultToCome: () => void = () => undefined;

  private constructor(target: number) {
    this.#target = target;
  }

  /** @param target port on 127.0.0.1. Ends with the test. */
  static async open(t: Teardown, target: number): Promise<Relay> {
    const relay = new Relay(target);
    await relay.accept();
    t.teardown(async () => {
      await relay.refuse();
    });
    return relay;
  }

  get port(): number {
    return this.#port;
  }

  /** That the gateway has open. One that it has closed stays here while the relay is silent, as it would in a network that is. */
  get connections(): number {
    return [...this.#connections].filter(({ client }) => !client.readableEnded).length;
  }

  /** That the database has sent so far, over all connections. */
  get bytesFromServer(): number {
    return this.#bytesFromServer;
  }

  /** The same database through the relay. */
  through(url: string): string {
    const parsed = new URL(url);
    parsed.port = String(this.#port);
    return parsed.href;
  }

  /** Every piece takes so much longer, in each direction. */
  delay(milliseconds: number): void {
    this.#delayMs = milliseconds;
  }

  /** Connections are accepted, and no byte arrives anywhere. */
  blackhole(): void {
    this.#silence(true);
  }

  /** What the connections of this moment send to the database is held; new ones are served. */
  holdBack(): void {
    for (const { toServer } of this.#connections) toServer.silent = true;
  }

  /** The end of a black hole or a delay: what was held arrives. */
  pass(): void {
    this.#delayMs = 0;
    this.#silence(false);
  }

  /** Every connection is reset at both ends, and what was held is lost. New ones are served. */
  cut(): void {
    for (const connection of [...this.#connections]) this.#drop(connection, 'both');
  }

  /** As `cut`, once the database has sent so many more bytes. */
  cutAfter(bytes: number): void {
    this.#after(bytes, () => this.cut());
  }

  /** As `blackhole`, once the database has sent so many more bytes. */
  blackholeAfter(bytes: number): void {
    this.#after(bytes, () => this.blackhole());
  }

  /** Nobody listens any more, and every connection is reset. */
  async refuse(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    const closed = new Promise<void>((settle) => (listener ? listener.close(() => settle()) : settle()));
    this.cut();
    await closed;
  }

  /** Listens again, on the same port. */
  async accept(): Promise<void> {
    // Half-open on purpose: a farewell is carried like everything else, not answered by the relay itself.
    const listener = createServer({ allowHalfOpen: true }, (client) => this.#carry(client));
    await new Promise<void>((settle, fail) => {
      listener.once('error', fail);
      listener.listen(this.#port, '127.0.0.1', settle);
    });
    this.#listener = listener;
    this.#port = (listener.address() as AddressInfo).port;
  }

  /** The database's end of every connection is gone; the gateway's stays open, and hears nothing. */
  halfOpen(): void {
    for (const connection of [...this.#connections]) this.#drop(connection, 'server');
  }

  #after(bytes: number, fault: () => void): void {
    this.#bytesUntilFault = bytes;
    this.#faultToCome = fault;
  }

  #silence(silent: boolean): void {
    this.#silent = silent;
    for (const { toServer, toClient } of this.#connections) {
      toServer.silent = silent;
      toClient.silent = silent;
    }
  }

  #carry(client: Socket): void {
    const server = connect({ host: '127.0.0.1', port: this.#target, noDelay: true, allowHalfOpen: true });
    client.setNoDelay(true);
    const connection: Connection = {
      client,
      server,
      toServer: new Lane(server, this.#silent),
      toClient: new Lane(client, this.#silent),
    };
    this.#connections.add(connection);
    client.on('data', (bytes) => connection.toServer.write(bytes, this.#delayMs));
    server.on('data', (bytes) => {
      this.#bytesFromServer += bytes.length;
      this.#bytesUntilFault -= bytes.length;
      if (this.#bytesUntilFault < 0) {
        this.#bytesUntilFault = Infinity;
        this.#faultToCome();
      }
      if (!client.destroyed) connection.toClient.write(bytes, this.#delayMs);
    });
    client.on('end', () => connection.toServer.end(this.#delayMs));
    server.on('end', () => connection.toClient.end(this.#delayMs));
    client.on('close', () => {
      connection.toServer.end(this.#delayMs);
      this.#connections.delete(connection);
    });
    server.on('close', () => connection.toClient.end(this.#delayMs));
    client.on('error', () => undefined);
    server.on('error', () => undefined);
  }

  #drop(connection: Connection, side: 'both' | 'server'): void {
    connection.toServer.drop();
    connection.toClient.drop();
    connection.server.removeAllListeners('close').resetAndDestroy();
    if (side === 'server') return;
    connection.client.removeAllListeners('close').resetAndDestroy();
    this.#connections.delete(connection);
  }
}
