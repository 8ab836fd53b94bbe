/**
 * What reached the service, held against the log: each write and each filled request is there once, decided before
 * it came, under its own kind, with its record; nobody had more filled, or more records all in all, than their limits allow;
 * and what a client was told of was asked.
 */
import { DayClock } from '../../src/quota/day-clock.js';
import type { Digester } from '../../src/log/digest.js';
import type { LoggedEntry, News } from './follow-log.js';
import type { Harvest } from './load.js';
import type { Arrival } from './recording-service.js';
import { depot, limitsOf } from './staff.js';

export function checkArrivals(
  arrivals: readonly Arrival[],
  harvest: readonly Harvest[],
  { entries, persons }: Pick<News, 'entries' | 'persons'>,
  digester: Digester,
  zone: string,
): string[] {
  const faults: string[] = [];
  const sentBy = new Map<string, LoggedEntry>();
  for (const entry of entries) {
    const { kind, request } = entry.body;
    if (kind !== 'write' && kind !== 'fill') continue;
    if (sentBy.has(request!)) faults.push(`${entry.name}: a request is on the log as sent twice`);
    sentBy.set(request!, entry);
  }

  const seen = new Set<string>();
  const filled: { readonly person: string; readonly day: number }[] = [];
  const clock = new DayClock(zone);
  for (const arrival of arrivals) {
    const { method, path, requestId, at } = arrival;
    const what = `${method} ${path} at the service, ${new Date(at).toISOString()}, request ${requestId}`;
    if (seen.has(requestId)) faults.push(`${what}: it came twice`);
    seen.add(requestId);
    if (method === 'GET') continue;
    const entry = sentBy.get(requestId);
    if (entry === undefined) {
      faults.push(`${what}: it is not on the log`);
      continue;
    }
    const fault = contradiction(arrival, entry, digester);
    if (fault !== undefined) faults.push(`${what}: ${fault}; its entry: ${entry.name}`);
    // Decided before it came, by the clock of the same machine, in whole milliseconds.
    if (entry.body.at / 1000 > at + 1)
      faults.push(`${what}: it was decided after it had come; its entry: ${entry.name}`);
    const person = persons.get(entry.body.actor ?? '');
    if (method === 'POST' && person !== undefined) filled.push({ person, day: clock.day(entry.body.at) });
  }

  for (const { path, requestId, status, table, person } of harvest) {
    if (status === 200 && table.startsWith(`${depot}.`) && !seen.has(requestId ?? ''))
      faults.push(
        `${person.name}, request ${requestId}, ${path}: answered, though the service was not asked`,
      );
  }
  const decided = new Map<string, number>();
  for (const { body } of entries) {
    if (body.request !== undefined && !decided.has(body.request)) decided.set(body.request, body.at);
  }
  const dayOf = ({ requestId = '', sentAt }: Harvest): number =>
    clock.day(decided.get(requestId) ?? sentAt * 1000);
  return [...faults, ...overruns(filled, harvest, dayOf)];
}

/** What the entry says otherwise than what came. */
function contradiction(
  { method, path, body }: Arrival,
  { body: entry, records }: LoggedEntry,
  digester: Digester,
): string | undefined {
  const kind = method === 'POST' ? 'fill' : 'write';
  if (entry.kind !== kind) return `it is on the log as ${entry.kind}`;
  const left = entry.write ?? entry.fill;
  if (left?.service !== depot) return 'it is on the log for another service';
  const [table, key] =
    method === 'POST'
      ? ['orders', String((JSON.parse(body) as { orderId: number }).orderId)]
      : [`${depot}.parcels`, path.split('/').at(-1)!];
  const digest = digester.digest(table, 'record', [key]).toString('hex');
  if (left.table !== table || records.length !== 1 || records[0] !== digest)
    return 'another record is on the log';
  return undefined;
}

/** Of whom more was filled, or more records went to them and for them, than may be within a day. */
function overruns(
  filled: readonly { readonly person: string; readonly day: number }[],
  harvest: readonly Harvest[],
  dayOf: (got: Harvest) => number,
): string[] {
  const clerks = new Set(
    harvest.filter(({ person }) => person.role === 'clerk' && !person.loose).map(({ person }) => person.name),
  );
  const fills = new Map<string, number>();
  const records = new Map<string, number>();
  const add = (to: Map<string, number>, person: string, day: number, n: number): void => {
    if (clerks.has(person)) to.set(`${person}, day ${day}`, (to.get(`${person}, day ${day}`) ?? 0) + n);
  };
  for (const { person, day } of filled) {
    add(fills, person, day, 1);
    add(records, person, day, 1);
  }
  for (const got of harvest) add(records, got.person.name, dayOf(got), got.rows.length);
  const over = (count: 'fills' | 'records', sums: ReadonlyMap<string, number>): string[] => {
    const { max } = limitsOf.clerk.find((limit) => limit.count === count)!;
    return [...sums].flatMap(([who, n]) => (n > max ? [`${who}: ${n} ${count}, the limit is ${max}`] : []));
  };
  return [...over('fills', fills), ...over('records', records)];
}
