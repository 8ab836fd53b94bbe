/**
 * Fetches the digest lists that lie beside entries, many at a time, and holds them against the counts
 * and hashes in the entries. PostgreSQL hashes them where they lie, so that only a hash travels; the
 * subjects travel too where people are to be counted.
 */
import { digestBytes } from './digest.js';
import type { LogSnapshot } from './verify-snapshot.js';
import { allRows, type ReadFacts } from './verify-facts.js';

/** Subjects of one read: hexadecimal text, 16 digits each. */
export interface Subjects {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The list beside one entry, in the answer for its run: hexadecimal text in which `start` is known. */
export interface FoundList {
  readonly text: string;
  readonly start: number;
  readonly end: number;
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

/** One list in an answer: SHA-256, number, bytes of records, of subjects, of what follows; then that. In hexadecimal digits. */
const hashDigits = 64;
const numberAt = hashDigits;
const recordsAt = numberAt + 16;
const subjectsAt = recordsAt + 8;
const restAt = subjectsAt + 8;
const headDigits = restAt + 8;

const sql = (withSubjects: boolean): string => `
  SELECT (SELECT string_agg(sha256(d.records || d.subjects) || int8send(d.number) || int4send(octet_length(d.records))
                            || int4send(octet_length(d.subjects)) || ${withSubjects ? 'int4send(octet_length(d.subjects)) || d.subjects' : 'int4send(0)'}, ''::bytea)
            FROM weir.read_digests AS d WHERE d.writer = run.writer AND d.number BETWEEN run.low AND run.high)
    FROM unnest($1::uuid[], $2::int8[], $3::int8[]) WITH ORDINALITY AS run(writer, low, high, i) ORDER BY run.i`;

/** @returns for each entry the list beside it, undefined where there is none */
export async function fetchLists(
  snapshot: LogSnapshot,
  entries: readonly Listed[],
  withSubjects: boolean,
): Promise<(FoundList | undefined)[]> {
  const lists = new Array<FoundList | undefined>(entries.length);
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
    rows.forEach(([text], i) => {
      if (text === null) return;
      const { low, places } = runs[i]!;
      // PostgreSQL writes bytea as \x and digits.
      for (let start = 2; start < text.length;) {
        const end = start + headDigits + 2 * hexNumber(text, start + restAt, 8);
        lists[places[hexNumber(text, start + numberAt, 16) - low]!] = { text, start, end };
        start = end;
      }
    });
  }
  return lists;
}

/** @returns what is wrong with the list beside an entry */
export function listFault(read: ReadFacts | undefined, list: FoundList | undefined): string | undefined {
  const records = read === undefined ? 0 : allRows(read);
  if (records === 0) {
    if (list !== undefined) return 'a digest list lies beside it, though it read nothing';
    if (read === undefined || read.digests === emptyHash) return undefined;
    return 'its "read.digests" is not the hash of nothing, though it read nothing';
  }
  if (list === undefined) return 'its digest list is missing';
  const { text, start } = list;
  if (text.slice(start, start + hashDigits) !== read!.digests)
    return 'its digest list has another SHA-256 than it says';
  const bytes = records * digestBytes;
  const sound =
    hexNumber(text, start + recordsAt, 8) === bytes && hexNumber(text, start + subjectsAt, 8) === bytes;
  return sound ? undefined : 'its digest list holds another number of records than it says';
}

/** @returns the subjects of a list that was fetched with them */
export function subjectsOf({ text, start, end }: FoundList): Subjects | undefined {
  return end > start + headDigits ? { text, start: start + headDigits, end } : undefined;
}

/**
 * Of the tables whose rows are charged: those of the others show nobody.
 * @param charged rows of the table itself are charged
 */
export function chargedSubjects(subjects: Subjects, read: ReadFacts, charged: boolean): Subjects {
  if (read.also === undefined) return subjects;
  const parts: string[] = [];
  let at = subjects.start;
  for (const { records, personal } of [{ records: read.records, personal: charged }, ...read.also]) {
    const end = at + 2 * digestBytes * records;
    if (personal) parts.push(subjects.text.slice(at, end));
    at = end;
  }
  const text = parts.join('');
  return { text, start: 0, end: text.length };
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
    const records = read === undefined ? 0 : allRows(read);
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

function hexNumber(text: string, start: number, digits: number): number {
  let value = 0;
  for (let at = start; at < start + digits; at++) {
    const code = text.charCodeAt(at);
    value = value * 16 + (code < 0x3a ? code - 0x30 : code - 0x57);
  }
  return value;
}
