/** Times and durations as people type them on a command line, and back. Pure: the present comes in. */
import { InvalidArgumentError } from 'commander';
import { CliError } from './context.js';

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/**
 * "90s", "15m", "2h", "7d" → seconds.
 * @throws InvalidArgumentError
 */
export function parseDurationSeconds(text: string): number {
  const [, digits, unit] = /^([1-9][0-9]{0,8})([smhd])$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined) {
    throw new InvalidArgumentError('Write a number and a unit: 90s, 15m, 2h or 7d.');
  }
  return Number(digits) * unitSeconds[unit]!;
}

/**
 * "2h" (that long ago), "2026-11-22", "2026-11-22T14:05", "2026-11-22T14:05:09.5", each with or without
 * an offset (Z, +08:00); without one it is the time of day in `zone`.
 * @returns microseconds since the Unix epoch
 * @throws InvalidArgumentError
 */
export function parseTimeMicros(
  text: string,
  options: { readonly nowMicros: number; readonly zone: string },
): number {
  if (/^\d+[smhd]$/.test(text)) return options.nowMicros - parseDurationSeconds(text) * 1e6;
  const match =
    /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?)?(Z|[+-]\d{2}:?\d{2})?$/.exec(
      text,
    );
  if (match === null) {
    throw new InvalidArgumentError(
      'Write 2h (ago), 2026-11-22, or 2026-11-22T14:05, with or without +08:00.',
    );
  }
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', offset] = match;
  const wall = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  // Date.UTC takes 30 February for 2 March; what comes back must be what went in.
  if (new Date(wall).toISOString().slice(0, 19) !== `${year}-${month}-${day}T${hour}:${minute}:${second}`) {
    throw new InvalidArgumentError('There is no such day or time.');
  }
  const millis =
    wall - (offset === undefined ? zoneOffsetMillis(wall, options.zone) : fixedOffsetMillis(offset));
  return millis * 1000 + Number(fraction.padEnd(6, '0'));
}

export interface RangeOptions {
  readonly from?: string;
  readonly to?: string;
}

/**
 * --from and --to, in the zone of the configuration.
 * @throws CliError
 */
export function readRange(
  { from, to }: RangeOptions,
  zone: string,
  nowMicros: number = Date.now() * 1000,
): { sinceMicros: number | undefined; untilMicros: number | undefined } {
  const read = (option: string, text: string | undefined) => {
    try {
      return text === undefined ? undefined : parseTimeMicros(text, { nowMicros, zone });
    } catch (error) {
      throw new CliError(`${option} is no time`, (error as Error).message);
    }
  };
  const range = { sinceMicros: read('--from', from), untilMicros: read('--to', to) };
  if (
    range.sinceMicros !== undefined &&
    range.untilMicros !== undefined &&
    range.sinceMicros >= range.untilMicros
  ) {
    throw new CliError('--from is not before --to', 'swap the two, or widen the range');
  }
  return range;
}

/** "2026-11-22 14:05:09" in the zone. */
export function formatTime(micros: number, zone: string): string {
  const millis = Math.floor(micros / 1000);
  return new Date(millis + offsetAt(millis, zone)).toISOString().slice(0, 19).replace('T', ' ');
}

function fixedOffsetMillis(offset: string): number {
  if (offset === 'Z') return 0;
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(-2));
  return (offset.startsWith('-') ? -1 : 1) * minutes * 60_000;
}

/** Offset of a wall clock time: asked twice, because the first answer may lie on the other side of a change of clocks. */
function zoneOffsetMillis(wall: number, zone: string): number {
  return offsetAt(wall - offsetAt(wall, zone), zone);
}

function offsetAt(millis: number, zone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(millis);
  const part = (type: string) => Number(parts.find((each) => each.type === type)?.value);
  const wall = Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour'),
    part('minute'),
    part('second'),
  );
  return wall - Math.floor(millis / 1000) * 1000;
}
