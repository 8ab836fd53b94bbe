/** Reads a request's body within bounds, for doors that take one. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { WeirError } from '../../errors.js';

/** Does the request announce a body? */
export function announcesBody({ headers }: FastifyRequest): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/**
 * How long it may take is the server's requestTimeout. A body that is refused is not read to its end, so the
 * connection closes then.
 * @throws WeirError request-malformed, request-too-long
 */
export async function readBody(
  { raw, headers }: FastifyRequest,
  reply: FastifyReply,
  maxBytes: number,
): Promise<Buffer> {
  try {
    if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLong(maxBytes);
    if (headers.expect !== undefined) reply.raw.writeContinue();
    const parts: Buffer[] = [];
    let length = 0;
    for await (const part of raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > maxBytes) throw tooLong(maxBytes);
      parts.push(part);
    }
    return Buffer.concat(parts, length);
  } catch (thrown) {
    void reply.header('connection', 'close');
    if (thrown instanceof WeirError) throw thrown;
    throw new WeirError('request-malformed', { detail: 'the body did not arrive in full', cause: thrown });
  }
}

function tooLong(maxBytes: number): WeirError {
  return new WeirError('request-too-long', { detail: `the body is longer than ${maxBytes} bytes` });
}
