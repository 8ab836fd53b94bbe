/**
 * What the clients got, held against the log: every row that arrived stands on the log of the request that
 * brought it, for the person who asked; nobody got more than their limits allow, counted from what arrived
 * alone; and every refusal of somebody known is on the log.
 */
import { DayClock } from '../../src/quota/day-clock.js';
import type { Digester } from '../../src/log/digest.js';
import { peopleSpace } from '../../src/log/digest.js';
import type { LoggedEntry, News } from './follow-log.js';
import type { Harvest, Person } from './load.js';
import { insideTable, isPersonal, limitsOf, type RoleLimit } from './staff.js';

const minuteMicros = 60_000_000;

/** Refusals that cannot be on the log: it could not be written, or nobody was known. */
const unrecorded = new Set([
  'log-unavailable',
  'busy',
  'draining',
  'token-missing',
  'token-invalid',
  'token-expired',
]);

export interface HarvestCheck {
  readonly faults: readonly string[];
  /** Persons whose limits came into play. */
  readonly exhausted: number;
}

export function checkHarvest(
  harvest: readonly Harvest[],
  news: News,
  digester: Digester,
  zone: string,
): HarvestCheck {
  const faults: string[] = [];
  const byRequest = new Map<string, LoggedEntry[]>();
  for (const entry of news.entries) {
    const { request } = entry.body;
    if (request === undefined) continue;
    const list = byRequest.get(request);
    if (list === undefined) byRequest.set(request, [entry]);
    else list.push(entry);
  }
  for (const got of harvest) checkOne(got, byRequest, news, digester, faults);

  const byPerson = new Map<Person, Harvest[]>();
  for (const got of harvest) {
    if (got.status !== 200 && got.status !== 206) continue;
    const list = byPerson.get(got.person);
    if (list === undefined) byPerson.set(got.person, [got]);
    else list.push(got);
  }
  const clock = new DayClock(zone);
  const refused = new Set(
    harvest.filter(({ error }) => error === 'limit-reached').map(({ person }) => person),
  );
  let exhausted = 0;
  for (const [person, list] of byPerson) {
    if (person.loose) continue;
    for (const limit of limitsOf[person.role]) {
      const most = mostIn(limit, list, byRequest, clock);
      if (most > limit.max) {
        faults.push(
          `${person.name} got ${most} ${limit.count} in a ${limit.window}, the limit is ${limit.max}`,
        );
      }
    }
    if (refused.has(person)) exhausted++;
  }
  return { faults, exhausted };
}

function checkOne(
  got: Harvest,
  byRequest: ReadonlyMap<string, readonly LoggedEntry[]>,
  news: News,
  digester: Digester,
  faults: string[],
): void {
  const { person, requestId, status, error, rows } = got;
  if (status === undefined) return;
  const what = `${person.name} at gateway ${got.gateway}, ${new Date(got.sentAt).toISOString()}, request ${requestId}, ${got.path}`;
  if (requestId === undefined) {
    if (status !== 400) faults.push(`${what}: an answer ${status} without a request id`);
    return;
  }
  const entries = byRequest.get(requestId) ?? [];
  for (const { name, body } of entries) {
    if (news.persons.get(body.actor ?? '') !== person.name)
      faults.push(`${what}: entry ${name} names another person`);
  }
  if (status === 500) faults.push(`${what}: answered 500`);
  if (status !== 200 && status !== 206) {
    // Of an answer that broke off the code may be missing.
    const recorded = entries.some(
      ({ body }) =>
        (body.kind === 'refusal' && (error === undefined || body.error === error)) ||
        // What was to be filled in was looked for, in vain.
        (error === 'record-not-found' && body.fill?.records === 0),
    );
    if (!recorded && error !== undefined && !unrecorded.has(error))
      faults.push(`${what}: refused with ${error} (${status}), but that is not on the log`);
    return;
  }
  const reads = entries
    .filter(({ body }) => body.kind === 'read')
    .sort((a, b) => a.body.read!.part - b.body.read!.part);
  if (reads.length === 0) faults.push(`${what}: answered ${status}, but no read is on the log`);
  // Rows inside others are recorded behind these; only answers of one part have some.
  const own = reads[0]?.body.read?.also === undefined ? Infinity : reads[0].body.read.records;
  const inside = (column?: string): boolean => column !== undefined && column !== got.record;
  const listed = (from: number, to: number): Listed => ({
    records: reads.flatMap((entry) => entry.records).slice(from, to),
    subjects: reads.flatMap((entry) => entry.subjects).slice(from, to),
  });
  const where = reads.map(({ name }) => name).join(' ');
  const tell = (fault: string): unknown => faults.push(`${what}: ${fault}; its entries: ${where || 'none'}`);
  const ownRows = rows.filter(([, , column]) => !inside(column));
  const insideRows = rows.filter(([, , column]) => inside(column));
  const { complete } = got;
  checkRows(got.table, { rows: ownRows, complete }, listed(0, own), digester, tell);
  checkRows(insideTable, { rows: insideRows, complete }, listed(own, Infinity), digester, tell);
}

interface Listed {
  readonly records: readonly string[];
  readonly subjects: readonly string[];
}

/** What arrived must be the beginning of what is recorded, row for row. */
function checkRows(
  table: string,
  { rows, complete }: Pick<Harvest, 'rows' | 'complete'>,
  { records, subjects }: Listed,
  digester: Digester,
  tell: (fault: string) => unknown,
): void {
  const recordDigests = digester
    .digest(
      table,
      'record',
      rows.map(([record]) => record),
    )
    .toString('hex');
  const subjectDigests = digester
    .digest(
      peopleSpace,
      'person',
      rows.map(([, subject]) => subject),
    )
    .toString('hex');
  for (let i = 0; i < rows.length; i++) {
    const at = i * 16;
    if (records[i] === recordDigests.slice(at, at + 16) && subjects[i] === subjectDigests.slice(at, at + 16))
      continue;
    const found = records.length <= i ? 'not on the log' : 'another one on the log';
    tell(`record ${rows[i]![0]} arrived (row ${i + 1} of ${rows.length}) and is ${found}`);
    return;
  }
  if (complete && rows.length !== records.length)
    tell(`${rows.length} rows arrived in a whole answer, ${records.length} are on the log`);
}

/**
 * The most that arrived in any one window. Where all of it arrived within one minute (one day), the sum
 * of what arrived is that; otherwise the times of decision come from the log and the amounts from the client.
 */
function mostIn(
  { count, window }: RoleLimit,
  list: readonly Harvest[],
  byRequest: ReadonlyMap<string, readonly LoggedEntry[]>,
  clock: DayClock,
): number {
  const first = Math.min(...list.map(({ sentAt }) => sentAt));
  const last = Math.max(...list.map(({ gotAt }) => gotAt));
  const together =
    window === 'minute'
      ? last - first < minuteMicros / 1000
      : clock.day(first * 1000) === clock.day(last * 1000);
  if (together) return amountOf(count, list);
  const timed = list.map((got) => ({ at: byRequest.get(got.requestId ?? '')?.[0]?.body.at ?? 0, got }));
  timed.sort((a, b) => a.at - b.at);
  let most = 0;
  timed.forEach(({ at }, i) => {
    const inside: Harvest[] = [];
    for (let j = i; j < timed.length; j++) {
      const later = timed[j]!;
      const within =
        window === 'minute' ? later.at < at + minuteMicros : clock.day(later.at) === clock.day(at);
      if (within) inside.push(later.got);
    }
    most = Math.max(most, amountOf(count, inside));
  });
  return most;
}

function amountOf(count: RoleLimit['count'], list: readonly Harvest[]): number {
  switch (count) {
    case 'queries':
      return list.length;
    case 'records':
      return list.reduce((sum, { rows, person }) => sum + (isPersonal(person.role) ? rows.length : 0), 0);
    case 'fills':
      // Nobody gets these; check-arrivals.ts counts what came to the service.
      return 0;
    case 'people':
      return new Set(list.flatMap(({ rows }) => rows.map(([, subject]) => subject))).size;
  }
}
