/**
 * `npm run test:twins -- [--requests 100000] [--seed S] [--role R] [--guards]`
 *
 * Twin order databases for each role, and generated requests that must not tell them apart. With --guards, each
 * guard of the door is taken out in turn, and the twins must find it. Ends with 1 where something was not as it must be.
 */
import { parseArgs } from 'node:util';
import { guards, without } from './guards.js';
import { compareTwins, makeTwins, twinRoles } from './twin-run.js';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    role: { type: 'string' },
    guards: { type: 'boolean', default: false },
  },
});
const whole = (name: 'requests' | 'seed'): number => {
  const number = Number(values[name]);
  if (!Number.isSafeInteger(number) || number < 1) throw new RangeError(`--${name} takes a whole number`);
  return number;
};
const roles = values.role === undefined ? Object.keys(twinRoles) : [values.role];
for (const role of roles)
  if (!(role in twinRoles)) throw new RangeError(`--role is one of ${Object.keys(twinRoles).join(', ')}`);

const endings: (() => unknown)[] = [];
const t = { teardown: (work: () => unknown) => void endings.unshift(work) };
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const started = performance.now();
const seconds = (): number => Math.round((performance.now() - started) / 1000);

try {
  for (const role of roles) {
    const twins = await makeTwins(t, role);
    say(`${role}: ${twins.changed} hidden values differ (${seconds()} s)`);
    if (values.guards) {
      for (const guard of guards.filter((each) => each.role === role)) {
        const open = await without(t, guard);
        const { fault, requests } = await compareTwins(twins, { requests: 5_000, seed: whole('seed'), open });
        say(`  ${fault === undefined ? 'NOT FOUND' : `found after ${requests}`}: ${guard.guard}`);
        if (fault === undefined) process.exitCode = 1;
      }
      continue;
    }
    const requests = Math.ceil(whole('requests') / roles.length);
    let said = 0;
    // Several requests are under way, and each tells how many there were.
    const onProgress = (done: number): void => {
      if (done < said + 1_000) return;
      said = done;
      say(`  ${done} of ${requests} (${seconds()} s)`);
    };
    const { accepted, withRows, fault } = await compareTwins(twins, {
      requests,
      seed: whole('seed'),
      onProgress,
    });
    say(`  ${accepted} accepted, ${withRows} of them gave rows`);
    if (fault !== undefined) {
      say(fault);
      process.exitCode = 1;
    }
  }
} finally {
  for (const work of endings) await work();
}
// The test cluster's keeper holds nothing of ours; open sockets to it would keep the process.
process.exit();
