/**
 * The gateway over invented rows: the real doors, corridor, compiler, masks and limits, with nothing of the shop
 * behind them and nothing kept of what was read. Whoever asks is whoever the case says; so it listens nowhere and is
 * asked in this process alone.
 */
import type { Principal } from '../access.js';
import type { Clock } from '../clock.js';
import type { Config } from '../config/schema.js';
import { createCorridor } from '../corridor.js';
import { alertsDoor } from '../doors/admin/alerts.js';
import { buildServer } from '../doors/http/server.js';
import { restDoor } from '../doors/rest/rest-door.js';
import { revealDoor } from '../doors/rest/reveal-door.js';
import { readClaims } from '../identity/claims.js';
import { documentedKey } from '../mask/token.js';
import { defaultClaimPaths } from '../identity/issuer.js';
import { TokenAddresses } from '../identity/token-addresses.js';
import type { Observe } from '../observation.js';
import { proxyDoor } from '../doors/proxy/proxy-door.js';
import type { Invented } from '../policy/cases.js';
import type { LoadedPolicies } from '../policy/load.js';
import { matchRoute } from '../services/match-route.js';
import { Services } from '../services/services.js';
import { InventedOrders } from '../sql/invented-orders.js';
import type { LiveSchema } from '../sql/schema.js';
import { StatementCache } from '../sql/statement-cache.js';
import { RehearsedLog } from './rehearsed-log.js';
import { openRehearsedServices } from './rehearsed-services.js';

export interface RehearsedRequest {
  readonly role: string;
  readonly claims: Readonly<Record<string, string | number | boolean>>;
  readonly scope: string | undefined;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  /** JSON. */
  readonly body?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: now. */
  readonly atMicros: number | undefined;
}

export interface RehearsedAnswer {
  readonly status: number;
  readonly body: string;
  /** What services were asked for it. */
  readonly sent: readonly string[];
}

export interface Rehearsal {
  ask(request: RehearsedRequest): Promise<RehearsedAnswer>;
  /** Somebody asks from now on, and neither they nor their tool have used up anything. */
  nextCase(): void;
  /** Somebody else asks from now on, with a token of their own and the same tool. */
  nextPerson(): void;
  close(): Promise<void>;
}

export async function openRehearsal(
  { orders, http, log: { zone }, services }: Pick<Config, 'orders' | 'http' | 'log' | 'services'>,
  { set }: LoadedPolicies,
  live: LiveSchema,
  { rows, services: invented }: Invented,
): Promise<Rehearsal> {
  const observe: Observe = () => undefined;
  const byTable = new Map(
    [...set.catalog.tables.values()].map(({ name, from }) => [
      `${from.schema}.${from.table}`,
      rows.get(name) ?? [],
    ]),
  );
  const database = new InventedOrders({ ...orders, onIdleError: () => undefined }, live, byTable);
  const revocations = { check: () => undefined, onChange: () => undefined };
  const tokenAddresses = new TokenAddresses();
  // One moment for all that is asked at no particular time, so that no limit is met over midnight.
  const startedMicros = Date.now() * 1000;
  let nowMicros = startedMicros;
  const clock: Clock = { nowMicros: () => nowMicros };
  const rehearsed = new RehearsedLog(zone, clock, observe);
  const catalogued = set.catalog.services ?? new Map<string, never>();
  const behind = await openRehearsedServices([...catalogued.values()], invented);
  const corridor = createCorridor({
    policies: () => ({ set, live }),
    statements: new StatementCache(),
    orders: database,
    log: rehearsed.log,
    clock,
    revocations,
    tokenAddresses,
    services: new Services({ ...services, maskKeys: { token: documentedKey } }),
  });
  let people = 0;
  let asking: Principal | undefined;
  const server = buildServer({
    corridor,
    authenticator: { authenticate: async () => asking! },
    health: { ready: async () => ({ ok: true, reasons: [] }) },
    revocations,
    tokenAddresses,
    metrics: { contentType: 'text/plain', text: async () => '' },
    http,
    observe,
    doors: [
      restDoor({ corridor, observe, isTable: (name) => set.catalog.tables.has(name) }),
      revealDoor({ corridor, isTable: (name) => set.catalog.tables.has(name) }),
      proxyDoor({
        corridor,
        services: behind.bound,
        match: (name, method, steps) => {
          const service = catalogued.get(name);
          return service && matchRoute(service, method, steps);
        },
        upstream: services,
        body: { maxBytes: services.maxBodyBytes, timeoutMs: http.requestTimeoutMs },
        pages: false,
      }),
      alertsDoor({ corridor, alerts: async () => [] }),
    ],
  });
  return {
    async ask(request) {
      asking = principalOf(request, `token-${people}`);
      nowMicros = request.atMicros ?? startedMicros;
      const { method, url, headers, body: payload } = request;
      const typed = payload === undefined ? headers : { 'content-type': 'application/json', ...headers };
      behind.taken();
      const { statusCode, body } = await server.inject({
        method,
        url,
        headers: { ...typed, authorization: 'Bearer rehearsed' },
        ...(payload === undefined ? {} : { payload }),
      });
      return { status: statusCode, body, sent: behind.taken() };
    },
    nextCase() {
      people++;
      rehearsed.nextCase();
    },
    nextPerson() {
      people++;
      rehearsed.nextPerson();
    },
    async close() {
      await server.close();
      await behind.close();
      await database.close();
    },
  };
}

/** As a token with these claims would give it. */
function principalOf({ role, claims, scope }: RehearsedRequest, tokenId: string): Principal {
  const name = 'weir-policy-test';
  const nowSeconds = Math.floor(Date.now() / 1000);
  const token = {
    sub: 'somebody',
    client_id: name,
    jti: tokenId,
    exp: nowSeconds + 60,
    ...claims,
    aud: name,
    roles: [role],
  };
  const issuer = {
    issuer: name,
    audience: name,
    jwks: { file: '' },
    algorithms: [],
    typ: [],
    claims: defaultClaimPaths,
  };
  const limits = { clockToleranceSeconds: 0, maxTokenAgeSeconds: 3_600 };
  const withScope = scope === undefined ? token : { ...token, scope };
  return readClaims(withScope, issuer, limits, nowSeconds * 1_000_000).principal;
}
