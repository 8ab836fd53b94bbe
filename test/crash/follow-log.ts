/**
 * Reads what is new on the log since the last look, past every fault, and holds it against itself: numbers
 * without a gap, charges that follow one another and add up to what the meters hold, people counted once a
 * day. Written from docs/log-format.md, without the verifier of src/log: two that agree are worth more than one.
 */
import type pg from 'pg';
import { withClient } from '../../src/demo/databases.js';
import { digestBytes } from '../../src/log/digest.js';
import type { EntryBody } from '../../src/log/entry.js';
import { counts, type Count } from '../../src/policy/model.js';
import { Meter } from '../../src/quota/meter.js';

export interface LoggedEntry {
  readonly name: string;
  readonly body: EntryBody;
  /** Digests, hex, one a row. */
  readonly records: readonly string[];
  readonly subjects: readonly string[];
}

export interface News {
  readonly entries: readonly LoggedEntry[];
  /** actor id → the person's name at the issuer. */
  readonly persons: ReadonlyMap<string, string>;
  /** What is wrong, in words, with the entry. */
  readonly faults: readonly string[];
}

interface WriterState {
  number: number;
  at: number;
}

interface MeterState {
  sequence: number;
  at: number;
  /** Records paid for with what was sent, that no answer has shown. */
  reserved: number;
  /** Sums by day and count. */
  readonly days: Map<number, Map<string, number>>;
  /** Subject digest → last day. */
  readonly seen: Map<string, number>;
}

interface EntryRow {
  readonly writer: string;
  readonly number: string;
  readonly at: string;
  readonly actor_id: string | null;
  readonly body: string;
  readonly records: Buffer | null;
  readonly subjects: Buffer | null;
}

/** Only people in memory for 30 days count as returning; runs are shorter. */
const noPerson = '0'.repeat(digestBytes * 2);

const newEntries = `
  SELECT e.writer, e.number, e.at, e.actor_id, e.body, d.records, d.subjects
    FROM unnest($1::uuid[], $2::int8[]) AS known(writer, number)
   CROSS JOIN LATERAL (SELECT * FROM weir.entries AS n WHERE n.writer = known.writer AND n.number > known.number) AS e
    LEFT JOIN weir.read_digests AS d ON d.writer = e.writer AND d.number = e.number
   ORDER BY e.writer, e.number`;

export class LogFollower {
  readonly #url: string;
  readonly #writers = new Map<string, WriterState>();
  readonly #meters = new Map<string, MeterState>();
  #entries = 0;

  /** @param url of the gateway's own database, as superuser */
  constructor(url: string) {
    this.#url = url;
  }

  get entries(): number {
    return this.#entries;
  }

  get writers(): number {
    return this.#writers.size;
  }

  async readNews(): Promise<News> {
    return withClient(this.#url, async (client) => {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const faults: string[] = [];
      const { rows: writers } = await client.query<{ writer: string }>(
        `SELECT substr(key, 8) AS writer FROM weir.meters WHERE key LIKE 'writer:%'`,
      );
      for (const { writer } of writers) {
        if (!this.#writers.has(writer)) this.#writers.set(writer, { number: 0, at: 0 });
      }
      const known = [...this.#writers];
      const { rows } = await client.query<EntryRow>(newEntries, [
        known.map(([writer]) => writer),
        known.map(([, { number }]) => number),
      ]);
      const entries = rows.map((row) => this.#takeNumber(row, faults));
      this.#entries += entries.length;
      await this.#countAll(client, faults);

      const touched = new Set<string>();
      for (const entry of [...entries].sort((a, b) => a.body.at - b.body.at)) {
        if (entry.body.charge === undefined) continue;
        touched.add(entry.body.charge.meter);
        this.#takeCharge(entry, faults);
      }
      await this.#holdAgainstMeters(client, [...touched], faults);
      const persons = await client.query<{ actor_id: string; subject: string }>(
        'SELECT actor_id, subject FROM weir.actors',
      );
      return {
        entries,
        persons: new Map(persons.rows.map(({ actor_id, subject }) => [actor_id, subject])),
        faults,
      };
    });
  }

  #takeNumber(row: EntryRow, faults: string[]): LoggedEntry {
    const number = Number(row.number);
    const name = `${row.writer}/${row.number}`;
    const body = JSON.parse(row.body) as EntryBody;
    const state = this.#writers.get(row.writer)!;
    if (number !== state.number + 1)
      faults.push(`${name}: a gap, the writer's entry before it is ${state.number}`);
    if (Number(row.at) <= state.at)
      faults.push(`${name}: its time does not follow that of the entry before it`);
    if (body.number !== number || body.writer !== row.writer || body.at !== Number(row.at)) {
      faults.push(`${name}: its columns differ from its body`);
    }
    if ((body.actor ?? null) !== row.actor_id) faults.push(`${name}: its actor differs from its body`);
    state.number = number;
    state.at = Number(row.at);
    const records = digestsIn(row.records);
    const left = body.read ?? body.write ?? body.fill;
    const inside = (body.read?.also ?? []).reduce((sum, [, , n]) => sum + n, 0);
    if (records.length !== (left?.records ?? 0) + inside)
      faults.push(`${name}: it lists other records than it counts`);
    return { name, body, records, subjects: digestsIn(row.subjects) };
  }

  /** Nothing is on the log that no known writer wrote, and nothing has gone since. */
  async #countAll(client: pg.Client, faults: string[]): Promise<void> {
    const { rows } = await client.query<{ n: number }>('SELECT count(*)::int AS n FROM weir.entries');
    if (rows[0]?.n !== this.#entries)
      faults.push(`the log holds ${rows[0]?.n} entries, ${this.#entries} were read`);
  }

  #takeCharge({ name, body, subjects }: LoggedEntry, faults: string[]): void {
    const { meter: key, sequence, day, amounts } = body.charge!;
    let meter = this.#meters.get(key);
    if (meter === undefined)
      this.#meters.set(key, (meter = { sequence: 0, at: 0, reserved: 0, days: new Map(), seen: new Map() }));
    if (key !== `actor:${body.actor}`) faults.push(`${name}: it charges the meter of somebody else`);
    if (sequence !== meter.sequence + 1) {
      faults.push(`${name}: charge ${sequence} of its meter, but ${meter.sequence} came before it`);
    }
    meter.sequence = sequence;
    meter.at = body.at;
    let sums = meter.days.get(day);
    if (sums === undefined) meter.days.set(day, (sums = new Map()));
    for (const [count, amount] of Object.entries(amounts)) {
      const units = count === 'people' ? unitsOf(amount as PeopleAmount) : (amount as number);
      sums.set(count, (sums.get(count) ?? 0) + units);
    }
    const charged = amounts['people'] === undefined ? 0 : unitsOf(amounts['people'] as PeopleAmount);
    // A record may have been paid for with the write that its answer follows.
    const { reserved = 0 } = body.read ?? {};
    meter.reserved += ((body.write ?? body.fill)?.reserves ?? 0) - reserved;
    if (meter.reserved < 0) faults.push(`${name}: it has records paid for that nobody paid for`);
    const shown = amounts['records'] === undefined && reserved === 0 ? [] : subjects;
    const fresh = new Set(shown.filter((digest) => digest !== noPerson && meter.seen.get(digest) !== day));
    for (const digest of fresh) meter.seen.set(digest, day);
    if (fresh.size !== charged) {
      faults.push(
        `${name}: it charges ${charged} people, but shows ${fresh.size} whom its meter had not met that day`,
      );
    }
  }

  /** Charges in meters equal the sum of the entries' charges. */
  async #holdAgainstMeters(client: pg.Client, keys: readonly string[], faults: string[]): Promise<void> {
    const { rows } = await client.query<{ key: string; state: Buffer | null }>(
      'SELECT key, state FROM weir.meters WHERE key = ANY($1)',
      [keys],
    );
    const stored = new Map(rows.map(({ key, state }) => [key, Meter.decode(state)]));
    for (const key of keys) {
      const meter = stored.get(key);
      const expected = this.#meters.get(key)!;
      if (meter === undefined) {
        faults.push(`the meter ${key} is not there`);
        continue;
      }
      if (meter.sequence !== expected.sequence || meter.lastMicros !== expected.at) {
        faults.push(
          `the meter ${key} stands at charge ${meter.sequence}, its last entry at ${expected.sequence}`,
        );
      }
      const instant = { micros: meter.lastMicros, day: meter.lastDay };
      for (const count of counts) {
        const sum = expected.days.get(meter.lastDay)?.get(count) ?? 0;
        const used = meter.used(count satisfies Count, 'day', instant);
        if (used !== sum) faults.push(`the meter ${key} holds ${used} ${count} today, its entries ${sum}`);
      }
    }
  }
}

/** [fresh, [day, n], …] */
type PeopleAmount = readonly [number, ...(readonly [number, number])[]];

function unitsOf([fresh, ...returning]: PeopleAmount): number {
  return returning.reduce((sum, [, n]) => sum + n, fresh);
}

function digestsIn(list: Buffer | null): string[] {
  const digests: string[] = [];
  for (let at = 0; list !== null && at < list.length; at += digestBytes) {
    digests.push(list.toString('hex', at, at + digestBytes));
  }
  return digests;
}
