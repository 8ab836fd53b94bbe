/**
 * What is stored beside the log, held against it once the log is read: meters (a tail that was cut off
 * shows here), writers, policy sets, digest lists without an entry. Same snapshot as the entries.
 */
import { Meter } from '../quota/meter.js';
import { droppedAfterMicros, isToken, type Charges } from './verify-charges.js';
import { entryName, type Faults } from './verify-faults.js';
import type { LogSnapshot } from './verify-snapshot.js';
import type { Writers } from './verify-writers.js';

const chunkRows = 1_000;
const writerPrefix = 'writer:';
/** After every entry. */
const atEnd = Infinity;

/**
 * @param fromStart every charge is known, so that a meter must hold exactly what they add up to
 * @returns how many meters there are, and what is worth saying without being a fault
 */
export async function checkMeters(
  snapshot: LogSnapshot,
  charges: Charges,
  writers: Writers,
  faults: Faults,
  fromStart: boolean,
  nowMicros: number | undefined,
): Promise<{ meters: number; notes: string[] }> {
  const unseen = new Set(charges.accounts.keys());
  const enteredWriters = new Set<string>();
  const notes: string[] = [];
  let meters = 0;
  const rows = snapshot.stream<[string, string | null]>(
    'SELECT key, state FROM weir.meters ORDER BY meter_id',
    [],
    chunkRows,
  );
  for await (const chunk of rows) {
    for (const [key, state] of chunk) {
      if (key.startsWith(writerPrefix)) {
        enteredWriters.add(key.slice(writerPrefix.length));
        continue;
      }
      meters++;
      unseen.delete(key);
      checkMeter(key, state, charges, faults, fromStart);
    }
  }
  const dropped = (nowMicros ?? (await clockOf(snapshot))) - droppedAfterMicros;
  for (const key of unseen) {
    const { writer, number, at } = charges.accounts.get(key)!;
    // Charged later, it cannot have been dropped yet.
    if (isToken(key) && at < dropped) continue;
    faults.add(
      atEnd,
      entryName(writer, number),
      'meter',
      `it charges the meter of ${key}, which is not stored`,
    );
  }
  for (const writer of writers.names()) {
    if (!enteredWriters.delete(writer))
      faults.add(
        atEnd,
        entryName(writer, 1),
        'order',
        'its writer was never entered among the meters, as each is before it begins',
      );
  }
  if (fromStart && enteredWriters.size > 0) {
    notes.push(
      `${enteredWriters.size} writer(s) left no entry: ended before the first one, or all of theirs were removed (${[...enteredWriters].slice(0, 3).join(', ')})`,
    );
  }
  return { meters, notes };
}

async function clockOf(snapshot: LogSnapshot): Promise<number> {
  const sql = 'SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8';
  const [[now]] = (await snapshot.ask<[string]>(sql, [])) as [[string]];
  return Number(now);
}

function checkMeter(
  key: string,
  state: string | null,
  charges: Charges,
  faults: Faults,
  fromStart: boolean,
): void {
  const account = charges.accounts.get(key);
  const last = account === undefined ? undefined : entryName(account.writer, account.number);
  let stored: Meter;
  try {
    stored = Meter.decode(state === null ? null : Buffer.from(state.slice(2), 'hex'));
  } catch {
    faults.add(atEnd, last, 'meter', `the stored meter of ${key} is damaged`);
    return;
  }
  if (account === undefined) {
    if (fromStart && stored.sequence > 0) {
      faults.add(
        atEnd,
        undefined,
        'meter',
        `the meter of ${key} says ${stored.sequence} charges, the log holds none: entries are missing`,
      );
    }
    return;
  }
  if (stored.sequence > account.sequence) {
    const what = `it is the last charge of ${key} on the log, number ${account.sequence}; the stored meter says ${stored.sequence} charges: what came after it is missing`;
    faults.add(atEnd, last, 'meter', what);
  } else if (stored.sequence < account.sequence) {
    faults.add(
      atEnd,
      last,
      'meter',
      `it is charge ${account.sequence} of ${key}; the stored meter says only ${stored.sequence} charges`,
    );
  } else if (fromStart && account.sound && state !== null) {
    // The same charges give the same bytes: this tells of amounts that nothing else contradicts.
    const replayed = charges.meter(key);
    if (replayed !== undefined && !replayed.encodeCounts().equals(stored.encodeCounts())) {
      faults.add(
        atEnd,
        last,
        'meter',
        `the stored meter of ${key} holds other amounts than its charges add up to, of which this is the last`,
      );
    }
  }
}

/** @param named policy set → the first entry that names it */
export async function checkPolicies(
  snapshot: LogSnapshot,
  named: ReadonlyMap<string, { readonly entry: string; readonly position: number }>,
  faults: Faults,
): Promise<void> {
  const bad = await snapshot.ask<[string, string | null]>(
    `SELECT named.digest, s.digest FROM unnest($1::text[]) AS named(digest) LEFT JOIN weir.policy_sets AS s USING (digest)
      WHERE s.digest IS NULL OR encode(sha256(convert_to(s.content, 'UTF8')), 'hex') <> s.digest`,
    [[...named.keys()]],
  );
  for (const [digest, kept] of bad) {
    const { entry, position } = named.get(digest)!;
    const what = kept === null ? 'is not kept' : 'is not kept as it was: its content has another SHA-256';
    faults.add(position, entry, 'policy', `the policy set that it names ${what}`);
  }
}

/** @param matched lists that lie beside an entry that was read @returns how many lists there are */
export async function checkStrayLists(
  snapshot: LogSnapshot,
  matched: number,
  faults: Faults,
  most: number,
): Promise<number> {
  const [[count]] = (await snapshot.ask<[string]>('SELECT count(*) FROM weir.read_digests', [])) as [
    [string],
  ];
  if (Number(count) === matched) return matched;
  const strays = await snapshot.ask<[string, string, string]>(
    `SELECT d.writer, d.number, count(*) OVER () FROM weir.read_digests AS d
      WHERE NOT EXISTS (SELECT FROM weir.entries AS e WHERE e.writer = d.writer AND e.number = d.number)
      ORDER BY d.writer, d.number LIMIT $1`,
    [most],
  );
  for (const [writer, number] of strays)
    faults.add(
      atEnd,
      entryName(writer, number),
      'digests',
      'its digest list lies there, but the entry does not',
    );
  const untold = Number(strays[0]?.[2] ?? 0) - strays.length;
  for (let i = 0; i < untold; i++)
    faults.add(atEnd, undefined, 'digests', 'a digest list lies there without its entry');
  return Number(count);
}
