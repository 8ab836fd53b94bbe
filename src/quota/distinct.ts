/**
 * How many different people a read shows to one key, told from keyed digests alone. Knows nothing
 * of where "seen" is kept; it is right only if `seen` and the meter are written in one commit.
 */
import type { PeopleCharge } from './charge.js';

/** Dates before today on which somebody still counts as seen: today and these make 30. */
export const memoryDays = 29;

const nobodyNew: DistinctPeople = Object.freeze({
  fresh: 0,
  returning: Object.freeze([]),
  touched: Object.freeze([]),
});

export interface DistinctPeople extends PeopleCharge {
  /** Each once: digests whose last day must now be written as today. */
  readonly touched: readonly string[];
}

/**
 * Compares the people of one read with those that the key has seen.
 * Several reads of one key in one batch: set `seen` to today for all of `touched` after each read
 * that was charged, and only then ask for the next.
 *
 * @param digests subject digests of the read, eight bytes each as latin1 text; may repeat
 * @param seen last day on which this key saw them; may lack digests (never seen) and hold others
 * @param today day of the instant at which the read is charged
 */
export function countDistinct(
  digests: readonly string[],
  seen: Pick<ReadonlyMap<string, number>, 'get'>,
  today: number,
): DistinctPeople {
  if (digests.length === 0) return nobodyNew;
  if (digests.length === 1) return one(digests, seen.get(digests[0]!), today);
  let fresh = 0;
  let byAge: number[] | undefined;
  const touched = new Set<string>();
  for (const digest of digests) {
    const lastDay = seen.get(digest);
    // Later than today happens once, when the configured zone moves west.
    if (lastDay !== undefined && lastDay >= today) continue;
    if (touched.has(digest)) continue;
    touched.add(digest);
    if (lastDay === undefined || lastDay < today - memoryDays) fresh++;
    else {
      byAge ??= new Array<number>(memoryDays + 1).fill(0);
      byAge[today - lastDay]!++;
    }
  }
  const returning: [day: number, n: number][] = [];
  if (byAge !== undefined) {
    for (let age = memoryDays; age > 0; age--) {
      if (byAge[age]! > 0) returning.push([today - age, byAge[age]!]);
    }
  }
  return { fresh, returning, touched: [...touched] };
}

function one(digests: readonly string[], lastDay: number | undefined, today: number): DistinctPeople {
  if (lastDay === undefined || lastDay < today - memoryDays)
    return { fresh: 1, returning: nobodyNew.returning, touched: digests };
  if (lastDay >= today) return nobodyNew;
  return { fresh: 0, returning: [[lastDay, 1]], touched: digests };
}
