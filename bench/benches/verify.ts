/** `weir log verify` over a long log, as the built program. */
import type { Verification } from '../../src/log/verify.js';
import { runVerb } from '../gateway-process.js';
import type { Ground } from '../ground.js';
import { MemoryWatch } from '../process-usage.js';
import type { BenchResult } from '../report.js';
import { Rounds } from '../rounds.js';

export async function benchVerify(ground: Ground): Promise<BenchResult> {
  const { scale, cores, code, databases } = ground;
  const entries = scale.logEntries;
  const storeUrl = await databases.longLog(entries, ground.onProgress);
  const config = await ground.writeConfig('verify', storeUrl);
  const rounds = new Rounds();
  // The first one warms the database's cache, and does not count.
  for (let round = -1; round < scale.rounds; round++) {
    ground.onProgress(`verify: round ${round + 1} of ${scale.rounds}${round < 0 ? ' (warm-up)' : ''}`);
    let memory: MemoryWatch | undefined;
    const words = ['log', 'verify', '--json', '--config', config];
    const {
      code: exit,
      out,
      err,
    } = await runVerb(code.dist, words, cores.measured, (pid) => {
      memory = new MemoryWatch(pid);
    });
    const peak = memory?.end();
    if (exit !== 0) throw new Error(`weir log verify ended with ${exit}: ${err}${out.slice(0, 500)}`);
    const verified = JSON.parse(out) as Verification;
    if (verified.entries !== entries) throw new Error(`${verified.entries} entries were verified`);
    if (round < 0) continue;
    rounds.add('verified', 'entries/s', verified.entries / verified.seconds, { atLeast: 100_000 });
    rounds.add('time', 's', verified.seconds);
    rounds.add('memory', 'MB', peak === undefined ? undefined : peak / 1_000_000);
  }
  return {
    bench: 'verify',
    how: `weir log verify of ${entries.toLocaleString('en')} entries with their digest lists, database warm`,
    figures: rounds.figures(),
  };
}
