/**
 * One call of a service by @fastify/reply-from, as http-proxy brings it: sent as the corridor built it, its answer given
 * back unread. Each call calls back exactly once, which is also when it stops being counted.
 */
import type { FastifyHttpProxyOptions } from '@fastify/http-proxy';
import type { FastifyReply } from 'fastify';
import type { Readable } from 'node:stream';
import type { Forward, OutgoingCall, UpstreamAnswer } from '../../access.js';
import { WeirError } from '../../errors.js';

export interface UpstreamOptions {
  /** Calls of one service under way at once; more are refused. */
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** For the answer to begin, and between two parts of it. */
  readonly timeoutMs: number;
}

/** More than any sound answer has; a longer head ends the call. */
const maxHeaderBytes = 16 * 1024;

type From = NonNullable<Parameters<FastifyReply['from']>[1]>;

export function upstreamOptions(url: string, options: UpstreamOptions) {
  // As http-proxy hands them on. Where it does not say otherwise, reply-from takes any certificate.
  const undici = {
    connections: options.connections,
    pipelining: 1,
    connect: { timeout: options.connectTimeoutMs, rejectUnauthorized: true },
    tls: { rejectUnauthorized: true },
    headersTimeout: options.timeoutMs,
    bodyTimeout: options.timeoutMs,
    maxHeaderSize: maxHeaderBytes,
  };
  const plain: FastifyHttpProxyOptions = {
    upstream: url,
    // Its types know no `tls`, which it sets itself where nobody else does.
    undici: undici as object,
    proxyPayloads: false,
    // Eleven calls for one, otherwise, where a service answers 503.
    retryMethods: [],
    disableCache: true,
    disableRequestLogging: true,
    destroyAgent: true,
    internalRewriteLocationHeader: false,
  };
  return { ...plain, websocket: false as const };
}

/** @returns for one request: what forwards it */
export function forwarder(url: string, { connections }: UpstreamOptions): (reply: FastifyReply) => Forward {
  const base = new URL(url).pathname.replace(/\/$/, '');
  let underWay = 0;
  return (reply) => (call) =>
    new Promise((resolve, reject) => {
      if (underWay >= connections) {
        reject(new WeirError('busy', { detail: 'too many calls of this service are under way' }));
        return;
      }
      underWay += 1;
      let ended = false;
      const end = (): void => {
        if (!ended) underWay -= 1;
        ended = true;
      };
      try {
        reply.from(base + call.path, optionsFor(call, { end, resolve, reject }));
      } catch (cause) {
        end();
        reject(new WeirError('internal', { cause }));
      }
    });
}

function optionsFor(
  { method, search, headers, body }: OutgoingCall,
  settle: { end: () => void; resolve: (answer: UpstreamAnswer) => void; reject: (error: WeirError) => void },
): From {
  const { end, resolve, reject } = settle;
  let upstreamHeaders: UpstreamAnswer['headers'] = {};
  const options: From = {
    method: method as NonNullable<From['method']>,
    queryString: () => search,
    rewriteRequestHeaders: (_request, { host }) => ({ host, ...headers }),
    // Called for every answer, also where the client has gone and nothing else is.
    rewriteHeaders: (given, request) => {
      end();
      upstreamHeaders = given;
      if (request?.raw.aborted === true) reject(clientGone());
      return {};
    },
    onResponse: (_request, _reply, response) => {
      // What undici gives as `stream` is a Readable, whatever the types say.
      const { statusCode, stream } = response as unknown as { statusCode: number; stream: Readable };
      resolve({ status: statusCode, headers: upstreamHeaders, body: stream });
    },
    onError: (_reply, { error }) => {
      end();
      reject(failureOf(error));
    },
  };
  return body === undefined ? options : { ...options, body, contentType: 'application/json' };
}

function clientGone(): WeirError {
  return new WeirError('service-failed', { detail: 'the client has gone' });
}

function failureOf(error: Error & { code?: string }): WeirError {
  const cause = (error.cause ?? error) as Error & { code?: string };
  const code = cause.code ?? '';
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_CONNECT_TIMEOUT') {
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
