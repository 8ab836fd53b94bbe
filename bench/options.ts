/** What `npm run bench` may be told, and how large things are then. Pure. */
import { parseArgs } from 'node:util';

export const benchNames = ['commit', 'rest', 'proxy', 'csv', 'verify'] as const;
export type BenchName = (typeof benchNames)[number];

/** Sizes and durations of one run. */
export interface Scale {
  readonly rounds: number;
  readonly warmUpSeconds: number;
  readonly measuredSeconds: number;
  /** Of the order database. */
  readonly orders: number;
  readonly customers: number;
  /** Customers (one order each) that reads by key are drawn from. */
  readonly sampledCustomers: number;
  /** Customers that each person has seen in the 29 days before, when a round begins. */
  readonly customersSeenBefore: number;
  /** Of the log that is verified. */
  readonly logEntries: number;
}

export const fullScale: Scale = {
  rounds: 5,
  warmUpSeconds: 3,
  measuredSeconds: 6,
  orders: 1_000_000,
  customers: 200_000,
  sampledCustomers: 12_000,
  customersSeenBefore: 3_300,
  logEntries: 500_000,
};

/** A few seconds each: shows that it runs. Its numbers say nothing. */
export const shortScale: Scale = {
  rounds: 1,
  warmUpSeconds: 0.2,
  measuredSeconds: 0.6,
  orders: 6_000,
  customers: 1_200,
  sampledCustomers: 300,
  customersSeenBefore: 100,
  logEntries: 5_000,
};

export interface BenchOptions {
  readonly only: ReadonlySet<BenchName>;
  readonly scale: Scale;
  readonly short: boolean;
  readonly json: boolean;
  /** Where databases are kept from run to run; undefined: below the system's temporary directory. */
  readonly data: string | undefined;
  /** The built gateway. */
  readonly dist: string | undefined;
  /** Where measured processes leave CPU profiles (they cost a few per cent); undefined: none are taken. */
  readonly profile: string | undefined;
}

export const usage = `npm run bench -- [options]
  --only NAME     ${benchNames.join(', ')}; may be given again (default: all)
  --rounds N      rounds of each measurement (default: ${fullScale.rounds})
  --short         small and quick, to see that it runs; without goals
  --json          one JSON document on standard output instead of a table
  --data DIR      where the databases are kept from run to run (default: weir-bench in the temporary directory)
  --dist DIR      the built gateway to measure (default: dist)
  --profile DIR   leave a CPU profile of each measured process there; costs a few per cent
`;

export class UsageError extends Error {
  override name = 'UsageError';
}

/** @throws UsageError */
export function readOptions(argv: readonly string[]): BenchOptions | 'help' {
  const { values } = parse(argv);
  if (values.help) return 'help';
  const short = values.short ?? false;
  const base = short ? shortScale : fullScale;
  return {
    only: new Set(values.only === undefined ? benchNames : values.only.map(benchNamed)),
    scale: { ...base, rounds: values.rounds === undefined ? base.rounds : roundsOf(values.rounds) },
    short,
    json: values.json ?? false,
    data: values.data,
    dist: values.dist,
    profile: values.profile,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        only: { type: 'string', multiple: true },
        rounds: { type: 'string' },
        short: { type: 'boolean' },
        json: { type: 'boolean' },
        data: { type: 'string' },
        dist: { type: 'string' },
        profile: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function benchNamed(name: string): BenchName {
  const found = benchNames.find((known) => known === name);
  if (found === undefined)
    throw new UsageError(`there is no bench ${name}; there are ${benchNames.join(', ')}`);
  return found;
}

function roundsOf(text: string): number {
  if (!/^[1-9][0-9]?$/.test(text)) throw new UsageError('--rounds takes a number from 1 to 99');
  return Number(text);
}
