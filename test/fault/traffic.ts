/**
 * People who go on asking whatever happens, and what each of them was told when. A test marks when a fault
 * begins and ends, and then holds the answers against the promises and against the log.
 */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { Digester } from '../../src/log/digest.js';
import type { EntryBody } from '../../src/log/entry.js';
import { verifyLog, type Verification } from '../../src/log/verify.js';
import { testKey } from '../log/open-log.js';
import type { Teardown } from '../support/cluster.js';
import { policiesDirectory, type OpenedGateway } from '../support/gateway.js';

export interface Told {
  readonly startedMs: number;
  readonly endedMs: number;
  readonly tookMs: number;
  /** 0: the connection was broken off, or no answer came at all. */
  readonly status: number;
  /** "urn:weir:error:…" of a failure. */
  readonly type: string | undefined;
  readonly text: string;
  readonly requestId: string;
  /** Record keys of the rows that came. */
  readonly orders: readonly string[];
}

/** A role that may read as much as it likes, so that only the fault decides. @returns a folder of policies with it */
export async function deskPolicies(t: Teardown, tables = ''): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'weir-policies-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await cp(policiesDirectory, directory, { recursive: true });
  const role = `role: desk
about: Reads in the tests of faults
owner: tests
for: people
tables:
  orders:
    browse: yes
    see: {order_id: clear, order_no: clear, receiver_name: surname, receiver_phone: last4, amount: clear}
${tables}
per_request: 1000000
limits: {records: 90000000 per day, people: 90000000 per day}
cost: {pool_share: 100}
`;
  await writeFile(join(directory, 'roles', 'desk.yaml'), role);
  return directory;
}

/** Beyond every bound: who waits so long has been forgotten. */
const patienceMs = 15_000;

export async function askOnce(gateway: OpenedGateway, path: string, token: string): Promise<Told> {
  const startedMs = performance.now();
  let status = 0;
  let text = '';
  let requestId = '';
  try {
    const response = await fetch(`${gateway.address}${path}`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(patienceMs),
    });
    status = response.status;
    requestId = response.headers.get('weir-request-id') ?? '';
    text = await response.text();
  } catch {
    status = 0;
  }
  const endedMs = performance.now();
  const body = status === 0 ? undefined : (JSON.parse(text) as unknown);
  const failed = status !== 200;
  return {
    startedMs,
    endedMs,
    tookMs: endedMs - startedMs,
    status,
    type: failed ? (body as { type?: string } | undefined)?.type : undefined,
    text,
    requestId,
    orders: failed ? [] : (body as { order_id: number }[]).map(({ order_id }) => String(order_id)),
  };
}

const pauseMs = 15;

export class Traffic {
  readonly told: Told[] = [];
  readonly #gateway: OpenedGateway;
  readonly #readers: Promise<void>[] = [];
  #stopped = false;

  private constructor(gateway: OpenedGateway) {
    this.#gateway = gateway;
  }

  /** Ends with the test at the latest. */
  static async start(t: Teardown, gateway: OpenedGateway, people: number): Promise<Traffic> {
    const traffic = new Traffic(gateway);
    t.teardown(() => traffic.stop());
    for (let i = 0; i < people; i++) {
      const token = await gateway.token({ role: 'desk', sub: `reader-${i}` });
      traffic.#readers.push(traffic.#read(token, i));
    }
    await traffic.until(({ status }) => status === 200, 10_000);
    return traffic;
  }

  async #read(token: string, first: number): Promise<void> {
    for (let n = first; !this.#stopped; n++) {
      const path = `/rest/orders?order=order_id&limit=3&offset=${(n * 7) % 1900}`;
      this.told.push(await askOnce(this.#gateway, path, token));
      await delay(pauseMs);
    }
  }

  /** Waits for an answer to come that fits. @throws Error after the deadline */
  async until(fits: (told: Told) => boolean, deadlineMs: number): Promise<Told> {
    const from = this.told.length;
    const deadline = performance.now() + deadlineMs;
    for (;;) {
      const found = this.told.slice(from).find(fits);
      if (found !== undefined) return found;
      if (performance.now() > deadline) {
        const last = this.told.at(-1);
        throw new Error(`no such answer within ${deadlineMs} ms; the last was ${last?.status} ${last?.type}`);
      }
      await delay(5);
    }
  }

  /** Begun and ended between the two points in time. */
  between(fromMs: number, toMs: number): Told[] {
    return this.told.filter(({ startedMs, endedMs }) => startedMs >= fromMs && endedMs <= toMs);
  }

  async stop(): Promise<Told[]> {
    this.#stopped = true;
    await Promise.all(this.#readers);
    return this.told;
  }
}

export async function query<T extends object>(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<T[]> {
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<T>(text, values)).rows;
  } finally {
    await client.end();
  }
}

export async function entriesOf(storeUrl: string): Promise<EntryBody[]> {
  const rows = await query<{ body: string }>(storeUrl, 'SELECT body FROM weir.entries ORDER BY at, number');
  return rows.map(({ body }) => JSON.parse(body) as EntryBody);
}

/** @returns every answer with rows whose records do not stand on the log, digest by digest */
export async function notOnTheLog(told: readonly Told[], storeUrl: string): Promise<string[]> {
  const rows = await query<{ body: string; records: Buffer | null }>(
    storeUrl,
    `SELECT e.body, d.records FROM weir.entries e LEFT JOIN weir.read_digests d USING (writer, number)`,
  );
  const digester = new Digester(testKey, 'e1');
  const logged = new Map<string, Buffer>();
  for (const { body, records } of rows) {
    const { kind, request } = JSON.parse(body) as EntryBody;
    if (kind !== 'read' || request === undefined) continue;
    logged.set(request, Buffer.concat([logged.get(request) ?? Buffer.alloc(0), records ?? Buffer.alloc(0)]));
  }
  return told
    .filter(({ orders, requestId }) => {
      const digests = logged.get(requestId);
      return (
        orders.length > 0 &&
        (digests === undefined || !digests.includes(digester.digest('orders', 'record', orders)))
      );
    })
    .map(({ requestId }) => requestId);
}

/** The whole log again, by the code that shares nothing with its writer. */
export async function verified(storeUrl: string): Promise<Verification> {
  return verifyLog({ source: { url: storeUrl } });
}

export async function readiness(
  gateway: OpenedGateway,
): Promise<{ ready: number; reasons: string[]; alive: number; tookMs: number }> {
  const started = performance.now();
  const ready = await fetch(`${gateway.address}/readyz`);
  const { reasons } = (await ready.json()) as { reasons: string[] };
  const tookMs = performance.now() - started;
  const alive = await fetch(`${gateway.address}/healthz`);
  await alive.arrayBuffer();
  return { ready: ready.status, reasons, alive: alive.status, tookMs };
}

/** Asks until it is as wanted. @throws Error after the deadline */
export async function untilReady(gateway: OpenedGateway, wanted: 200 | 503, deadlineMs: number) {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const found = await readiness(gateway);
    if (found.ready === wanted) return found;
    if (performance.now() > deadline)
      throw new Error(`/readyz was not ${wanted} within ${deadlineMs} ms: ${found.reasons.join('; ')}`);
    await delay(20);
  }
}
