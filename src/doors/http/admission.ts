/**
 * The hook before every route: who asks, and is this a request at all? A route is closed unless it declares
 * itself open in its own configuration; so are the addresses that lead nowhere. No decision here looks at
 * the beginning of a URL. Once the principal is known, every refusal is recorded before it is sent.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Asked, Corridor, Door, Principal } from '../../access.js';
import { asWeirError, WeirError } from '../../errors.js';
import type { Observe } from '../../observation.js';
import { bearerToken, timesSent } from './bearer.js';
import type { ClientAddress } from './client-address.js';
import { Exchange, type Traffic } from './exchange.js';
import { isDecodable, pathOf, type RouteTable } from './routes.js';

declare module 'fastify' {
  interface FastifyRequest {
    exchange: Exchange;
  }
  interface FastifyContextConfig {
    /** Answers without a token. Nothing about a person, a record or a value may ever be on such a route. */
    open?: true;
    /** Which door the route belongs to; `rest` also makes its problems carry PostgREST's members. */
    door?: Door;
    /** The route reads a body itself, within bounds of its own. */
    body?: true;
  }
}

/** The only thing a door needs of identity. @throws WeirError token-*, issuer-unavailable */
export interface Authenticates {
  authenticate(token: string): Promise<Principal>;
  /** Without waiting, where nothing has to be waited for. */
  known?(token: string): Principal | undefined;
}

/** Whether a verified token still counts. */
export interface Revokes {
  /** @throws WeirError token-revoked, revocations-unavailable */
  check(principal: Principal): Promise<void> | undefined;
  onChange(listener: (isRevoked: (principal: Principal) => boolean) => void): void;
}

/** Notices a token that comes from a second address. */
export interface NoticesAddresses {
  /** @returns how many addresses there are now, where this one is new and not the first; never rejects */
  notice(principal: Principal, address: string): number | undefined | Promise<number | undefined>;
}

export interface AdmissionParts {
  readonly corridor: Corridor;
  readonly authenticator: Authenticates;
  readonly revocations: Revokes;
  readonly tokenAddresses: NoticesAddresses;
  readonly clientAddress: ClientAddress;
  readonly observe: Observe;
  readonly traffic: Traffic;
  readonly routes: RouteTable;
  readonly maxUrlBytes: number;
}

/** More than any sound request has. */
const maxHeaders = 100;

export function admission(parts: AdmissionParts) {
  const { corridor, authenticator, revocations, tokenAddresses, clientAddress, observe, traffic } = parts;
  return (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void => {
    let late: Promise<void> | undefined;
    try {
      late = begin(request, reply);
    } catch (thrown) {
      return done(thrown as Error);
    }
    if (late === undefined) done();
    else late.then(() => done(), done);
  };

  /** @returns undefined where nothing had to be waited for. @throws WeirError */
  function begin(request: FastifyRequest, reply: FastifyReply): Promise<void> | undefined {
    const { config, url } = request.routeOptions;
    const path = pathOf(request.originalUrl);
    const template = url ?? parts.routes.find(path)?.template;
    const route = `${request.method} ${template ?? '(no route)'}`;
    const door = config.door ?? (path.startsWith('/admin/') ? 'admin' : 'rest');
    const dialect = config.door === 'rest' || path.startsWith('/rest/') ? 'postgrest' : 'weir';
    const exchange = new Exchange(request.id, route, dialect, config.open !== true, request.raw, reply.raw);
    request.exchange = exchange;
    traffic.begin(exchange);
    void reply
      .header('weir-request-id', request.id)
      .header('cache-control', 'no-store')
      .header('x-content-type-options', 'nosniff');
    if (traffic.draining) void reply.header('connection', 'close');
    if (config.open === true) {
      if (hasBody(request)) throw bodyRefused(reply);
      return undefined;
    }

    if (traffic.draining) throw new WeirError('draining');
    if (traffic.overfull) throw new WeirError('busy');
    const token = bearerToken(request.raw);
    const known = authenticator.known?.(token);
    if (known !== undefined) return admit(request, reply, path, { door, route }, known);
    return authenticator
      .authenticate(token)
      .then((principal) => admit(request, reply, path, { door, route }, principal));
  }

  /** @returns undefined where nothing had to be waited for. @throws WeirError */
  function admit(
    request: FastifyRequest,
    reply: FastifyReply,
    path: string,
    { door, route }: Pick<Asked, 'door' | 'route'>,
    principal: Principal,
  ): Promise<void> | undefined {
    const asked: Asked = {
      id: request.id,
      door,
      route,
      principal,
      namedRole: headerOf(request, 'weir-role'),
      address: clientAddress(request.raw),
      reason: headerOf(request, 'weir-reason'),
      ticket: headerOf(request, 'weir-ticket'),
    };
    request.exchange.asked = asked;
    let late: Promise<void> | undefined;
    try {
      late = revocations.check(principal);
    } catch (thrown) {
      return refused(asked, asWeirError(thrown));
    }
    if (late === undefined) return notice(request, reply, path, asked);
    return late.then(
      () => notice(request, reply, path, asked),
      (thrown: unknown) => refused(asked, asWeirError(thrown)),
    );
  }

  function notice(
    request: FastifyRequest,
    reply: FastifyReply,
    path: string,
    asked: Asked,
  ): Promise<void> | undefined {
    const addresses = tokenAddresses.notice(asked.principal, asked.address);
    if (typeof addresses !== 'object') return judge(request, reply, path, asked, addresses);
    return addresses.then((known) => judge(request, reply, path, asked, known));
  }

  /** @param addresses that the token came from, where there is something new about that */
  function judge(
    request: FastifyRequest,
    reply: FastifyReply,
    path: string,
    asked: Asked,
    addresses: number | undefined,
  ): Promise<void> | undefined {
    if (addresses !== undefined) observe({ event: 'token-shared', requestId: request.id, addresses });
    const fault = faultOf(request, reply, path, parts);
    return fault === undefined ? undefined : refused(asked, fault);
  }

  async function refused(asked: Asked, error: WeirError): Promise<never> {
    throw await corridor.refuse(asked, error);
  }
}

/** What is wrong with the request before any door has looked at it. */
function faultOf(
  request: FastifyRequest,
  reply: FastifyReply,
  path: string,
  { routes, maxUrlBytes }: AdmissionParts,
): WeirError | undefined {
  const target = request.originalUrl;
  if (target.length > maxUrlBytes) {
    return new WeirError('request-too-long', {
      detail: `the address is longer than ${maxUrlBytes} bytes`,
      hint: 'ask for fewer values in one request',
    });
  }
  if (!isDecodable(path))
    return new WeirError('request-malformed', { detail: 'the path is not percent-encoded UTF-8' });
  if (target.includes('#')) {
    return new WeirError('request-malformed', { detail: 'the address holds a #', hint: 'encode # as %23' });
  }
  const fault = messageFault(request);
  if (fault !== undefined) return new WeirError('request-malformed', { detail: fault });
  if (request.is404) {
    const found = routes.find(path);
    if (found === undefined || found.methods.includes(request.method)) return new WeirError('route-unknown');
    const allow = found.methods.join(', ');
    void reply.header('allow', allow);
    if (hasBody(request)) void reply.header('connection', 'close');
    return new WeirError('method-not-allowed', { hint: `this address takes ${allow}` });
  }
  return hasBody(request) && request.routeOptions.config.body !== true ? bodyRefused(reply) : undefined;
}

/** What node's parser lets through although HTTP does not (RFC 9112 §2.3, §3.2): another server may read it otherwise. */
function messageFault({ raw, headers }: FastifyRequest): string | undefined {
  if (raw.httpVersion !== '1.1' && raw.httpVersion !== '1.0')
    return 'the HTTP version is neither 1.1 nor 1.0';
  if (raw.rawHeaders.length > 2 * maxHeaders) return `the request has more than ${maxHeaders} headers`;
  if (raw.httpVersion !== '1.0' && !headers.host) return 'the Host header is missing';
  if (timesSent(raw, 'host') > 1) return 'the Host header is sent more than once';
  if (headers.host !== undefined && !hostForm.test(headers.host)) return 'the Host header is not well-formed';
  return undefined;
}

/** RFC 3986 §3.2.2 with a port; Weir goes by nothing of it. */
const hostForm = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(?::[0-9]*)?$/;

function hasBody({ headers }: FastifyRequest): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/** The body is not read, so the connection cannot be used again. */
function bodyRefused(reply: FastifyReply): WeirError {
  void reply.header('connection', 'close');
  return new WeirError('request-malformed', {
    detail: 'a read takes no body',
    hint: 'put the query into the address',
  });
}

function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
