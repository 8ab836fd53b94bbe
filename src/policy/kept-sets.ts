/** Policy sets out of the record: read again by this version, and compared with the one in force. */
import { loosenings, type Loosening } from './compare.js';
import { PolicyFaults } from './faults.js';
import { loadKept, type LoadedPolicies } from './load.js';

export interface KeptSets {
  contentOf(digest: string): Promise<string | undefined>;
}

/** @throws PolicyFaults where this version no longer takes it */
export async function keptSet(record: KeptSets, digest: string): Promise<LoadedPolicies> {
  const content = await record.contentOf(digest);
  if (content === undefined) throw new Error('the record does not hold the set in force');
  return loadKept(digest, content);
}

/** What `loaded` shows or allows more than the set of this digest. */
export async function looserThan(
  record: KeptSets,
  digest: string,
  loaded: LoadedPolicies,
): Promise<readonly Loosening[]> {
  if (digest === loaded.set.digest) return [];
  try {
    return loosenings(await keptSet(record, digest), loaded);
  } catch (error) {
    if (!(error instanceof PolicyFaults)) throw error;
    const message = 'this version cannot read the set in force, so nothing can be compared with it';
    return [loaded.sources.catalog.fault([], 'key', message, 'have the whole set approved')];
  }
}
