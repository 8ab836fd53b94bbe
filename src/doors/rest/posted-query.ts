/**
 * A read whose query travels in the body, so that what is looked up stands in no address, no history and
 * no proxy's log: POST with `X-HTTP-Method-Override: GET` and the query as a form. Any other POST is a
 * write, and there are none here.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { WeirError } from '../../errors.js';
import { readBody } from '../http/body.js';
import { queryInvalid } from '../http/query-text.js';
import { searchOf } from '../http/routes.js';

/** As much as an address may hold, four times: lists are what bodies are for. */
export const maxFormBytes = 32 * 1024;

const howTo = 'to read with the query in the body, send it as a form with X-HTTP-Method-Override: GET';

/**
 * Reads the body. A refused one is not read to its end, so the connection closes then.
 * @param timeoutMs for all of it to arrive
 * @returns the query, as it would stand behind the question mark
 * @throws WeirError method-not-allowed, request-malformed, request-too-long, query-invalid
 */
export async function postedQuery(
  request: FastifyRequest,
  reply: FastifyReply,
  timeoutMs: number,
): Promise<string> {
  try {
    return await read(request, reply, timeoutMs);
  } catch (thrown) {
    void reply.header('connection', 'close');
    throw thrown;
  }
}

async function read(request: FastifyRequest, reply: FastifyReply, timeoutMs: number): Promise<string> {
  const { raw, headers } = request;
  if (String(headers['x-http-method-override'] ?? '').toUpperCase() !== 'GET') {
    void reply.header('allow', 'GET, HEAD, OPTIONS');
    throw new WeirError('method-not-allowed', { hint: `this address is only read; ${howTo}` });
  }
  if (
    !/^application\/x-www-form-urlencoded\s*(;\s*charset=utf-8\s*)?$/i.test(headers['content-type'] ?? '')
  ) {
    throw new WeirError('request-malformed', {
      detail: 'the body is not of the type application/x-www-form-urlencoded',
      hint: howTo,
    });
  }
  if (searchOf(raw.url ?? '') !== '') {
    throw queryInvalid('the query stands in the address and in the body', 'put all of it into the body');
  }
  const hint = 'ask in several requests';
  // Bytes stay bytes: the parser of queries refuses all that are not percent-encoded.
  return (await readBody(request, reply, { maxBytes: maxFormBytes, timeoutMs, hint })).toString('latin1');
}
