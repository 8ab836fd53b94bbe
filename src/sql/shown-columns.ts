/**
 * Columns of an answer: their type, how they come out of SQL, how their text is written in JSON, and which of
 * them are masked on output rather than in SQL.
 */
import type { Ordering, ReadPlan, ReleasedColumn, Selected } from '../access.js';
import { WeirError } from '../errors.js';
import type { TablePolicy } from '../policy/model.js';
import { castsOf, castTo } from './casts.js';
import { visible } from './column-rules.js';
import { placeIn, typeBelow } from './filters.js';
import type { Parameters } from './relation.js';
import type { LiveTable } from './schema.js';
import { comparableType, needsToJson, scalarType } from './types.js';

/**
 * Masked columns that the statement may take as they are, because it does nothing with them but show them, and their
 * mask is computed on what comes out of it: only selected, never ordered by; filters on masked columns are refused anyway (a pin compares the real value).
 */
export function maskedOnOutput(
  policy: TablePolicy,
  selected: readonly string[],
  order: readonly Ordering[],
): ReadonlySet<string> {
  const ordered = new Set(order.flatMap(({ column, embedded }) => (embedded === undefined ? [column] : [])));
  return new Set(selected.filter((name) => policy.see.get(name) !== 'clear' && !ordered.has(name)));
}

/** The columns that are asked for, `*` and none being all that the role sees. @throws WeirError column-unknown */
export function shownOf(policy: TablePolicy, { select }: Pick<ReadPlan, 'select'>): readonly Selected[] {
  const all = [...policy.see.keys()].map((column) => ({ column }));
  if (select === undefined) return all;
  for (const { column } of select) if (column !== '*') visible(policy, column);
  return select.some(({ column }) => column === '*')
    ? select.flatMap((item) => (item.column === '*' ? all : [item]))
    : select;
}

/**
 * The type of a column of the answer, or of what lies below it, as format_type writes it.
 * @throws WeirError query-invalid for a cast that is not made
 */
export function shownType(policy: TablePolicy, live: LiveTable, item: Selected): string {
  const { column, cast, path } = item;
  if (policy.see.get(column) !== 'clear') {
    if (cast === undefined && path === undefined) return 'text';
    throw new WeirError('query-invalid', {
      detail: `column ${column} cannot be ${path === undefined ? 'cast' : 'taken apart'}`,
      hint: `your role sees it masked, as text; leave ${path === undefined ? 'the cast' : '-> and what follows'} out`,
    });
  }
  const type = typeBelow(live, item);
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
  const json = encoding !== 'text' && needsToJson(type) ? 'verbatim' : (scalarType(type)?.json ?? 'verbatim');
  return { ...named, mask, json };
}

/** @param row what the relation is called */
export function output(
  row: string,
  item: Selected,
  type: string,
  encoding: ReadPlan['encoding'],
  parameters: Parameters,
): string {
  const place = placeIn(row, item, parameters);
  const column = item.cast === undefined ? place : `${place}::${type}`;
  if (encoding === 'text') return column;
  const json = needsToJson(type) ? `to_json(${column})` : column;
  return encoding === 'stripped' && scalarType(type) === undefined
    ? `json_strip_nulls(${json === column ? `${column}::json` : json})`
    : json;
}

/** PostgreSQL has no order for some types. @throws WeirError filter-refused, query-invalid */
export function refuseUnsortable(policy: TablePolicy, live: LiveTable, by: Ordering): void {
  if (policy.see.get(by.column) !== 'clear') return;
  const type = typeBelow(live, by);
  if (comparableType(type.replace(/\[\]$/, ''))) return;
  throw new WeirError('filter-refused', {
    detail: `rows cannot be ordered by column ${by.column}, whose type has no order here`,
    hint: 'order by another column',
  });
}

/** @param column SQL */
export function ordering(column: string, { descending, nulls }: Ordering): string {
  return `${column}${descending ? ' DESC' : ''}${nulls === undefined ? '' : ` NULLS ${nulls.toUpperCase()}`}`;
}
