/**
 * Which PostgreSQL types a filter may compare, how a value for them must look, and how their text is
 * written in JSON. A type that is not here can be shown (PostgreSQL encodes it), never filtered on.
 */
import type { ReleasedColumn } from '../access.js';

interface ScalarType {
  readonly json: ReleasedColumn['json'];
  /** Syntax check, so that a bad value is refused with its column's name and never reaches the database. */
  readonly accepts: (value: string) => boolean;
}

const integer = (min: bigint, max: bigint): ScalarType => ({
  json: 'number',
  accepts: (value) => /^[+-]?\d{1,19}$/.test(value) && BigInt(value) >= min && BigInt(value) <= max,
});
const decimal: ScalarType = {
  json: 'number',
  accepts: (value) => /^[+-]?(\d{1,100}(\.\d{0,100})?|\.\d{1,100})([eE][+-]?\d{1,2})?$/.test(value),
};
const anyText: ScalarType = { json: 'string', accepts: () => true };
const moment = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/;

const scalars: Readonly<Record<string, ScalarType>> = {
  smallint: integer(-32768n, 32767n),
  integer: integer(-2147483648n, 2147483647n),
  bigint: integer(-9223372036854775808n, 9223372036854775807n),
  numeric: decimal,
  real: { ...decimal, accepts: (value) => decimal.accepts(value) && Math.abs(Number(value)) < 3.4e38 },
  'double precision': decimal,
  text: anyText,
  'character varying': anyText,
  character: anyText,
  boolean: { json: 'boolean', accepts: (value) => /^(true|false|t|f)$/i.test(value) },
  uuid: { json: 'string', accepts: (value) => /^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/i.test(value) },
  date: { json: 'string', accepts: (value) => /^\d{4}-\d{2}-\d{2}$/.test(value) && isDate(value) },
  'timestamp with time zone': { json: 'verbatim', accepts: isMoment },
  'timestamp without time zone': { json: 'verbatim', accepts: isMoment },
};

/** "numeric(10,2)" and "character varying(20)" compare as their base type. */
export function baseType(type: string): string {
  return type.replace(/\(.*?\)/, '').trim();
}

export function scalarType(type: string): ScalarType | undefined {
  const base = baseType(type);
  return Object.hasOwn(scalars, base) ? scalars[base] : undefined;
}

/** What `=` and `<` compare here: scalars, and jsonb, of which every two values have an order. */
export function comparableType(type: string): boolean {
  return type === 'jsonb' || scalarType(type) !== undefined;
}

/** Text that PostgreSQL takes for jsonb. */
export function isJsonText(text: string): boolean {
  if (/\\u0000|[eE][+-]?\d{4,}/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether the type's own text is right inside JSON, or PostgreSQL's to_json has to write it. */
export function needsToJson(type: string): boolean {
  const scalar = scalarType(type);
  return scalar === undefined ? !/^jsonb?$/.test(type) : scalar.json === 'verbatim';
}

function isMoment(value: string): boolean {
  const match = moment.exec(value);
  if (match === null || !isDate(value.slice(0, 10))) return false;
  const time = /[T ](\d{2}):(\d{2})(?::(\d{2}))?/.exec(value);
  const inRange =
    time === null || (Number(time[1]) < 24 && Number(time[2]) < 60 && Number(time[3] ?? 0) < 60);
  const offset = /[+-](\d{2})(?::?(\d{2}))?$/.exec(value.slice(11));
  return inRange && (offset === null || (Number(offset[1]) < 15 && Number(offset[2] ?? 0) < 60));
}

function isDate(value: string): boolean {
  const [year, month, day] = value.slice(0, 10).split('-').map(Number) as [number, number, number];
  const date = new Date(Date.UTC(year, month - 1, day));
  return year > 0 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}
