/** Medians and spreads of a few rounds, quantiles of many latencies. Pure. */

/** @param sorted ascending, not empty; @param q 0 to 1: the smallest value that at least q of all do not exceed */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const at = Math.max(0, Math.ceil(q * sorted.length) - 1);
  const value = sorted[at];
  if (value === undefined) throw new RangeError('no values');
  return value;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = quantile(sorted, (middle + 1) / sorted.length);
  return sorted.length % 2 === 1 ? upper : (quantile(sorted, middle / sorted.length) + upper) / 2;
}

export interface Latencies {
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** @param milliseconds sorted in place */
export function latenciesOf(milliseconds: Float64Array): Latencies {
  milliseconds.sort();
  const [p50Ms, p90Ms, p99Ms, maxMs] = [0.5, 0.9, 0.99, 1].map((q) => quantile(milliseconds, q)) as [
    number,
    number,
    number,
    number,
  ];
  return { p50Ms, p90Ms, p99Ms, maxMs };
}

/** Pair by pair, as the rounds were run. */
export function ratios(of: readonly number[], to: readonly number[]): number[] {
  if (of.length !== to.length) throw new RangeError('the rounds are not paired');
  return of.map((value, round) => value / to[round]!);
}
