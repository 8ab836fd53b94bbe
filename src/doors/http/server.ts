/**
 * The HTTP server that every HTTP door hangs on. Promises: a route is closed unless it says otherwise, every
 * failure leaves as a problem document with a request id, every request is observed once by its template,
 * load is bounded, and a stop lets running requests finish. Refuses bodies but where a route takes one, HEAD but
 * where there is a route for it, and other people's request ids.
 */
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Corridor } from '../../access.js';
import type { Observe } from '../../observation.js';
import { WeirError } from '../../errors.js';
import { admission, type Authenticates, type NoticesAddresses, type Revokes } from './admission.js';
import { clientAddress, type ForwardedHeader } from './client-address.js';
import { crossOrigin } from './cors.js';
import { type Exchange, Traffic } from './exchange.js';
import { addHealthRoutes, type Health, type Metrics } from './health.js';
import { answerMalformed, refuseTunnel } from './malformed.js';
import { concernsOperator, problemOf, requestFailure } from './problem.js';
import { isDecodable, pathOf, RouteTable } from './routes.js';

export interface HttpOptions {
  /** Addresses or CIDR blocks of proxies that are believed; none by default. */
  readonly trustedProxies: readonly string[];
  /** The header in which they say where a request came from. Default x-forwarded-for. */
  readonly forwardedHeader?: ForwardedHeader;
  /** Requests in work at once; more are answered 503 busy. */
  readonly maxConcurrent: number;
  /** For a request to arrive in full. */
  readonly requestTimeoutMs: number;
  /** For running requests to finish once the server stops. */
  readonly drainTimeoutMs: number;
  /** Between "not ready" and the closing of the door, for load balancers to notice. Default 0. */
  readonly drainDelayMs?: number;
  /** Origins of pages that may read answers with a browser; none by default. */
  readonly corsOrigins?: readonly string[];
  readonly maxConnections?: number;
  readonly keepAliveTimeoutMs?: number;
}

export type AddRoutes = (app: FastifyInstance) => void;

export interface ServerParts {
  readonly corridor: Corridor;
  readonly authenticator: Authenticates;
  readonly revocations: Revokes;
  readonly tokenAddresses: NoticesAddresses;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly http: HttpOptions;
  readonly observe: Observe;
  /** Each adds its routes; they are closed unless they declare themselves open. */
  readonly doors: readonly AddRoutes[];
}

const maxUrlBytes = 8 * 1024;
const maxHeaderBytes = 16 * 1024;
/** What an answer under way to a revoked token has left to be refused by the corridor, between two chunks. */
const revokedGraceMs = 500;

/** Not yet listening. `app.close()` drains: see HttpOptions.drainTimeoutMs. */
export function buildServer(parts: ServerParts): FastifyInstance {
  const { corridor, authenticator, revocations, tokenAddresses, observe, http } = parts;
  const traffic = new Traffic(http.maxConcurrent, (exchange) => observeEnd(exchange, observe));
  const routes = new RouteTable();
  const malformed = {
    observe,
    busyOn: (socket: unknown) => traffic.busyOn(socket as never),
    closeAfterAnswer: (socket: unknown) => traffic.closeAfterAnswer(socket as never),
  };

  const app = fastify({
    logger: false,
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    // client-address.ts finds the address; nothing else goes by what a proxy says.
    trustProxy: false,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    bodyLimit: 1,
    keepAliveTimeout: http.keepAliveTimeoutMs ?? 10_000,
    requestTimeout: http.requestTimeoutMs,
    http: {
      maxHeaderSize: maxHeaderBytes,
      connectionsCheckingInterval: Math.min(1_000, http.requestTimeoutMs),
      // Ours to answer: node would send a 400 without a body.
      requireHostHeader: false,
    },
    routerOptions: {
      maxParamLength: maxHeaderBytes,
      // Doors parse the query strictly themselves; nobody is to use a lenient form by accident.
      querystringParser: () => ({}),
    },
    // A path that cannot be decoded would be answered before any hook. This way it is a wrong address like
    // others, closed like others, and admission finds what is wrong with the original.
    rewriteUrl: ({ url = '' }) => (!url.includes('%') || isDecodable(pathOf(url)) ? url : '/-'),
    frameworkErrors: (error, request, reply) => sendFailure(error, request, reply),
    clientErrorHandler: (error, socket) => answerMalformed(error, socket, malformed),
  });

  const server: Server = app.server;
  server.maxConnections = http.maxConnections ?? 10_000;
  // Node would drop those beyond it without a word; admission refuses them.
  server.maxHeadersCount = 0;
  server.on('connect', (_request, socket) => refuseTunnel(socket, malformed));
  // Without these, node answers `Expect` by itself and asks for bodies that nobody reads.
  server.on('checkContinue', (request, response) => server.emit('request', request, response));
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  traffic.watch(server);

  app.decorateRequest('exchange', null as never);
  app.removeAllContentTypeParsers();
  app.addHook('onRoute', ({ url, method }) => routes.add(url, Array.isArray(method) ? method : [method]));
  if (http.corsOrigins?.length) app.addHook('onRequest', crossOrigin(http.corsOrigins));
  app.addHook(
    'onRequest',
    admission({
      corridor,
      authenticator,
      revocations,
      tokenAddresses,
      clientAddress: clientAddress(http.trustedProxies, http.forwardedHeader),
      observe,
      traffic,
      routes,
      maxUrlBytes,
    }),
  );
  // A client that takes its answer slowly would otherwise get on with what was released to it before.
  revocations.onChange((isRevoked) => {
    const cut = (): void => {
      for (const exchange of traffic.breakOff(({ principal }) => isRevoked(principal))) {
        void corridor.refuse(exchange.identified, exchange.failed(new WeirError('token-revoked')));
      }
    };
    setTimeout(cut, revokedGraceMs).unref();
  });
  app.setErrorHandler((error, request, reply) => sendFailure(error, request, reply));
  // Admission has refused it by now; this only keeps fastify's own text from ever being sent.
  app.setNotFoundHandler((request, reply) =>
    sendFailure(new Error('an unknown route was admitted'), request, reply),
  );
  addDrain(app, traffic, http);

  addHealthRoutes(app, { health: parts.health, metrics: parts.metrics, traffic, observe });
  for (const addRoutes of parts.doors) addRoutes(app);
  return app;

  function sendFailure(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const error = requestFailure(thrown);
    const exchange: Exchange | null = request.exchange ?? null;
    exchange?.failed(error);
    if (concernsOperator(error)) {
      const where = exchange?.route ?? '(framework)';
      observe({ event: 'failure', requestId: request.id, where, error: error.cause ?? error });
    }
    const problem = problemOf(error, request.id, exchange?.dialect ?? 'weir');
    void reply.code(problem.status).headers(problem.headers).send(Buffer.from(problem.body));
  }
}

function observeEnd(exchange: Exchange, observe: Observe): void {
  observe({
    event: 'request',
    requestId: exchange.id,
    route: exchange.route,
    status: exchange.response.statusCode,
    code: exchange.code,
    records: exchange.records,
    milliseconds: performance.now() - exchange.startedMillis,
  });
}

/** Order: turn new requests away, (wait,) close idle connections and the listener, wait for the rest, cut it off. */
function addDrain(app: FastifyInstance, traffic: Traffic, http: HttpOptions): void {
  let deadline: NodeJS.Timeout | undefined;
  app.addHook('preClose', async () => {
    traffic.drain();
    if (http.drainDelayMs) await new Promise((resolve) => setTimeout(resolve, http.drainDelayMs));
    traffic.closeIdle();
    deadline = setTimeout(() => traffic.closeAll(), http.drainTimeoutMs);
  });
  app.addHook('onClose', async () => clearTimeout(deadline));
}
