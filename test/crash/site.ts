/**
 * Everything that a run needs, as it stands in production: two PostgreSQL clusters with fsync on, the
 * gateway's own database migrated, a small shop, an issuer with a key of its own, policy files, and two
 * gateway processes whose way to their database can be cut.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { stringify } from 'yaml';
import {
  createOrderDatabase,
  createStoreDatabase,
  ensureRoles,
  withClient,
} from '../../src/demo/databases.js';
import { makePrincipalKey } from '../../src/identity/principal-token.js';
import { Digester } from '../../src/log/digest.js';
import { migrateStore } from '../../src/store/migrate.js';
import { FaultyLink } from './link.js';
import { compileGateway } from './snapshot.js';
import { RecordingService } from './recording-service.js';
import { depot, writePolicies } from './staff.js';
import { SupervisedCluster } from './supervised-cluster.js';
import { SupervisedGateway } from './supervised-gateway.js';

export const zone = 'Asia/Shanghai';
const epoch = 'e1';
const issuer = 'https://issuer.crash.test';
const audience = 'weir-under-fire';

export interface Desk {
  readonly gateway: SupervisedGateway;
  /** Between it and its own database. */
  readonly link: FaultyLink;
}

export interface SampleOrder {
  readonly orderId: string;
  readonly orderNo: string;
  readonly phone: string;
  readonly region: string;
}

export interface TokenFor {
  readonly person: string;
  readonly role: string;
  readonly region: string;
  readonly scope: string | undefined;
}

export interface Site {
  readonly directory: string;
  readonly store: SupervisedCluster;
  readonly orders: SupervisedCluster;
  readonly desks: readonly Desk[];
  /** What the gateways call. */
  readonly service: RecordingService;
  readonly samples: readonly SampleOrder[];
  readonly digester: Digester;
  /** As superuser on the gateway's own database, past every fault of the links. */
  readonly storeUrl: string;
  token(claims: TokenFor): Promise<string>;
  /** Ends every process. @param keep leaves the folder with the logs, for whoever wants to see what happened */
  close(keep: boolean): Promise<void>;
}

export interface SiteOptions {
  readonly gateways: number;
  readonly orders: number;
  /** More of the gateways' configuration, by section. */
  readonly store?: Readonly<Record<string, unknown>>;
}

/** What has to be ended, in the order in which it was begun. */
type Closing = ((keep: boolean) => Promise<unknown>)[];

export async function openSite(options: SiteOptions): Promise<Site> {
  const directory = await mkdtemp(join(tmpdir(), 'weir-crash-'));
  const closing: Closing = [];
  const close = async (keep: boolean): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step(keep);
    if (!keep) await rm(directory, { recursive: true, force: true });
  };
  try {
    return await build(directory, options, closing, close);
  } catch (error) {
    await close(false);
    throw error;
  }
}

async function build(
  directory: string,
  options: SiteOptions,
  closing: Closing,
  close: Site['close'],
): Promise<Site> {
  const passwords = {
    superuser: randomBytes(12).toString('hex'),
    ownerPassword: randomBytes(12).toString('hex'),
    runtimePassword: randomBytes(12).toString('hex'),
    readerPassword: randomBytes(12).toString('hex'),
  };
  const start = async (name: string): Promise<SupervisedCluster> => {
    const cluster = await SupervisedCluster.start(name, join(directory, name), passwords.superuser);
    closing.push((keep) => cluster.end(keep ? join(directory, `${name}.log`) : undefined));
    return cluster;
  };
  const [main, store, orders] = await Promise.all([
    compileGateway(join(directory, 'program')),
    start('store'),
    start('orders'),
  ]);
  const [samples] = await Promise.all([
    fillOrders(orders, passwords, options.orders),
    fillStore(store, passwords),
    writePolicies(join(directory, 'policies')),
  ]);

  const service = await RecordingService.open();
  closing.push(() => service.close());
  const principalKey = makePrincipalKey();
  const digestKey = randomBytes(32);
  const { jwksFile, sign } = await makeIssuer(directory);
  const desks: Desk[] = [];
  for (let i = 0; i < options.gateways; i++) {
    const link = await FaultyLink.open(store.port);
    closing.push(() => link.close());
    const name = String.fromCharCode(97 + i);
    const config = join(directory, `gateway-${name}.yaml`);
    const text = stringify({
      http: { port: 0, maxConcurrent: 400, drainTimeoutMs: 3_000 },
      store: {
        url: `postgres://weir_runtime:${passwords.runtimePassword}@127.0.0.1:${link.port}/weir`,
        ...options.store,
      },
      orders: {
        url: `postgres://weir_reader:${passwords.readerPassword}@127.0.0.1:${orders.port}/shop`,
        poolSize: 16,
      },
      policies: { directory: join(directory, 'policies') },
      identity: { issuers: [{ issuer, audience, jwks: { file: jwksFile } }] },
      principal: { issuer: 'https://weir.crash.test', keys: [{ jwk: principalKey }] },
      services: { urls: [{ service: depot, url: service.url }] },
      log: { digestKey: digestKey.toString('base64'), epoch, zone, heartbeatSeconds: 2 },
    });
    await writeFile(config, text, { mode: 0o600 });
    const gateway = new SupervisedGateway({
      name,
      main,
      config,
      logFile: join(directory, `gateway-${name}.log`),
    });
    closing.push(() => gateway.stop());
    desks.push({ gateway, link });
  }
  return {
    directory,
    store,
    orders,
    desks,
    service,
    samples,
    digester: new Digester(digestKey, epoch),
    storeUrl: store.superuserUrl('weir'),
    token: sign,
    close,
  };
}

type Passwords = Parameters<typeof ensureRoles>[1];

async function fillOrders(
  cluster: SupervisedCluster,
  passwords: Passwords,
  orders: number,
): Promise<SampleOrder[]> {
  await withClient(cluster.superuserUrl('postgres'), async (admin) => {
    await ensureRoles(admin, passwords);
    const size = { orders, customers: Math.ceil(orders / 4), seed: 20_261_122, lastDay: '2026-11-21' };
    await createOrderDatabase(admin, 'shop', (database) => cluster.superuserUrl(database), size);
  });
  return withClient(cluster.superuserUrl('shop'), async (client) => {
    const { rows } = await client.query<{
      order_id: string;
      order_no: string;
      receiver_phone: string;
      region: string;
    }>('SELECT order_id, order_no, receiver_phone, region FROM shop.orders ORDER BY order_id');
    return rows.map((row) => ({
      orderId: row.order_id,
      orderNo: row.order_no,
      phone: row.receiver_phone,
      region: row.region,
    }));
  });
}

async function fillStore(cluster: SupervisedCluster, passwords: Passwords): Promise<void> {
  await withClient(cluster.superuserUrl('postgres'), async (admin) => {
    await ensureRoles(admin, passwords);
    await createStoreDatabase(admin, 'weir');
  });
  const owner = new URL(cluster.superuserUrl('weir'));
  owner.username = 'weir_owner';
  owner.password = passwords.ownerPassword;
  await migrateStore(owner.href, 'weir_runtime');
}

async function makeIssuer(directory: string) {
  const algorithm = 'ES256';
  const { publicKey, privateKey } = await generateKeyPair(algorithm);
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  const folder = join(directory, 'issuer');
  await mkdir(folder, { mode: 0o700 });
  const jwksFile = join(folder, 'jwks.json');
  await writeFile(jwksFile, JSON.stringify({ keys: [{ ...jwk, kid, alg: algorithm, use: 'sig' }] }));
  const sign: Site['token'] = async ({ person, role, region, scope }) => {
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({ client_id: 'crash-tool', roles: [role], region, scope })
      .setProtectedHeader({ alg: algorithm, kid, typ: 'at+jwt' })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(person)
      .setJti(randomBytes(8).toString('hex'))
      .setIssuedAt(now)
      .setExpirationTime(now + 7200)
      .sign(privateKey);
  };
  return { jwksFile, sign };
}
