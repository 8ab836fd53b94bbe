/**
 * What the order database holds that the catalogue does not say: new columns, columns that look personal and
 * are not classed so, columns of normal forms that hold others, and everything that no longer fits. Pure: schema and samples come in as arguments, and
 * what goes out names columns and counts, never a value.
 */
import { normalPhone } from '../mask/phone-parts.js';
import type { LiveSchema, LiveTable } from '../sql/schema.js';
import { checkAgainstDatabase } from './check-database.js';
import { sortFaults, type PolicyFault } from './faults.js';
import type { LoadedPolicies } from './load.js';
import { likenessOf } from './looks-personal.js';
import type { CatalogTable } from './model.js';

/** By "schema.table" and column: some of its values. */
export type Samples = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

/** By "schema.table" and phone: some of them, each with what the column of their normal forms holds beside it. */
export type NormalForms = ReadonlyMap<string, ReadonlyMap<string, readonly (readonly [string, string])[]>>;

/** Columns worth a look: those that the catalogue leaves out, and those that it says are about nobody. */
export function unclassified(table: CatalogTable, live: LiveTable): string[] {
  const helpers = helpersOf(table);
  return [...live.columns.keys()].filter(
    (name) => !helpers.has(name) && (table.columns.get(name)?.class ?? 'none') === 'none',
  );
}

/** @returns each with a line of the catalogue and what to do, sorted */
export function findDrift(
  policies: LoadedPolicies,
  live: LiveSchema,
  samples: Samples,
  normalForms: NormalForms = new Map(),
): PolicyFault[] {
  const findings = checkAgainstDatabase(policies, live);
  const { catalog } = policies.sources;
  for (const table of policies.set.catalog.tables.values()) {
    const place = `${table.from.schema}.${table.from.table}`;
    const found = live.get(place);
    if (found === undefined) continue;
    for (const { name, column, index } of normalLookups(table)) {
      const pairs = normalForms.get(place)?.get(name) ?? [];
      const wrong = pairs.filter(([phone, normal]) => normalPhone(phone) !== normal).length;
      if (wrong === 0) continue;
      const message = `${wrong} of ${pairs.length} values of ${column} are not the normal form of ${name}, so that these are not found by it`;
      const hint = 'fill the column with the normal form (docs/policies.md)';
      const path = ['tables', table.name, 'columns', name, 'lookup', index, 'normal'];
      findings.push(catalog.fault(path, 'value', message, hint));
    }
    for (const name of unclassified(table, found)) {
      const values = samples.get(place)?.get(name) ?? [];
      const likeness = likenessOf(values);
      const looks =
        likeness === undefined
          ? undefined
          : `${likeness.like} of ${likeness.of} values look like class ${likeness.class}`;
      const path = ['tables', table.name, 'columns'];
      if (!table.columns.has(name)) {
        const message = `${place} has a column ${name} that the catalogue does not list${looks === undefined ? '' : `; ${looks}`}`;
        const hint = `it stays hidden; to use it, add ${name}: ${likeness?.class ?? '<class>'}`;
        findings.push(catalog.fault(path, 'key', message, hint));
      } else if (looks !== undefined) {
        const message = `${name} is of class none, and ${looks}`;
        findings.push(catalog.fault([...path, name], 'value', message, `write ${likeness!.class}`));
      }
    }
  }
  return sortFaults(findings);
}

/** Columns that a look-up goes by need no line of their own, so that no role can read them. */
function helpersOf(table: CatalogTable): ReadonlySet<string> {
  const lookups = [...table.columns.values()].flatMap(({ lookup }) => lookup);
  return new Set(lookups.flatMap((lookup) => (lookup.by === 'exact' ? [] : lookup.column)));
}

/** Phones that are looked up by their normal form, and the columns that hold it. */
export function normalLookups(table: CatalogTable): { name: string; column: string; index: number }[] {
  return [...table.columns.values()].flatMap(({ name, lookup }) =>
    lookup.flatMap((each, index) => (each.by === 'normal' ? [{ name, column: each.column, index }] : [])),
  );
}
