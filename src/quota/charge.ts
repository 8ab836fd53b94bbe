/**
 * What one read adds to a meter, and the words for limits. Pure data: whoever builds a charge has
 * already looked up which people are new; whoever applies it is the meter.
 */
import type { Count, Limit, Window } from '../policy/model.js';

/**
 * Distinct people of one read, without those whom the same key has already seen today.
 * Made by `countDistinct`; needs the same `day` as the instant at which it is charged.
 */
export interface PeopleCharge {
  /** Never seen, or last seen 30 or more dates ago. */
  readonly fresh: number;
  /** `[day, n]`: n people were last seen on that day (1 to 29 days before today). Days ascend, n is at least 1. */
  readonly returning: readonly (readonly [day: number, n: number])[];
}

/** Amount per count; whole numbers, none below zero. */
export interface Charge {
  readonly queries: number;
  readonly records: number;
  readonly people: PeopleCharge;
  readonly lookups: number;
  readonly misses: number;
  readonly reveals: number;
  readonly bytes: number;
  readonly fills: number;
}

export const nobody: PeopleCharge = Object.freeze({ fresh: 0, returning: Object.freeze([]) });

/** A charge of the given amounts; what is not named is zero. */
export function chargeOf(amounts: Partial<Charge>): Charge {
  const {
    queries = 0,
    records = 0,
    people = nobody,
    lookups = 0,
    misses = 0,
    reveals = 0,
    bytes = 0,
    fills = 0,
  } = amounts;
  return { queries, records, people, lookups, misses, reveals, bytes, fills };
}

/** People whom this key had not seen earlier today: fresh ones, and those last seen on another day. */
export function newToday(people: PeopleCharge): number {
  let sum = people.fresh;
  for (const [, n] of people.returning) sum += n;
  return sum;
}

/**
 * What the charge adds to a count in a window. It differs by window for people alone: somebody last
 * seen yesterday is new today, but not new in 30 days.
 */
export function amountOf(charge: Charge, count: Count, window: Window): number {
  if (count !== 'people') return charge[count];
  return window === '30d' ? charge.people.fresh : newToday(charge.people);
}

/** Nominal length of a window, as the RateLimit headers give it. A calendar day may have 23 or 25 hours. */
export const windowSeconds: Readonly<Record<Window, number>> = Object.freeze({
  minute: 60,
  hour: 3_600,
  day: 86_400,
  '30d': 2_592_000,
});

/** "500 records per day": the words of the role file's `records: 500 per day`. */
export function describeLimit({ max, count, window, per }: Limit): string {
  return `${max} ${count} per ${window}${per === undefined ? '' : ` of this ${per}`}`;
}
