/**
 * Which calendar date a moment belongs to in one time zone. A day begins at the first moment whose
 * local date is that date or a later one, and lasts until the next begins. So days never run
 * backwards, not even where a clock is set back over midnight, and a date that a zone skipped has
 * no moment at all. Holds nothing but a memo of day starts.
 */
const hourMicros = 3_600_000_000;
const dayMicros = 24 * hourMicros;
const maxMemo = 4_096;

export class DayClock {
  readonly zone: string;
  readonly #format: Intl.DateTimeFormat;
  readonly #starts = new Map<number, number>();
  // The day of the last answer, [start, end): nearly every question falls into it.
  #day = 0;
  #start = 0;
  #end = 0;

  /**
   * @param zone IANA name, "Asia/Shanghai"
   * @throws RangeError for a zone that this platform does not know; the configuration checks it first
   */
  constructor(zone: string) {
    this.zone = zone;
    this.#format = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** @returns days since 1970-01-01 of the local date at that moment (microseconds since the Unix epoch) */
  day(micros: number): number {
    if (micros >= this.#start && micros < this.#end) return this.#day;
    let day = Math.floor(micros / dayMicros);
    while (this.startOfDay(day) > micros) day--;
    while (this.startOfDay(day + 1) <= micros) day++;
    this.#day = day;
    this.#start = this.startOfDay(day);
    this.#end = this.startOfDay(day + 1);
    return day;
  }

  /** @returns the moment at which the day begins, microseconds since the Unix epoch */
  startOfDay(day: number): number {
    const known = this.#starts.get(day);
    if (known !== undefined) return known;
    const start = this.#findStart(day);
    if (this.#starts.size >= maxMemo) this.#starts.clear();
    this.#starts.set(day, start);
    return start;
  }

  #findStart(day: number): number {
    // Local midnight, read as if it were UTC; the true one is an offset away, and no offset reaches 20 hours.
    const midnight = day * dayMicros;
    let before = midnight - 20 * hourMicros;
    let after = midnight + 20 * hourMicros;
    const offsetBefore = this.#offset(before);
    const offsetAfter = this.#offset(after);
    if (offsetBefore === offsetAfter) return midnight - offsetBefore;
    // The offset changes near this midnight: close in on the second at which it does.
    while (after - before > 1_000_000) {
      const middle = before + Math.floor((after - before) / 2_000_000) * 1_000_000;
      if (this.#offset(middle) === offsetBefore) before = middle;
      else after = middle;
    }
    const unchanged = midnight - offsetBefore;
    return unchanged < after ? unchanged : Math.max(after, midnight - offsetAfter);
  }

  /** Local time minus UTC, in microseconds; `micros` must be a whole second. */
  #offset(micros: number): number {
    const local = [0, 0, 0, 0, 0, 0];
    for (const part of this.#format.formatToParts(micros / 1_000)) {
      const at = fields.indexOf(part.type);
      if (at >= 0) local[at] = Number(part.value);
    }
    const [year, month, date, hour, minute, second] = local as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    return Date.UTC(year, month - 1, date, hour, minute, second) * 1_000 - micros;
  }
}

const fields: readonly string[] = ['year', 'month', 'day', 'hour', 'minute', 'second'];
