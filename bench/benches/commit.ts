/** Committed reads per second in one process: AccessLog.record alone, 64 at once, 1 and 20 records a read. */
import { DayClock } from '../../src/quota/day-clock.js';
import type { Ground } from '../ground.js';
import { cpuSeconds, familyCpuSeconds } from '../process-usage.js';
import type { BenchResult } from '../report.js';
import { inTurn, microsEach, Rounds } from '../rounds.js';
import { digestKey, newToday, zone } from '../staff.js';
import { Subject } from '../subject.js';
import type { CommitJob, CommitOutcome } from '../subjects/messages.js';

const concurrency = 64;
const readsPerCall = 4;

export async function benchCommit(ground: Ground): Promise<BenchResult> {
  const { scale } = ground;
  const rounds = new Rounds();
  for (let round = 0; round < scale.rounds; round++) {
    for (const records of inTurn(round, [1, 20])) {
      ground.onProgress(`commit: round ${round + 1} of ${scale.rounds}, ${records} a read`);
      await measure(ground, records, rounds);
    }
  }
  return {
    bench: 'commit',
    how:
      `AccessLog.record in one process, ${concurrency} at once by ${ground.staff.length} people. ` +
      `State: each person has a month of reading behind them and has met ${scale.customersSeenBefore} of ` +
      `${ground.sample.customers.length} customers before today; customers of a call are drawn from all of them, ` +
      `and each call reads them ${readsPerCall} times. A fresh copy of that state each round, ` +
      `${scale.warmUpSeconds} s of warm-up, ${scale.measuredSeconds} s measured`,
    figures: rounds.figures(),
  };
}

async function measure(ground: Ground, records: number, rounds: Rounds): Promise<void> {
  const { scale, cores, databases } = ground;
  const store = await databases.freshStore();
  const subject = await Subject.start(ground.code.file('commit'), cores.measured, ground.nodeArguments);
  try {
    const job: CommitJob = {
      storeUrl: store.runtimeUrl,
      policies: ground.policies,
      zone,
      digestKey,
      people: ground.staff,
      columns: ground.sample.columns,
      rowsFile: ground.rowsFile,
      recordsPerRead: records,
      readsPerCall,
      concurrency,
      warmUpSeconds: scale.warmUpSeconds,
      measuredSeconds: scale.measuredSeconds,
    };
    const used: (readonly [number | undefined, number | undefined])[] = [];
    const outcome = await subject.run<CommitOutcome>(job, () =>
      used.push([cpuSeconds(subject.pid), familyCpuSeconds(databases.postmasterPid)]),
    );
    const { reads, seconds, batches, latencies } = outcome;
    const [before, after] = used;
    const each = `${records} record${records === 1 ? '' : 's'} a read`;
    rounds.add(`${each}: committed`, 'reads/s', reads / seconds, { atLeast: 5_000 });
    rounds.add(`${each}: latency p50`, 'ms', latencies.p50Ms);
    rounds.add(`${each}: latency p99`, 'ms', latencies.p99Ms, { atMost: 25 });
    rounds.add(`${each}: reads a commit`, 'reads', reads / Math.max(1, batches));
    rounds.add(`${each}: gateway CPU`, 'µs/read', microsEach(before?.[0], after?.[0], reads));
    rounds.add(`${each}: PostgreSQL CPU`, 'µs/read', microsEach(before?.[1], after?.[1], reads));
    const today = new DayClock(zone).day(Date.now() * 1000);
    const met = await newToday(store.superuserUrl, today);
    const whole = scale.warmUpSeconds + scale.measuredSeconds;
    rounds.add(`${each}: people new today`, 'a read', met / ((reads / seconds) * whole));
  } finally {
    await subject.end();
    await store.drop();
  }
}
