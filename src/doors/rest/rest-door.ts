/**
 * `/rest/<table>` in PostgREST's dialect: the request → a plan → through the corridor → JSON or CSV. GET reads,
 * HEAD tells what headers can tell and reads no row, POST reads with the query in the body (posted-query.ts).
 * Sends nothing that the corridor did not release, and has no other way to rows than the corridor.
 */
import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AccessRequest, Answer, Asked, Corridor, ReadPlan, ReleasedRows } from '../../access.js';
import { asWeirError, WeirError } from '../../errors.js';
import { version } from '../../version.js';
import type { Observe } from '../../observation.js';
import { doorMethods } from '../http/cors.js';
import { concernsOperator, requestFailure } from '../http/problem.js';
import type { Exchange } from '../http/exchange.js';
import { searchOf } from '../http/routes.js';
import type { AddRoutes } from '../http/server.js';
import { ClientLost, sendLong } from '../http/stream.js';
import { csvEncoder } from './csv.js';
import { type Encoder, jsonEncoder, objectEncoder } from './json.js';
import { openApi } from './openapi.js';
import { postedQuery } from './posted-query.js';
import { chooseFormat, type Format, isObject, readPreferences } from './preferences.js';
import { readPlan } from './query.js';
import { contentRange, parseRange, rangeStatus } from './range.js';

export interface RestParts {
  readonly corridor: Corridor;
  readonly observe: Observe;
  /** Is there a table of this name in the catalogue? Only then does it stand on the log: anything else may be a value in the wrong place. */
  readonly isTable: (name: string) => boolean;
  /** A client that takes nothing of its answer for so long is let go. Default 30,000. */
  readonly stallTimeoutMs?: number;
  /** For a posted query to arrive. Default 10,000. */
  readonly bodyTimeoutMs?: number;
}

interface TableRoute {
  Params: { table: string };
}

interface Understood {
  readonly plan: ReadPlan;
  readonly format: Format;
  /** Preferences that are kept to. */
  readonly applied: readonly string[];
}

const encoders: Readonly<Record<Format, (columns: Answer['columns']) => Encoder>> = {
  json: (columns) => jsonEncoder(columns),
  csv: csvEncoder,
  object: (columns) => objectEncoder(columns),
  stripped: (columns) => jsonEncoder(columns, true),
  strippedObject: (columns) => objectEncoder(columns, true),
};

interface Sending {
  readonly asked: Asked;
  readonly answer: Answer;
  readonly plan: ReadPlan;
  readonly format: Format;
  readonly applied: readonly string[];
  readonly exchange: Exchange;
  readonly reply: FastifyReply;
}

export function restDoor({
  corridor,
  observe,
  isTable,
  stallTimeoutMs = 30_000,
  bodyTimeoutMs = 10_000,
}: RestParts): AddRoutes {
  return (app) => {
    const address = '/rest/:table';
    app.get<TableRoute>(address, { config: { door: 'rest' } }, (request, reply) =>
      pass(request, reply, searchOf(request.raw.url ?? '')),
    );
    app.head<TableRoute>(address, { config: { door: 'rest' } }, (request, reply) =>
      pass(request, reply, searchOf(request.raw.url ?? '')),
    );
    app.get('/rest/', { config: { door: 'rest' } }, async (request, reply) =>
      reply.send(openApi(await corridor.describe(request.exchange.identified), version)),
    );
    // Asked by browsers before they ask anything else, without a token; says the same of every table.
    for (const path of ['/rest/', address]) {
      app.options(path, { config: { door: 'rest', open: true } }, async (_request, reply) =>
        reply.code(204).header('allow', doorMethods).send(),
      );
    }
    void app.register(async (scope) => addPosted(scope, address));
  };

  /** In a scope of its own: only here may a body of any type come in, and only the handler reads it. */
  function addPosted(scope: FastifyInstance, address: string): void {
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    scope.setErrorHandler(async (thrown, request) => {
      if (thrown instanceof WeirError || request.exchange.asked === undefined) throw thrown;
      throw await corridor.refuse(request.exchange.identified, requestFailure(thrown));
    });
    scope.post<TableRoute>(address, { config: { door: 'rest', body: true } }, (request, reply) =>
      pass(request, reply, () => postedQuery(request, reply, bodyTimeoutMs)),
    );
  }

  async function pass(
    request: FastifyRequest<TableRoute>,
    reply: FastifyReply,
    search: string | (() => Promise<string>),
  ): Promise<void> {
    const { exchange } = request;
    const asked = askedFor(request.method, request.params.table, exchange.identified, isTable);
    let understood: Understood;
    try {
      understood = understand(request, typeof search === 'string' ? search : await search());
    } catch (thrown) {
      throw await corridor.refuse(asked, asWeirError(thrown));
    }
    const { plan } = understood;
    const answer = await corridor.pass(new Read(asked, plan, exchange));
    try {
      if (request.method === 'HEAD') sendHead({ asked, answer, ...understood, exchange, reply });
      else await send({ asked, answer, ...understood, exchange, reply });
    } finally {
      // Closes the cursor upstream, whichever way this went.
      await answer.chunks.return().catch((thrown: unknown) => report(exchange, asWeirError(thrown)));
    }
  }

  /** No row was read, so no row is spoken of: Content-Range tells how many there are, if that was asked. */
  function sendHead({ answer, plan, format, applied, reply }: Sending): void {
    if (plan.count) void reply.header('content-range', contentRange(0, 0, answer.total));
    sayApplied(reply, applied);
    void reply.header('content-type', encoders[format](answer.columns).contentType).send();
  }

  async function send({ asked, answer, plan, format, applied, exchange, reply }: Sending): Promise<void> {
    const { total } = answer;
    const encoder: Encoder = encoders[format](answer.columns);
    if (total !== undefined && plan.offset > total) {
      void reply.header('content-range', contentRange(0, 0, total));
      const error = new WeirError('range-unsatisfiable', {
        detail: 'the offset lies behind the last row',
        hint: 'Content-Range tells how many rows there are',
      });
      throw await corridor.refuse(asked, error);
    }
    const first = await nextOf(answer);
    if (isObject(format) && first.values.length !== 1)
      throw await corridor.refuse(asked, notOneRow(first.values.length));
    exchange.records += first.values.length;
    describe(reply, answer, plan, first);
    sayApplied(reply, applied);
    void reply.header('content-type', encoder.contentType);
    const head = encoder.head + encoder.encode(first);
    if (first.last) {
      void reply.send(head + encoder.tail);
      return;
    }

    let complete = false;
    const next = async (): Promise<string | undefined> => {
      if (complete) return undefined;
      const rows = await nextOf(answer);
      exchange.records += rows.values.length;
      complete = rows.last;
      return encoder.encode(rows) + (complete ? encoder.tail : '');
    };
    reply.hijack();
    try {
      const { signal } = exchange;
      const headers = reply.getHeaders() as OutgoingHttpHeaders;
      await sendLong(reply.raw, {
        status: reply.statusCode,
        headers,
        first: head,
        next,
        signal,
        stallTimeoutMs,
      });
    } catch (thrown) {
      // The status is out: the client sees a connection that breaks off, the operator sees why.
      if (!(thrown instanceof ClientLost) && !exchange.signal.aborted) {
        report(exchange, exchange.failed(asWeirError(thrown)));
      }
    }
  }

  function report(exchange: Exchange, error: WeirError): void {
    if (!concernsOperator(error)) return;
    observe({ event: 'failure', requestId: exchange.id, where: exchange.route, error: error.cause ?? error });
  }
}

/** The rows that were read, at most two, are on the log by now, though they do not go out: the safe side. */
function notOneRow(rows: number): WeirError {
  return new WeirError('not-one-row', {
    detail: rows === 0 ? 'The result contains 0 rows' : 'The result contains more than 1 row',
    hint: 'pin one record, or accept application/json',
  });
}

/** Status and headers that say which rows these are. */
function describe(reply: FastifyReply, answer: Answer, plan: ReadPlan, first: ReleasedRows): void {
  const { total, cutTo } = answer;
  const rows = first.last ? first.values.length : rowsToCome(answer, plan);
  if (rows !== undefined) {
    void reply.code(rangeStatus(rows, total)).header('content-range', contentRange(plan.offset, rows, total));
  }
  // A short answer that has fewer rows than it might have had was not cut.
  if (cutTo !== undefined && (!first.last || first.values.length >= cutTo)) {
    void reply.header('weir-cut', `per_request=${cutTo}`);
  }
}

function sayApplied(reply: FastifyReply, applied: readonly string[]): void {
  if (applied.length > 0) void reply.header('preference-applied', applied.join(', '));
}

/** The route as the log knows it: the table by its name, where there is one. */
function askedFor(method: string, table: string, asked: Asked, isTable: RestParts['isTable']): Asked {
  if (!isTable(table)) return asked;
  const { id, door, principal, namedRole, address, reason, ticket } = asked;
  return { id, door, route: `${method} /rest/${table}`, principal, namedRole, address, reason, ticket };
}

/** Written out, and the signal only made where it is asked for: this is on the path of every read. */
class Read implements AccessRequest {
  readonly id: string;
  readonly door: Asked['door'];
  readonly route: string;
  readonly principal: Asked['principal'];
  readonly namedRole: string | undefined;
  readonly address: string;
  readonly reason: string | undefined;
  readonly ticket: string | undefined;
  readonly plan: ReadPlan;
  readonly #exchange: Exchange;

  constructor(asked: Asked, plan: ReadPlan, exchange: Exchange) {
    this.id = asked.id;
    this.door = asked.door;
    this.route = asked.route;
    this.principal = asked.principal;
    this.namedRole = asked.namedRole;
    this.address = asked.address;
    this.reason = asked.reason;
    this.ticket = asked.ticket;
    this.plan = plan;
    this.#exchange = exchange;
  }

  get signal(): AbortSignal {
    return this.#exchange.signal;
  }
}

function understand(request: FastifyRequest<TableRoute>, search: string): Understood {
  const { headers } = request;
  const format = chooseFormat(headers.accept);
  const { count, applied } = readPreferences(textOf(headers.prefer));
  const plan = readPlan(request.params.table, search, {
    range: parseRange(headers.range, textOf(headers['range-unit'])),
    count,
    format,
    headersOnly: request.method === 'HEAD',
  });
  return { plan, format, applied };
}

async function nextOf({ chunks }: Answer): Promise<ReleasedRows> {
  const next = await chunks.next();
  if (next.done === true) throw new Error('the corridor ended an answer without its last chunk');
  return next.value;
}

/** How many rows a long answer will hold, where that is sure before it is sent. */
function rowsToCome({ total, cutTo }: Answer, plan: ReadPlan): number | undefined {
  if (total === undefined) return undefined;
  return Math.min(total - plan.offset, plan.limit ?? Infinity, cutTo ?? Infinity);
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header;
}
