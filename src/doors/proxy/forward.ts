/**
 * Calls of one service, by undici's own clients (docs/decisions/0012): each a connection that carries one call at a
 * time, so that none waits behind another's answer and none is sent twice. What comes back goes part by part to who takes
 * it. Bounded: calls under way, connecting, the head's bytes, the time until the answer begins and that of all of it.
 */
import { Client, type Dispatcher } from 'undici';
import type { AnswerTaker, OutgoingCall } from '../../access.js';
import { WeirError } from '../../errors.js';

export interface UpstreamOptions {
  /** Calls of one service under way at once; more are refused. */
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** For the answer to begin, and from there to its last byte. */
  readonly timeoutMs: number;
}

/** More than any sound answer has; a longer head ends the call. */
const maxHeaderBytes = 16 * 1024;
const sweepMs = 250;

export class ServiceCalls {
  readonly #origin: string;
  /** Of the service's address, before each call's own. */
  readonly #base: string;
  readonly #options: UpstreamOptions;
  /** The one that was used last is taken first, so that those which are not needed close. */
  readonly #idle: Connection[] = [];
  readonly #connections: Connection[] = [];
  readonly #sweeper: NodeJS.Timeout;

  constructor(url: string, options: UpstreamOptions) {
    const { origin, pathname } = new URL(url);
    this.#origin = origin;
    this.#base = pathname.replace(/\/$/, '');
    this.#options = options;
    this.#sweeper = setInterval(() => this.#sweep(), Math.min(sweepMs, options.timeoutMs));
    this.#sweeper.unref();
  }

  /**
   * Sends it, once. The taker hears of its end, whatever happens.
   * @param caller whoever has gone by the time that the answer begins gets none
   */
  send(
    { method, path, search, headers, body }: OutgoingCall,
    taker: AnswerTaker,
    caller: Caller = nobody,
  ): void {
    if (this.#connections.length - this.#idle.length >= this.#options.connections) {
      taker.failed(new WeirError('busy', { detail: 'too many calls of this service are under way' }));
      return;
    }
    const connection = this.#idle.pop() ?? this.#connect();
    const call = new CallUnderWay(taker, caller, () => {
      if (connection.call !== call) return;
      connection.call = undefined;
      this.#idle.push(connection);
    });
    connection.call = call;
    const target = search === '' ? this.#base + path : `${this.#base}${path}?${search}`;
    connection.client.dispatch(
      { method: method as Dispatcher.HttpMethod, path: target, headers, body: body ?? null },
      call,
    );
  }

  /** Calls under way fail. */
  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    await Promise.all(this.#connections.map(({ client }) => client.destroy()));
  }

  #connect(): Connection {
    const { connectTimeoutMs } = this.#options;
    const client = new Client(this.#origin, {
      pipelining: 1,
      allowH2: false,
      connect: { timeout: connectTimeoutMs, rejectUnauthorized: true },
      // Ours: two timers less for each call.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: maxHeaderBytes,
    });
    const connection: Connection = { client, call: undefined };
    this.#connections.push(connection);
    return connection;
  }

  /** One timer for all calls. */
  #sweep(): void {
    const latest = performance.now() - this.#options.timeoutMs;
    for (const { call } of this.#connections)
      if (call !== undefined && call.sinceMs < latest) call.abort(new Late());
  }
}

/**
 * With what it carries. Not a Set of calls: one from which much is removed leaves its old tables behind, each of which holds the
 * next one and what was under way then, until the whole heap is collected (V8; docs/performance.md has what that cost).
 */
interface Connection {
  readonly client: Client;
  call: CallUnderWay | undefined;
}

/** A request of node's. */
type Caller = { readonly aborted: boolean };
const nobody: Caller = { aborted: false };

class Late extends Error {}

/** Not wanted any further; its taker knows why. */
const unwanted = new Error('the rest is not wanted');

class CallUnderWay implements Dispatcher.DispatchHandler {
  /** When it was sent; then, when its answer began. */
  sinceMs = performance.now();
  #hasBegun = false;
  #controller: Dispatcher.DispatchController | undefined;

  constructor(
    private readonly taker: AnswerTaker,
    private readonly caller: Caller,
    private readonly leave: () => void,
  ) {}

  abort(reason: Error): void {
    this.#controller?.abort(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    // 103 and the like come before the answer.
    if (status < 200) return;
    this.sinceMs = performance.now();
    this.#hasBegun = true;
    if (this.caller.aborted) this.taker.failed(clientGone());
    else if (this.taker.head(status, headers)) return;
    this.abort(unwanted);
  }

  onResponseData(_controller: Dispatcher.DispatchController, part: Buffer): void {
    if (!this.taker.part(part)) this.abort(unwanted);
  }

  onResponseEnd(): void {
    this.leave();
    this.taker.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.leave();
    this.taker.failed(this.#hasBegun ? brokenOff(error) : failureOf(error));
  }
}

function clientGone(): WeirError {
  return new WeirError('service-failed', { detail: 'the client has gone' });
}

function failureOf(error: Error & { code?: string }): WeirError {
  const cause = (error.cause ?? error) as Error & { code?: string };
  const code = cause.code ?? '';
  if (code === 'UND_ERR_INVALID_ARG') return new WeirError('internal', { cause });
  if (cause instanceof Late || code === 'UND_ERR_CONNECT_TIMEOUT') {
    return new WeirError('service-timeout', { cause });
  }
  // A parser's error has a code of its own for each fault, or none.
  if (unfitCodes.has(code) || cause.name === 'HTTPParserError') {
    return new WeirError('service-answer-unfit', { cause });
  }
  return new WeirError('service-unavailable', { cause });
}

const unfitCodes: ReadonlySet<string> = new Set([
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
]);

/** Half an answer, a wrong length, a connection that breaks off, or one that takes too long. */
function brokenOff(cause: Error): WeirError {
  return new WeirError(cause instanceof Late ? 'service-timeout' : 'service-answer-unfit', { cause });
}
