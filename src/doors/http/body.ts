/** Reads a request's body within bounds, for doors that take one. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { WeirError } from '../../errors.js';

/** Does the request announce a body? */
export function announcesBody({ headers }: FastifyRequest): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

export interface BodyBounds {
  readonly maxBytes: number;
  /** For all of it to arrive. The server has a bound too, but not where its parser has given up on the body. */
  readonly timeoutMs: number;
  /** What to do where it is too long. */
  readonly hint?: string;
}

/**
 * A body that is refused is not read to its end: the connection is to be closed then.
 * @throws WeirError request-malformed, request-too-long
 */
export async function readBody(
  { raw, headers }: FastifyRequest,
  reply: FastifyReply,
  bounds: BodyBounds,
): Promise<Buffer> {
  const { maxBytes, timeoutMs } = bounds;
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLong(bounds);
  if (headers.expect !== undefined) reply.raw.writeContinue();
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    const settle = (end: () => void): void => {
      clearTimeout(timer);
      raw.off('data', onData).off('end', onEnd).off('error', onLost).off('close', onLost);
      raw.on('error', () => undefined).pause();
      end();
    };
    const onData = (part: Buffer): void => {
      length += part.length;
      if (length > maxBytes) settle(() => reject(tooLong(bounds)));
      else parts.push(part);
    };
    const onEnd = (): void => settle(() => resolve(Buffer.concat(parts, length)));
    const onLost = (cause?: unknown): void => settle(() => reject(incomplete(cause)));
    const timer = setTimeout(onLost, timeoutMs);
    raw.on('data', onData).once('end', onEnd).once('error', onLost).once('close', onLost);
  });
}

function incomplete(cause: unknown): WeirError {
  return new WeirError('request-malformed', { detail: 'the body did not arrive in full', cause });
}

function tooLong({ maxBytes, hint }: BodyBounds): WeirError {
  const detail = `the body is longer than ${maxBytes} bytes`;
  return new WeirError('request-too-long', hint === undefined ? { detail } : { detail, hint });
}
