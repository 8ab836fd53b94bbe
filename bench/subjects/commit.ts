/**
 * Puts reads on the access log as the corridor does, through AccessLog.record and with real decisions, but
 * without an order database: the rows were read before. One process, so many reads at once; each person
 * reads the rows of a call a few times over before the next call.
 */
import type { Pool } from 'pg';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { AccessRequest, Decision, MaskedRows, Principal, ReleasedColumn } from '../../src/access.js';
import { AccessLog } from '../../src/log/access-log.js';
import { Digester } from '../../src/log/digest.js';
import type { Actor } from '../../src/log/directory.js';
import { limitsInForce } from '../../src/policy/limits-in-force.js';
import { loadPolicies } from '../../src/policy/load.js';
import { PolicyRecord } from '../../src/store/policy-record.js';
import { openPool } from '../../src/store/pool.js';
import { latenciesOf } from '../statistics.js';
import type { CommitJob, CommitOutcome, Person, SampleRow } from './messages.js';
import { serve, tell } from './parent.js';

const maxLatencies = 2_000_000;
const role = 'support-agent';
const table = 'orders';

serve<CommitJob, CommitOutcome>(async (job) => {
  let batches = 0;
  const pool = openPool({
    url: job.storeUrl,
    size: 4,
    connectTimeoutMs: 2000,
    applicationName: 'weir',
    settings: {},
    onIdleError: () => undefined,
  });
  const log = await AccessLog.open({
    pool,
    // A machine that is busy with something else makes it slow, not broken.
    connection: { url: job.storeUrl, connectTimeoutMs: 5000, exchangeTimeoutMs: 15_000, lockTimeoutMs: 20 },
    digester: new Digester(Buffer.from(job.digestKey, 'base64'), 'e1'),
    zone: job.zone,
    deadlineMs: 15_000,
    maxWaiting: 2000,
    heartbeatSeconds: 60,
    writers: 2,
    version: 'bench',
    observe: ({ event }) => {
      if (event === 'batch') batches++;
    },
  });
  const decide = await decisions(job, pool);
  const people = await Promise.all(
    job.people.map(async (person) => {
      const principal = principalOf(person);
      return { principal, actor: await log.directory.identify(principal) };
    }),
  );
  const pages = pagesOf(job);

  const latencies = new Float64Array(maxLatencies);
  let measured = 0;
  let measuring = false;
  let stopped = false;
  const work = async (_: unknown, worker: number): Promise<void> => {
    // Calls do not all begin at the same moment.
    let read = worker % job.readsPerCall;
    while (!stopped) {
      const { principal, actor } = pick(people);
      const rows = pick(pages);
      for (; read < job.readsPerCall && !stopped; read++) {
        const started = performance.now();
        await log.record(decide(principal, actor), actor, rows);
        if (measuring && measured < maxLatencies) latencies[measured++] = performance.now() - started;
      }
      read = 0;
    }
  };
  const workers = Promise.all(Array.from({ length: job.concurrency }, work));
  await Promise.race([workers, delay(job.warmUpSeconds * 1000)]);
  tell('begin');
  batches = 0;
  measuring = true;
  const started = performance.now();
  await Promise.race([workers, delay(job.measuredSeconds * 1000)]);
  measuring = false;
  const seconds = (performance.now() - started) / 1000;
  tell('end');
  stopped = true;
  const outcome = { reads: measured, seconds, batches };
  await workers;
  await log.close();
  await pool.end();
  return { ...outcome, latencies: latenciesOf(latencies.subarray(0, measured)) };
});

/** Decisions as the corridor makes them for a read by order number. */
async function decisions(
  job: CommitJob,
  pool: Pool,
): Promise<(principal: Principal, actor: Actor) => Decision> {
  const { set, content } = await loadPolicies(job.policies);
  await new PolicyRecord(pool).keep(set.digest, content);
  const policy = set.roles.get(role)!;
  const tablePolicy = policy.tables.get(table)!;
  const columns: readonly ReleasedColumn[] = job.columns.map((name) => ({
    name,
    mask: tablePolicy.see.get(name)!,
    json: 'string',
  }));
  const statement = `${table}?select=${job.columns.join(',')}&order_no=eq`;
  return (principal, actor) => ({
    request: { id: randomUUID(), door: 'rest', route: `GET /rest/${table}`, principal } as AccessRequest,
    actorId: actor.actorId,
    set,
    role: policy,
    table: tablePolicy,
    columns,
    limits: limitsInForce(policy, principal.scopes),
    personal: true,
    lookups: 0,
    rowLimit: policy.perRequest,
    statement,
    purpose: { reason: 'call', ticket: undefined },
  });
}

function principalOf({ issuer, sub, region }: Person): Principal {
  return {
    issuer,
    person: sub,
    displayName: undefined,
    tool: 'support-desk',
    act: undefined,
    roles: [role],
    scopes: [],
    tokenId: undefined,
    expiresAtMicros: Number.MAX_SAFE_INTEGER,
    claims: { region },
  };
}

/** Answers of so many records each, made before the clock starts. */
function pagesOf({ rowsFile, recordsPerRead, columns }: CommitJob): MaskedRows[] {
  const samples = JSON.parse(readFileSync(rowsFile, 'utf8')) as SampleRow[];
  const width = columns.length;
  const count = recordsPerRead === 1 ? samples.length : 4_000;
  return Array.from({ length: count }, (_, page) => {
    const rows =
      recordsPerRead === 1 ? [samples[page]!] : Array.from({ length: recordsPerRead }, () => pick(samples));
    // The door to MaskedRows is sql/, which made these rows; they only took the way over a file.
    return {
      width,
      values: rows.map((row) => row.slice(0, width)),
      recordKeys: rows.map((row) => row[width]!),
      subjectKeys: rows.map((row) => row[width + 1]!),
      part: 0,
      last: true,
    } as unknown as MaskedRows;
  });
}

function pick<T>(of: readonly T[]): T {
  return of[Math.floor(Math.random() * of.length)]!;
}
