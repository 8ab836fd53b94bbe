/**
 * What may be asked of a column: whether it exists for the role, is filtered on, is ordered by. A hidden column
 * answers exactly as one that does not exist, in a table that is embedded as in one that is read by itself.
 */
import type { Filter, Ordering } from '../access.js';
import { WeirError } from '../errors.js';
import { maskOf } from '../mask/masks.js';
import type { CatalogColumn, TablePolicy } from '../policy/model.js';
import { isPattern } from './filters.js';

export function columnUnknown(policy: TablePolicy, name: string): WeirError {
  return new WeirError('column-unknown', {
    detail: `column ${policy.table.name}.${name} does not exist`,
    hint: `columns that your role sees: ${[...policy.see.keys()].join(', ')}`,
  });
}

export function visible(policy: TablePolicy, name: string): void {
  if (!policy.see.has(name)) throw columnUnknown(policy, name);
}

export function catalogued(policy: TablePolicy, name: string): CatalogColumn {
  const column = policy.table.columns.get(name);
  if (column === undefined) throw columnUnknown(policy, name);
  return column;
}

export function refuseUnfilterable(policy: TablePolicy, filter: Filter): void {
  const mask = policy.see.get(filter.column);
  if (mask === 'clear') {
    // Asked piece by piece, a pattern would find a person by what the caller does not know of them.
    if (!isPattern(filter) || catalogued(policy, filter.column).class === 'none') return;
    throw new WeirError('filter-refused', {
      detail: `column ${filter.column} holds personal data and is not searched with ${filter.operator}`,
      hint: `compare its whole value: ${filter.column}=eq.<value>`,
    });
  }
  const findable = policy.findBy.includes(filter.column);
  const byLast4 = policy.findByLast4?.has(filter.column) === true;
  if (mask === undefined && !findable && !byLast4) throw columnUnknown(policy, filter.column);
  throw new WeirError('filter-refused', {
    detail: `column ${filter.column} cannot be filtered on with ${filter.negated ? 'not.' : ''}${filter.operator}`,
    hint: findable
      ? `look it up by its whole value: ${filter.column}=eq.<value>`
      : byLast4
        ? `look it up by its last four digits: ${filter.column}=eq.****1234`
        : 'your role sees it masked; filter by a column that it sees in clear',
  });
}

/**
 * The order of rows would tell what the mask hides.
 * @throws WeirError column-unknown, filter-refused
 */
export function refuseUnorderable(
  policy: TablePolicy,
  { column, path }: Pick<Ordering, 'column' | 'path'>,
): void {
  visible(policy, column);
  const mask = policy.see.get(column)!;
  if (path === undefined ? maskOf(mask).sql !== undefined : mask === 'clear') return;
  const clear = [...policy.see.keys()].filter((name) => policy.see.get(name) === 'clear');
  throw new WeirError('filter-refused', {
    detail: `rows cannot be ordered by column ${column}, which your role sees as ${mask}`,
    hint: clear.length === 0 ? 'leave the order out' : `order by a column seen in clear: ${clear.join(', ')}`,
  });
}
