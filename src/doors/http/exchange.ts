/**
 * One request and its answer, from the first hook until the response is finished or the client is gone;
 * and the traffic of all of them: how many run, on which connections, and whether the server drains.
 * Every exchange that begins also ends, once, whatever happens to its socket.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Asked } from '../../access.js';
import type { ErrorCode, WeirError } from '../../errors.js';
import type { Dialect } from './problem.js';

export class Exchange {
  readonly startedMillis = performance.now();
  /** Set once the principal is known; what is thrown before that is recorded nowhere. */
  asked: Asked | undefined;
  code: ErrorCode | undefined;
  /** Record rows sent so far. */
  records = 0;
  #gone: AbortController | undefined;
  #ended = false;

  constructor(
    readonly id: string,
    /** "GET /rest/:table": the template, for metrics. A door may know it more closely. */
    public route: string,
    readonly dialect: Dialect,
    /** Takes a place among the requests that may run at once. */
    readonly counted: boolean,
    readonly request: IncomingMessage,
    readonly response: ServerResponse,
  ) {}

  /** Aborted when the client has gone before its answer was complete. */
  get signal(): AbortSignal {
    if (this.#gone === undefined) {
      this.#gone = new AbortController();
      if (this.#ended && !this.response.writableFinished) this.#gone.abort();
    }
    return this.#gone.signal;
  }

  /** For a door: the request as the corridor wants to know it. */
  get identified(): Asked {
    if (this.asked === undefined) throw new Error(`the route ${this.route} is open and has no principal`);
    return this.asked;
  }

  failed(error: WeirError): WeirError {
    this.code = error.code;
    return error;
  }

  /** @returns false if it had ended before */
  end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    if (!this.response.writableFinished) this.#gone?.abort();
    return true;
  }
}

export class Traffic {
  #running = 0;
  #draining = false;
  /** With what runs on each; lists, see forward.ts of the proxy door. */
  readonly #connections = new Map<Socket, Exchange[]>();

  constructor(
    private readonly maxConcurrent: number,
    private readonly onEnd: (exchange: Exchange) => void,
  ) {}

  get draining(): boolean {
    return this.#draining;
  }

  get running(): number {
    return this.#running;
  }

  /** More requests run than may: the one that asks is to be turned away. */
  get overfull(): boolean {
    return this.#running > this.maxConcurrent;
  }

  /** Follows the server's connections: a lost one ends also the requests that wait in its pipeline, whose responses never had the socket. */
  watch(server: Server): void {
    server.on('connection', (socket: Socket) => {
      this.#connections.set(socket, []);
      socket.once('close', () => {
        const exchanges = this.#connections.get(socket) ?? [];
        this.#connections.delete(socket);
        for (const exchange of [...exchanges]) this.#end(exchange);
      });
    });
  }

  begin(exchange: Exchange): void {
    this.#connections.get(exchange.request.socket)?.push(exchange);
    if (exchange.counted) this.#running += 1;
    exchange.response.on('close', () => this.#end(exchange));
  }

  /** Is an answer under way on this connection? */
  busyOn(socket: Socket): boolean {
    return (this.#connections.get(socket)?.length ?? 0) > 0;
  }

  /** What comes behind the requests of this connection is not read. @returns whether their answer, not begun yet, still goes out */
  closeAfterAnswer(socket: Socket): boolean {
    const exchanges = this.#connections.get(socket) ?? [];
    if (exchanges.length === 0 || exchanges.some(({ response }) => response.headersSent)) return false;
    for (const { response } of exchanges) response.shouldKeepAlive = false;
    return true;
  }

  /**
   * Breaks off answers that are on their way to somebody who may no longer have them. What has not begun is the
   * corridor's to refuse.
   * @returns those that nobody has refused yet
   */
  breakOff(isRevoked: (asked: Asked) => boolean): Exchange[] {
    const broken = [...this.#connections.values()]
      .flat()
      .filter(({ asked, response }) => asked !== undefined && response.headersSent && isRevoked(asked));
    const untold = broken.filter(({ code }) => code === undefined);
    for (const { request } of broken) request.socket.destroy();
    return untold;
  }

  /** From now on new requests are turned away; the running ones go on. */
  drain(): void {
    this.#draining = true;
  }

  /** Once draining, a connection lives only as long as its requests. */
  closeIdle(): void {
    for (const socket of this.#connections.keys()) this.#closeIfIdle(socket);
  }

  closeAll(): void {
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  #end(exchange: Exchange): void {
    if (!exchange.end()) return;
    const { socket } = exchange.request;
    const running = this.#connections.get(socket);
    if (running !== undefined) remove(running, exchange);
    if (exchange.counted) this.#running -= 1;
    this.onEnd(exchange);
    if (this.#draining) this.#closeIfIdle(socket);
  }

  #closeIfIdle(socket: Socket): void {
    if (!this.busyOn(socket)) socket.destroySoon();
  }
}

function remove(running: Exchange[], exchange: Exchange): void {
  const at = running.indexOf(exchange);
  if (at >= 0) running.splice(at, 1);
}
