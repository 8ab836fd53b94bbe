/**
 * Holds a loaded policy set against what the order database really has. Reports what would make a
 * read fail, name no record, or crawl through a whole table; each fault points at the line of the
 * policy file that says otherwise. Pure: the schema comes in as an argument.
 */
import { comparable } from '../sql/foreign-keys.js';
import type { LiveSchema, LiveTable } from '../sql/schema.js';
import { holds } from './catalog.js';
import { sortFaults, type PolicyFault } from './faults.js';
import type { LoadedPolicies } from './load.js';
import {
  recordColumns,
  type Catalog,
  type CatalogColumn,
  type CatalogTable,
  type MaskName,
} from './model.js';
import type { PolicySource } from './source.js';
import { nearest, quote, suggest } from '../spelling.js';

/** @returns every fault, sorted; empty when the set fits */
export function checkAgainstDatabase(
  { set, sources }: LoadedPolicies,
  liveSchema: LiveSchema,
): PolicyFault[] {
  const faults: PolicyFault[] = [];
  for (const table of set.catalog.tables.values()) {
    const name = `${table.from.schema}.${table.from.table}`;
    const live = liveSchema.get(name);
    if (live !== undefined) {
      faults.push(...checkTable(table, live, sources.catalog));
      faults.push(...checkReferences(table, live, set.catalog, liveSchema, sources.catalog));
      continue;
    }
    const meant = nearest(name, liveSchema.keys());
    const hint =
      meant === undefined ? 'correct the name, or grant the gateway SELECT on the table' : `write ${meant}`;
    const message = `the order database has no table ${quote(name)} that the gateway may read`;
    faults.push(sources.catalog.fault(['tables', table.name, 'from'], 'value', message, hint));
  }
  faults.push(...checkFills(set.catalog, liveSchema, sources.catalog));
  for (const role of set.roles.values()) {
    const source = sources.roles.get(role.role)!;
    for (const { table, findBy, see } of role.tables.values()) {
      const live = liveSchema.get(`${table.from.schema}.${table.from.table}`);
      for (const [name, mask] of see) {
        const type = live?.columns.get(name)?.type;
        const needed = type === undefined ? undefined : neededType(mask, type);
        if (needed === undefined) continue;
        const message = `the mask ${mask} is for ${needed}, and ${name} is of type ${type}`;
        const hint = 'write clear or hidden, or name a column of that type';
        faults.push(source.fault(['tables', table.name, 'see', name], 'value', message, hint));
      }
      const written = findByOf(source, table.name);
      for (const name of findBy) {
        const column = live?.columns.get(name);
        const declared = table.columns.get(name)!.lookup.some(({ by }) => by === 'exact' || by === 'normal');
        // A declared look-up is reported once, in the catalogue.
        if (column === undefined || column.indexed || declared) continue;
        const message = `${name} has no index, so that each read by it would scan ${table.from.table}`;
        const hint = `create an index on ${table.from.schema}.${table.from.table} (${name}), or remove it here`;
        faults.push(
          source.fault(['tables', table.name, 'find_by', written.indexOf(name)], 'value', message, hint),
        );
      }
    }
  }
  return sortFaults(faults);
}

/** A request is filled from one record: two could be two people. */
function checkFills(
  { services, tables }: Catalog,
  liveSchema: LiveSchema,
  source: LoadedPolicies['sources']['catalog'],
): PolicyFault[] {
  return [...(services?.values() ?? [])].flatMap(({ name, routes }) =>
    [...routes.values()].flatMap(({ fill }, index) => {
      const table = fill && tables.get(fill.table);
      const live = table && liveSchema.get(`${table.from.schema}.${table.from.table}`);
      if (live?.columns.has(fill!.by) !== true || live.uniqueColumns.has(fill!.by)) return [];
      const message = `${fill!.by} is not unique in ${live.schema}.${live.table}, so that it does not name one record`;
      const hint = `write ${table!.record}, or make ${fill!.by} UNIQUE`;
      return [source.fault(['services', name, 'routes', index, 'fill', 'by'], 'value', message, hint)];
    }),
  );
}

/** As the file has it: other ways to find may stand between the columns. */
function findByOf(source: PolicySource, table: string): readonly unknown[] {
  const file = source.value as { tables?: Record<string, { find_by?: readonly unknown[] }> } | undefined;
  return file?.tables?.[table]?.find_by ?? [];
}

/** @returns what the mask is for, where a column of this type is none of it */
function neededType(mask: MaskName, type: string): string | undefined {
  if (mask === 'month') return /^(date|timestamp\b.*)$/.test(type) ? undefined : 'dates and timestamps';
  if (!mask.startsWith('bucket(')) return undefined;
  return /^(smallint|integer|bigint|numeric\b.*|real|double precision)$/.test(type) ? undefined : 'numbers';
}

function checkTable(
  table: CatalogTable,
  live: LiveTable,
  source: LoadedPolicies['sources']['catalog'],
): PolicyFault[] {
  const faults: PolicyFault[] = [];
  const at = (...steps: string[]) => ['tables', table.name, ...steps];
  const complain = (...fault: Parameters<typeof source.fault>) => faults.push(source.fault(...fault));
  const place = `${live.schema}.${live.table}`;

  for (const column of table.columns.values()) {
    if (!live.columns.has(column.name)) {
      const hint = meant(column.name, live, 'correct the name, or remove the line');
      complain(at('columns', column.name), 'key', `${place} has no column ${quote(column.name)}`, hint);
    }
    faults.push(...checkLookups(table, column, live, source));
  }
  faults.push(...checkRecord(table, live, source));
  if (table.subject !== undefined && !live.columns.has(table.subject)) {
    const hint = meant(table.subject, live, 'name the column that holds the person');
    complain(
      at('subject'),
      'value',
      `${place} has no column ${quote(table.subject)} to name the person`,
      hint,
    );
  }
  return faults;
}

function checkRecord(
  table: CatalogTable,
  live: LiveTable,
  source: LoadedPolicies['sources']['catalog'],
): PolicyFault[] {
  const at = ['tables', table.name, 'record'];
  const place = `${live.schema}.${live.table}`;
  const names = recordColumns(table);
  const fault = (message: string, hint: string) => [source.fault(at, 'value', message, hint)];
  for (const name of names) {
    if (live.columns.has(name)) continue;
    const hint = suggest(name, live.uniqueColumns, 'name a unique column');
    return fault(`${place} has no column ${quote(name)} to name the record`, hint);
  }
  const nullable = names.filter((name) => live.columns.get(name)!.nullable);
  const unique =
    names.length === 1
      ? live.uniqueColumns.has(names[0]!)
      : (live.indexes ?? []).some((one) => one.unique && one.columns.every((name) => names.includes(name)));
  if (!unique || nullable.length > 0) {
    const fitting = [...live.uniqueColumns].filter((name) => live.columns.get(name)?.nullable === false);
    const hint = fitting.length > 0 ? `write ${fitting[0]}` : `make ${names.join(', ')} NOT NULL and UNIQUE`;
    const why = nullable.length > 0 ? 'may be NULL' : 'is not unique';
    return fault(`${nullable[0] ?? names.join(', ')} ${why}, so that it does not name one record`, hint);
  }
  // With commas between, two texts could be read as one.
  const text = names.find(
    (name) => !/^(?:smallint|integer|bigint|uuid|date)$/.test(live.columns.get(name)!.type),
  );
  if (names.length === 1 || text === undefined) return [];
  return fault(
    `${text} is part of a record's name, and neither a whole number nor a uuid nor a date`,
    'name the record by other columns, or by one',
  );
}

/** A reference that cannot be joined by would be passed over in silence. */
function checkReferences(
  table: CatalogTable,
  live: LiveTable,
  { tables }: Catalog,
  liveSchema: LiveSchema,
  source: LoadedPolicies['sources']['catalog'],
): PolicyFault[] {
  return [...(table.references ?? [])].flatMap(([name, to]) => {
    const other = tables.get(to)!;
    const column = live.columns.get(name);
    const key = liveSchema.get(`${other.from.schema}.${other.from.table}`)?.columns.get(other.record);
    if (column === undefined || key === undefined || comparable(column.type, key.type)) return [];
    const message = `${name} is of type ${column.type} and ${to}.${other.record} of ${key.type}, so that the two cannot be joined`;
    return [source.fault(['tables', table.name, 'references', name], 'value', message, 'remove the line')];
  });
}

function checkLookups(
  table: CatalogTable,
  column: CatalogColumn,
  live: LiveTable,
  source: LoadedPolicies['sources']['catalog'],
): PolicyFault[] {
  const place = `${live.schema}.${live.table}`;
  return column.lookup.flatMap((lookup, index) => {
    const path = ['tables', table.name, 'columns', column.name, 'lookup', index];
    const name = lookup.by === 'exact' ? column.name : lookup.column;
    const found = live.columns.get(name);
    if (found === undefined) {
      if (lookup.by === 'exact') return []; // the missing column itself is reported
      const hint = meant(name, live, `name the column that holds the ${holds(lookup.by)}`);
      return [source.fault([...path, lookup.by], 'value', `${place} has no column ${quote(name)}`, hint)];
    }
    if (found.indexed) return [];
    const message = `the look-up of ${column.name} needs an index on ${name}, and there is none`;
    return [
      source.fault(path, 'value', message, `create an index on ${place} (${name}), or remove the look-up`),
    ];
  });
}

/** A table may have a hundred columns: only one that is close is worth naming. */
function meant(name: string, live: LiveTable, otherwise: string): string {
  const column = nearest(name, live.columns.keys());
  return column === undefined ? otherwise : `write ${column}`;
}
