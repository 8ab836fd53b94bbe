/**
 * Two services that work with clear values so that staff need not see them: telephony connects an agent with a
 * customer, and the label printer prints where a parcel goes. Each remembers the last thing it was sent, for tests
 * that ask whether the clear value reached it.
 */
import { randomUUID } from 'node:crypto';
import fastify, { type FastifyInstance } from 'fastify';
import type { Callers } from './callers.js';

export function telephony(callers: Callers): FastifyInstance {
  return remembering(callers, '/calls', ['to', 'from', 'orderId'], () => ({
    callId: randomUUID(),
    status: 'ringing',
  }));
}

export function labelPrinter(callers: Callers): FastifyInstance {
  return remembering(callers, '/labels', ['name', 'phone', 'address'], () => ({ labelId: randomUUID() }));
}

function remembering(
  callers: Callers,
  path: string,
  required: readonly string[],
  answer: () => object,
): FastifyInstance {
  const app = fastify({ logger: false, forceCloseConnections: true });
  let last: unknown = null;
  app.addHook('onRequest', async ({ headers }, reply) => {
    if (!(await callers.may(headers))) return reply.status(401).send({ error: 'unknown caller', headers });
  });
  app.post<{ Body: Record<string, unknown> | null }>(path, async ({ body, headers }, reply) => {
    const missing = required.filter((name) => body?.[name] === undefined);
    if (missing.length > 0) return reply.status(400).send({ error: 'missing', missing, body });
    last = { body, headers };
    return reply.status(201).send(answer());
  });
  app.get(`${path}/last`, async () => last);
  return app;
}
