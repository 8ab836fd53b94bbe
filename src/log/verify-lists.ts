/**
 * Fetches the digest lists that lie beside entries, many at a time, and holds them against the counts
 * and hashes in the entries. PostgreSQL hashes them where they lie, so that only a hash travels; the
 * subjects travel too where people are to be counted.
 */
import { digestBytes } from './digest.js';
import type { LogSnapshot } from './verify-snapshot.js';
import type { ReadFacts } from './verify-facts.js';

/** Subjects of one read: hexadecimal text from `start` to the end of `text`. */
export interface Subjects {
  readonly text: string;
  readonly start: number;
}

/** An entry of a chunk; `read` undefined where it is no read or cannot be read. */
export interface Listed {
  readonly writer: string;
  readonly number: number;
  readonly read: ReadFacts | undefined;
}

/** SHA-256 of nothing: what an entry without records holds. */
const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const maxRecordsAtOnce = 50_000;
const hashLength = 64;
const numberStart = hashLength + 1;

const sql = (withSubjects: boolean): string => `
  SELECT (SELECT string_agg(concat_ws(' ', encode(sha256(d.records || d.subjects), 'hex'), d.number, octet_length(d.records),
                                      octet_length(d.subjects)${withSubjects ? `, encode(d.subjects, 'hex')` : ''}), ',')
            FROM weir.read_digests AS d WHERE d.writer = run.writer AND d.number BETWEEN run.low AND run.high)
    FROM unnest($1::uuid[], $2::int8[], $3::int8[]) WITH ORDINALITY AS run(writer, low, high, i) ORDER BY run.i`;

/** @returns for each entry the list beside it, undefined where there is none: "hash number recordBytes subjectBytes[ subjects]" */
export async function fetchLists(
  snapshot: LogSnapshot,
  entries: readonly Listed[],
  withSubjects: boolean,
): Promise<(string | undefined)[]> {
  const lists = new Array<string | undefined>(entries.length);
  for (const runs of portions(runsOf(entries))) {
    const values = [
      runs.map(({ writer }) => writer),
      runs.map(({ low }) => low),
      runs.map(({ high }) => high),
    ];
    const rows = await snapshot.ask<[string | null]>(
      sql(withSubjects),
      values,
      withSubjects ? 'weir_subjects' : 'weir_lists',
    );
    rows.forEach(([found], i) => {
      if (found === null) return;
      const { low, places } = runs[i]!;
      for (const list of found.split(',')) lists[places[numberAt(list, numberStart) - low]!] = list;
    });
  }
  return lists;
}

/** @returns what is wrong with the list beside an entry */
export function listFault(read: ReadFacts | undefined, list: string | undefined): string | undefined {
  const records = read?.records ?? 0;
  if (records === 0) {
    if (list !== undefined) return 'a digest list lies beside it, though it read nothing';
    if (read === undefined || read.digests === emptyHash) return undefined;
    return 'its "read.digests" is not the hash of nothing, though it read nothing';
  }
  if (list === undefined) return 'its digest list is missing';
  if (list.slice(0, hashLength) !== read!.digests) return 'its digest list has another SHA-256 than it says';
  const bytes = records * digestBytes;
  const start = list.indexOf(' ', numberStart) + 1;
  const sound = numberAt(list, start) === bytes && numberAt(list, list.indexOf(' ', start) + 1) === bytes;
  return sound ? undefined : 'its digest list holds another number of records than it says';
}

/** @returns where the subjects stand in a list, as far as they were fetched */
export function subjectsOf(list: string): Subjects | undefined {
  let space = hashLength;
  for (let column = 0; column < 3 && space > 0; column++) space = list.indexOf(' ', space + 1);
  return space > 0 ? { text: list, start: space + 1 } : undefined;
}

interface Run {
  readonly writer: string;
  readonly low: number;
  high: number;
  records: number;
  /** Index of each entry, from `low` on. */
  readonly places: number[];
}

/** Stretches of consecutive numbers of one writer: one range scan each, and never more than the entries at hand. */
function runsOf(entries: readonly Listed[]): Run[] {
  const runs: Run[] = [];
  const open = new Map<string, Run>();
  entries.forEach(({ writer, number, read }, place) => {
    const records = read?.records ?? 0;
    let run = open.get(writer);
    if (run === undefined || number !== run.high + 1 || run.records + records > maxRecordsAtOnce) {
      run = { writer, low: number, high: number, records: 0, places: [] };
      open.set(writer, run);
      runs.push(run);
    }
    run.high = number;
    run.records += records;
    run.places.push(place);
  });
  return runs;
}

/** Runs that are asked for together. */
function* portions(runs: readonly Run[]): Generator<Run[], void, void> {
  let portion: Run[] = [];
  let records = 0;
  for (const run of runs) {
    if (portion.length > 0 && records + run.records > maxRecordsAtOnce) {
      yield portion;
      portion = [];
      records = 0;
    }
    portion.push(run);
    records += run.records;
  }
  if (portion.length > 0) yield portion;
}

/** The whole number that begins there. */
function numberAt(text: string, start: number): number {
  let value = 0;
  for (let at = start; ; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (!(digit >= 0 && digit <= 9)) return value;
    value = value * 10 + digit;
  }
}
