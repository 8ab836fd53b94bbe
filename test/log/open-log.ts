/** An AccessLog on a migrated database of its own, and reads to put on it without an order database behind them. */
import pg from 'pg';
import type { Decision, MaskedRows, Principal } from '../../src/access.js';
import { AccessLog, type AccessLogOptions } from '../../src/log/access-log.js';
import { Digester } from '../../src/log/digest.js';
import type { Actor } from '../../src/log/directory.js';
import type { Observation } from '../../src/observation.js';
import type { BulkThresholds, Limit } from '../../src/policy/model.js';
import { freshDatabase } from '../support/database.js';

export const zone = 'Asia/Shanghai';
export const testKey = Buffer.alloc(32, 7);

export interface Store {
  readonly superuserUrl: string;
  readonly ownerUrl: string;
  readonly runtimeUrl: string;
}

interface Teardown {
  teardown(work: () => unknown): void;
}

export async function freshStore(t: Teardown): Promise<Store> {
  const db = await freshDatabase(t, { template: 'store' });
  return {
    superuserUrl: db.url,
    ownerUrl: db.urlFor('weir_owner'),
    runtimeUrl: db.urlFor('weir_runtime'),
  };
}

export interface OpenedLog {
  readonly log: AccessLog;
  readonly pool: pg.Pool;
  readonly observed: Observation[];
}

export async function openLog(
  t: Teardown,
  runtimeUrl: string,
  options: Partial<AccessLogOptions> = {},
): Promise<OpenedLog> {
  const pool = new pg.Pool({ connectionString: runtimeUrl, max: 4 });
  pool.on('error', () => {});
  const observed: Observation[] = [];
  const log = await AccessLog.open({
    pool,
    connection: { url: runtimeUrl, connectTimeoutMs: 1000, exchangeTimeoutMs: 2000, lockTimeoutMs: 20 },
    digester: new Digester(testKey, 'e1'),
    zone,
    deadlineMs: 2000,
    maxWaiting: 2000,
    heartbeatSeconds: 60,
    version: 'test',
    observe: (observation) => observed.push(observation),
    ...options,
  });
  t.teardown(async () => {
    await log.close();
    await pool.end();
  });
  return { log, pool, observed };
}

export function person(name: string): Principal {
  return {
    issuer: 'https://issuer.test',
    person: name,
    displayName: undefined,
    tool: 'desk',
    act: undefined,
    roles: ['support-agent'],
    scopes: [],
    tokenId: undefined,
    expiresAtMicros: Number.MAX_SAFE_INTEGER,
    claims: {},
  };
}

export function perMinute(count: Limit['count'], max: number): Limit {
  return { count, window: 'minute', max, scope: undefined };
}

export function perDay(count: Limit['count'], max: number): Limit {
  return { count, window: 'day', max, scope: undefined };
}

export interface ReadOptions {
  readonly limits?: readonly Limit[];
  readonly bulk?: Partial<BulkThresholds>;
  readonly personal?: boolean;
  readonly lookups?: number;
  readonly requestId?: string;
}

let requests = 0;

/** A decision as the corridor would have made it for a read of orders. */
export function decisionFor(principal: Principal, actor: Actor, options: ReadOptions = {}): Decision {
  const bulk = options.bulk ?? {};
  return {
    request: {
      id: options.requestId ?? `request-${++requests}`,
      door: 'rest',
      route: 'GET /rest/:table',
      principal,
    },
    actorId: actor.actorId,
    set: { digest: 'd'.repeat(64), alerts: { bulk, roles: new Map() } },
    role: { role: 'support-agent', limits: options.limits ?? [] },
    table: { table: { name: 'orders' } },
    columns: [
      { name: 'order_no', mask: 'clear', json: 'string' },
      { name: 'receiver_phone', mask: 'last4', json: 'string' },
    ],
    limits: options.limits ?? [],
    personal: options.personal ?? true,
    lookups: options.lookups ?? 0,
    rowLimit: undefined,
    statement: 'orders?select=order_no,receiver_phone&order_no=eq',
  } as unknown as Decision;
}

/** Rows with these record keys; each belongs to the person of the same place. */
export function rowsOf(
  recordKeys: readonly string[],
  people: readonly (string | null)[],
  part = 0,
  last = true,
): MaskedRows {
  return {
    width: 2,
    values: recordKeys.map((key) => [`WR${key}`, '****1234']),
    recordKeys,
    subjectKeys: people,
    part,
    last,
  } as unknown as MaskedRows;
}
