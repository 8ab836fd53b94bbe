/**
 * Services of the catalogue, each below its prefix: what the corridor has admitted is forwarded, and nothing else;
 * nothing of an answer is piped. What is sent on is built from nothing, what comes back is read, masked and recorded by
 * the corridor before a byte of it leaves. Refuses upgrades, retries nothing.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isUtf8 } from 'node:buffer';
import type {
  Asked,
  Corridor,
  Forward,
  MatchedRoute,
  ServiceAnswer,
  ServiceCorridor,
  ServiceRequest,
} from '../../access.js';
import { asWeirError, WeirError } from '../../errors.js';
import { announcesBody, type BodyBounds, readBody } from '../http/body.js';
import { queryPairs } from '../http/query-text.js';
import { pathOf, searchOf } from '../http/routes.js';
import type { AddRoutes } from '../http/server.js';
import { ServiceCalls, type UpstreamOptions } from './forward.js';

/** Where a service is, for as long as the process runs. */
export interface BoundService {
  readonly name: string;
  readonly prefix: string;
  /** Base URL, without a slash at its end. */
  readonly url: string;
}

export interface ProxyParts {
  readonly corridor: Pick<Corridor, 'refuse'> & ServiceCorridor;
  readonly services: readonly BoundService[];
  /** By the set in force. */
  readonly match: (service: string, method: string, steps: readonly string[]) => MatchedRoute | undefined;
  readonly upstream: UpstreamOptions;
  readonly body: BodyBounds;
  /** Pages of other origins may ask; see http/cors.ts. */
  readonly pages: boolean;
}

const allowMethods = 'access-control-allow-methods';
const exposeHeaders = 'access-control-expose-headers';
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

export function proxyDoor(parts: ProxyParts): AddRoutes {
  return (app) => {
    for (const service of parts.services)
      void app.register(async (scope) => addService(scope, service, parts));
  };
}

async function addService(scope: FastifyInstance, service: BoundService, parts: ProxyParts): Promise<void> {
  const { corridor, match } = parts;
  const { prefix } = service;
  const calls = new ServiceCalls(service.url, parts.upstream);
  const routeNames = new Map<string, string>();
  scope.addHook('onClose', () => calls.close());
  // Only the handler reads a body, once the call has been admitted.
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
  scope.setErrorHandler(async (thrown, request, reply) => {
    // What is left of a body would be in the way of the next request.
    if (!request.raw.complete) void reply.header('connection', 'close');
    throw thrown;
  });
  if (parts.pages) {
    // Asked by browsers before they ask anything else, without a token; says the same of every address.
    scope.options(`${prefix}/*`, { config: { door: 'proxy', open: true } }, async (_request, reply) => {
      if (reply.hasHeader(allowMethods)) void reply.header(allowMethods, methods.join(', '));
      return reply.code(204).send();
    });
  }
  for (const url of [prefix, `${prefix}/*`]) {
    scope.route({
      url,
      method: [...methods],
      config: { door: 'proxy', body: true },
      handler: (request, reply) => answer(request, reply),
    });
  }

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { exchange } = request;
    const call = requestOf(request, reply);
    exchange.route = call.route;
    let fault: WeirError | undefined;
    try {
      fault = faultOf(request);
      if (fault === undefined) call.query = queryPairs(searchOf(request.raw.url ?? ''));
    } catch (thrown) {
      fault = asWeirError(thrown);
    }
    if (fault !== undefined) throw await corridor.refuse(call, fault);
    const forward: Forward = (outgoing, taker) => calls.send(outgoing, taker, request.raw);
    try {
      return send(reply, await corridor.call(call, forward), exchange);
    } catch (thrown) {
      // Only now: to a role without the service there is no such address, and no method of it.
      const { matched } = call;
      if (isMethodRefused(thrown) && matched !== undefined && 'methods' in matched)
        void reply.header('allow', matched.methods.join(', '));
      throw thrown;
    }
  }

  function requestOf(request: FastifyRequest, reply: FastifyReply): Calling {
    const { id, door, principal, namedRole, address, reason, ticket } = request.exchange.identified;
    const { method } = request.raw as { method: string };
    const steps = stepsOf(pathOf(request.raw.url ?? '').slice(prefix.length));
    const matched = steps === undefined ? undefined : match(service.name, method, steps);
    return {
      id,
      door,
      route:
        matched === undefined || 'methods' in matched ? `${method} ${prefix}/*` : routeName(matched.match),
      principal,
      namedRole,
      address,
      reason,
      ticket,
      service: service.name,
      matched,
      query: [],
      body: announcesBody(request) ? () => bodyOf(request, reply) : undefined,
    };
  }

  /** Once for each route of the catalogue: a new text would be a new one to everything that looks it up. */
  function routeName(match: string): string {
    let name = routeNames.get(match);
    if (name === undefined) {
      const space = match.indexOf(' ');
      routeNames.set(match, (name = `${match.slice(0, space)} ${prefix}${match.slice(space + 1)}`));
    }
    return name;
  }

  async function bodyOf(request: FastifyRequest, reply: FastifyReply): Promise<string> {
    const type = request.headers['content-type'] ?? '';
    if (!/^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(type)) {
      throw new WeirError('request-malformed', {
        detail: 'the body is not of the type application/json',
        hint: 'send JSON in UTF-8',
      });
    }
    const bytes = await readBody(request, reply, parts.body);
    if (!isUtf8(bytes)) throw new WeirError('request-malformed', { detail: 'the body is not UTF-8' });
    return bytes.toString('utf8');
  }
}

type Calling = { -readonly [Key in keyof ServiceRequest]: ServiceRequest[Key] } & Asked;

/** Steps of letters, digits and dashes: nothing to decode, and nothing that means more than itself. */
const plainSteps = /^(?:\/[A-Za-z0-9_-]+)+$/;

/** Decoded; undefined where no listed route can be meant. */
function stepsOf(path: string): readonly string[] | undefined {
  if (path === '' || path === '/') return [];
  const steps = path.slice(1).split('/');
  if (plainSteps.test(path)) return steps;
  for (let i = 0; i < steps.length; i++) {
    let step = steps[i]!;
    if (step.includes('%')) {
      try {
        step = decodeURIComponent(step);
      } catch {
        return undefined;
      }
    }
    if (step === '' || step === '.' || step === '..' || /[/\\\p{Cc}]/u.test(step)) return undefined;
    steps[i] = step;
  }
  return steps;
}

function isMethodRefused(thrown: unknown): boolean {
  return thrown instanceof WeirError && thrown.code === 'method-not-allowed';
}

function faultOf({ headers }: FastifyRequest): WeirError | undefined {
  if (headers.upgrade !== undefined) {
    return new WeirError('request-malformed', { detail: 'no connection is upgraded here' });
  }
  return undefined;
}

function send(
  reply: FastifyReply,
  answer: ServiceAnswer,
  exchange: FastifyRequest['exchange'],
): FastifyReply {
  const { status, contentType, headers, rows } = answer;
  exchange.records += rows.values.length;
  if (status === 204) return reply.code(204).send();
  const names = Object.keys(headers);
  for (const name of names) void reply.header(name, headers[name]);
  const exposed = names.length === 0 ? undefined : reply.getHeader(exposeHeaders);
  if (exposed !== undefined) void reply.header(exposeHeaders, [exposed, ...names].join(', '));
  return reply.code(status).header('content-type', contentType).send(rows.body?.encode());
}
