/**
 * What one role may do with one table: the entry under `tables:` of a role file, held against the
 * catalogue. A column without a line is hidden; a mask that does not suit its class is refused, since
 * it would show what it was meant to hide.
 */
import { writtenForClass } from '../mask/masks.js';
import { isPersonal, type DraftColumn, type DraftTable } from './catalog.js';
import type { CatalogTable, MaskName, RowFilter, TablePolicy } from './model.js';
import { readReveal } from './reveal.js';
import type { RoleFile } from './schema.js';
import { readMask } from './see.js';
import type { Partly } from './shape.js';
import type { Complain, Path } from './source.js';
import { either, quote, suggest } from '../spelling.js';

type GrantEntry = NonNullable<Partly<NonNullable<RoleFile['tables']>[string]>>;
type Columns = ReadonlyMap<string, DraftColumn>;

/** @returns a policy that is whole once the set has no fault */
export function readGrant(
  table: DraftTable,
  entry: GrantEntry,
  roleIsFor: 'people' | 'services' | undefined,
  complain: Complain,
): TablePolicy {
  const at = (...steps: (string | number)[]): Path => ['tables', table.name, ...steps];
  const browse = entry.browse === true || entry.browse === 'yes';
  const findBy = (entry.find_by ?? []).filter((column) => typeof column === 'string');
  const findByLast4 = readLast4(table, entry, at('find_by'), complain);
  const reveal = readReveal(table, entry, roleIsFor, complain);
  const only = Object.entries(entry.only ?? {}).flatMap(([column, text]): RowFilter[] =>
    text === undefined ? [] : [{ column, value: filterText(text, at('only', column), complain) }],
  );
  const see = new Map<string, MaskName>();
  if (!browse && entry.find_by === undefined && entry.browse !== undefined) {
    complain(
      at('browse'),
      'value',
      `${table.name} can neither be searched nor browsed`,
      'add find_by: [<column>], or remove the table',
    );
  } else if (!browse && !('find_by' in entry) && !('browse' in entry)) {
    complain(
      at(),
      'key',
      `${table.name} can neither be searched nor browsed`,
      'add find_by: [<column>], or browse: yes for a role whose work is lists',
    );
  }

  const { columns } = table;
  if (columns !== undefined) {
    for (const column of Object.keys(entry.only ?? {}))
      known(column, columns, table, at('only', column), 'key', complain);
    for (const [name, mask] of Object.entries(entry.see ?? {})) {
      const column = known(name, columns, table, at('see', name), 'key', complain);
      if (column?.class === undefined || mask === undefined) continue;
      const shownAs = readMask(mask, column, at('see', name), complain);
      if (shownAs !== undefined) see.set(name, shownAs);
      if (mask === 'clear' && roleIsFor === 'services' && isPersonal(column.class)) {
        const masks = [...writtenForClass(column.class).filter((other) => other !== 'clear'), 'hidden'];
        const message = `a role for services sees nothing personal in clear, and ${name} is of class ${column.class}`;
        complain(at('see', name), 'value', message, `write ${either(masks)}`);
      }
    }
    for (const [index, name] of (entry.find_by ?? []).entries()) {
      if (typeof name === 'string') checkPin(name, columns, table, entry, at('find_by', index), complain);
    }
  }
  const masks = Object.values(entry.see ?? {});
  if (masks.length > 0 && masks.every((mask) => mask === 'hidden')) {
    complain(
      at('see'),
      'key',
      `every column of ${table.name} is hidden`,
      'show at least one column, or remove the table',
    );
  }
  return {
    table: table as CatalogTable,
    browse,
    findBy,
    only,
    ...(findByLast4.size === 0 ? {} : { findByLast4 }),
    ...(reveal.size === 0 ? {} : { reveal }),
    see: new Map(
      [...(columns?.keys() ?? [])].flatMap((name) => (see.has(name) ? [[name, see.get(name)!]] : [])),
    ),
  };
}

function known(
  name: string,
  columns: Columns,
  table: DraftTable,
  path: Path,
  part: 'key' | 'value',
  complain: Complain,
): DraftColumn | undefined {
  const column = columns.get(name);
  if (column === undefined) {
    const hint = suggest(name, columns.keys(), `see the columns of ${table.name} in catalog.yaml`);
    complain(path, part, `unknown column ${quote(name)}`, hint);
  }
  return column;
}

/** A role may pin by what is not personal, by what it sees whole, and by what the catalogue declares a look-up for that compares the whole value: `exact` or `normal`. */
function checkPin(
  name: string,
  columns: Columns,
  table: DraftTable,
  entry: GrantEntry,
  path: Path,
  complain: Complain,
): void {
  const column = known(name, columns, table, path, 'value', complain);
  if (column?.class === undefined || column.lookup.some(({ by }) => by === 'exact' || by === 'normal'))
    return;
  if (!isPersonal(column.class) || entry.see === undefined || entry.see[name] === 'clear') return;
  const message = `${name} is not seen in clear and the catalogue declares no exact look-up for it`;
  const hint = `write ${name}: {class: ${column.class}, lookup: [exact]} in catalog.yaml (it needs an index), or remove it here`;
  complain(path, 'value', message, hint);
}

/** `{receiver_phone: last4}`: only where the catalogue names the column that holds the digits, which has an index. */
function readLast4(
  { name: tableName, columns }: DraftTable,
  entry: GrantEntry,
  path: Path,
  complain: Complain,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [index, item] of (entry.find_by ?? []).entries()) {
    if (typeof item !== 'object') continue;
    const name = Object.keys(item)[0]!;
    const column = columns?.get(name);
    const place = [...path, index, name];
    const lookup = column?.lookup.find(({ by }) => by === 'last4');
    if (lookup?.by === 'last4') found.set(name, lookup.column);
    else if (columns !== undefined && column === undefined) {
      const hint = suggest(name, columns.keys(), `see the columns of ${tableName} in catalog.yaml`);
      complain(place, 'key', `unknown column ${quote(name)}`, hint);
    } else if (columns !== undefined) {
      const message = `the catalogue names no column with the last four digits of ${name}`;
      const hint = `write ${name}: {class: phone, lookup: [{last4: <column with an index>}]} in catalog.yaml, or remove it here`;
      complain(place, 'key', message, hint);
    }
  }
  return found;
}

/** The value of an `only`: text, or a claim. */
export function filterText(text: string, path: Path, complain: Complain): RowFilter['value'] {
  const claim = /^claim\.(\S+)$/.exec(text)?.[1];
  if (claim !== undefined) return { claim };
  const meant = /^\W*claims?(?:[\s.:]+(\S*?))?\}*$/i.exec(text);
  if (meant !== null)
    complain(
      path,
      'value',
      `${quote(text)} does not name a claim`,
      `write claim.${meant[1] || '<name of the claim>'}`,
    );
  return { literal: text };
}
