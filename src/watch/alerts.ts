/**
 * The list of alerts: flagged entries, newest first, with the person's name as far as it is still kept.
 * Reads committed entries only.
 */
import { and, desc, eq, gte, lt, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import type { Pool } from 'pg';
import type { EntryBody } from '../log/entry.js';
import { leavingOf } from '../log/read-entry.js';
import { actors, entries } from '../store/schema.js';

export interface Alert {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly actorId: string;
  /** Undefined once the person's row is erased. */
  readonly person: string | undefined;
  readonly displayName: string | undefined;
  readonly role: string;
  readonly tool: string;
  readonly door: string;
  readonly route: string;
  readonly table: string;
  readonly records: number;
  /** Which rules fired: what was measured, and the threshold that it reached. */
  readonly reasons: readonly {
    readonly rule: string;
    readonly value: number;
    readonly threshold: number;
    readonly text: string;
  }[];
  readonly request: string;
  /** Where the entry stands in the log. */
  readonly entry: string;
}

export interface AlertFilter {
  readonly sinceMicros?: number | undefined;
  readonly untilMicros?: number | undefined;
  readonly limit: number;
}

export async function listAlerts(pool: Pool, filter: AlertFilter): Promise<Alert[]> {
  const rows = await drizzle(pool)
    .select({
      writer: entries.writer,
      number: entries.number,
      body: entries.body,
      subject: actors.subject,
      displayName: actors.displayName,
    })
    .from(entries)
    .leftJoin(actors, eq(actors.actorId, entries.actorId))
    .where(
      and(
        sql`${entries.flagged}`,
        filter.sinceMicros === undefined ? undefined : gte(entries.at, filter.sinceMicros),
        filter.untilMicros === undefined ? undefined : lt(entries.at, filter.untilMicros),
      ),
    )
    .orderBy(desc(entries.at))
    .limit(filter.limit);
  return rows.map(({ writer, number, body, subject, displayName }) => {
    const entry = JSON.parse(body) as EntryBody;
    const left = leavingOf(entry);
    return {
      at: new Date(entry.at / 1000).toISOString(),
      actorId: entry.actor ?? '',
      person: subject ?? undefined,
      displayName: displayName ?? undefined,
      role: entry.role ?? '',
      tool: entry.tool ?? '',
      door: entry.door ?? '',
      route: entry.route ?? '',
      table: left?.table ?? '',
      records: left?.records ?? 0,
      reasons: (entry.flags ?? []).map(([rule, value, threshold]) => ({
        rule,
        value,
        threshold,
        text: reasonText(rule, value, threshold),
      })),
      request: entry.request ?? '',
      entry: `${writer}/${number}`,
    };
  });
}

const observed = 'observed ';

const words: Readonly<Record<string, string>> = {
  recordsPerRead: 'records in one read',
  recordsPerHour: 'records within an hour',
  recordsPerDay: 'records in one day',
  peoplePerRead: 'people in one read',
  peoplePerHour: 'new people within an hour',
  peoplePerDay: 'people in one day',
  consecutive: 'consecutive record numbers',
  guessing: 'look-ups within an hour that differ only in hidden digits, refused',
  tokenAddresses: 'addresses from which one token came',
};

function reasonText(rule: string, value: number, threshold: number): string {
  if (rule.startsWith(observed))
    return `${value} ${rule.slice(observed.length)}: a limit of ${threshold} would have refused it`;
  return `${value} ${words[rule] ?? rule} (alert from ${threshold})`;
}
