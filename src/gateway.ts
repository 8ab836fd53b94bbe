/**
 * The composition root: builds every room once, wires them by hand, and gives back {start, drain}.
 * Production, the demo and the tests are built here and nowhere else. Refuses to start on anything that
 * would make its promises untrue (store/checks.ts), with every reason at once.
 */
import type { FastifyInstance } from 'fastify';
import { systemClock } from './clock.js';
import type { Config } from './config/schema.js';
import { createCorridor } from './corridor.js';
import { alertsDoor } from './doors/admin/alerts.js';
import { policiesDoor } from './doors/admin/policies.js';
import type { Health, Metrics } from './doors/http/health.js';
import { jwksRoute } from './doors/http/jwks.js';
import { buildServer } from './doors/http/server.js';
import { proxyDoor } from './doors/proxy/proxy-door.js';
import { restDoor } from './doors/rest/rest-door.js';
import { revealDoor } from './doors/rest/reveal-door.js';
import { WeirError } from './errors.js';
import { Authenticator } from './identity/authenticator.js';
import { jwksPath, keyMissing, openPrincipalTokens, principalHeader } from './identity/principal-token.js';
import { Revocations } from './identity/revocations.js';
import { maxAddresses, TokenAddresses } from './identity/token-addresses.js';
import { AccessLog } from './log/access-log.js';
import { Digester } from './log/digest.js';
import type { Observe } from './observation.js';
import { checkAgainstDatabase } from './policy/check-database.js';
import { formatFaults, PolicyFaults } from './policy/faults.js';
import { PoliciesInForce, type Served } from './policy/in-force.js';
import { loadPolicies, type LoadedPolicies } from './policy/load.js';
import { missingKeyFaults, missingKeys } from './policy/missing-keys.js';
import { approveSet, proposeSet } from './policy/two-people.js';
import { bindServices, movedServices, type BoundService } from './services/bind.js';
import { matchRoute } from './services/match-route.js';
import { Services } from './services/services.js';
import { OrderDatabase } from './sql/order-database.js';
import { readSchema, type LiveSchema } from './sql/schema.js';
import { StatementCache } from './sql/statement-cache.js';
import { checkOrders, checkStore } from './store/checks.js';
import { PolicyRecord } from './store/policy-record.js';
import { openPool } from './store/pool.js';
import { RevocationFeed } from './store/revocation-feed.js';
import { TokenUses } from './store/token-uses.js';
import { version } from './version.js';
import { listAlerts } from './watch/alerts.js';

export interface GatewayParts {
  readonly observe: Observe;
  readonly metrics: Metrics;
  /** Accepts the demo's keys. Only `weir demo` sets it. */
  readonly demo?: boolean;
  /** Variables that the catalogue names: where its services are. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export interface Gateway {
  /** @returns the address that it answers at. @throws StartRefused, PolicyFaults, or what a driver throws */
  start(): Promise<string>;
  /** Lets requests in work finish, puts the closing entry on the log, closes everything. `hurry` cuts the wait short. */
  drain(hurry?: AbortSignal): Promise<void>;
}

/** Everything that forbids starting, at once. */
export class StartRefused extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`the gateway refuses to start:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.name = 'StartRefused';
    this.faults = faults;
  }
}

/** How often the policy files are looked at, besides the file system's own notices. */
const policyPollMs = 1_000;

export function openGateway(config: Config, parts: GatewayParts): Gateway {
  const { observe } = parts;
  const storePool = openPool({
    url: config.store.url,
    size: config.store.poolSize,
    connectTimeoutMs: 2000,
    // Short: a connection that hangs is one that newcomers wait for once the database is well again.
    queryTimeoutMs: 2 * config.store.commitDeadlineMs,
    applicationName: 'weir',
    settings: { statement_timeout: '10000' },
    onIdleError: (error) =>
      observe({ event: 'failure', requestId: undefined, where: 'gateway database, idle connection', error }),
  });
  const { tokenKey } = config.masks;
  const maskKeys = { token: tokenKey === undefined ? undefined : Buffer.from(tokenKey, 'base64') };
  const orders = new OrderDatabase({
    ...config.orders,
    maskKeys,
    onIdleError: (error) =>
      observe({ event: 'failure', requestId: undefined, where: 'order database, idle connection', error }),
  });
  const authenticator = new Authenticator({
    issuers: config.identity.issuers,
    clock: systemClock,
    clockToleranceSeconds: config.identity.clockToleranceSeconds,
    maxTokenAgeSeconds: config.identity.maxTokenLifetimeSeconds,
    allowDemoKeys: parts.demo ?? false,
  });
  const signing = openPrincipalTokens(config.principal, systemClock);
  const nowMillis = () => performance.now();
  const revocations = new Revocations({ nowMillis, refresh: () => feed.refresh() });
  revocations.onChange((isRevoked) => authenticator.forget(isRevoked));
  const feed = new RevocationFeed({
    url: config.store.url,
    nowMillis,
    onRead: (list, asOfMillis) => revocations.take(list, asOfMillis),
    onState: (error) => observe({ event: 'revocations', state: error === undefined ? 'up' : 'down', error }),
  });
  const digestKey = Buffer.from(config.log.digestKey, 'base64');
  const tokenAddresses = new TokenAddresses({
    shared: new TokenUses(storePool, digestKey, maxAddresses),
    onFailure: (error) =>
      observe({ event: 'failure', requestId: undefined, where: 'addresses of tokens', error }),
  });
  let log: AccessLog | undefined;
  let policies: PoliciesInForce | undefined;
  let server: FastifyInstance | undefined;
  let bound: readonly BoundService[] = [];

  return {
    async start() {
      observe({ event: 'lifecycle', state: 'starting', detail: undefined });
      try {
        const loaded = await loadPolicies(config.policies.directory);
        const tables = [...loaded.set.catalog.tables.values()].map(({ from }) => from);
        const [store, upstream] = [await checkStore(storePool), await checkOrders(orders.pool, tables)];
        for (const warning of [...store.warnings, ...upstream.warnings])
          observe({ event: 'lifecycle', state: 'starting', detail: warning });
        const services = bindServices(loaded.set.catalog, config.services.urls, parts.environment ?? {});
        bound = services.bound;
        const faults = [
          ...store.faults,
          ...upstream.faults,
          ...missingKeys(loaded.set, maskKeys),
          ...services.faults,
          ...signing.faults,
          ...(bound.length > 0 && config.principal.keys.length === 0 ? [keyMissing] : []),
        ];
        if (faults.length > 0) throw new StartRefused(faults);
        const live = await readSchema(orders.pool, tables);
        const mismatches = checkAgainstDatabase(loaded, live);
        if (mismatches.length > 0)
          throw new StartRefused([
            `the policies do not fit the order database:\n${formatFaults(mismatches)}`,
          ]);

        await feed.open();
        log = await AccessLog.open({
          pool: storePool,
          connection: {
            url: config.store.url,
            connectTimeoutMs: 1000,
            exchangeTimeoutMs: config.store.commitDeadlineMs,
            lockTimeoutMs: 20,
          },
          digester: new Digester(digestKey, config.log.epoch),
          zone: config.log.zone,
          deadlineMs: config.store.commitDeadlineMs,
          maxWaiting: config.store.maxWaiting,
          heartbeatSeconds: config.log.heartbeatSeconds,
          writers: 2,
          version,
          observe,
        });
        const record = new PolicyRecord(storePool);
        policies = await PoliciesInForce.open(
          {
            directory: config.policies.directory,
            approval: config.policies.approval,
            record,
            fit,
            observe,
            everyMs: policyPollMs,
          },
          { loaded, live },
        );
        policies.follow();

        const corridor = createCorridor({
          policies: () => inForce(),
          statements: new StatementCache(),
          orders,
          log,
          revocations,
          tokenAddresses,
          services: new Services({
            ...config.services,
            maskKeys,
            identify: (principal, role, service) =>
              signing.tokens === undefined
                ? {}
                : { [principalHeader]: signing.tokens.sign(principal, role, service) },
          }),
        });
        server = buildServer({
          corridor,
          authenticator,
          revocations,
          tokenAddresses,
          health: { ready },
          metrics: parts.metrics,
          http: config.http,
          observe,
          doors: [
            restDoor({
              corridor,
              observe,
              isTable: (name) => inForce().set.catalog.tables.has(name),
              bodyTimeoutMs: config.http.requestTimeoutMs,
            }),
            revealDoor({ corridor, isTable: (name) => inForce().set.catalog.tables.has(name) }),
            ...(signing.tokens === undefined ? [] : [jwksRoute(jwksPath, signing.tokens.jwks)]),
            proxyDoor({
              corridor,
              services: bound,
              match: (name, method, steps) => {
                const service = inForce().set.catalog.services?.get(name);
                return service && matchRoute(service, method, steps);
              },
              upstream: config.services,
              body: { maxBytes: config.services.maxBodyBytes, timeoutMs: config.http.requestTimeoutMs },
              pages: config.http.corsOrigins.length > 0,
            }),
            policiesDoor({
              corridor,
              propose: (digest, by) => proposeSet(record, digest, by),
              approve: (digest, by) => approveSet(record, digest, by),
            }),
            alertsDoor({ corridor, alerts: (filter) => listAlerts(storePool, filter) }),
          ],
        });
        const address = await server.listen({ host: config.http.host, port: config.http.port });
        observe({ event: 'lifecycle', state: 'ready', detail: address });
        return address;
      } catch (error) {
        await closeRooms();
        throw error;
      }
    },

    async drain(hurry) {
      observe({ event: 'lifecycle', state: 'draining', detail: undefined });
      const cutShort = (): void => server?.server.closeAllConnections();
      hurry?.addEventListener('abort', cutShort, { once: true });
      if (hurry?.aborted) cutShort();
      await server?.close();
      await closeRooms();
      hurry?.removeEventListener('abort', cutShort);
      observe({ event: 'lifecycle', state: 'stopped', detail: undefined });
    },
  };

  function inForce(): { set: LoadedPolicies['set']; live: LiveSchema } {
    if (policies === undefined) throw new WeirError('policy-unavailable');
    const { loaded, live }: Served = policies.served;
    return { set: loaded.set, live };
  }

  /** A set that was taken up later must hold as at the start. @throws PolicyFaults */
  async function fit(loaded: LoadedPolicies): Promise<LiveSchema> {
    const tables = [...loaded.set.catalog.tables.values()].map(({ from }) => from);
    const live = await readSchema(orders.pool, tables);
    const mismatches = [
      ...checkAgainstDatabase(loaded, live),
      ...missingKeyFaults(loaded, maskKeys),
      ...movedServices(loaded, bound),
    ];
    if (mismatches.length > 0) throw new PolicyFaults(mismatches);
    const { faults } = await checkOrders(orders.pool, tables);
    const hint = 'mend it in the order database, or the line that needs it';
    const told = faults.map((message) => loaded.sources.catalog.fault(['tables'], 'key', message, hint));
    if (told.length > 0) throw new PolicyFaults(told);
    return live;
  }

  async function ready(): Promise<Awaited<ReturnType<Health['ready']>>> {
    const issuers = await authenticator.ready();
    const reasons = [...issuers.reasons];
    if (policies === undefined) reasons.push('policies: no valid set');
    if (log === undefined || log.downReason !== undefined)
      reasons.push('log: the gateway database cannot be written');
    if (!revocations.readable) reasons.push('revocations: the list of revoked tokens cannot be read');
    await orders
      .ping()
      .catch((error: unknown) =>
        reasons.push(`orders: ${error instanceof WeirError ? error.code : 'unreachable'}`),
      );
    return { ok: reasons.length === 0, reasons, warnings: policies?.warnings ?? [] };
  }

  async function closeRooms(): Promise<void> {
    await policies?.close();
    await log?.close();
    await feed.close();
    authenticator.close();
    await Promise.allSettled([orders.close(), storePool.end()]);
  }
}
