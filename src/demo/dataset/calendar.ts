/**
 * When orders come in and how far they have got by the end: more in the evening than at night, more
 * at weekends, most on 11 November. Days are those of China (UTC+8, no summer time).
 */
import { randomFor, type Random } from './random.js';

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;
const chinaOffsetMs = 8 * hourMs;
export const spanDays = 90;

// Weight of each hour of the day.
const hours = [8, 4, 2, 1, 1, 2, 5, 11, 18, 26, 30, 29, 27, 24, 24, 25, 26, 26, 28, 34, 42, 44, 36, 20];

/** Midnight, China time, at which the last day is over. @param lastDay "2026-11-21" */
export function endOfDay(lastDay: string): number {
  const midnight = Date.parse(`${lastDay}T00:00:00Z`);
  if (Number.isNaN(midnight)) throw new Error('the last day must be a date like 2026-11-21');
  return midnight + dayMs - chinaOffsetMs;
}

/** "261122" in China. */
function dayCode(ms: number): string {
  return new Date(ms + chinaOffsetMs).toISOString().slice(2, 10).replaceAll('-', '');
}

export interface Moment {
  /** Milliseconds since the Unix epoch; never before the one before. */
  readonly atMs: number;
  /** Its day in China, "261122". */
  readonly day: string;
  /** Number of the order on its day, from 1. */
  readonly ofDay: number;
}

/** As many moments as asked for, in order of time. */
export function* orderTimes(seed: number, count: number, lastDay: string): Generator<Moment> {
  const start = endOfDay(lastDay) - spanDays * dayMs;
  const days = Array.from({ length: spanDays }, (_, day) => dayWeight(start + day * dayMs));
  const total =
    days.reduce((sum, weight) => sum + weight, 0) * hours.reduce((sum, weight) => sum + weight, 0);
  let weight = 0;
  let made = 0;
  for (let day = 0; day < spanDays; day++) {
    const code = dayCode(start + day * dayMs);
    let ofDay = 0;
    for (let hour = 0; hour < 24; hour++) {
      weight += (days[day] as number) * (hours[hour] as number);
      const upTo = Math.floor((count * weight) / total);
      const slot = start + day * dayMs + hour * hourMs;
      const here = upTo - made;
      const random = randomFor(seed, 'calendar', day * 24 + hour);
      for (let i = 0; i < here; i++) {
        yield { atMs: slot + Math.floor(((i + random.next()) * hourMs) / here), day: code, ofDay: ++ofDay };
      }
      made = upTo;
    }
  }
}

function dayWeight(startMs: number): number {
  const china = new Date(startMs + chinaOffsetMs);
  const date = china.toISOString().slice(5, 10);
  if (date === '11-11') return 38;
  if (date === '11-10' || date === '11-12') return 18;
  if (date.startsWith('10-0') && date <= '10-07') return 12;
  return china.getUTCDay() % 6 === 0 ? 13 : 10;
}

export type OrderStatus = 'placed' | 'paid' | 'to_ship' | 'shipped' | 'delivered' | 'returned' | 'cancelled';

export interface Course {
  readonly status: OrderStatus;
  /** Undefined: it has not left the warehouse. */
  readonly shippedAtMs: number | undefined;
  readonly shipmentStatus: 'in_transit' | 'out_for_delivery' | 'delivered' | 'returned' | undefined;
}

/** How far an order has got by `endMs`: every step takes its time, so that status and age agree. */
export function drawCourse(random: Random, createdMs: number, endMs: number): Course {
  const after = (low: number, high: number) =>
    Math.floor(random.next() * (high - low) * hourMs) + low * hourMs;
  const unsent = (status: OrderStatus): Course => ({
    status,
    shippedAtMs: undefined,
    shipmentStatus: undefined,
  });
  const fate = random.below(1000);
  const paidAt = createdMs + after(0, 2);
  const readyAt = paidAt + after(1, 10);
  const shippedAt = readyAt + after(4, 40);
  const deliveredAt = shippedAt + after(20, 110);
  const returnedAt = deliveredAt + after(24, 168);

  // Never paid for: it lapses after a day.
  if (fate < 35) return unsent(createdMs + dayMs <= endMs ? 'cancelled' : 'placed');
  if (paidAt > endMs) return unsent('placed');
  if (fate < 65 && readyAt <= endMs) return unsent('cancelled');
  // Refunded before it was sent.
  if (fate < 72 && shippedAt <= endMs) return unsent('returned');
  if (readyAt > endMs) return unsent('paid');
  if (shippedAt > endMs) return unsent('to_ship');
  if (deliveredAt > endMs) {
    const near = deliveredAt - endMs < 10 * hourMs;
    return {
      status: 'shipped',
      shippedAtMs: shippedAt,
      shipmentStatus: near ? 'out_for_delivery' : 'in_transit',
    };
  }
  const returned = fate < 115 && returnedAt <= endMs;
  const status = returned ? 'returned' : 'delivered';
  return { status, shippedAtMs: shippedAt, shipmentStatus: status };
}
