/**
 * Requests that never became one: what node's parser rejects, and CONNECT. The answer is written to the
 * bare socket, in the same shape as everywhere else; nothing of what was sent is repeated. Nobody has been
 * identified, so there is nothing to record but an operational event.
 */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Observe } from '../../observation.js';
import { WeirError } from '../../errors.js';
import { problemOf, requestFailure } from './problem.js';

export interface MalformedParts {
  readonly observe: Observe;
  /** Is an answer under way on this connection? Then nothing may be written between its bytes. */
  readonly busyOn: (socket: Duplex) => boolean;
  /** Makes an answer that has not begun the last of its connection. @returns false where there is none, or it has begun */
  readonly closeAfterAnswer: (socket: Duplex) => boolean;
}

/** For node's `clientError`. */
export function answerMalformed(thrown: Error, socket: Duplex, parts: MalformedParts): void {
  const gone = 'code' in thrown && (thrown.code === 'ECONNRESET' || thrown.code === 'EPIPE');
  if (!gone && parts.closeAfterAnswer(socket)) {
    // Noise behind a request that was understood (or refused, and is on the log): its sender still hears of that.
    socket.pause();
    return;
  }
  if (gone || socket.destroyed || !socket.writable || parts.busyOn(socket)) {
    socket.destroy();
    return;
  }
  const failure = requestFailure(thrown);
  writeProblem(failure.code === 'internal' ? new WeirError('request-malformed') : failure, socket, parts);
}

/** For node's `connect`: no tunnels. */
export function refuseTunnel(socket: Duplex, parts: MalformedParts): void {
  writeProblem(new WeirError('method-not-allowed'), socket, parts);
}

function writeProblem(error: WeirError, socket: Duplex, { observe }: MalformedParts): void {
  const requestId = randomUUID();
  const { status, headers, body } = problemOf(error, requestId, 'weir');
  const lines = Object.entries({
    ...headers,
    'weir-request-id': requestId,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.once('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`, () => {
    socket.destroy();
  });
  observe({
    event: 'request',
    requestId,
    route: '(malformed)',
    status,
    code: error.code,
    records: 0,
    milliseconds: 0,
  });
}
