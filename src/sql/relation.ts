/**
 * The masked relation: the only form in which a role meets a table. A subquery in which each column is
 * shown, masked or absent as the role's policy says, with the row filter and the pins inside. Whatever
 * stands around it can only work on what comes out of it.
 */
import { escapeIdentifier } from 'pg';
import type { ClaimValue } from '../access.js';
import { WeirError } from '../errors.js';
import { maskOf } from '../mask/masks.js';
import { recordColumns, type MaskName, type TablePolicy } from '../policy/model.js';
import type { LiveColumn, LiveTable } from './schema.js';

/** Hidden columns that carry each row's keys to the log. No column of a policy may begin so. */
export const recordKey = '__weir_record';
export const subjectKey = '__weir_subject';

/** Where the value of a parameter comes from, each time that a statement is asked with. */
export type Slot =
  | { readonly from: 'literal'; readonly value: string }
  | { readonly from: 'claim'; readonly claim: string }
  /** A filter of the plan, by its place there: its one value, or all of them as an array. */
  | {
      readonly from: 'filter';
      readonly at: number;
      readonly list: boolean;
      readonly by: 'whole' | 'normal' | 'last4' | 'array';
    }
  | { readonly from: 'rowLimit' | 'probeLimit' | 'offset' }
  /** Of an embedded table, by its place among those of the plan; at the most one row more than `most`. */
  | { readonly from: 'embeddedLimit'; readonly at: number; readonly most: number }
  | { readonly from: 'embeddedOffset'; readonly at: number };

/** Collects what $1, $2, … of one statement stand for. Values are not known here: a statement serves many. */
export class Parameters {
  readonly slots: Slot[] = [];

  /** @param type as format_type writes it; the value goes as text and PostgreSQL reads it as that type */
  add(slot: Slot, type: string): string {
    this.slots.push(slot);
    return `$${this.slots.length}::${type}`;
  }
}

export function liveColumn(live: LiveTable, name: string): LiveColumn {
  const column = live.columns.get(name);
  // The start-up checks hold the catalogue against the database, so this is a column dropped since then.
  if (column === undefined)
    throw new WeirError('upstream-failed', {
      cause: new Error(`column ${name} is gone from ${live.schema}.${live.table}`),
    });
  return column;
}

/**
 * @param columns visible columns that the statement needs, each once
 * @param unmasked those of them that are masked on output instead; nothing but the select list may mention them
 * @param conditions further conjuncts over the table's own columns (pins), already in SQL
 * @returns a parenthesised subquery
 */
export function maskedRelation(
  policy: TablePolicy,
  live: LiveTable,
  columns: readonly string[],
  unmasked: ReadonlySet<string>,
  conditions: readonly string[],
  parameters: Parameters,
): string {
  const shown = columns.map((name) => {
    const mask = policy.see.get(name);
    if (mask === undefined)
      throw new WeirError('internal', { detail: 'a hidden column reached the compiler of masked relations' });
    const column = escapeIdentifier(name);
    if (mask === 'clear') return column;
    const text = textOf(column, liveColumn(live, name));
    return `${unmasked.has(name) ? text : maskedText(mask, text)} AS ${column}`;
  });
  const { subject } = policy.table;
  const record = recordColumns(policy.table).map((name) => escapeIdentifier(name));
  const key = record.length === 1 ? record[0] : record.map((name) => `${name}::text`).join(" || ',' || ");
  shown.push(`${key} AS ${recordKey}`);
  shown.push(`${subject === undefined ? 'NULL::text' : escapeIdentifier(subject)} AS ${subjectKey}`);
  const where = [...rowFilter(policy, live, parameters), ...conditions];
  const from = `${escapeIdentifier(live.schema)}.${escapeIdentifier(live.table)}`;
  return `(SELECT ${shown.join(', ')} FROM ${from}${where.length === 0 ? '' : ` WHERE ${where.join(' AND ')}`})`;
}

/** `only`: conjunctions of column = value and nothing else, since anything richer can be made to raise on hidden rows. */
function rowFilter(policy: TablePolicy, live: LiveTable, parameters: Parameters): string[] {
  return policy.only.map(({ column, value }) => {
    const slot: Slot =
      'literal' in value ? { from: 'literal', value: value.literal } : { from: 'claim', claim: value.claim };
    return `${escapeIdentifier(column)} = ${parameters.add(slot, liveColumn(live, column).type)}`;
  });
}

/** @throws WeirError claim-required where the row filter names a claim that the token lacks */
export function claimOf(name: string, claims: Readonly<Record<string, ClaimValue>>): string {
  const claim = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (claim === undefined) {
    throw new WeirError('claim-required', {
      detail: `the role filters rows by the claim ${name}, which the token lacks`,
      hint: 'ask the identity provider to put the claim into your token',
    });
  }
  return String(claim);
}

function maskedText(mask: MaskName, text: string): string {
  const { sql } = maskOf(mask);
  if (sql === undefined)
    throw new WeirError('internal', { cause: new Error(`the mask ${mask} has no SQL form`) });
  return sql(text);
}

function textOf(column: string, { type }: LiveColumn): string {
  return type === 'text' || type.startsWith('character varying') ? column : `${column}::text`;
}
