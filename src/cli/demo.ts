/**
 * `weir demo`: a synthetic shop on a PostgreSQL of its own, and the gateway in front of it by the same code
 * as in production. Everything lives in one folder, which one demo holds at a time; whatever was killed at
 * whatever point, the next start goes on from there.
 */
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { configKeys } from '../config/keys.js';
import { loadConfig, type Environment } from '../config/load.js';
import type { Config } from '../config/schema.js';
import { claimDirectory, eraseCluster } from '../demo/cluster-directory.js';
import { startCluster, type Cluster } from '../demo/cluster.js';
import {
  prepareDatabases,
  roles as databaseRoles,
  withClient,
  type PreparedDatabases,
} from '../demo/databases.js';
import { openDemoIssuer } from '../demo/issuer.js';
import { openServiceLogin } from '../demo/services/login.js';
import { openDemoServices, type DemoServices } from '../demo/services/open.js';
import { openGateway } from '../gateway.js';
import { jwksPath } from '../identity/principal-token.js';
import { createLogger } from '../observe/logger.js';
import { createMetrics } from '../observe/metrics.js';
import { loadPolicies } from '../policy/load.js';
import type { Catalog } from '../policy/model.js';
import { migrateStore } from '../store/migrate.js';
import { CliError, exitCodes, type CliContext, type StopSignals } from './context.js';
import { demoBanner, type DemoSample } from './demo-banner.js';
import {
  openSecrets,
  postgresDirectory,
  removeDemoFiles,
  saveDemoConfig,
  writeDemoConfig,
} from './demo-files.js';
import { demoConfigFile, demoDirectory, demoIssuerDirectory } from './find-config.js';
import { addressFault, drainServing, refusal, startServing, untilStopped } from './serve.js';

export interface DemoOptions {
  readonly reset?: boolean;
}

/** Variables that name production's databases and keys. The demo has its own, and must not touch those. */
const ignoredVariables = [
  ...configKeys.flatMap(({ secret, env }) => (secret && env !== undefined ? [env] : [])),
  'WEIR_CONFIG',
];

type DatabaseUrls = Pick<PreparedDatabases, 'ordersUrl' | 'storeOwnerUrl' | 'storeRuntimeUrl'>;

/** Stand-ins while there is no PostgreSQL yet. */
const nowhere: DatabaseUrls = {
  ordersUrl: 'postgres://reader@127.0.0.1/shop',
  storeOwnerUrl: 'postgres://owner@127.0.0.1/weir',
  storeRuntimeUrl: 'postgres://runtime@127.0.0.1/weir',
};

const defaultPolicies = fileURLToPath(new URL('../../policies', import.meta.url));

/** @returns when it was stopped, everything that it started included */
export async function demo(context: CliContext, options: DemoOptions): Promise<number> {
  const signals = context.signals();
  const directory = demoDirectory(context);
  await mkdir(directory, { recursive: true });
  const release = await claimDirectory(directory).catch((error: Error) => {
    throw new CliError(
      `another demo lives in ${directory} already (${error.message})`,
      'use that one, stop it, or name another folder with WEIR_DATA_DIR (and another port with WEIR_HTTP_PORT)',
    );
  });
  try {
    if (options.reset) {
      await eraseCluster(postgresDirectory(directory));
      await removeDemoFiles(directory);
      context.io.out(`threw away what earlier demos made in ${directory}\n`);
    }
    return await run(context, directory, signals);
  } finally {
    await release();
  }
}

async function run(context: CliContext, directory: string, signals: StopSignals): Promise<number> {
  const { io } = context;
  const progress = (text: string) => io.out(`  ${text}\n`);
  const env = demoEnvironment(context);
  const secrets = await openSecrets(directory);
  const issuer = await openDemoIssuer(demoIssuerDirectory(directory));
  const configText = (urls: DatabaseUrls, services: Readonly<Record<string, string>> = {}) =>
    writeDemoConfig({
      services,
      secrets,
      issuer,
      storeUrl: urls.storeRuntimeUrl,
      storeOwnerUrl: urls.storeOwnerUrl,
      ordersUrl: urls.ordersUrl,
      policies: resolve(context.cwd, env['WEIR_POLICIES'] || defaultPolicies),
    });
  const load = (text: string) => loadConfig({ file: demoConfigFile(directory), text, env, cwd: context.cwd });

  // What can be wrong with environment and port is found before the half minute that the data takes.
  const early = load(configText(nowhere));
  const { set } = await loadPolicies(early.policies.directory).catch((error: unknown) => {
    throw refusal(error) ?? error;
  });
  await tryAddress(early);

  io.out(`Weir demo, in ${relative(context.cwd, directory) || directory}\n`);
  const cluster = await keepCluster(directory, secrets.superuserPassword, progress, io.err);
  let services: DemoServices | undefined;
  try {
    const urls = await prepareDatabases(cluster.current(), { secrets, onProgress: progress });
    const login = { user: 'fulfilment', password: secrets.servicePassword };
    await openServiceLogin(urls.ordersSuperuserUrl, login);
    services = await openDemoServices({
      ordersUrl: cluster.current().url(login.user, login.password, 'shop'),
      toolToken: secrets.toolToken,
    });
    const text = configText(urls, addressesOf(services, set.catalog));
    const config = load(text);
    progress('bringing the access log to this version');
    await migrateStore(config.store.ownerUrl!, databaseRoles.runtime);
    await saveDemoConfig(directory, text);
    if (signals.stop.aborted) return exitCodes.ok;

    let stopped = false;
    const metrics = createMetrics();
    // Lines of the log would bury the banner: only what is wrong is told, and apart from it.
    const level = env['WEIR_LOG_LEVEL'] === undefined ? 'warn' : config.logLevel;
    const log = createLogger(level, { write: io.err });
    const gateway = openGateway(config, {
      demo: true,
      metrics,
      environment: context.env,
      observe: (observation) => {
        // Once it has stopped, PostgreSQL ending its last connections is no failure.
        if (!stopped) log(observation);
        metrics.observe(observation);
      },
    });
    const address = await startServing(gateway, config, 'demo');
    services.trust({ issuer: config.principal.issuer!, jwksUrl: `${address}${jwksPath}` });
    io.out(
      demoBanner({
        address,
        directory,
        dataVariable: env['WEIR_DATA_DIR'],
        sample: await sampleOrder(config),
        service: { address: services.fulfilment, token: secrets.toolToken },
        prefix: set.catalog.services?.get('fulfilment')?.prefix,
        roles: [...set.roles.values()].map(({ role, about }) => ({ role, about })),
      }),
    );
    await untilStopped(signals);
    const code = await drainServing(context, gateway, signals);
    stopped = true;
    return code;
  } finally {
    await services?.close();
    await cluster.stop(signals.hurry.aborted ? 'immediate' : 'fast');
  }
}

/** Of those that the catalogue has: it may be somebody's own. */
function addressesOf({ fulfilment, telephony, labels }: DemoServices, { services }: Catalog) {
  const running = Object.entries({ fulfilment, telephony, labels });
  return Object.fromEntries(running.filter(([name]) => services?.has(name)));
}

function demoEnvironment(context: CliContext): Environment {
  const ignored = ignoredVariables.filter((name) => context.env[name] !== undefined);
  if (ignored.length > 0)
    context.io.err(`weir: the demo has its own databases and keys; it ignores ${ignored.join(', ')}\n`);
  return Object.fromEntries(Object.entries(context.env).filter(([name]) => !ignored.includes(name)));
}

/** @throws CliError where the port is taken */
async function tryAddress(config: Config): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((settle, fail) => {
      server.once('error', fail);
      server.listen(config.http.port, config.http.host, settle);
    });
  } catch (error) {
    throw addressFault(error, config, 'demo') ?? error;
  } finally {
    await new Promise((settle) => server.close(settle));
  }
}

interface KeptCluster {
  current(): Cluster;
  stop(mode: 'fast' | 'immediate'): Promise<void>;
}

/** A cluster that comes back, at the same address, when something other than us ends it. */
async function keepCluster(
  directory: string,
  superuserPassword: string,
  onProgress: (text: string) => void,
  complain: (text: string) => void,
): Promise<KeptCluster> {
  const begin = (port: number) =>
    startCluster({ directory: postgresDirectory(directory), port, superuserPassword, onProgress });
  let cluster = await begin(0);
  let stopping = false;
  let restart: Promise<void> = Promise.resolve();
  const watch = () => {
    restart = cluster.exited.then(async () => {
      if (stopping) return;
      complain('weir: PostgreSQL has ended; starting it again\n');
      cluster = await begin(cluster.port);
      if (stopping) return;
      watch();
    });
    restart.catch(() => complain('weir: PostgreSQL does not start again; stop the demo and start it anew\n'));
  };
  watch();
  return {
    current: () => cluster,
    stop: async (mode) => {
      stopping = true;
      const ended = restart.catch(() => undefined);
      await cluster.stop(mode);
      await ended;
      // One that was being started just then.
      await cluster.stop(mode);
    },
  };
}

/** An order that has still to be shipped, so that support and warehouse both see it, and a parcel on its way. */
async function sampleOrder(config: Config): Promise<DemoSample> {
  return withClient(config.orders.url, async (client) => {
    const { rows } = await client.query<DemoSample>(
      `SELECT order_no AS "orderNo", region,
              (SELECT shipment_id FROM shop.shipments WHERE status = 'in_transit' ORDER BY shipment_id DESC LIMIT 1) AS shipment
         FROM shop.orders WHERE status = 'to_ship' ORDER BY created_at DESC LIMIT 1`,
    );
    const [sample] = rows;
    if (sample === undefined) throw new Error('the demo shop has no order to ship');
    return sample;
  });
}
