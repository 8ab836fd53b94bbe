/**
 * Columns of an answer: their type, how they come out of SQL, how their text is written in JSON, and which of
 * them are masked on output rather than in SQL.
 */
import { escapeIdentifier } from 'pg';
import type { Ordering, ReadPlan, ReleasedColumn, Selected } from '../access.js';
import { WeirError } from '../errors.js';
import type { TablePolicy } from '../policy/model.js';
import { castsOf, castTo } from './casts.js';
import { liveColumn } from './relation.js';
import type { LiveTable } from './schema.js';
import { needsToJson, scalarType } from './types.js';

/**
 * Masked columns that the statement may take as they are, because it does nothing with them but show them, and their
 * mask is computed on what comes out of it: only selected, never ordered by; filters on masked columns are refused anyway (a pin compares the real value).
 */
export function maskedOnOutput(
  policy: TablePolicy,
  selected: readonly string[],
  order: readonly Ordering[],
): ReadonlySet<string> {
  const ordered = new Set(order.map(({ column }) => column));
  return new Set(selected.filter((name) => policy.see.get(name) !== 'clear' && !ordered.has(name)));
}

/** The type of a column of the answer, as format_type writes it. @throws WeirError query-invalid for a cast that is not made */
export function shownType(policy: TablePolicy, live: LiveTable, { column, cast }: Selected): string {
  if (policy.see.get(column) !== 'clear') {
    if (cast === undefined) return 'text';
    throw new WeirError('query-invalid', {
      detail: `column ${column} cannot be cast`,
      hint: 'your role sees it masked, as text; leave the cast out',
    });
  }
  const { type } = liveColumn(live, column);
  if (cast === undefined) return type;
  const target = castTo(type, cast);
  if (target !== undefined) return target;
  throw new WeirError('query-invalid', {
    detail: `column ${column} cannot be cast to that type`,
    hint: `only casts that never fail are made; for ${column}: ${castsOf(type).join(', ') || 'none'}`,
  });
}

export function released(
  policy: TablePolicy,
  { column: name, as }: Selected,
  type: string,
  encoding: ReadPlan['encoding'],
): ReleasedColumn {
  const mask = policy.see.get(name)!;
  const named = as === undefined ? { name } : { name, as };
  if (mask !== 'clear') return { ...named, mask, json: 'string' };
  const json = encoding === 'json' && needsToJson(type) ? 'verbatim' : (scalarType(type)?.json ?? 'verbatim');
  return { ...named, mask, json };
}

/** @param row what the relation is called */
export function output(
  row: string,
  { column: name, cast }: Selected,
  type: string,
  encoding: ReadPlan['encoding'],
): string {
  const column = `${row}.${escapeIdentifier(name)}${cast === undefined ? '' : `::${type}`}`;
  return encoding === 'json' && needsToJson(type) ? `to_json(${column})` : column;
}

/** @param row what the relation is called */
export function ordering(row: string, { column, descending, nulls }: Ordering): string {
  return `${row}.${escapeIdentifier(column)}${descending ? ' DESC' : ''}${nulls === undefined ? '' : ` NULLS ${nulls.toUpperCase()}`}`;
}
