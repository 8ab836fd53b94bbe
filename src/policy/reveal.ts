/**
 * `reveal:` of a role's table: one column of one record in clear, named by the record's key, each time with a
 * reason and a ticket. What it may be asked of is a table of its own making: the same rows (`only` holds), found by
 * the record's key alone, showing that one column.
 */
import { columnUnknown } from '../sql/column-rules.js';
import { WeirError } from '../errors.js';
import { isPersonal, type DraftTable } from './catalog.js';
import { parseRate, rateHint } from './limit-text.js';
import type { Limit, RolePolicy, TablePolicy } from './model.js';
import type { RoleFile } from './schema.js';
import type { Partly } from './shape.js';
import type { Complain } from './source.js';
import { quote, suggest } from '../spelling.js';

type Entry = NonNullable<Partly<NonNullable<RoleFile['tables']>[string]>>;

export function readReveal(
  table: DraftTable,
  entry: Entry,
  roleIsFor: 'people' | 'services' | undefined,
  complain: Complain,
): ReadonlyMap<string, Limit> {
  const reveal = new Map<string, Limit>();
  const at = (...steps: string[]) => ['tables', table.name, 'reveal', ...steps];
  for (const [name, text] of Object.entries(entry.reveal ?? {})) {
    const column = table.columns?.get(name);
    if (table.columns !== undefined && column === undefined) {
      const hint = suggest(name, table.columns.keys(), `see the columns of ${table.name} in catalog.yaml`);
      complain(at(name), 'key', `unknown column ${quote(name)}`, hint);
    } else if (column?.class !== undefined && (!isPersonal(column.class) || entry.see?.[name] === 'clear')) {
      const why = isPersonal(column.class) ? 'is seen in clear already' : 'is not about a person';
      complain(at(name), 'key', `${name} ${why}`, 'remove it here, or mask it under see');
    }
    const rate = text === undefined ? undefined : parseRate(text);
    if (text !== undefined && rate === undefined)
      complain(at(name), 'value', `${quote(text)} is not a limit`, rateHint(text));
    if (rate !== undefined) reveal.set(name, { count: 'reveals', ...rate, scope: undefined });
  }
  if (reveal.size === 0) return reveal;
  if (roleIsFor === 'services')
    complain(at(), 'key', 'a role for services sees nothing personal in clear', 'remove reveal');
  if (table.record !== undefined && entry.see?.[table.record] !== 'clear') {
    const message = `a record is revealed by its key, and the role does not see ${table.record}`;
    complain(at(), 'key', message, `add ${table.record}: clear under see`);
  }
  return reveal;
}

/** Who reveals says why: the role must ask for reasons, and know tickets. */
export function checkRevealPurpose(
  file: NonNullable<Partly<RoleFile>>,
  tables: Iterable<TablePolicy>,
  complain: Complain,
): void {
  for (const { table, reveal } of tables) {
    if (reveal === undefined || reveal.size === 0) continue;
    const path = ['tables', table.name, 'reveal'];
    if (!('reason' in file))
      complain(path, 'key', 'a value is revealed for a reason', 'add reason: [call, return] to the role');
    if (!('ticket' in file))
      complain(path, 'key', 'a value is revealed for a ticket', 'add ticket: optional to the role');
    return;
  }
}

/** A role, as it is while it reveals: the ticket is no longer optional. */
export function revealingRole(role: RolePolicy): RolePolicy {
  return { ...role, ticket: { required: true, pattern: role.ticket?.pattern } };
}

/** @throws WeirError column-unknown, not-permitted */
export function revealedTable(policy: TablePolicy, column: string): TablePolicy {
  if (policy.reveal?.has(column) !== true) {
    if (!policy.see.has(column)) throw columnUnknown(policy, column);
    throw new WeirError('not-permitted', {
      detail: `${policy.table.name}.${column} cannot be revealed`,
      hint: 'the owner of the role may add it under reveal:',
    });
  }
  let made = revealing.get(policy);
  if (made === undefined) revealing.set(policy, (made = new Map()));
  let table = made.get(column);
  if (table === undefined) {
    const { record } = policy.table;
    table = {
      table: policy.table,
      browse: false,
      findBy: [record],
      only: policy.only,
      see: new Map([
        [record, 'clear'],
        [column, 'clear'],
      ]),
    };
    made.set(column, table);
  }
  return table;
}

/** Kept, so that statements of one shape are compiled once (sql/statement-cache.ts). */
const revealing = new WeakMap<TablePolicy, Map<string, TablePolicy>>();
