/**
 * Reads the whole log back and says whether it holds together: each writer's numbers, each body, each digest
 * list, each charge and limit, recomputed from the entries alone and in one snapshot. Shares no code with
 * the writer but the arithmetic of meters. Goes on after a fault; memory does not grow with the log.
 * What it cannot show: docs/log-format.md.
 */
import { performance } from 'node:perf_hooks';
import type { EntryKind } from './entry.js';
import { Charges } from './verify-charges.js';
import { EntryRows, type EntryRow } from './verify-copy.js';
import { allRows, type ReadFacts } from './verify-facts.js';
import { entryName, Faults, type Fault } from './verify-faults.js';
import { fetchLists, listFault, subjectsOf, type FoundList, type Listed } from './verify-lists.js';
import { checkMeters, checkPolicies, checkStrayLists } from './verify-meters.js';
import { EntryReader } from './verify-quick.js';
import { LogSnapshot, type LogSource } from './verify-snapshot.js';
import { Writers, type WriterState } from './verify-writers.js';

export interface VerifyOptions {
  /** As the runtime role or the owner. Of a pool two connections are taken. */
  readonly source: LogSource;
  /** Time zone of writers whose opening entry is not read (`sinceMicros`). */
  readonly zone?: string | undefined;
  /** Default: the database's clock. For how long a token's meter must still be there. */
  readonly nowMicros?: number | undefined;
  /** Only entries from then on. Limits and people are then not recomputed, since what they rest on is not read. */
  readonly sinceMicros?: number | undefined;
  /** Also hold the digest lists against the entries, and the people charged against the lists. Default true. */
  readonly digestsToo?: boolean | undefined;
  /** How many faults are told in words; all are counted. Default 20. */
  readonly maxTold?: number | undefined;
  /** Pairs of meter and person that may be remembered (about 32 bytes each). Default 4,000,000; 0: none. */
  readonly maxPeople?: number | undefined;
  /** Called now and then with the number of entries read so far. */
  readonly onProgress?: ((entries: number) => void) | undefined;
}

export interface Verification {
  /** No fault was found. */
  readonly ok: boolean;
  readonly entries: number;
  readonly kinds: Readonly<Partial<Record<EntryKind, number>>>;
  readonly records: number;
  readonly writers: number;
  readonly meters: number;
  /** Digest lists that were hashed; undefined where they were left out. */
  readonly lists: number | undefined;
  readonly policySets: number;
  readonly firstAtMicros: number | undefined;
  readonly lastAtMicros: number | undefined;
  /** The first ones, in the order of the log. */
  readonly faults: readonly Fault[];
  readonly faultCount: number;
  /** What was not checked, or is worth knowing. */
  readonly notes: readonly string[];
  readonly seconds: number;
  readonly entriesPerSecond: number;
}

const chunkRows = 1_000;
const progressEvery = 50_000;

/** @throws whatever the driver throws where the database cannot be read */
export async function verifyLog(options: VerifyOptions): Promise<Verification> {
  const snapshot = await LogSnapshot.open(options.source);
  let failed = true;
  try {
    const verification = await new Verifier(snapshot, options).run();
    failed = false;
    return verification;
  } finally {
    await snapshot.close(failed);
  }
}

/** An entry whose own checks are done; its list and its charge are not. */
interface Checked extends Listed {
  readonly at: number;
  readonly actor: string | undefined;
  readonly state: WriterState;
  readonly position: number;
  /** Its body says what it is, so that the absence of a list means something. */
  readonly readable: boolean;
}

class Verifier {
  readonly #snapshot: LogSnapshot;
  readonly #options: VerifyOptions;
  readonly #digestsToo: boolean;
  readonly #maxTold: number;
  readonly #faults: Faults;
  readonly #writers: Writers;
  readonly #charges: Charges;
  readonly #reader = new EntryReader();
  readonly #kinds: Partial<Record<EntryKind, number>> = {};
  readonly #policies = new Map<string, { entry: string; position: number }>();
  #entries = 0;
  #records = 0;
  #lists = 0;
  #firstAt: number | undefined;
  #lastAt: number | undefined;

  constructor(snapshot: LogSnapshot, options: VerifyOptions) {
    const fromStart = options.sinceMicros === undefined;
    this.#snapshot = snapshot;
    this.#options = options;
    this.#digestsToo = options.digestsToo ?? true;
    this.#maxTold = options.maxTold ?? 20;
    this.#faults = new Faults(this.#maxTold);
    this.#writers = new Writers(this.#faults, fromStart, options.zone);
    this.#charges = new Charges(
      this.#faults,
      fromStart,
      this.#digestsToo ? (options.maxPeople ?? 4_000_000) : 0,
    );
  }

  async run(): Promise<Verification> {
    const { sinceMicros, onProgress } = this.#options;
    const started = performance.now();
    const since = sinceMicros === undefined ? '' : `WHERE at >= ${BigInt(sinceMicros)}`;
    const sql = `SELECT writer, number, at, actor_id, flagged, body FROM weir.entries ${since} ORDER BY at, writer, number`;
    const rows = new EntryRows();
    const chunks = this.#snapshot.copy(sql, chunkRows, (bytes, start) =>
      this.#checkEntry(rows.read(bytes, start)),
    );
    // The lists of one chunk are fetched while the bodies of the next are checked.
    let before: { checked: Checked[]; lists: Promise<(FoundList | undefined)[]> } | undefined;
    let told = 0;
    for await (const checked of chunks) {
      const lists = this.#digestsToo
        ? fetchLists(this.#snapshot, checked, this.#charges.needsSubjects)
        : Promise.resolve([]);
      lists.catch(() => undefined);
      if (before !== undefined) this.#checkReads(before.checked, await before.lists);
      before = { checked, lists };
      if (this.#entries - told >= progressEvery) onProgress?.((told = this.#entries));
    }
    if (before !== undefined) this.#checkReads(before.checked, await before.lists);
    this.#writers.finish();
    const { meters, notes } = await this.#checkBeside();
    return this.#conclude(meters, notes, (performance.now() - started) / 1000);
  }

  #checkEntry(row: EntryRow): Checked {
    const position = this.#entries++;
    const { number, at } = row;
    const writer = row.writer.text;
    this.#firstAt ??= at;
    this.#lastAt = at;
    const found = this.#reader.read(row);
    if (typeof found === 'string') {
      const state = this.#writers.take(writer, number, at, undefined, undefined, position);
      this.#faults.add(position, entryName(writer, number), 'body', found);
      return { writer, number, at, position, actor: undefined, read: undefined, state, readable: false };
    }
    const { kind, actor, policy, zone, read } = found;
    const state = this.#writers.take(writer, number, at, kind, zone, position);
    this.#kinds[kind] = (this.#kinds[kind] ?? 0) + 1;
    if (policy !== undefined && !this.#policies.has(policy)) {
      this.#policies.set(policy, { entry: entryName(writer, number), position });
    }
    return { writer, number, at, position, actor, read, state, readable: true };
  }

  #checkReads(checked: readonly Checked[], lists: readonly (FoundList | undefined)[]): void {
    for (let i = 0; i < checked.length; i++) {
      const entry = checked[i]!;
      const { read } = entry;
      const list = lists[i];
      if (list !== undefined) this.#lists++;
      let sound = this.#digestsToo && entry.readable;
      if (sound) {
        const fault = listFault(read, list);
        if (fault !== undefined) {
          sound = false;
          this.#faults.add(entry.position, entryName(entry.writer, entry.number), 'digests', fault);
        }
      }
      if (read === undefined) continue;
      this.#records += allRows(read);
      const subjects =
        sound && list !== undefined && this.#charges.needsSubjects ? subjectsOf(list) : undefined;
      this.#charges.take(entry as Checked & { read: ReadFacts }, entry.state.clock, subjects);
    }
  }

  async #checkBeside(): Promise<{ meters: number; notes: string[] }> {
    const fromStart = this.#options.sinceMicros === undefined;
    const { meters, notes } = await checkMeters(
      this.#snapshot,
      this.#charges,
      this.#writers,
      this.#faults,
      fromStart,
      this.#options.nowMicros,
    );
    await checkPolicies(this.#snapshot, this.#policies, this.#faults);
    if (!fromStart)
      notes.push(
        'only a part of the log was read: limits, people and digest lists without an entry were not checked',
      );
    else if (this.#digestsToo)
      await checkStrayLists(this.#snapshot, this.#lists, this.#faults, this.#maxTold);
    if (!this.#digestsToo)
      notes.push('digest lists were left out: neither their hashes nor the people charged were checked');
    const { peopleUpTo } = this.#charges;
    if (peopleUpTo !== undefined)
      notes.push(`people were recomputed up to ${peopleUpTo} only: more do not fit in memory`);
    return { meters, notes };
  }

  #conclude(meters: number, notes: string[], seconds: number): Verification {
    return {
      ok: this.#faults.count === 0,
      entries: this.#entries,
      kinds: this.#kinds,
      records: this.#records,
      writers: this.#writers.count,
      meters,
      lists: this.#digestsToo ? this.#lists : undefined,
      policySets: this.#policies.size,
      firstAtMicros: this.#firstAt,
      lastAtMicros: this.#lastAt,
      faults: this.#faults.list(),
      faultCount: this.#faults.count,
      notes,
      seconds,
      entriesPerSecond: Math.round(this.#entries / Math.max(seconds, 1e-9)),
    };
  }
}
