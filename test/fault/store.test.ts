/**
 * The gateway's own database in every bad state that it can be in, under people who go on reading. What must
 * hold each time: nothing leaves that is not on the log, everybody hears 503 before long, the gateway says
 * that it is not ready and why, and it comes back by itself when the database does.
 */
import { execFile } from 'node:child_process';
import { chmod, chown, mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import t, { type Test } from 'tap';
import { createStoreDatabase, ensureRoles, withClient } from '../../src/demo/databases.js';
import { startCluster, type Cluster } from '../../src/demo/cluster.js';
import { WriterConnection } from '../../src/log/connection.js';
import { migrateStore } from '../../src/store/migrate.js';
import { freshStore, type Store } from '../log/open-log.js';
import { ownCluster, passwordOf } from '../support/cluster.js';
import { startGateway, type OpenedGateway } from '../support/gateway.js';
import { Relay } from './relay.js';
import {
  askOnce,
  deskPolicies,
  notOnTheLog,
  query,
  readiness,
  Traffic,
  untilReady,
  verified,
  type Told,
} from './traffic.js';

const commitDeadlineMs = 1_000;
// Half a second for the list of revoked tokens, as long to find out who asks, the commit; and a slow machine.
const boundMs = commitDeadlineMs + 1_000 + 1_500;
const recoveryMs = 10_000;
const people = 8;

const run = promisify(execFile);

t.setTimeout(300_000);
// Most of it is waiting.
t.jobs = 3;

interface Limits {
  readonly maxWaiting?: number;
  readonly maxConcurrent?: number;
  readonly commitDeadlineMs?: number;
}

async function openGateway(t: Test, store: Store, limits: Limits = {}): Promise<OpenedGateway> {
  const { maxWaiting = 2_000, maxConcurrent = 200 } = limits;
  return startGateway(t, {
    policies: await deskPolicies(t),
    store,
    config: (config) => ({
      ...config,
      store: {
        ...config.store,
        commitDeadlineMs: limits.commitDeadlineMs ?? commitDeadlineMs,
        maxWaiting,
      },
      http: { ...config.http, maxConcurrent },
    }),
  });
}

/** A gateway whose own database lies behind a relay. */
async function behindRelay(t: Test, limits: Limits = {}) {
  const direct = await freshStore(t);
  const relay = await Relay.open(t, Number(new URL(direct.runtimeUrl).port));
  const store = { ...direct, runtimeUrl: relay.through(direct.runtimeUrl) };
  return { relay, gateway: await openGateway(t, store, limits) };
}

/** The gateway's database in a cluster that the test may do anything to. */
async function storeOn(cluster: Pick<Cluster, 'superuserUrl' | 'url'>): Promise<Store> {
  await withClient(cluster.superuserUrl('postgres'), async (admin) => {
    await ensureRoles(admin, {
      ownerPassword: passwordOf('weir_owner'),
      runtimePassword: passwordOf('weir_runtime'),
      readerPassword: passwordOf('weir_reader'),
    });
    await createStoreDatabase(admin, 'weir');
  });
  const urlFor = (user: string) => cluster.url(user, passwordOf(user), 'weir');
  await migrateStore(urlFor('weir_owner'), 'weir_runtime');
  return {
    superuserUrl: cluster.superuserUrl('weir'),
    ownerUrl: urlFor('weir_owner'),
    runtimeUrl: urlFor('weir_runtime'),
  };
}

interface Fault {
  begin(): Promise<void> | void;
  end(): Promise<void> | void;
  /** How long it lasts once it shows. */
  readonly lastsMs?: number;
  /** Answers with rows may still come while it lasts (some pages have room, some connections live). */
  readonly partial?: boolean;
}

/** One fault under traffic, from before it begins until after it has gone, with everything that must hold. */
async function endure(t: Test, gateway: OpenedGateway, fault: Fault): Promise<void> {
  const traffic = await Traffic.start(t, gateway, people);
  t.match(await readiness(gateway), { ready: 200, alive: 200 }, 'ready before');

  const begunMs = performance.now();
  await fault.begin();
  const first = await traffic.until(({ status }) => status !== 200, boundMs + 3_000);
  const down = await untilReady(gateway, 503, boundMs);
  t.equal(down.alive, 200, 'the process lives');
  t.match(down.reasons, ['log: the gateway database cannot be written'], 'and says why it is not ready');
  const newcomer = await askOnce(
    gateway,
    '/rest/orders?limit=1',
    await gateway.token({ role: 'desk', sub: 'newcomer' }),
  );
  if (fault.partial !== true) t.equal(newcomer.status, 503, 'nor for somebody who was never here before');
  await delay(fault.lastsMs ?? 2_000);
  const still = await readiness(gateway);
  if (fault.partial !== true) t.equal(still.ready, 503, 'not ready as long as it lasts');
  t.ok(still.tookMs < boundMs, 'readiness is told at once');

  const endingMs = performance.now();
  await fault.end();
  const endedMs = performance.now();
  const back = await traffic.until(({ status }) => status === 200, recoveryMs);
  await untilReady(gateway, 200, recoveryMs);
  const told = [...(await traffic.stop()), newcomer];

  const during = traffic.between(first.endedMs, endingMs);
  t.ok(during.length >= people, `${during.length} answers while it lasted`);
  if (fault.partial !== true)
    t.equal(during.filter(({ status }) => status === 200).length, 0, 'no rows while it lasted');
  checkRefusals(t, told);
  await checkLog(t, gateway, told);
  const slowest = Math.max(...told.filter(({ status }) => status !== 200).map(({ tookMs }) => tookMs));
  t.comment(
    `first refusal after ${ms(first.endedMs - begunMs)}, slowest refusal ${ms(slowest)}, newcomer ${ms(newcomer.tookMs)}, ` +
      `reads again ${ms(back.endedMs - endedMs)} after the end; ${told.length} answers`,
  );
}

/** Every failure is the log's, in time, and holds nothing of a row. */
function checkRefusals(t: Test, told: readonly Told[], withinMs = boundMs): void {
  const refused = told.filter(({ status }) => status !== 200);
  t.same([...new Set(refused.map(({ status }) => status))], [503], 'every failure is 503');
  const types = new Set(refused.map(({ type }) => type));
  types.delete('urn:weir:error:log-unavailable');
  types.delete('urn:weir:error:busy');
  // For a moment, where the log is back before the list of revoked tokens has been read again.
  types.delete('urn:weir:error:revocations-unavailable');
  t.same([...types], [], 'of the log');
  t.same(
    refused.filter(({ tookMs }) => tookMs > withinMs).map(({ tookMs }) => ms(tookMs)),
    [],
    `each within ${ms(withinMs)}`,
  );
  const leaking = refused.filter(({ text }) => /WR\d{13}|\*{2}|order_no|amount/.test(text));
  t.same(leaking, [], 'no row in any of them');
  const talking = refused.filter(({ text }) =>
    /ECONN|127\.0\.0\.1|INSERT|relation|terminat|connect|timeout|weir\./i.test(text),
  );
  t.same(talking, [], 'and no text of the database');
}

async function checkLog(t: Test, gateway: OpenedGateway, told: readonly Told[]): Promise<void> {
  const { superuserUrl } = gateway.store;
  t.same(await notOnTheLog(told, superuserUrl), [], 'what people received is on the log');
  const verification = await verified(superuserUrl);
  t.same(verification.faults, [], 'the log holds together');
  t.ok(verification.ok);
}

function ms(milliseconds: number): string {
  return `${Math.round(milliseconds)} ms`;
}

async function setting(url: string, statement: string): Promise<void> {
  await query(url, statement);
  await query(url, 'SELECT pg_reload_conf()');
}

void t.test('a database that answers late, but in time, costs time and nothing else', async (t) => {
  // In time on a slow machine as well.
  const { relay, gateway } = await behindRelay(t, { commitDeadlineMs: 15_000 });
  const traffic = await Traffic.start(t, gateway, people);
  relay.delay(25);
  const from = performance.now();
  const enough = () => traffic.between(from, performance.now()).length > people;
  for (const deadline = from + 30_000; !enough() && performance.now() < deadline;) await delay(100);
  const told = await traffic.stop();
  t.same(new Set(told.map(({ status }) => status)), new Set([200]));
  t.ok(traffic.between(from, performance.now()).length > people);
  t.equal((await readiness(gateway)).ready, 200);
  await checkLog(t, gateway, told);
});

void t.test('a database that answers too late', async (t) => {
  const { relay, gateway } = await behindRelay(t);
  await endure(t, gateway, {
    // There and back takes longer than the deadline, however few exchanges a commit needs.
    begin: () => relay.delay(0.55 * commitDeadlineMs),
    end: () => relay.pass(),
    lastsMs: 3_500,
  });
});

void t.test('a database that accepts everything and never answers', async (t) => {
  const { relay, gateway } = await behindRelay(t);
  await endure(t, gateway, { begin: () => relay.blackhole(), end: () => relay.pass(), lastsMs: 5_000 });
});

void t.test('a database that was silent and whose connections are reset then', async (t) => {
  const { relay, gateway } = await behindRelay(t);
  await endure(t, gateway, {
    begin: () => relay.blackhole(),
    end: () => {
      relay.cut();
      relay.pass();
    },
  });
});

void t.test('a database that is back before anybody asks again is found by the gateway itself', async (t) => {
  const { relay, gateway } = await behindRelay(t);
  const traffic = await Traffic.start(t, gateway, people);
  relay.blackhole();
  await traffic.until(({ status }) => status === 503, boundMs);
  const told = await traffic.stop();
  relay.pass();
  await untilReady(gateway, 200, recoveryMs);
  await checkLog(t, gateway, told);
});

void t.test('a database whose end of every connection is gone without a word', async (t) => {
  const { relay, gateway } = await behindRelay(t);
  const traffic = await Traffic.start(t, gateway, people);
  relay.halfOpen();
  await traffic.until(({ status }) => status === 503, boundMs);
  const back = await traffic.until(({ status }) => status === 200, recoveryMs);
  t.ok(back);
  const told = await traffic.stop();
  checkRefusals(t, told);
  await checkLog(t, gateway, told);
});

void t.test('a database that refuses connections', async (t) => {
  const { relay, gateway } = await behindRelay(t);
  await endure(t, gateway, { begin: () => relay.refuse(), end: () => relay.accept() });
});

void t.test('a silent database: what waits is bounded, the rest hears busy', async (t) => {
  // As many requests as like to may run, so that only the log's own queue says busy.
  const { relay, gateway } = await behindRelay(t, { maxWaiting: 20, maxConcurrent: 1_000 });
  const tokens = await Promise.all(
    Array.from({ length: 150 }, (_, i) => gateway.token({ role: 'desk', sub: `reader-${i % 5}` })),
  );
  const flood = () =>
    Promise.all(tokens.map((token, i) => askOnce(gateway, `/rest/orders?limit=50&offset=${i}`, token)));
  for (const token of tokens.slice(0, 5)) await askOnce(gateway, '/rest/orders?limit=1', token);
  // So many reads at once take their time in the order database before they come to the log.
  const ordinaryMs = Math.max(...(await flood()).map(({ tookMs }) => tookMs));
  const heapBefore = process.memoryUsage().heapUsed;
  relay.blackhole();
  const told: Told[] = [];
  for (const until = performance.now() + 4_000; performance.now() < until;) {
    told.push(...(await flood()));
    // Four of the pool, two writers, one for revocations; and a farewell may be under way while a new one is opened.
    t.ok(relay.connections <= 10, `${relay.connections} connections to the database`);
  }
  const grownMb = (process.memoryUsage().heapUsed - heapBefore) / 1e6;
  relay.pass();
  t.ok(told.length >= 300);
  t.ok(told.some(({ type }) => type === 'urn:weir:error:busy'));
  t.ok(told.some(({ type }) => type === 'urn:weir:error:log-unavailable'));
  t.notOk(told.some(({ status }) => status === 200));
  checkRefusals(t, told, boundMs + ordinaryMs);
  t.ok(grownMb < 150, `the heap has grown by ${Math.round(grownMb)} MB`);
  await untilReady(gateway, 200, recoveryMs);
  await checkLog(t, gateway, told);
});

void t.test('a stop while the database is silent ends all the same', async (t) => {
  const { relay, gateway } = await behindRelay(t);
  const traffic = await Traffic.start(t, gateway, people);
  await traffic.stop();
  relay.blackhole();
  const started = performance.now();
  await Promise.race([gateway.gateway.drain(), delay(12_000)]);
  const tookMs = performance.now() - started;
  t.ok(tookMs < 10_000, `after ${ms(tookMs)}`);
  t.comment(`the stop took ${ms(tookMs)}`);
  relay.cut();
});

void t.test('a connection hangs up in time although nobody answers', async (t) => {
  const direct = await freshStore(t);
  const relay = await Relay.open(t, Number(new URL(direct.runtimeUrl).port));
  const connection = await WriterConnection.open({
    url: relay.through(direct.runtimeUrl),
    connectTimeoutMs: 5_000,
    exchangeTimeoutMs: commitDeadlineMs,
    lockTimeoutMs: 20,
  });
  relay.blackhole();
  const started = performance.now();
  const closed = connection.close().then(() => true);
  t.ok(await Promise.race([closed, delay(10_000, false)]));
  t.ok(performance.now() - started < boundMs, `after ${ms(performance.now() - started)}`);
});

for (const mode of ['fast', 'immediate'] as const) {
  void t.test(`a database that is stopped (${mode}) and started again on its port`, async (t) => {
    const cluster = await ownCluster(t);
    const gateway = await openGateway(t, await storeOn(cluster));
    await endure(t, gateway, {
      begin: () => cluster.stop(mode),
      end: async () => {
        await cluster.restart();
      },
    });
  });
}

void t.test('a database that is made read-only', async (t) => {
  const cluster = await ownCluster(t);
  const gateway = await openGateway(t, await storeOn(cluster));
  const admin = cluster.superuserUrl('postgres');
  await endure(t, gateway, {
    begin: () => setting(admin, 'ALTER SYSTEM SET default_transaction_read_only = on'),
    // The session that mends it is read-only as well.
    end: () =>
      setting(
        `${admin}?options=-c%20default_transaction_read_only%3Doff`,
        'ALTER SYSTEM RESET default_transaction_read_only',
      ),
  });
});

void t.test('a database that comes back as a standby, and is promoted', async (t) => {
  const cluster = await ownCluster(t);
  const gateway = await openGateway(t, await storeOn(cluster));
  await endure(t, gateway, {
    begin: async () => {
      await cluster.stop('fast');
      const signal = join(cluster.directory, 'data', 'standby.signal');
      await writeFile(signal, '');
      const owner = await stat(join(cluster.directory, 'data'));
      await chown(signal, owner.uid, owner.gid);
      await cluster.restart();
    },
    end: async () => {
      await query(cluster.superuserUrl('postgres'), 'SELECT pg_promote()');
    },
  });
});

void t.test('a database that has no connection to give', async (t) => {
  const cluster = await ownCluster(t);
  const store = await storeOn(cluster);
  const gateway = await openGateway(t, store);
  const admin = new pg.Client(cluster.superuserUrl('postgres'));
  admin.on('error', () => undefined);
  await admin.connect();
  t.teardown(() => admin.end());
  await endure(t, gateway, {
    begin: async () => {
      // Sessions of others in their places would do as well (SQLSTATE 53300, both), but the gateway is quick to come back.
      await admin.query('ALTER ROLE weir_runtime CONNECTION LIMIT 0');
      // One that is just logging in does not show yet: look again.
      for (let nothingLeft = 0; nothingLeft < 4; await delay(50)) {
        const { rowCount } = await admin.query(
          `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE 'weir%'`,
        );
        nothingLeft = rowCount === 0 ? nothingLeft + 1 : 0;
      }
    },
    end: async () => {
      await admin.query('ALTER ROLE weir_runtime CONNECTION LIMIT -1');
    },
  });
});

void t.test('a database whose operator kills the gateway’s sessions again and again', async (t) => {
  const store = await freshStore(t);
  const gateway = await openGateway(t, store);
  const traffic = await Traffic.start(t, gateway, people);
  const from = performance.now();
  let killed = 0;
  while (performance.now() < from + 4_000) {
    const [row] = await query<{ n: number }>(
      store.superuserUrl,
      `SELECT count(pg_terminate_backend(pid))::int AS n FROM pg_stat_activity
         WHERE application_name LIKE 'weir%' AND datname = current_database()`,
    );
    killed += row!.n;
    await delay(60);
  }
  await traffic.until(({ status }) => status === 200, recoveryMs);
  await untilReady(gateway, 200, recoveryMs);
  const told = await traffic.stop();
  t.ok(killed > 10, `${killed} sessions were killed`);
  t.ok(told.some(({ status }) => status === 503));
  checkRefusals(t, told);
  await checkLog(t, gateway, told);
});

void t.test('a table of the log that somebody has locked', async (t) => {
  const store = await freshStore(t);
  const gateway = await openGateway(t, store);
  const locker = new pg.Client(store.superuserUrl);
  await locker.connect();
  t.teardown(() => locker.end());
  await endure(t, gateway, {
    begin: async () => {
      await locker.query('BEGIN');
      await locker.query('LOCK TABLE weir.entries IN ACCESS EXCLUSIVE MODE');
    },
    end: async () => {
      await locker.query('ROLLBACK');
    },
  });
});

void t.test('a commit that waits for a standby which is gone is not taken for done', async (t) => {
  const cluster = await ownCluster(t);
  const gateway = await openGateway(t, await storeOn(cluster));
  const admin = cluster.superuserUrl('postgres');
  await endure(t, gateway, {
    begin: () => setting(admin, `ALTER SYSTEM SET synchronous_standby_names = 'nobody'`),
    end: () =>
      setting(
        `${admin}?options=-c%20synchronous_commit%3Dlocal`,
        'ALTER SYSTEM RESET synchronous_standby_names',
      ),
    lastsMs: 6_000,
  });
});

void t.test('a database that turns read-only while the outcome of a commit is not known', async (t) => {
  const cluster = await ownCluster(t);
  const gateway = await openGateway(t, await storeOn(cluster));
  const admin = `${cluster.superuserUrl('postgres')}?options=-c%20synchronous_commit%3Dlocal%20-c%20default_transaction_read_only%3Doff`;
  await endure(t, gateway, {
    begin: async () => {
      await setting(admin, `ALTER SYSTEM SET synchronous_standby_names = 'nobody'`);
      await setting(admin, 'ALTER SYSTEM SET default_transaction_read_only = on');
    },
    end: async () => {
      await setting(admin, 'ALTER SYSTEM RESET synchronous_standby_names');
      await setting(admin, 'ALTER SYSTEM RESET default_transaction_read_only');
    },
    lastsMs: 4_000,
  });
  const unknown = gateway.observed.filter(({ event }) => event === 'outcome-unknown');
  t.match(unknown, [{ resolvedAs: 'committed' }], 'it is asked for until it is known');
});

void t.test('a database whose disk is full', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'weir-full-'));
  await chmod(directory, 0o711);
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=220m', 'tmpfs', directory]).then(
    () => true,
    () => false,
  );
  if (!mounted) {
    await rm(directory, { recursive: true });
    t.pass('a small file system cannot be mounted here (needs root)', { skip: 'nothing was tested' });
    return;
  }
  const clusters: Cluster[] = [];
  const start = async (port: number) => {
    const cluster = await startCluster({
      directory,
      port,
      superuserPassword: passwordOf('postgres'),
      settings: { max_wal_size: '32MB', min_wal_size: '32MB', shared_buffers: '16MB', autovacuum: 'off' },
    });
    clusters.push(cluster);
    return cluster;
  };
  t.teardown(async () => {
    for (const cluster of clusters) await cluster.stop('immediate');
    await run('umount', ['--lazy', directory]);
    await rm(directory, { recursive: true, force: true });
  });
  const cluster = await start(0);
  const gateway = await openGateway(t, await storeOn(cluster));
  const ballast = join(directory, 'ballast');

  await t.test('the tables cannot grow', async (t) => {
    await endure(t, gateway, {
      partial: true,
      begin: () => fill(ballast),
      end: () => rm(ballast),
      lastsMs: 3_000,
    });
    const reasons = gateway.observed.flatMap((each) => (each.event === 'store' ? [each.reason] : []));
    t.ok(reasons.includes('53100'), 'it was the disk');
  });

  await t.test('the write-ahead log cannot grow, and the server dies of it', async (t) => {
    await endure(t, gateway, {
      begin: async () => {
        await fill(ballast);
        let alive = true;
        void cluster.exited.then(() => (alive = false));
        for (let n = 0; alive && n < 30; n++) {
          await query(
            cluster.superuserUrl('postgres'),
            `SELECT pg_switch_wal() FROM pg_logical_emit_message(false, 'test', repeat('x', 100000))`,
          ).catch(() => undefined);
        }
        await Promise.race([cluster.exited, delay(20_000)]);
        t.notOk(alive, 'PostgreSQL gave up');
      },
      end: async () => {
        await rm(ballast);
        await start(cluster.port);
      },
    });
  });
});

/** Until not one byte more fits. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'a');
  try {
    for (let size = 1 << 20; size >= 1;) {
      try {
        await file.appendFile(Buffer.alloc(size, 1));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        size >>= 4;
      }
    }
  } finally {
    await file.close();
  }
}
