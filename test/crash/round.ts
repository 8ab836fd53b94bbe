/**
 * One round: load, faults, recovery without a hand, a little more load, then everything that the clients got is
 * held against the log.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { verifyLog } from '../../src/log/verify.js';
import { checkArrivals } from './check-arrivals.js';
import { checkHarvest } from './check-harvest.js';
import { Client } from './client.js';
import { inflict, planFaults, type FaultKind, type PlannedFault } from './faults.js';
import type { LogFollower } from './follow-log.js';
import { Load } from './load.js';
import { zone, type Desk, type Site } from './site.js';
import { looseScope } from './staff.js';

export interface RoundOptions {
  readonly seed: number;
  readonly round: number;
  readonly clients: number;
  readonly faults: number;
  /** Default: recoveryBoundMs. More where the machine has other things to do. */
  readonly backWithinMs?: number;
  /** Verify the whole log, which takes longer every round. */
  readonly verifyWhole: boolean;
}

export interface RoundResult {
  readonly round: number;
  readonly faults: readonly PlannedFault[];
  readonly happened: readonly FaultKind[];
  /** Answers with rows in them, whole or broken off. */
  readonly reads: number;
  readonly brokenOff: number;
  readonly records: number;
  /** Requests by status; "none" where no answer came. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly exhausted: number;
  /** What reached the service, by method: POST is a filled request. */
  readonly sent: Readonly<Record<string, number>>;
  readonly resolved: Readonly<Record<'committed' | 'not-committed', number>>;
  /** From the last fault until every gateway answered again. */
  readonly recoverySeconds: number;
  readonly logEntries: number;
  readonly verified: boolean;
  readonly seconds: number;
  readonly violations: readonly string[];
}

const faultWindowMs = 2_500;
const warmUpMs = 300;
const coolDownMs = 400;
/** After the last fault every gateway serves again within this time, by itself. */
export const recoveryBoundMs = 10_000;

export async function runRound(
  site: Site,
  follower: LogFollower,
  options: RoundOptions,
): Promise<RoundResult> {
  const { seed, round, clients, backWithinMs = recoveryBoundMs } = options;
  const started = Date.now();
  const violations: string[] = [];
  const resolvedBefore = resolvedSoFar(site);
  const load = new Load(site, `r${round}`, Math.imul(seed, 31) + round, clients);

  await delay(warmUpMs);
  const faults = planFaults(seed, round, options.faults, faultWindowMs, site.desks.length);
  const begun = Date.now();
  const happened: FaultKind[] = [];
  await Promise.all(
    faults.map(async (fault) => {
      await delay(begun + fault.atMs - Date.now());
      if (await inflict(site, fault)) happened.push(fault.kind);
    }),
  );
  const lastFault = Date.now();
  const dead = await recover(site, lastFault + backWithinMs);
  const recoverySeconds = (Date.now() - lastFault) / 1000;
  for (const name of dead)
    violations.push(
      `gateway ${name} did not serve again within ${backWithinMs / 1000} s after the last fault`,
    );
  await delay(coolDownMs);
  await load.stop();
  // A last read through each writer: what was before it in its queue, or unknown, is settled then.
  for (const name of await recover(site, Date.now() + backWithinMs)) {
    if (!dead.includes(name)) violations.push(`gateway ${name} served again, but not for long`);
  }

  const { harvest } = load;
  let exhausted = 0;
  let sent: RoundResult['sent'] = {};
  try {
    const news = await follower.readNews();
    const checked = checkHarvest(harvest, news, site.digester, zone);
    exhausted = checked.exhausted;
    const { service, digester } = site;
    sent = countBy(service.arrivals.map(({ method }) => method));
    const arrived = checkArrivals(service.arrivals.splice(0), harvest, news, digester, zone);
    violations.push(...news.faults, ...checked.faults, ...arrived);
    if (options.verifyWhole) violations.push(...(await verifyWhole(site, follower)));
  } catch (error) {
    violations.push(`the log could not be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  for (const { gateway } of site.desks) violations.push(...gateway.faultyExits.splice(0));
  for (const cluster of [site.store, site.orders]) violations.push(...cluster.faults.splice(0));

  const resolved = resolvedSoFar(site);
  const released = harvest.filter(({ status }) => status === 200 || status === 206);
  return {
    round,
    faults,
    happened,
    reads: released.length,
    brokenOff: released.filter(({ complete }) => !complete).length,
    records: released.reduce((sum, { rows }) => sum + rows.length, 0),
    statuses: countBy(harvest.map(({ status }) => String(status ?? 'none'))),
    exhausted,
    sent,
    resolved: {
      committed: resolved.committed - resolvedBefore.committed,
      'not-committed': resolved['not-committed'] - resolvedBefore['not-committed'],
    },
    recoverySeconds,
    logEntries: follower.entries,
    verified: options.verifyWhole,
    seconds: (Date.now() - started) / 1000,
    violations,
  };
}

/** The other reading of the log, by the verifier that ships with the gateway. */
async function verifyWhole(site: Site, follower: LogFollower): Promise<string[]> {
  const { faults, entries } = await verifyLog({ source: { url: site.storeUrl } });
  const told = faults.map(
    ({ entry, kind, what }) => `weir log verify: ${entry ?? 'the log'}: ${kind}: ${what}`,
  );
  if (entries < follower.entries)
    told.push(`weir log verify: it read ${entries} entries, there are ${follower.entries}`);
  return told;
}

/** Waits until every gateway answers a read. @returns names of those that did not before the deadline */
export async function recover(site: Site, deadline: number): Promise<string[]> {
  const sample = site.samples[0]!;
  const token = await site.token({
    person: 'probe',
    role: 'support',
    region: sample.region,
    scope: looseScope,
  });
  const path = `/rest/orders?select=order_id,customer_id,order_no&order_no=eq.${sample.orderNo}`;
  const client = new Client();
  const probe = async ({ gateway }: Desk): Promise<string[]> => {
    while (Date.now() < deadline) {
      const { address } = gateway;
      if (address !== undefined) {
        const ask = {
          address,
          path,
          token,
          format: 'json',
          patienceMs: 2_000,
          leaveAfterBytes: undefined,
        } as const;
        const { status } = await client.ask(ask);
        if (status === 200) return [];
      }
      await delay(40);
    }
    return [gateway.name];
  };
  try {
    return (await Promise.all(site.desks.map(probe))).flat();
  } finally {
    client.close();
  }
}

function resolvedSoFar(site: Site): Record<'committed' | 'not-committed', number> {
  const sum = { committed: 0, 'not-committed': 0 };
  for (const { gateway } of site.desks) {
    sum.committed += gateway.resolved.committed;
    sum['not-committed'] += gateway.resolved['not-committed'];
  }
  return sum;
}

export function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
