/**
 * The whole gateway, built by the same composition root as production, in this process: real PostgreSQL on
 * both sides, real tokens, a real socket. Everything is taken down with the test.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../src/config/load.js';
import type { Config } from '../../src/config/schema.js';
import { openDemoIssuer, type DemoIssuer, type DemoToken } from '../../src/demo/issuer.js';
import { makePrincipalKey } from '../../src/identity/principal-token.js';
import { openGateway, type Gateway } from '../../src/gateway.js';
import { createMetrics } from '../../src/observe/metrics.js';
import type { Observation } from '../../src/observation.js';
import { freshStore, type Store } from '../log/open-log.js';
import type { Teardown } from './cluster.js';
import { freshDatabase } from './database.js';

export const policiesDirectory = fileURLToPath(new URL('../../policies', import.meta.url));

/** What those of the project's roles that ask for a reason are given. */
export function reasonOf({ role }: Pick<DemoToken, 'role'>): Record<string, string> {
  const reason = role === 'support-agent' ? 'call' : role === 'logistics' ? 'undelivered' : undefined;
  return reason === undefined ? {} : { 'weir-reason': reason };
}
/** Where the services of the project's own catalogue are said to be. Nobody answers there. */
export const nowhere: Readonly<Record<string, string>> = {
  FULFILMENT_URL: 'http://127.0.0.1:9',
  TELEPHONY_URL: 'http://127.0.0.1:9',
  LABELS_URL: 'http://127.0.0.1:9',
};

export interface GatewayOptions {
  /** Folder of policy files; default: the project's own. */
  readonly policies?: string;
  readonly store?: Store;
  /** Changes to the configuration that the databases and the issuer give. */
  readonly config?: (config: Config) => Config;
  /** Variables that the catalogue names. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface OpenedGateway {
  readonly address: string;
  readonly gateway: Gateway;
  readonly config: Config;
  readonly issuer: DemoIssuer;
  readonly store: Store;
  /** As superuser, on the order database. */
  readonly ordersUrl: string;
  readonly observed: Observation[];
  token(claims: DemoToken): Promise<string>;
  /** GET with a token of the given role (or the given token), and the reason that the role asks for. */
  get(pathAndQuery: string, who: string | DemoToken, headers?: Record<string, string>): Promise<Response>;
}

/** A token of the test's own may be anything. */
function claimsOf(token: string): { role: string } {
  try {
    const [, payload = ''] = token.split('.');
    const { roles } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { roles?: string[] };
    return { role: roles?.length === 1 ? roles[0]! : '' };
  } catch {
    return { role: '' };
  }
}

/** A slow machine is no fault of the gateway's; a test of what comes too late says how late that is. */
const patience = {
  store: { commitDeadlineMs: 20_000 },
  orders: { connectTimeoutMs: 10_000, statementTimeoutMs: 20_000 },
} as const;

/** A configuration for a gateway over a fresh store and a fresh copy of the small shop. */
export async function gatewayConfig(t: Teardown, options: GatewayOptions = {}) {
  const directory = await mkdtemp(path.join(tmpdir(), 'weir-gateway-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const store = options.store ?? (await freshStore(t as never));
  const shop = await freshDatabase(t, { template: 'shop' });
  const issuer = await openDemoIssuer(directory);
  const plain = loadConfig({
    file: path.join(directory, 'weir.yaml'),
    env: {
      WEIR_HTTP_PORT: '0',
      WEIR_STORE_URL: store.runtimeUrl,
      WEIR_ORDERS_URL: shop.urlFor('weir_reader'),
      WEIR_POLICIES: options.policies ?? policiesDirectory,
      WEIR_DIGEST_KEY: Buffer.alloc(32, 7).toString('base64'),
    },
    text: JSON.stringify({
      identity: {
        issuers: [{ issuer: issuer.issuer, audience: issuer.audience, jwks: { file: issuer.jwksFile } }],
      },
      principal: { issuer: 'https://weir.test', keys: [{ jwk: makePrincipalKey() }] },
    }),
  });
  const patient: Config = {
    ...plain,
    store: { ...plain.store, ...patience.store },
    orders: { ...plain.orders, ...patience.orders },
  };
  return { config: options.config?.(patient) ?? patient, issuer, store, ordersUrl: shop.url };
}

export async function startGateway(t: Teardown, options: GatewayOptions = {}): Promise<OpenedGateway> {
  const { config, issuer, store, ordersUrl } = await gatewayConfig(t, options);
  const observed: Observation[] = [];
  const metrics = createMetrics({ process: false });
  const gateway = openGateway(config, {
    demo: true,
    metrics,
    environment: options.environment ?? nowhere,
    observe: (observation) => {
      observed.push(observation);
      metrics.observe(observation);
    },
  });
  const address = await gateway.start();
  t.teardown(() => gateway.drain(AbortSignal.abort()));
  const token = (claims: DemoToken): Promise<string> => issuer.mint(claims);
  const get: OpenedGateway['get'] = async (pathAndQuery, who, headers = {}) => {
    const bearer = typeof who === 'string' ? who : await token(who);
    const reason = reasonOf(typeof who === 'string' ? claimsOf(who) : who);
    return fetch(`${address}${pathAndQuery}`, {
      headers: { authorization: `Bearer ${bearer}`, ...reason, ...headers },
    });
  };
  return { address, gateway, config, issuer, store, ordersUrl, observed, token, get };
}
