/**
 * `npm run test:twins -- [--requests 100000] [--seed S] [--role R] [--guards] [--only databases|services]`
 *
 * Twin order databases for each role, twin services for each role of theirs, and generated requests that must not
 * tell them apart. With --guards, each guard of a door is taken out in turn, and the twins must find
 * it. Ends with 1 where something was not as it must be.
 */
import { parseArgs } from 'node:util';
import { guards, without, type Guard } from './guards.js';
import { serviceRoles, type ServiceRole } from './services/policies.js';
import { serviceGuards } from './services/service-guards.js';
import { makeServiceTwins } from './services/service-twins.js';
import {
  compareSides,
  compareTwins,
  makeTwins,
  twinRoles,
  type CompareOptions,
  type Comparison,
} from './twin-run.js';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    role: { type: 'string' },
    only: { type: 'string' },
    guards: { type: 'boolean', default: false },
  },
});
const whole = (name: 'requests' | 'seed'): number => {
  const number = Number(values[name]);
  if (!Number.isSafeInteger(number) || number < 1) throw new RangeError(`--${name} takes a whole number`);
  return number;
};

const endings: (() => unknown)[] = [];
const t = { teardown: (work: () => unknown) => void endings.unshift(work) };
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const started = performance.now();
const seconds = (): number => Math.round((performance.now() - started) / 1000);

interface Twinned {
  readonly differ: string;
  readonly guards: readonly Guard[];
  readonly compare: (options: CompareOptions) => Promise<Comparison>;
}

const kinds: Readonly<Record<string, Readonly<Record<string, (role: string) => Promise<Twinned>>>>> = {
  databases: each(Object.keys(twinRoles), async (role) => {
    const twins = await makeTwins(t, role);
    const compare = (options: CompareOptions): Promise<Comparison> => compareTwins(twins, options);
    return { differ: `${twins.changed} hidden values differ`, guards, compare };
  }),
  services: each(Object.keys(serviceRoles), async (role) => {
    const twins = await makeServiceTwins(t, role as ServiceRole);
    const compare = (options: CompareOptions): Promise<Comparison> => compareSides(twins, options);
    return { differ: 'services that differ', guards: serviceGuards, compare };
  }),
};

function each<T>(roles: readonly string[], make: T): Record<string, T> {
  return Object.fromEntries(roles.map((role) => [role, make]));
}

const only = values.only === undefined ? Object.keys(kinds) : [values.only];
const chosen = only.flatMap((kind) =>
  Object.entries(kinds[kind] ?? {}).filter(([role]) => values.role === undefined || role === values.role),
);
if (chosen.length === 0) {
  const known = Object.entries(kinds).map(([kind, roles]) => `${kind}: ${Object.keys(roles).join(', ')}`);
  throw new RangeError(`nothing has that name; there are --only and --role of ${known.join('; ')}`);
}

try {
  for (const [role, make] of chosen) {
    const twins = await make(role);
    say(`${role}: ${twins.differ} (${seconds()} s)`);
    if (values.guards) {
      for (const guard of twins.guards.filter((one) => one.role === role)) {
        const open = await without(t, guard);
        const { fault, requests } = await twins.compare({ requests: 5_000, seed: whole('seed'), open });
        say(`  ${fault === undefined ? 'NOT FOUND' : `found after ${requests}`}: ${guard.guard}`);
        if (fault === undefined) process.exitCode = 1;
      }
      continue;
    }
    const requests = Math.ceil(whole('requests') / chosen.length);
    let said = 0;
    // Several requests are under way, and each tells how many there were.
    const onProgress = (done: number): void => {
      if (done < said + 1_000) return;
      said = done;
      say(`  ${done} of ${requests} (${seconds()} s)`);
    };
    const { accepted, withRows, fault } = await twins.compare({ requests, seed: whole('seed'), onProgress });
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
