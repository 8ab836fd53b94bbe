/**
 * What a batch asks before it is decided, where this process does not know it: the meters' states, under their
 * locks, the database's clock, and when those whom the reads show were last seen.
 */
import { Meter } from '../quota/meter.js';
import type { PipelinedAnswer } from '../store/pipeline.js';
import type { LastDays } from './accounts.js';
import { chargedPeople, type Item, type ReadItem } from './decide.js';
import type { SeenToday } from './seen-today.js';

/** The meters of an item; none for what charges nothing. */
export function metersOf(item: Item): readonly number[] {
  return item.kind === 'read' ? metersOfRead(item) : none;
}

function metersOfRead({ actor, shared }: ReadItem): readonly number[] {
  return shared === undefined ? [actor.meterId] : [actor.meterId, ...shared.map(({ meterId }) => meterId)];
}

export interface Unseen {
  readonly meterIds: readonly number[];
  readonly digests: readonly string[];
  /**
   * Somebody was left out because this process saw them on that day; should the locks show that it is over,
   * another process may know better.
   */
  readonly assumed: boolean;
}

/** People about whom the database must be asked, each beside the meter. */
export function unseenPeople(items: readonly Item[], known: SeenToday, today: number): Unseen {
  const meterIds: number[] = [];
  const digests: string[] = [];
  let assumed = false;
  for (const item of items) {
    if (item.kind !== 'read') continue;
    const people = chargedPeople(item);
    if (people.length === 0) continue;
    for (const meterId of metersOfRead(item)) {
      // Known as of an earlier day is not enough to know that no other process has seen it since.
      const seenToday = known.on(meterId, today);
      for (const digest of people) {
        if (seenToday.has(digest)) {
          assumed = true;
          continue;
        }
        meterIds.push(meterId);
        digests.push(digest);
      }
    }
  }
  return { meterIds, digests, assumed };
}

/** Last days of the batch's people by meter: what the database said, and what this process has committed since midnight. */
export function lastDays(
  items: readonly Item[],
  known: SeenToday,
  asked: PipelinedAnswer | undefined,
): Map<number, LastDays> {
  const seen = new Map<number, LastDays>();
  for (const item of items)
    for (const meterId of metersOf(item)) if (!seen.has(meterId)) seen.set(meterId, known.lastDays(meterId));
  for (const { meterId, digest, day } of peopleRows(asked)) seen.get(meterId)?.set(digest, day);
  return seen;
}

/** Everybody whom these meters have met in the days that count. */
export function allPeople(
  meterIds: readonly number[],
  answer: PipelinedAnswer | undefined,
): Map<number, Map<string, number>> {
  const people = new Map(meterIds.map((id) => [id, new Map<string, number>()]));
  for (const { meterId, digest, day } of peopleRows(answer)) people.get(meterId)?.set(digest, day);
  return people;
}

export interface Locked {
  readonly meters: Map<number, Meter>;
  readonly states: ReadonlyMap<number, Buffer | null>;
  /** Why it cannot be read: concerns this person alone, and nothing of theirs leaves until it is mended. */
  readonly corrupt: ReadonlyMap<number, unknown>;
  /** The writer's own row is among them. */
  readonly own: boolean;
  readonly nowMicros: number;
}

/** @param own id of the writer's row, whose state is a fence and no meter */
export function readLocks({ rows }: PipelinedAnswer, own: number): Locked {
  const meters = new Map<number, Meter>();
  const states = new Map<number, Buffer | null>();
  const corrupt = new Map<number, unknown>();
  let ownLocked = false;
  let nowMicros = 0;
  for (const [id, state, now] of rows as [string | null, Buffer | null, string][]) {
    nowMicros = Math.max(nowMicros, Number(now));
    if (id === null) continue;
    const meterId = Number(id);
    if (meterId === own) {
      ownLocked = true;
      continue;
    }
    try {
      meters.set(meterId, Meter.decode(state));
      states.set(meterId, state);
    } catch (error) {
      corrupt.set(meterId, error);
    }
  }
  return { meters, states, corrupt, own: ownLocked, nowMicros };
}

interface PersonRow {
  readonly meterId: number;
  readonly digest: string;
  readonly day: number;
}

function* peopleRows(answer: PipelinedAnswer | undefined): Generator<PersonRow> {
  for (const [meterId, digest, day] of (answer?.rows ?? none) as [string, Buffer, string][])
    yield { meterId: Number(meterId), digest: digest.toString('latin1'), day: Number(day) };
}

const none: readonly never[] = Object.freeze([]);
