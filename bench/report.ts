/** What a run found, as a table for people or one JSON document. Pure. */
import type { Machine } from './machine.js';
import { median } from './statistics.js';

export interface Goal {
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** One thing that was measured, once a round. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly rounds: readonly number[];
  readonly goal?: Goal;
}

export interface BenchResult {
  readonly bench: string;
  /** What exactly was done, and in which state. */
  readonly how: string;
  readonly figures: readonly Figure[];
}

export interface Report {
  readonly machine: Machine;
  /** Goals mean nothing at this size. */
  readonly short: boolean;
  readonly results: readonly BenchResult[];
  /** Load averages over one minute before and after: other work on the machine shows here. */
  readonly load: { readonly before: number; readonly after: number };
}

export function isMet(goal: Goal, value: number): boolean {
  return value >= (goal.atLeast ?? -Infinity) && value <= (goal.atMost ?? Infinity);
}

export function formatJson(report: Report): string {
  const results = report.results.map(({ bench, how, figures }) => ({
    bench,
    how,
    figures: figures.map(({ name, unit, rounds, goal }) => {
      const middle = median(rounds);
      return {
        name,
        unit,
        median: middle,
        min: Math.min(...rounds),
        max: Math.max(...rounds),
        rounds,
        ...(goal === undefined || report.short ? {} : { goal, met: isMet(goal, middle) }),
      };
    }),
  }));
  return `${JSON.stringify({ ...report, results }, null, 2)}\n`;
}

export function formatTable(report: Report): string {
  const { machine, load, results, short } = report;
  const head = [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB; ${machine.system}`,
    `weir ${machine.weir}, node ${machine.node}, ${machine.postgres}, pg ${machine.pg}, fastify ${machine.fastify}`,
    `disk: 8 kB written and flushed in ${number(machine.flush.p50Ms)} ms (median), ${number(machine.flush.p99Ms)} ms (p99)`,
    `cores: ${machine.pinning}`,
    `load average: ${number(load.before)} before, ${number(load.after)} after`,
    ...(short ? ['short: shows that it runs; the numbers say nothing'] : []),
  ];
  const width = Math.max(...results.flatMap(({ figures }) => figures.map(({ name }) => name.length)), 0);
  const blocks = results.map(({ bench, how, figures }) =>
    [`${bench}: ${how}`, ...figures.map((figure) => `  ${line(figure, width, short)}`)].join('\n'),
  );
  return `${[head.join('\n'), ...blocks].join('\n\n')}\n`;
}

function line({ name, unit, rounds, goal }: Figure, width: number, short: boolean): string {
  const middle = median(rounds);
  const spread =
    rounds.length === 1 ? '' : `  (${number(Math.min(...rounds))} to ${number(Math.max(...rounds))})`;
  const told =
    goal === undefined || short ? '' : `  ${describe(goal)}: ${isMet(goal, middle) ? 'met' : 'MISSED'}`;
  return `${name.padEnd(width)}  ${number(middle)} ${unit}${spread}${told}`;
}

function describe({ atLeast, atMost }: Goal): string {
  return atLeast === undefined ? `goal at most ${number(atMost ?? 0)}` : `goal at least ${number(atLeast)}`;
}

/** Three digits that mean something, no more. */
function number(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return Number(value.toPrecision(3)).toString();
}
