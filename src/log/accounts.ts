/**
 * The meters of one read: its actor's own, and those that it shares with whoever comes by the same tool or token. All are
 * charged at one instant, or none; they differ in whom they have met, and in the limits that they decide. Pure.
 */
import type { Limit, SharedBy } from '../policy/model.js';
import type { Charge } from '../quota/charge.js';
import type { DayClock } from '../quota/day-clock.js';
import type { DistinctPeople } from '../quota/distinct.js';
import type { Instant } from '../quota/instant.js';
import type { Meter } from '../quota/meter.js';
import type { SharedMeter } from '../quota/shared-meter.js';
import type { Actor } from './directory.js';
import { amountsOf, peopleTold, type EntryCharge } from './entry.js';

/** Last day on which somebody was seen, by digest. A Map is one. */
export interface LastDays {
  get(digest: string): number | undefined;
  set(digest: string, day: number): unknown;
}

/** A meter while a batch is decided, and whom it has met. */
export interface MeterNow {
  readonly meter: Meter;
  readonly people: LastDays;
}

export interface Account {
  readonly meterId: number;
  readonly meterKey: string;
  /** Undefined: the actor's own. */
  readonly per: SharedBy | undefined;
  readonly meter: Meter;
  readonly seen: LastDays;
}

/** What the read adds to one of its meters. */
export interface Part {
  readonly account: Account;
  /** People whose last day becomes that of the read. */
  readonly touched: readonly string[];
  readonly charge: Charge;
}

export function accountOf(
  { meterId, meterKey, per }: (Actor & { readonly per?: undefined }) | SharedMeter,
  meters: ReadonlyMap<number, MeterNow>,
): Account {
  const { meter, people } = meters.get(meterId)!;
  return { meterId, meterKey, per, meter, seen: people };
}

/** After the last charge of each of the meters, and on no earlier day than any of them is at. */
export function instantOf(
  own: Account,
  shared: readonly Account[],
  earliest: number,
  clock: DayClock,
): Instant {
  let instant = own.meter.next(earliest, clock);
  for (const { meter } of shared) {
    const { micros, day } = meter.next(instant.micros, clock);
    instant = { micros, day: Math.max(day, instant.day) };
  }
  return instant;
}

/** The same amounts, and the people that this meter had not met. */
export function partOf(
  account: Account,
  amounts: Charge,
  { fresh, returning, touched }: DistinctPeople,
): Part {
  return { account, touched, charge: { ...amounts, people: { fresh, returning } } };
}

/** Those of the limits that the meter decides. @param alone the read has no other meter */
export function limitsPer(limits: readonly Limit[], { per }: Account, alone: boolean): readonly Limit[] {
  return alone ? limits : limits.filter((limit) => limit.per === per);
}

/** After the charge. */
export function chargeTold({ account, charge }: Part, shared: readonly Part[], day: number): EntryCharge {
  const { meterKey, meter } = account;
  const { sequence } = meter;
  const amounts = amountsOf(charge);
  if (shared.length === 0) return { meter: meterKey, sequence, day, amounts };
  return { meter: meterKey, sequence, day, amounts, shared: shared.map(sharedTold) };
}

function sharedTold({ account, charge }: Part): [string, number, readonly unknown[]] {
  return [account.meterKey, account.meter.sequence, peopleTold(charge.people)];
}
