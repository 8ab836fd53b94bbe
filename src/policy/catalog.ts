/**
 * The catalogue: what is where in the order database. A table or column that is not in it does not
 * exist for any role. Reads as much as a faulty file allows, so that the role files can be held
 * against it in the same run.
 */
import type { CatalogTable, DataClass, Lookup } from './model.js';
import type { CatalogFile } from './schema.js';
import type { Partly } from './shape.js';
import type { Complain } from './source.js';
import { quote, suggest } from '../spelling.js';

type TableEntry = NonNullable<Partly<CatalogFile['tables'][string]>>;
type ColumnEntry = Partly<CatalogFile['tables'][string]['columns'][string]>;

/** A CatalogTable of which parts may be broken; it is a whole one once the set has no fault. */
export interface DraftTable {
  readonly name: string;
  readonly from: CatalogTable['from'] | undefined;
  readonly record: string | undefined;
  readonly subject: string | undefined;
  readonly references?: ReadonlyMap<string, string>;
  /** Undefined: the columns could not be read, so nothing can be said about them. */
  readonly columns: ReadonlyMap<string, DraftColumn> | undefined;
}

export interface DraftColumn {
  readonly name: string;
  readonly class: DataClass | undefined;
  readonly lookup: readonly Lookup[];
}

/** Any class but `none` is about a person: rows that show such a column are metered, and services see it masked. */
export function isPersonal(dataClass: DataClass): boolean {
  return dataClass !== 'none';
}

/** @returns undefined where the file has no readable tables */
export function readCatalog(
  file: Partly<CatalogFile>,
  complain: Complain,
): ReadonlyMap<string, DraftTable> | undefined {
  if (file?.tables === undefined) return undefined;
  const tables = new Map<string, DraftTable>();
  const takenBy = new Map<string, string>();
  for (const [name, entry] of Object.entries(file.tables)) {
    const table = readTable(name, entry ?? {}, complain);
    tables.set(name, table);
    if (table.from === undefined) continue;
    const from = `${table.from.schema}.${table.from.table}`;
    const other = takenBy.get(from);
    if (other === undefined) takenBy.set(from, name);
    else
      complain(
        ['tables', name, 'from'],
        'value',
        `${from} is in the catalogue already, as ${other}`,
        'keep one of the two entries',
      );
  }
  for (const { name, references } of tables.values())
    for (const [column, other] of references ?? []) {
      if (tables.has(other)) continue;
      const message = `${column} refers to ${quote(other)}, which is not in the catalogue`;
      const hint = suggest(other, tables.keys(), 'name a table of this file');
      complain(['tables', name, 'references', column], 'value', message, hint);
    }
  return tables;
}

function readTable(name: string, entry: TableEntry, complain: Complain): DraftTable {
  const path = ['tables', name];
  const [schema, table] = entry.from?.split('.') ?? [];
  const columns =
    entry.columns === undefined
      ? undefined
      : new Map(
          Object.entries(entry.columns).map(([column, value]): [string, DraftColumn] => [
            column,
            readColumn(column, value),
          ]),
        );
  const record = [entry.record ?? []].flat().filter((column) => column !== undefined);
  for (const [key, named] of [
    ['record', record],
    ['subject', [entry.subject]],
  ] as const) {
    for (const column of named) {
      if (column === undefined || columns === undefined || columns.has(column)) continue;
      const hint = suggest(column, columns.keys(), `add ${column} to the columns of ${name}`);
      complain(
        [...path, key],
        'value',
        `${key} names ${quote(column)}, which is not among the columns`,
        hint,
      );
    }
  }
  const references = Object.entries(entry.references ?? {}).flatMap(([column, other]) => {
    if (columns?.has(column) === false) {
      const hint = suggest(column, columns.keys(), `add ${column} to the columns of ${name}`);
      complain([...path, 'references', column], 'key', `${name} has no column ${quote(column)}`, hint);
    }
    return other === undefined ? [] : [[column, other] as const];
  });
  for (const column of columns?.values() ?? [])
    checkLookup(column, columns!, [...path, 'columns', column.name], complain);
  return {
    name,
    from: schema === undefined || table === undefined ? undefined : { schema, table },
    record: record.length === 0 ? undefined : record.join(','),
    subject: entry.subject,
    ...(references.length === 0 ? {} : { references: new Map(references) }),
    columns,
  };
}

function readColumn(name: string, entry: ColumnEntry): DraftColumn {
  if (entry === undefined || typeof entry === 'string') return { name, class: entry, lookup: [] };
  const lookup = (entry.lookup ?? []).flatMap((item): Lookup[] => {
    if (item === undefined) return [];
    if (item === 'exact') return [{ by: 'exact' }];
    if (item.normal !== undefined) return [{ by: 'normal', column: item.normal }];
    return item.last4 === undefined ? [] : [{ by: 'last4', column: item.last4 }];
  });
  return { name, class: entry.class, lookup };
}

function checkLookup(
  column: DraftColumn,
  columns: ReadonlyMap<string, DraftColumn>,
  path: readonly string[],
  complain: Complain,
): void {
  const seen = new Set<string>();
  for (const [index, lookup] of column.lookup.entries()) {
    const at = [...path, 'lookup', index];
    if (seen.has(lookup.by))
      complain(at, 'value', `${column.name} has the look-up ${lookup.by} twice`, 'keep one of the two');
    seen.add(lookup.by);
    if (lookup.by === 'normal' && column.lookup.some(({ by }) => by === 'exact')) {
      const message = `${column.name} is looked up by its normal form and by its text`;
      complain(at, 'value', message, 'keep normal: it finds whatever is written alike, and more');
    }
    if (lookup.by === 'exact') continue;
    if (column.class !== undefined && column.class !== 'phone') {
      complain(
        at,
        'value',
        `the look-up ${lookup.by} is for phones, and ${column.name} is of class ${column.class}`,
        'write [exact]',
      );
    }
    if (lookup.column === column.name) {
      complain(
        at,
        'value',
        `${column.name} cannot hold its own ${holds(lookup.by)}`,
        'name the column that has an index for them',
      );
      continue;
    }
    const helper = columns.get(lookup.column)?.class;
    if (helper !== undefined && helper !== 'phone') {
      const message = `${lookup.column} holds digits of a phone but is of class ${helper}`;
      const hint = 'leave it out of the columns (it can be looked up all the same), or write phone';
      complain([...path.slice(0, -1), lookup.column], 'value', message, hint);
    }
  }
}

/** What the other column of a look-up has of the phone. */
export function holds(by: 'normal' | 'last4'): string {
  return by === 'normal' ? 'normal form' : 'last four digits';
}
