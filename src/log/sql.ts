/**
 * The SQL of a batch. Plain and prepared by name; arrays instead of one statement a row. What is long travels
 * as one binary parameter that the server cuts up: arrays of bytea would travel as hex text, escaped.
 */
import type { PipelinedQuery } from '../store/pipeline.js';
import type { Decided, Touch } from './decide.js';
import { digestBytes } from './digest.js';

export const begin: PipelinedQuery = { name: 'weir_begin', text: 'BEGIN' };
export const commit: PipelinedQuery = { name: 'weir_commit', text: 'COMMIT' };
export const rollback: PipelinedQuery = { text: 'ROLLBACK' };

const lockText = (skip: string): string => `
  WITH locked AS MATERIALIZED
    (SELECT meter_id, state FROM weir.meters WHERE meter_id = ANY($1::int8[]) ORDER BY meter_id FOR UPDATE${skip})
  SELECT meter_id, state, (extract(epoch FROM clock_timestamp()) * 1000000)::int8 FROM locked
  UNION ALL SELECT NULL, NULL, (extract(epoch FROM clock_timestamp()) * 1000000)::int8`;

/** Rows (meter_id, state, now); the last one is the clock alone, read after the locks. In key order, so that processes do not deadlock. */
export function lockMeters(meterIds: readonly number[], wait: boolean): PipelinedQuery {
  return {
    name: wait ? 'weir_lock_wait' : 'weir_lock_skip',
    text: lockText(wait ? '' : ' SKIP LOCKED'),
    values: [arrayOf(meterIds)],
    binary: [false, true, false],
  };
}

/** Rows (meter_id, 8 bytes of digest, day) for those pairs that are known. @param digests 8 bytes each as latin1 text */
export function seenPeople(meterIds: readonly number[], digests: readonly string[]): PipelinedQuery {
  return {
    name: 'weir_seen',
    text: `SELECT s.meter_id, s.digest, s.day FROM unnest($1::int8[], $2::int8[]) AS asked(meter_id, digest)
             JOIN weir.seen AS s ON s.meter_id = asked.meter_id AND s.digest = asked.digest`,
    values: [arrayOf(meterIds), arrayOf(digests.map(digestNumber))],
    binary: [false, true, false],
  };
}

/** Rows as seenPeople's: everybody whom these meters have met since that day. @param atMost of each */
export function metPeople(meterIds: readonly number[], since: number, atMost: number): PipelinedQuery {
  return {
    name: 'weir_met',
    text: `SELECT asked.meter_id, s.digest, s.day FROM unnest($1::int8[]) AS asked(meter_id),
             LATERAL (SELECT digest, day FROM weir.seen WHERE seen.meter_id = asked.meter_id AND seen.day >= $2 LIMIT $3) AS s`,
    values: [arrayOf(meterIds), since, atMost],
    binary: [false, true, false],
  };
}

/**
 * Takes the writer's own row, where its fence still stands, and tells the clock. What was sent before the fence was moved
 * and comes to the server afterwards fails here (division by zero), and with it everything behind it.
 */
export function passFence(writerMeterId: number, fence: Buffer | null): PipelinedQuery {
  return {
    name: 'weir_fence',
    text: `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8 / count(*)
             FROM (SELECT FROM weir.meters WHERE meter_id = $1 AND state IS NOT DISTINCT FROM $2 FOR UPDATE) AS own`,
    values: [writerMeterId, fence],
  };
}

export function moveFence(writerMeterId: number, fence: Buffer): PipelinedQuery {
  return {
    name: 'weir_move_fence',
    text: 'UPDATE weir.meters SET state = $2 WHERE meter_id = $1',
    values: [writerMeterId, fence],
  };
}

/** Numbers of this writer from `first` on: what became of a batch whose COMMIT was not answered. */
export function lastNumbers(writer: string, first: number): PipelinedQuery {
  return {
    name: 'weir_last_numbers',
    text: 'SELECT number FROM weir.entries WHERE writer = $1 AND number >= $2 ORDER BY number',
    values: [writer, first],
  };
}

/**
 * @param states of meters, in ascending order of their ids
 * @param before as they must still be, where they were not locked before: otherwise the batch fails (division by zero)
 */
export function writeBatch(
  writer: string,
  decided: Decided,
  states: ReadonlyMap<number, Buffer>,
  before?: ReadonlyMap<number, { readonly bytes: Buffer }>,
): PipelinedQuery[] {
  const queries: PipelinedQuery[] = [];
  // First, so that nothing else is done in vain where it fails.
  if (states.size > 0) queries.push(writeMeters(states, before));
  queries.push(writeEntries(writer, decided));
  if (decided.digests.length > 0) queries.push(writeDigests(writer, decided));
  queries.push(...writeSeen(decided.touched));
  return queries;
}

function writeEntries(writer: string, { entries }: Decided): PipelinedQuery {
  return {
    name: 'weir_entries',
    // JSON text holds no raw line feed, so the bodies travel as one parameter without the escaping of an array.
    text: `INSERT INTO weir.entries (writer, number, at, actor_id, flagged, body)
           SELECT $1, e.number, e.at, e.actor_id, e.flagged, e.body
             FROM unnest($2::int8[], $3::int8[], $4::uuid[], $5::bool[], string_to_array($6, E'\\n')) AS e(number, at, actor_id, flagged, body)`,
    values: [
      writer,
      arrayOf(entries.map((entry) => entry.number)),
      arrayOf(entries.map((entry) => entry.at)),
      arrayOf(entries.map((entry) => entry.actorId ?? 'NULL')),
      arrayOf(entries.map((entry) => entry.flagged)),
      entries.map((entry) => entry.body).join('\n'),
    ],
  };
}

function writeMeters(
  byId: ReadonlyMap<number, Buffer>,
  before: ReadonlyMap<number, { readonly bytes: Buffer }> | undefined,
): PipelinedQuery {
  const ids = [...byId.keys()];
  const states = [...byId.values()];
  const lengths = states.map(({ length }) => length);
  const values = [Buffer.concat(states), arrayOf(ids), arrayOf(startsOf(lengths)), arrayOf(lengths)];
  if (before === undefined) {
    return {
      name: 'weir_meters',
      text: `UPDATE weir.meters AS m SET state = substring($1::bytea FROM u.start FOR u.length)
               FROM unnest($2::int8[], $3::int4[], $4::int4[]) AS u(meter_id, start, length) WHERE m.meter_id = u.meter_id`,
      values,
    };
  }
  return {
    name: 'weir_meters_unchanged',
    text: `WITH written AS (
             UPDATE weir.meters AS m SET state = substring($1::bytea FROM u.start FOR u.length)
               FROM unnest($2::int8[], $3::int4[], $4::int4[]) WITH ORDINALITY AS u(meter_id, start, length, n)
              WHERE m.meter_id = u.meter_id AND substring(m.state FROM 1 FOR ${headBytes})
                    = substring($5::bytea FROM (u.n::int4 - 1) * ${headBytes} + 1 FOR ${headBytes})
             RETURNING 1)
           SELECT 1 / (count(*) = $6::int4)::int4 FROM written`,
    values: [
      ...values,
      Buffer.concat(ids.map((id) => before.get(id)!.bytes.subarray(0, headBytes))),
      ids.length,
    ],
  };
}

/** Of a meter's state (quota/meter.ts): checksum and number of charges, by which one state is told from every other. */
const headBytes = 16;

function writeDigests(writer: string, { digests }: Decided): PipelinedQuery {
  return {
    name: 'weir_digests',
    text: `INSERT INTO weir.read_digests (writer, number, records, subjects)
           SELECT $1, d.number, substring($2::bytea FROM d.start FOR d.length), substring($2::bytea FROM d.start + d.length FOR d.length)
             FROM unnest($3::int8[], $4::int4[], $5::int4[]) AS d(number, start, length)`,
    values: [
      writer,
      Buffer.concat(digests.map(({ bytes }) => bytes)),
      arrayOf(digests.map(({ number }) => number)),
      arrayOf(startsOf(digests.map(({ bytes }) => bytes.length))),
      arrayOf(digests.map(({ bytes }) => bytes.length / 2)),
    ],
  };
}

/**
 * Known or not was asked under the lock of the meter, so nobody else has made these rows meanwhile: two plain
 * statements, at half the cost of one with ON CONFLICT. Where it is wrong (somebody met again after so long that
 * known-meters.ts has forgotten), the key refuses and nothing is committed.
 */
function writeSeen(touched: readonly Touch[]): PipelinedQuery[] {
  const queries: PipelinedQuery[] = [];
  const fresh = touched.filter(({ known }) => !known);
  const returning = touched.filter(({ known }) => known);
  if (fresh.length > 0)
    queries.push({
      name: 'weir_seen_insert',
      text: `INSERT INTO weir.seen (meter_id, digest, day) SELECT * FROM unnest($1::int8[], $2::int8[], $3::int4[])`,
      values: columnsOf(fresh),
    });
  if (returning.length > 0)
    queries.push({
      name: 'weir_seen_update',
      text: `UPDATE weir.seen AS s SET day = greatest(s.day, u.day) FROM unnest($1::int8[], $2::int8[], $3::int4[]) AS u(meter_id, digest, day)
              WHERE s.meter_id = u.meter_id AND s.digest = u.digest`,
      values: columnsOf(returning),
    });
  return queries;
}

function columnsOf(touched: readonly Touch[]): string[] {
  return [
    arrayOf(touched.map(({ meterId }) => meterId)),
    arrayOf(touched.map(({ digest }) => digestNumber(digest))),
    arrayOf(touched.map(({ day }) => day)),
  ];
}

/** PostgreSQL's text of an array whose elements need no quotes, which pg would put around each all the same. */
function arrayOf(elements: readonly (number | boolean | string)[]): string {
  return `{${elements.join(',')}}`;
}

/** Where each piece begins in all of them together; substring counts from 1. */
function startsOf(lengths: readonly number[]): number[] {
  let next = 1;
  return lengths.map((length) => (next += length) - length);
}

/** 8 bytes as latin1 text → the decimal text of the signed 64-bit number that they are. */
function digestNumber(digest: string): string {
  for (let i = 0; i < digestBytes; i++) scratch.setUint8(i, digest.charCodeAt(i));
  return scratch.getBigInt64(0).toString();
}

const scratch = new DataView(new ArrayBuffer(digestBytes));
