/**
 * The meter of one person, tool or token: every count in every window, whether or not a limit
 * uses it, so that a new limit never starts from zero. Decides and adds; neither reads a clock nor
 * knows where its state is kept. The same instants and charges give the same bytes, which is what
 * lets the log be checked from its entries alone.
 *
 * - minute: one-second buckets; hour: one-minute buckets. The bucket that only partly lies in the
 *   window counts in full, so that no 60 s (3,600 s) whatever hold more than the limit; the price is that
 *   up to one bucket's width is waited too long.
 * - day: the calendar date in the configured zone. 30d: today and the 29 dates before.
 * - people in 30d: 30 counters "people last seen on day d". Seeing somebody again moves one unit to
 *   today, so today's counter is the day's distinct count and the sum that of 30 days.
 * - people in minute and hour: people newly seen today (fresh and returning) within that minute or
 *   hour. Somebody read a second time on one day is not counted again.
 */
import { counts, type Count, type Limit, type Window } from '../policy/model.js';
import { Buckets } from './buckets.js';
import { amountOf, newToday, nobody, windowSeconds, type Charge } from './charge.js';
import type { DayClock } from './day-clock.js';
import { Guesses, type Guess } from './guesses.js';
import type { Instant } from './instant.js';
import { checksum, corrupted, numberLength, StateReader, writeNumber } from './state-bytes.js';
import { WeirError } from '../errors.js';

const version = 1;
/** As version 1, and the look-ups of the last hour behind it. */
const guessingVersion = 2;
const headLength = 5;
const secondMicros = 1_000_000;
const minuteMicros = 60 * secondMicros;
// One more than the window holds: the far end lies inside a bucket.
const spanSeconds = 61;
const spanMinutes = 61;
const spanDays = 30;

const countIndex = Object.fromEntries(counts.map((count, at) => [count, at])) as Record<Count, number>;
const peopleIndex = countIndex.people;

/** A limit that a charge would overrun. */
export interface Exceeded {
  readonly limit: Limit;
  readonly used: number;
  /** What the charge would add in this window. */
  readonly amount: number;
  readonly remaining: number;
  /** Whole seconds until the same read fits if nothing else happens; the window's length where it never fits. */
  readonly retryAfterSeconds: number;
  readonly windowSeconds: number;
  /** The read alone is larger than the limit: waiting does not help. */
  readonly neverFits: boolean;
}

/** How a limit stands, for the RateLimit headers. */
export interface Standing {
  readonly limit: Limit;
  readonly used: number;
  readonly remaining: number;
  readonly windowSeconds: number;
  /** Whole seconds until nothing that counts now counts any more; 0 where nothing does. */
  readonly resetSeconds: number;
}

export class Meter {
  #sequence = 0;
  #lastMicros = 0;
  #lastDay = 0;
  #seconds: Buckets;
  #minutes: Buckets;
  #days: Buckets;
  #guesses = new Guesses();

  private constructor(seconds: Buckets, minutes: Buckets, days: Buckets) {
    this.#seconds = seconds;
    this.#minutes = minutes;
    this.#days = days;
  }

  static empty(): Meter {
    return new Meter(new Buckets(spanSeconds), new Buckets(spanMinutes), new Buckets(spanDays));
  }

  /**
   * @param state what `encode` gave; null: a key that was never charged
   * @throws WeirError internal: damaged, or of a version that this gateway does not know
   */
  static decode(state: Buffer | null): Meter {
    if (state === null) return Meter.empty();
    if (state.length < headLength) throw corrupted('it ends early');
    if (state[0] !== version && state[0] !== guessingVersion) throw corrupted('its version is unknown');
    if (state.readUInt32LE(1) !== checksum(state, headLength)) throw corrupted('its checksum differs');
    const reader = new StateReader(state, headLength);
    const sequence = reader.number();
    const lastMicros = reader.number();
    const lastDay = reader.number();
    const meter = new Meter(
      Buckets.decode(reader, spanSeconds, Math.floor(lastMicros / secondMicros)),
      Buckets.decode(reader, spanMinutes, Math.floor(lastMicros / minuteMicros)),
      Buckets.decode(reader, spanDays, lastDay),
    );
    if (state[0] === guessingVersion) meter.#guesses = Guesses.decode(reader);
    reader.end();
    meter.#sequence = sequence;
    meter.#lastMicros = lastMicros;
    meter.#lastDay = lastDay;
    return meter;
  }

  /** Version, checksum, then the state without anything that has fallen out of its window. */
  encode(): Buffer {
    return this.#encode(this.#guesses);
  }

  /** Without what is remembered of look-ups, which the log does not hold. */
  encodeCounts(): Buffer {
    return this.#encode(undefined);
  }

  #encode(remembered: Guesses | undefined): Buffer {
    const guesses = remembered === undefined || remembered.size === 0 ? undefined : remembered;
    const atMost =
      headLength +
      numberLength(this.#sequence) +
      numberLength(this.#lastMicros) +
      numberLength(this.#lastDay) +
      this.#seconds.encodedLength() +
      this.#minutes.encodedLength() +
      this.#days.encodedLength() +
      (guesses?.encodedLength() ?? 0);
    const bytes = Buffer.allocUnsafe(atMost);
    bytes[0] = guesses === undefined ? version : guessingVersion;
    let at = writeNumber(bytes, headLength, this.#sequence);
    at = writeNumber(bytes, at, this.#lastMicros);
    at = writeNumber(bytes, at, this.#lastDay);
    at = this.#seconds.encode(bytes, at);
    at = this.#minutes.encode(bytes, at);
    at = this.#days.encode(bytes, at);
    if (guesses !== undefined) at = guesses.encode(bytes, at);
    const state = bytes.subarray(0, at);
    state.writeUInt32LE(checksum(state, headLength), 1);
    return state;
  }

  /** Number of charges so far. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Time of the last charge, microseconds since the Unix epoch; 0 before the first. */
  get lastMicros(): number {
    return this.#lastMicros;
  }

  /** Day of the last charge; 0 before the first. */
  get lastDay(): number {
    return this.#lastDay;
  }

  /**
   * The instant of the next decision: now, but after the last charge even if the clock was set back,
   * and on no earlier day even if the configured zone was moved.
   */
  next(nowMicros: number, clock: DayClock): Instant {
    const micros = Math.max(this.#lastMicros + 1, Math.floor(nowMicros));
    return { micros, day: Math.max(this.#lastDay, clock.day(micros)) };
  }

  /** What counts at that instant, which must not lie before the last charge. */
  used(count: Count, window: Window, instant: Instant): number {
    const at = countIndex[count];
    switch (window) {
      case 'minute':
        return this.#seconds.sum(at, Math.floor(instant.micros / secondMicros));
      case 'hour':
        return this.#minutes.sum(at, Math.floor(instant.micros / minuteMicros));
      case 'day':
        return this.#days.at(at, instant.day);
      case '30d':
        return this.#days.sum(at, instant.day);
    }
  }

  /**
   * Whether the charge fits all limits: used + amount ≤ max. An amount of 0 fits whatever is used.
   * Changes nothing.
   * @param known people of the read whom the key has seen today already: they add nothing, but will be new by the end of a long wait
   * @returns the limit that it would overrun; of several the one with the longest wait
   */
  check(
    limits: readonly Limit[],
    charge: Charge,
    instant: Instant,
    clock: DayClock,
    known = 0,
  ): Exceeded | undefined {
    let worst: Exceeded | undefined;
    for (const limit of limits) {
      const amount = amountOf(charge, limit.count, limit.window);
      if (amount === 0) continue;
      const used = this.used(limit.count, limit.window, instant);
      if (used + amount <= limit.max) continue;
      const exceeded = this.#exceeded(limit, used, amount, charge, instant, clock, known);
      if (worst === undefined || waitOf(exceeded) > waitOf(worst)) worst = exceeded;
    }
    return worst;
  }

  /** How each limit stands at that instant, in the order given. */
  remaining(limits: readonly Limit[], instant: Instant, clock: DayClock): Standing[] {
    return limits.map((limit) => {
      const used = this.used(limit.count, limit.window, instant);
      const newest =
        used === 0
          ? undefined
          : this.#buckets(limit.window).newest(countIndex[limit.count], unit(limit.window, instant));
      return {
        limit,
        used,
        remaining: Math.max(0, limit.max - used),
        windowSeconds: windowSeconds[limit.window],
        resetSeconds:
          newest === undefined ? 0 : secondsUntil(goneMicros(limit.window, newest, clock), instant),
      };
    });
  }

  /**
   * Why the charge cannot follow the last one, apart from limits; undefined: it can. Time must have
   * moved on, amounts must be whole and not negative, and people said to return must have been seen
   * on that day.
   */
  fault(charge: Charge, instant: Instant): string | undefined {
    const { micros, day } = instant;
    if (!Number.isSafeInteger(micros) || micros <= this.#lastMicros)
      return 'the time does not follow the last charge';
    if (!Number.isSafeInteger(day) || day < this.#lastDay) return 'the day lies before the last charge';
    for (let at = 0; at < counts.length; at++) {
      const amount = amountOf(charge, counts[at]!, 'day');
      if (!Number.isSafeInteger(amount) || amount < 0) return 'an amount is not a whole number';
      if (!Number.isSafeInteger(this.#days.sum(at, day) + amount)) return 'a count is too large';
    }
    const { fresh, returning } = charge.people;
    if (!Number.isSafeInteger(fresh) || fresh < 0) return 'an amount is not a whole number';
    let previous = day - spanDays;
    for (const [seenDay, n] of returning) {
      if (!(seenDay > previous && seenDay < day)) return 'the days of returning people are out of order';
      if (!Number.isSafeInteger(n) || n < 1) return 'an amount is not a whole number';
      previous = seenDay;
    }
    if (returning.length > 0 && !this.#days.holds(peopleIndex, returning)) {
      return 'more people return than were last seen on a day';
    }
    return undefined;
  }

  /** How many different values that look the same to the role were looked up within the hour, these included. */
  guessing(guesses: readonly Guess[], instant: Instant): number {
    return this.#guesses.count(guesses, Math.floor(instant.micros / secondMicros));
  }

  /**
   * Adds the charge, whatever the limits say: `check` comes first. One more in `sequence`.
   * @throws WeirError internal where `fault` finds one; then nothing has changed
   */
  charge(charge: Charge, instant: Instant, guesses: readonly Guess[] = []): void {
    const fault = this.fault(charge, instant);
    if (fault !== undefined)
      throw new WeirError('internal', { cause: new Error(`a meter cannot be charged: ${fault}`) });
    this.chargeSound(charge, instant, guesses);
  }

  /** As `charge`, for who has just asked `fault` and found none. */
  chargeSound(charge: Charge, instant: Instant, guesses: readonly Guess[] = []): void {
    this.#seconds.open(Math.floor(instant.micros / secondMicros));
    this.#minutes.open(Math.floor(instant.micros / minuteMicros));
    this.#days.open(instant.day);
    for (let at = 0; at < counts.length; at++) {
      const amount = at === peopleIndex ? newToday(charge.people) : amountOf(charge, counts[at]!, 'day');
      if (amount === 0) continue;
      this.#seconds.add(at, amount);
      this.#minutes.add(at, amount);
      this.#days.add(at, amount);
    }
    if (charge.people.returning.length > 0) this.#days.take(peopleIndex, charge.people.returning);
    if (guesses.length > 0 || this.#guesses.size > 0) {
      this.#guesses.remember(guesses, Math.floor(instant.micros / secondMicros));
    }
    this.#sequence++;
    this.#lastMicros = instant.micros;
    this.#lastDay = instant.day;
  }

  #exceeded(
    limit: Limit,
    used: number,
    amount: number,
    charge: Charge,
    instant: Instant,
    clock: DayClock,
    known: number,
  ): Exceeded {
    const length = windowSeconds[limit.window];
    const people = limit.count === 'people';
    // Returning people and those of today are in the 30 days already; but when their day falls out they would be fresh.
    const staying =
      people && limit.window === '30d'
        ? [...charge.people.returning, [instant.day, known] as const]
        : nobody.returning;
    const tomorrow = people && limit.window === 'day' ? known : 0;
    const whole = staying.reduce((sum, [, n]) => sum + n, amount + tomorrow);
    let neverFits = whole > limit.max;
    let retryAfterSeconds = length;
    if (!neverFits) {
      const need = used + amount - limit.max;
      const last =
        limit.window === 'day'
          ? instant.day
          : this.#buckets(limit.window).lastToGo(
              countIndex[limit.count],
              need,
              unit(limit.window, instant),
              staying,
            );
      let gone = goneMicros(limit.window, last, clock);
      // Past midnight those of today are new again, within a minute and an hour as well.
      const short = limit.window === 'minute' || limit.window === 'hour';
      if (people && short && known > 0 && clock.day(gone) > instant.day) {
        neverFits = amount + known > limit.max;
        const buckets = this.#buckets(limit.window);
        const later = buckets.lastToGo(
          countIndex[limit.count],
          need + known,
          unit(limit.window, instant),
          staying,
        );
        gone = goneMicros(limit.window, later, clock);
      }
      retryAfterSeconds = neverFits ? length : secondsUntil(gone, instant);
    }
    const remaining = Math.max(0, limit.max - used);
    return { limit, used, amount, remaining, retryAfterSeconds, windowSeconds: length, neverFits };
  }

  #buckets(window: Window): Buckets {
    return window === 'minute' ? this.#seconds : window === 'hour' ? this.#minutes : this.#days;
  }
}

function unit(window: Window, instant: Instant): number {
  if (window === 'minute') return Math.floor(instant.micros / secondMicros);
  return window === 'hour' ? Math.floor(instant.micros / minuteMicros) : instant.day;
}

/** The moment at which a bucket no longer counts in the window. */
function goneMicros(window: Window, bucket: number, clock: DayClock): number {
  switch (window) {
    case 'minute':
      return (bucket + spanSeconds) * secondMicros;
    case 'hour':
      return (bucket + spanMinutes) * minuteMicros;
    case 'day':
      return clock.startOfDay(bucket + 1);
    case '30d':
      return clock.startOfDay(bucket + spanDays);
  }
}

function secondsUntil(micros: number, instant: Instant): number {
  return Math.ceil((micros - instant.micros) / secondMicros);
}

/** Of what two meters say: the one with the longer wait, after which both let the read pass. */
export function longerWait(one: Exceeded | undefined, other: Exceeded | undefined): Exceeded | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return waitOf(other) > waitOf(one) ? other : one;
}

function waitOf(exceeded: Exceeded): number {
  return exceeded.neverFits ? Infinity : exceeded.retryAfterSeconds;
}
