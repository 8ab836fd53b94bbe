/**
 * The demo's order service, as existing ones are: it answers with everything it has, sends cookies, validators
 * and links that repeat the query, tells its errors with stack and data, and lets whoever holds its one token do everything.
 * None of that is to be imitated; it is what Weir's proxy door is shown with. Loopback only.
 */
import { createHash } from 'node:crypto';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Callers } from './callers.js';
import { shipmentLines, shipmentTable } from './export.js';
import { shipmentStatuses, type Shipment, type ShipmentChange, type Shipments } from './shipments.js';

export interface FulfilmentOptions {
  readonly shipments: Shipments;
  readonly callers: Callers;
}

const perPage = 20;
const perExport = 1_000;

interface ListQuery {
  readonly status?: string;
  readonly phone?: string;
  readonly warehouse?: string;
  readonly page?: string;
}

/** Errors that say more than they should. */
class ServiceError extends Error {
  readonly statusCode: number;
  readonly data: unknown;

  constructor(statusCode: number, message: string, data?: unknown) {
    super(message);
    this.statusCode = statusCode;
    this.data = data;
  }
}

export function fulfilment({ shipments, callers }: FulfilmentOptions): FastifyInstance {
  const app = fastify({ logger: false, forceCloseConnections: true });
  app.setErrorHandler((error: ServiceError, _request, reply) => {
    const { statusCode = 500, message, stack, data } = error;
    void reply.status(statusCode).send({ error: message, stack, data });
  });
  app.addHook('onRequest', async ({ headers }) => {
    if (!(await callers.may(headers))) throw new ServiceError(401, 'unknown caller', headers);
  });

  app.get<{ Params: { id: string } }>('/shipments/:id', async (request, reply) => {
    const shipment = await shipments.find(idOf(request.params.id));
    if (shipment === undefined) throw new ServiceError(404, `no shipment ${request.params.id}`);
    return send(request, reply, shipment.updatedAt, shipment);
  });

  app.get<{ Querystring: ListQuery }>('/shipments', async (request, reply) => {
    const { status, phone, warehouse } = request.query;
    const page = Math.max(1, Number(request.query.page ?? 1) || 1);
    const { shipments: data, total } = await shipments.list({ status, phone, warehouse }, page, perPage);
    if (page * perPage < total) {
      const next = new URLSearchParams({ ...request.query, page: String(page + 1) });
      void reply.header('link', `</shipments?${next}>; rel="next"`);
    }
    void reply.header('x-total-count', String(total));
    return send(request, reply, latest(data), { data, total, page });
  });

  app.patch<{ Params: { id: string }; Body: unknown }>('/shipments/:id', async (request, reply) => {
    const id = idOf(request.params.id);
    const before = await shipments.find(id);
    if (before === undefined) throw new ServiceError(404, `no shipment ${id}`);
    const changed = await shipments.change(id, changeOf(request.body, before));
    return send(request, reply, changed?.updatedAt ?? null, changed);
  });

  app.get<{ Querystring: ListQuery }>('/shipments/export', async (request, reply) => {
    const { status, phone, warehouse } = request.query;
    const { shipments: rows } = await shipments.list({ status, phone, warehouse }, 1, perExport);
    const lines = /ndjson|jsonl/.test(request.headers.accept ?? '');
    void reply.header('content-disposition', `attachment; filename="shipments-${status ?? 'all'}.csv"`);
    void reply.type(lines ? 'application/x-ndjson; charset=utf-8' : 'text/csv; charset=utf-8');
    return lines ? shipmentLines(rows) : shipmentTable(rows);
  });

  return app;
}

function idOf(text: string): number {
  const id = Number(text);
  if (!Number.isSafeInteger(id)) throw new ServiceError(400, `not a shipment id: ${text}`);
  return id;
}

/** @throws ServiceError, with the whole shipment in it */
function changeOf(body: unknown, before: Shipment): ShipmentChange {
  const bad = (message: string) => new ServiceError(409, message, { shipment: before, body });
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw bad('not a change');
  const { status, note, receiver } = body as {
    status?: unknown;
    note?: unknown;
    receiver?: { phone?: unknown };
  };
  if (status !== undefined && !shipmentStatuses.includes(status as string)) throw bad('no such status');
  if (note !== undefined && note !== null && typeof note !== 'string') throw bad('a note is text');
  const phone = receiver?.phone;
  // It takes any text: that ****1234 is not saved over a number is Weir's doing.
  if (phone !== undefined && typeof phone !== 'string') throw bad('a phone is text');
  return {
    ...(status === undefined ? {} : { status: status as string }),
    ...(note === undefined ? {} : { note }),
    ...(phone === undefined ? {} : { phone }),
  };
}

/** JSON with validators, a session and the rest of what frameworks add. */
function send(request: FastifyRequest, reply: FastifyReply, changedAt: string | null, body: unknown) {
  const text = JSON.stringify(body);
  const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
  void reply.headers({
    etag: tag,
    'last-modified': new Date(changedAt ?? 0).toUTCString(),
    'set-cookie': 'fulfilment_session=4d1c; Path=/; HttpOnly',
    'x-powered-by': 'fulfilment',
  });
  if (request.method === 'GET' && request.headers['if-none-match'] === tag) return reply.status(304).send();
  return reply.type('application/json; charset=utf-8').send(text);
}

function latest(shipments: readonly Shipment[]): string | null {
  return shipments.reduce<string | null>(
    (latest, { updatedAt }) =>
      updatedAt !== null && (latest === null || updatedAt > latest) ? updatedAt : latest,
    null,
  );
}
