/**
 * Casts of the columns of an answer: those that cannot fail, and no others. One that failed would tell of a
 * value in a row that no entry names. Masked columns are text and stay so.
 */
import { baseType } from './types.js';

const alsoNamed: Readonly<Record<string, string>> = {
  int2: 'smallint',
  int4: 'integer',
  int: 'integer',
  int8: 'bigint',
  decimal: 'numeric',
  float4: 'real',
  float8: 'double precision',
  bool: 'boolean',
  varchar: 'text',
  'character varying': 'text',
  timestamptz: 'timestamp with time zone',
  timestamp: 'timestamp without time zone',
};

/** Every value of the type on the left has one of each type on the right. Sessions are in UTC. */
const total: Readonly<Record<string, readonly string[]>> = {
  smallint: ['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision', 'text'],
  integer: ['integer', 'bigint', 'numeric', 'real', 'double precision', 'text'],
  bigint: ['bigint', 'numeric', 'real', 'double precision', 'text'],
  numeric: ['numeric', 'text'],
  real: ['real', 'double precision', 'text'],
  'double precision': ['double precision', 'text'],
  text: ['text'],
  'character varying': ['text'],
  character: ['text'],
  boolean: ['boolean', 'integer', 'text'],
  uuid: ['uuid', 'text'],
  date: ['date', 'text'],
  'timestamp with time zone': ['timestamp with time zone', 'timestamp without time zone', 'date', 'text'],
  'timestamp without time zone': ['timestamp without time zone', 'date', 'text'],
  json: ['text'],
  jsonb: ['text'],
};

/** What a column of this type may be cast to. @param type as format_type writes it */
export function castsOf(type: string): readonly string[] {
  const base = baseType(type);
  const targets = Object.hasOwn(total, base) ? (total[base] ?? []) : [];
  // Digits that are bounded fit a double; numeric without bounds holds numbers that do not.
  return /^numeric\(\d/.test(type) ? [...targets, 'double precision'] : targets;
}

/** @returns the type's own name, or undefined where no such cast is made */
export function castTo(type: string, wanted: string): string | undefined {
  const name = wanted.toLowerCase();
  const target = Object.hasOwn(alsoNamed, name) ? alsoNamed[name] : name;
  return castsOf(type).find((known) => known === target);
}
