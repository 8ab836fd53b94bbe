/**
 * `npm run test:crash -- [--rounds N] [--seed S] [--first R] [--faults F] [--clients C] [--back-within S]
 * [--json] [--keep]`
 *
 * Rounds of real gateways on a real PostgreSQL under load while they are killed, frozen, cut off. Ends with
 * 1 at the first round in which something left unrecorded, a limit was overrun, or somebody had to
 * lend a hand. Faults, their times and the requests follow from the seed; what meets what does not, so a
 * round that went wrong may need more than one repetition.
 */
import { parseArgs } from 'node:util';
import { LogFollower } from './follow-log.js';
import { countBy, recover, recoveryBoundMs, runRound, type RoundResult } from './round.js';
import { openSite, type Site } from './site.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '1' },
    faults: { type: 'string', default: '4' },
    clients: { type: 'string', default: '32' },
    'back-within': { type: 'string', default: String(recoveryBoundMs / 1000) },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const whole = (name: 'rounds' | 'seed' | 'first' | 'faults' | 'clients' | 'back-within'): number => {
  const number = Number(values[name]);
  if (!Number.isSafeInteger(number) || number < 0) throw new RangeError(`--${name} takes a whole number`);
  return number;
};
const rounds = whole('rounds');
const seed = whole('seed');
const first = whole('first');

/** Above this the whole log is verified every tenth round and in the last. */
const entriesVerifiedEveryRound = 150_000;

const say = (text: string): void => void (values.json || process.stdout.write(`${text}\n`));
const started = Date.now();
const results: RoundResult[] = [];
let site: Site | undefined;
let interrupted = false;
process.on('SIGINT', () => (interrupted = true));
process.on('SIGTERM', () => (interrupted = true));

try {
  site = await openSite({ gateways: 2, orders: 3_000 });
  const late = await recover(site, Date.now() + 3 * whole('back-within') * 1000);
  if (late.length > 0) throw new Error(`gateways did not start: ${lastLines(site)}`);
  say(
    `seed ${seed}: two gateways, ${whole('clients')} clients, ${whole('faults')} faults a round (ready after ${seconds(started)} s)`,
  );
  const follower = new LogFollower(site.storeUrl);
  for (let round = first; round < first + rounds && !interrupted; round++) {
    const last = round === first + rounds - 1;
    const result = await runRound(site, follower, {
      seed,
      round,
      clients: whole('clients'),
      faults: whole('faults'),
      backWithinMs: whole('back-within') * 1000,
      verifyWhole: last || round % 10 === 0 || follower.entries < entriesVerifiedEveryRound,
    });
    results.push(result);
    say(line(result));
    if (result.violations.length > 0) break;
  }
} finally {
  const failed = results.some(({ violations }) => violations.length > 0);
  if (failed && site !== undefined) tellViolations(site);
  await site?.close(failed || values.keep);
}
summarise();
if (results.some(({ violations }) => violations.length > 0) || results.length < rounds) process.exitCode = 1;
if (
  results.length >= 10 &&
  !results.some(({ happened }) => happened.some((kind) => kind.includes('COMMIT')))
) {
  process.stderr.write('no fault around a COMMIT ever happened: link.ts no longer finds it\n');
  process.exitCode = 1;
}

function line(result: RoundResult): string {
  const { reads, brokenOff, records, resolved, exhausted, recoverySeconds, logEntries, verified } = result;
  const sent = Object.entries(result.sent).map(([method, n]) => `${method}×${n}`);
  const statuses = Object.entries(result.statuses).map(([status, n]) => `${status}×${n}`);
  return [
    `round ${result.round}`,
    result.violations.length === 0 ? 'good' : 'VIOLATED',
    `${reads} reads (${brokenOff} broken off) ${records} records`,
    statuses.join(' '),
    `sent ${sent.join(' ') || 'nothing'}`,
    `${exhausted} persons at their limit`,
    `unknown ${resolved.committed}+${resolved['not-committed']}`,
    `back in ${recoverySeconds.toFixed(1)} s`,
    `log ${logEntries}${verified ? ' verified' : ''}`,
    `${result.seconds.toFixed(1)} s`,
    result.happened.join('; ') || 'no fault',
  ].join(' | ');
}

function tellViolations({ directory, desks }: Site): void {
  const { round, violations, faults } = results.at(-1)!;
  const plan = faults.map(
    ({ kind, atMs, desk, lastsMs }) =>
      `  ${atMs} ms: ${kind} (gateway ${desks[desk]!.gateway.name}, ${lastsMs} ms)`,
  );
  process.stderr.write(
    [
      `${violations.length} violations in round ${round} of seed ${seed}:`,
      ...violations.slice(0, 25).map((violation) => `  ${violation}`),
      'faults of the round:',
      ...plan,
      `again: npm run test:crash -- --seed ${seed} --first ${round} --rounds 5`,
      `logs of the gateways and the databases: ${directory}`,
      '',
    ].join('\n'),
  );
}

function summarise(): void {
  const sum = (pick: (result: RoundResult) => number): number =>
    results.reduce((total, result) => total + pick(result), 0);
  const summary = {
    seed,
    rounds: results.length,
    violations: sum(({ violations }) => violations.length),
    readsReleased: sum(({ reads }) => reads),
    brokenOff: sum(({ brokenOff }) => brokenOff),
    records: sum(({ records }) => records),
    writesSent: sum(({ sent }) => sent['PATCH'] ?? 0),
    filledRequestsSent: sum(({ sent }) => sent['POST'] ?? 0),
    personsAtTheirLimit: sum(({ exhausted }) => exhausted),
    logEntries: results.at(-1)?.logEntries ?? 0,
    unknownOutcomes: {
      committed: sum(({ resolved }) => resolved.committed),
      notCommitted: sum(({ resolved }) => resolved['not-committed']),
    },
    recoverySecondsAtMost: Math.max(0, ...results.map(({ recoverySeconds }) => recoverySeconds)),
    faults: countBy(results.flatMap(({ happened }) => happened)),
    seconds: Number(seconds(started)),
  };
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ ...summary, results })}\n`);
    return;
  }
  const { unknownOutcomes: unknown } = summary;
  say(
    [
      '',
      `${summary.rounds} rounds in ${summary.seconds} s, ${summary.violations} violations`,
      `${summary.readsReleased} reads released (${summary.brokenOff} broken off), ${summary.records} records, ${summary.logEntries} entries on the log`,
      `${summary.writesSent} writes and ${summary.filledRequestsSent} filled requests reached the service`,
      `${summary.personsAtTheirLimit} persons at their limit`,
      `${unknown.committed + unknown.notCommitted} unknown outcomes resolved: ${unknown.committed} committed, ${unknown.notCommitted} not`,
      `back within ${summary.recoverySecondsAtMost.toFixed(1)} s at most`,
      ...Object.entries(summary.faults).map(([kind, n]) => `  ${String(n).padStart(4)}  ${kind}`),
    ].join('\n'),
  );
}

function lastLines({ desks }: Site): string {
  return desks.flatMap(({ gateway }) => [...gateway.lastLines].slice(-5)).join('\n');
}

function seconds(since: number): string {
  return ((Date.now() - since) / 1000).toFixed(1);
}
