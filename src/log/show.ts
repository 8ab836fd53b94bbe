/**
 * Reads entries back for people: who, when, through what, which columns in which form, how many records.
 * "Who has read order X?" is one question here: the order's key becomes its digest, and the lists that
 * lie beside the entries are searched for it. Newest first, and never more in memory than one chunk.
 */
import type { Pool } from 'pg';
import type { Door } from '../access.js';
import { digestBytes, peopleSpace, type Digester } from './digest.js';
import type { EntryBody, EntryKind } from './entry.js';
import { leavingOf, readEntry } from './read-entry.js';
import { connect, hangUp, streamRows } from './verify-snapshot.js';

export interface ShowFilter {
  /** Only entries of these people; see findPeople. */
  readonly actorIds?: readonly string[] | undefined;
  /** Only reads that released this record. `key` is the record's key as PostgreSQL writes it as text. */
  readonly record?: { readonly table: string; readonly key: string } | undefined;
  /** Only reads that released a record about this person (the subject of the catalogue, a customer). */
  readonly subject?: string | undefined;
  readonly sinceMicros?: number | undefined;
  readonly untilMicros?: number | undefined;
  readonly door?: Door | undefined;
  readonly kind?: EntryKind | undefined;
  readonly table?: string | undefined;
  readonly reason?: string | undefined;
  readonly ticket?: string | undefined;
  /** Only what became of this request. */
  readonly request?: string | undefined;
  /** Entries at the most. */
  readonly limit?: number | undefined;
}

export interface ShownEntry {
  /** "writer/number": where it stands on the log. */
  readonly entry: string;
  readonly atMicros: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Undefined where the body cannot be read; then `fault` says why. */
  readonly kind: EntryKind | undefined;
  readonly fault: string | undefined;
  readonly actorId: string | undefined;
  /** Undefined once the person's row is erased, as are the next two. */
  readonly person: string | undefined;
  readonly issuer: string | undefined;
  readonly displayName: string | undefined;
  readonly tool: string | undefined;
  readonly act: string | undefined;
  readonly role: string | undefined;
  readonly door: string | undefined;
  readonly route: string | undefined;
  readonly request: string | undefined;
  readonly statement: string | undefined;
  readonly reason: string | undefined;
  readonly ticket: string | undefined;
  readonly table: string | undefined;
  /** Columns that were released, and in which form. */
  readonly columns: Readonly<Record<string, string>> | undefined;
  /** The service that got them in a request which the gateway filled; the caller did not. */
  readonly filled: string | undefined;
  /** Of a write: the service that it went to, and the fields that its body names. */
  readonly written: { readonly service: string; readonly body: readonly string[] } | undefined;
  /** Rows of this part of the read. */
  readonly records: number | undefined;
  readonly part: number | undefined;
  /** Tables that came inside the rows, each as often as it was embedded. */
  readonly also: readonly ShownTable[] | undefined;
  /** What it was charged to: the actor's meter, then those of its tool and its token. */
  readonly meters: readonly string[] | undefined;
  /** forwarded: a write was, and what of it was shown to the caller is the next part of the request. */
  readonly outcome: 'released' | 'forwarded' | 'refused' | 'noted';
  readonly error: string | undefined;
  /** The limit that refused it. */
  readonly limit: string | undefined;
  readonly flags: readonly { readonly rule: string; readonly value: number; readonly threshold: number }[];
}

export interface ShownTable {
  readonly table: string;
  readonly columns: Readonly<Record<string, string>>;
  readonly records: number;
}

export interface FoundPerson {
  readonly actorId: string;
  readonly issuer: string;
  readonly kind: string;
  readonly subject: string;
  readonly displayName: string | undefined;
}

/**
 * People (and services) of that subject, display name or actor id. Nobody: an empty list; several where
 * issuers share a name.
 */
export async function findPeople(pool: Pool, person: string, issuer?: string): Promise<FoundPerson[]> {
  const { rows } = await pool.query<FoundPerson & { displayName: string | null }>(
    `SELECT actor_id::text AS "actorId", issuer, kind, subject, display_name AS "displayName" FROM weir.actors
      WHERE (subject = $1 OR display_name = $1 OR actor_id::text = lower($1)) AND ($2::text IS NULL OR issuer = $2)
      ORDER BY first_seen, actor_id`,
    [person, issuer ?? null],
  );
  return rows.map((row) => ({ ...row, displayName: row.displayName ?? undefined }));
}

const chunkRows = 200;

/**
 * @param digesters one for each epoch whose key is known; a read of another epoch is not found by record or subject
 * @throws whatever the driver throws where the database cannot be read
 */
export async function* showLog(
  pool: Pool,
  digesters: readonly Digester[],
  filter: ShowFilter,
): AsyncGenerator<ShownEntry, void, void> {
  const client = await connect({ pool });
  let failed = false;
  try {
    await client.query('BEGIN TRANSACTION READ ONLY');
    const { sql, values, wanted } = compose(filter, digesters);
    await client.query(wanted.length === 0 ? alongTheIndex : fromTheLists);
    let left = filter.limit ?? Infinity;
    for await (const rows of streamRows<Row>(client, sql, values, Math.min(chunkRows, left))) {
      for (const row of rows) {
        if (!matches(row, filter, wanted)) continue;
        yield shownFrom(row);
        if (--left <= 0) return;
      }
    }
  } catch (error) {
    failed = true;
    throw error;
  } finally {
    await hangUp(client, failed);
  }
}

/** Newest first by the index: the planner, who knows of no limit, would sort the whole log. */
const alongTheIndex = 'SET LOCAL enable_sort = off';
/** From the few lists that match to their entries: the planner cannot know that they are few. */
const fromTheLists = 'SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off';

/** writer, number, at, actor_id, body, issuer, subject, display name; then records and subjects as \x… */
type Row = readonly [
  string,
  string,
  string,
  string | null,
  string,
  string | null,
  string | null,
  string | null,
  string?,
  string?,
];

/** One thing that is looked for in the lists: its digest in each known epoch, hex. */
interface Wanted {
  readonly list: 'records' | 'subjects';
  readonly byEpoch: ReadonlyMap<string, string>;
}

function compose(
  filter: ShowFilter,
  digesters: readonly Digester[],
): { sql: string; values: unknown[]; wanted: Wanted[] } {
  const values: unknown[] = [];
  const given = (value: unknown): string => `$${values.push(value)}`;
  const wanted = wantedOf(filter, digesters);
  // An aligned match is looked for afterwards; this lets pass whatever could be one.
  const hits = wanted.map(({ list, byEpoch }) => {
    const digests = [...byEpoch.values()].map(
      (hex) => `position(decode(${given(hex)}, 'hex') IN ${list}) > 0`,
    );
    return digests.length === 0 ? 'false' : `(${digests.join(' OR ')})`;
  });
  const conditions: string[] = [];
  const { actorIds, sinceMicros, untilMicros } = filter;
  if (actorIds !== undefined) conditions.push(`e.actor_id = ANY(${given(actorIds)}::uuid[])`);
  if (sinceMicros !== undefined) conditions.push(`e.at >= ${given(sinceMicros)}`);
  if (untilMicros !== undefined) conditions.push(`e.at < ${given(untilMicros)}`);
  // Bodies are canonical JSON, so what is wanted must stand in them like this. Looked at once more when parsed.
  for (const member of ['door', 'kind', 'reason', 'ticket', 'request'] as const) {
    const value = filter[member];
    if (value !== undefined)
      conditions.push(`position(${given(`"${member}":${JSON.stringify(value)}`)} IN e.body) > 0`);
  }
  if (filter.table !== undefined) {
    const name = JSON.stringify(filter.table);
    const written = [`"table":${name}`, `[${name},{`].map((text) => `position(${given(text)} IN e.body) > 0`);
    conditions.push(`(${written.join(' OR ')})`);
  }
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const columns = 'e.writer, e.number, e.at, e.actor_id, e.body, a.issuer, a.subject, a.display_name';
  const order = 'ORDER BY e.at DESC, e.writer, e.number';
  const sql =
    wanted.length === 0
      ? `SELECT ${columns} FROM weir.entries AS e LEFT JOIN weir.actors AS a USING (actor_id) ${where} ${order}`
      : `WITH hits AS MATERIALIZED (SELECT * FROM weir.read_digests WHERE ${hits.join(' AND ')})
         SELECT ${columns}, hits.records, hits.subjects
           FROM hits JOIN weir.entries AS e USING (writer, number) LEFT JOIN weir.actors AS a USING (actor_id) ${where} ${order}`;
  return { sql, values, wanted };
}

function wantedOf({ record, subject }: ShowFilter, digesters: readonly Digester[]): Wanted[] {
  const digests = (digest: (digester: Digester) => Buffer): Map<string, string> =>
    new Map(digesters.map((digester) => [digester.epoch, digest(digester).toString('hex')]));
  const wanted: Wanted[] = [];
  if (record !== undefined) {
    wanted.push({
      list: 'records',
      byEpoch: digests((digester) => digester.digest(record.table, 'record', [record.key])),
    });
  }
  if (subject !== undefined) {
    wanted.push({
      list: 'subjects',
      byEpoch: digests((digester) => digester.digest(peopleSpace, 'person', [subject])),
    });
  }
  return wanted;
}

function matches(row: Row, filter: ShowFilter, wanted: readonly Wanted[]): boolean {
  const { door, kind, table, reason, ticket, request, record } = filter;
  const members = [door, kind, table, reason, ticket, request];
  if (members.every((member) => member === undefined) && wanted.length === 0) return true;
  const body = readEntry(row[4]);
  // Nobody knows what it was, so it is not left out.
  if (typeof body === 'string') return true;
  if (door !== undefined && body.door !== door) return false;
  if (kind !== undefined && body.kind !== kind) return false;
  const left = leavingOf(body);
  if (table !== undefined && segmentsOf(left, table).length === 0) return false;
  if (reason !== undefined && body.reason !== reason) return false;
  if (ticket !== undefined && body.ticket !== ticket) return false;
  if (request !== undefined && body.request !== request) return false;
  return wanted.every(({ list, byEpoch }) => {
    const digest = byEpoch.get(left?.epoch ?? '');
    if (digest === undefined) return false;
    // A person is the same in every table; a record is one of its own.
    if (list === 'subjects') return holds(row[9] ?? '', digest, 0, Infinity);
    return segmentsOf(left, record?.table).some(([from, to]) => holds(row[8] ?? '', digest, from, to));
  });
}

/** Where the digests of a table lie in the lists of what left, as numbers of rows: from, and up to. The last table has all that is left. */
function segmentsOf(
  left: ReturnType<typeof leavingOf>,
  wanted: string | undefined,
): (readonly [number, number])[] {
  if (left === undefined) return [];
  let end = 0;
  const inside = ('also' in left && left.also) || [];
  const tables = [[left.table, left.records], ...inside.map(([name, , n]) => [name, n])] as const;
  return tables.flatMap(([name, records], i) => {
    const from = end;
    end = i === tables.length - 1 ? Infinity : end + Number(records);
    return name === wanted ? [[from, end] as const] : [];
  });
}

/** @param list as PostgreSQL writes bytea: \x and hexadecimal digits */
function holds(list: string, digest: string, from: number, to: number): boolean {
  const digits = digestBytes * 2;
  const start = 2 + from * digits;
  for (let at = list.indexOf(digest, start); at >= 0; at = list.indexOf(digest, at + 1)) {
    if (at >= 2 + to * digits) return false;
    if ((at - 2) % digits === 0) return true;
  }
  return false;
}

const outcomes: Readonly<Partial<Record<EntryKind, ShownEntry['outcome']>>> = {
  read: 'released',
  fill: 'released',
  write: 'forwarded',
  refusal: 'refused',
};

function shownFrom([writer, number, at, actorId, text, issuer, subject, displayName]: Row): ShownEntry {
  const read = readEntry(text);
  const [body, fault]: [Partial<EntryBody>, string?] = typeof read === 'string' ? [{}, read] : [read];
  const left = leavingOf(body as EntryBody);
  return {
    entry: `${writer}/${number}`,
    atMicros: Number(at),
    at: new Date(Number(at) / 1000).toISOString(),
    kind: body.kind,
    fault,
    actorId: actorId ?? undefined,
    person: subject ?? undefined,
    issuer: issuer ?? undefined,
    displayName: displayName ?? undefined,
    tool: body.tool,
    act: body.act,
    role: body.role,
    door: body.door,
    route: body.route,
    request: body.request,
    statement: body.statement,
    reason: body.reason,
    ticket: body.ticket,
    table: left?.table,
    columns: (body.read ?? body.fill)?.see,
    filled: body.fill?.service ?? body.read?.fill,
    written: body.write && { service: body.write.service, body: body.write.body },
    records: left?.records,
    part: left?.part,
    also: body.read?.also?.map(([table, see, records]) => ({ table, columns: see, records })),
    meters: body.charge && [body.charge.meter, ...(body.charge.shared ?? []).map(([meter]) => meter)],
    outcome: outcomes[body.kind ?? 'open'] ?? 'noted',
    error: body.error,
    limit: body.limit,
    flags: (body.flags ?? []).map(([rule, value, threshold]) => ({ rule, value, threshold })),
  };
}
