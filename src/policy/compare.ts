/**
 * What a new policy set shows or allows more than the one before it: each place of its files, with what
 * stood there before. Pure. Whatever it cannot judge counts as more: a change of a key that it does not
 * know, a mask of which it does not know that it keeps less. Empty: the set is as tight, or tighter.
 */
import { isPersonal } from './catalog.js';
import {
  compareBounds,
  compareCost,
  compareLimits,
  comparePurpose,
  compareReveal,
  droppedFilters,
  type Say,
} from './compare-role.js';
import {
  compareService,
  compareServiceGrants,
  judgedOfCatalogued,
  judgedOfService,
} from './compare-services.js';
import { canonicalJson } from './digest.js';
import { sortFaults, type PolicyFault } from './faults.js';
import type { LoadedPolicies } from './load.js';
import type { AlertPolicy, BulkThresholds, CatalogTable, RolePolicy, TablePolicy } from './model.js';
import type { Path, PolicySource } from './source.js';

/** `message` says what becomes looser, `hint` what keeps it as it was. */
export type Loosening = PolicyFault;

/** Masks that show less than this one, whatever the value. */
const narrower: Readonly<Record<string, readonly string[]>> = {
  middle: ['last4'],
  district: ['city', 'province'],
  city: ['province'],
};

/** Keys that are compared below; of any other, a change counts as looser. */
const judged = {
  role: [
    ...['role', 'about', 'owner', 'for', 'tables', 'per_request', 'limits', 'may'],
    ...['reason', 'ticket', 'hours', 'networks', 'cost'],
  ],
  grant: ['find_by', 'browse', 'only', 'see', 'reveal'],
  catalog: ['version', 'tables', 'claims'],
  table: ['from', 'record', 'subject', 'columns'],
};

/** @returns sorted by file and line */
export function loosenings(before: LoadedPolicies, after: LoadedPolicies): Loosening[] {
  const found: Loosening[] = [];
  const sayIn =
    (source: PolicySource): Say =>
    (...place) =>
      found.push(source.fault(...place));
  const inCatalog = sayIn(after.sources.catalog);
  const catalogs = { before: before.sources.catalog.value, after: after.sources.catalog.value };
  compareUnjudged(catalogs.before, catalogs.after, [...judged.catalog, 'services'], [], inCatalog);
  for (const service of after.set.catalog.services?.values() ?? []) {
    const path = ['services', service.name];
    const was = before.set.catalog.services?.get(service.name);
    // A new one is hidden until a role names it.
    if (was === undefined) continue;
    const raw = { before: valueAt(catalogs.before, path), after: valueAt(catalogs.after, path) };
    compareService(was, service, raw, inCatalog);
    compareUnjudged(raw.before, raw.after, judgedOfCatalogued, path, inCatalog);
  }
  for (const table of after.set.catalog.tables.values()) {
    const was = before.set.catalog.tables.get(table.name);
    if (was !== undefined) compareCatalogued(was, table, inCatalog);
    const path = ['tables', table.name];
    compareUnjudged(
      valueAt(before.sources.catalog.value, path),
      valueAt(after.sources.catalog.value, path),
      was === undefined ? Object.keys(valueAt(after.sources.catalog.value, path) ?? {}) : judged.table,
      path,
      inCatalog,
    );
  }
  for (const [name, role] of after.set.roles) {
    const source = after.sources.roles.get(name)!;
    const say = sayIn(source);
    const was = before.set.roles.get(name);
    if (was === undefined) {
      const what = [...role.tables.keys(), ...(role.services?.keys() ?? []), ...role.may].join(', ');
      say(['role'], 'value', `${name} is a new role (${what})`, 'remove the file');
      continue;
    }
    const old = before.sources.roles.get(name)!.value;
    compareRole(was, role, say);
    compareServiceGrants(was, role, showsMore, say);
    compareUnjudged(old, source.value, [...judged.role, 'services'], [], say);
    for (const service of role.services?.keys() ?? []) {
      const path = ['services', service];
      if (was.services?.has(service) === true)
        compareUnjudged(valueAt(old, path), valueAt(source.value, path), judgedOfService, path, say);
    }
    for (const table of role.tables.keys()) {
      const path = ['tables', table];
      if (was.tables.has(table))
        compareUnjudged(valueAt(old, path), valueAt(source.value, path), judged.grant, path, say);
    }
  }
  compareAlerts(
    before.set.alerts,
    after.set.alerts,
    [...after.set.roles.keys()],
    sayIn(after.sources.alerts),
  );
  return sortFaults(found);
}

function compareRole(before: RolePolicy, after: RolePolicy, say: Say): void {
  const { role } = after;
  if (before.for !== after.for) {
    const takes = after.for === 'services' ? 'without a person' : 'of people';
    say(['for'], 'value', `${role} takes tokens ${takes}`, `write ${before.for}`);
  }
  for (const policy of after.tables.values()) {
    const was = before.tables.get(policy.table.name);
    const { name } = policy.table;
    if (was === undefined)
      say(['tables', name], 'key', `${role} sees a new table, ${name}`, 'remove the table');
    else compareGrant(role, was, policy, say);
  }
  if (after.perRequest > before.perRequest) {
    const message = `${role} may read ${after.perRequest} rows in one request instead of ${before.perRequest}`;
    say(['per_request'], 'value', message, `write ${before.perRequest}`);
  }
  for (const permission of after.may)
    if (!before.may.has(permission))
      say(['may'], 'value', `${role} may ${deeds[permission] ?? permission}`, `remove ${permission}`);
  compareLimits(before, after, say);
  comparePurpose(before, after, say);
  compareBounds(before, after, say);
  compareCost(before, after, say);
}

const deeds: Readonly<Record<string, string>> = {
  alerts: 'read alerts',
  propose: 'propose policy sets',
  approve: 'approve policy sets',
};

function compareGrant(role: string, before: TablePolicy, after: TablePolicy, say: Say): void {
  const table = after.table.name;
  const at = (...steps: string[]) => ['tables', table, ...steps];
  for (const [column, mask] of after.see) {
    const was = before.see.get(column);
    if (was === undefined) {
      const how = mask === 'clear' ? 'in clear' : `as ${mask}`;
      say(
        at('see', column),
        'key',
        `${role} sees ${table}.${column} ${how}, and did not before`,
        'remove the line',
      );
    } else if (showsMore(was, mask)) {
      say(
        at('see', column),
        'value',
        `${role} sees ${table}.${column} as ${mask} instead of ${was}`,
        `write ${was}`,
      );
    }
  }
  if (after.browse && !before.browse)
    say(at('browse'), 'value', `${role} may list ${table} without pinning a record or a person`, 'write no');
  for (const column of after.findBy) {
    if (before.findBy.includes(column)) continue;
    say(at('find_by'), 'value', `${role} may find rows of ${table} by ${column}`, `remove ${column}`);
  }
  for (const column of after.findByLast4?.keys() ?? []) {
    if (before.findByLast4?.has(column) === true) continue;
    const message = `${role} may find rows of ${table} by the last four digits of ${column}`;
    say(at('find_by'), 'value', message, `remove {${column}: last4}`);
  }
  compareReveal(role, before, after, say);
  droppedFilters(before.only, after.only, `${role} sees`, `rows of ${table}`, at('only'), say);
}

function showsMore(before: string, after: string): boolean {
  if (before === after || before === 'clear') return false;
  return !(narrower[before] ?? []).includes(after);
}

function compareCatalogued(before: CatalogTable, after: CatalogTable, say: Say): void {
  const at = (...steps: string[]) => ['tables', after.name, ...steps];
  if (before.from.schema !== after.from.schema || before.from.table !== after.from.table) {
    const was = `${before.from.schema}.${before.from.table}`;
    say(at('from'), 'value', `${after.name} is another table of the order database`, `write ${was}`);
  }
  for (const key of ['record', 'subject'] as const) {
    if (before[key] === after[key]) continue;
    const hint = before[key] === undefined ? 'remove the line' : `write ${before[key]}`;
    say(at(key), 'value', `the log names rows of ${after.name} by another ${key}`, hint);
  }
  for (const column of after.columns.values()) {
    const was = before.columns.get(column.name);
    if (was === undefined) continue; // hidden until a role names it
    const path = at('columns', column.name);
    if (isPersonal(was.class) && !isPersonal(column.class)) {
      const message = `${after.name}.${column.name} no longer counts as personal (${was.class})`;
      say(path, 'value', message, `write ${was.class}`);
    }
    for (const lookup of column.lookup) {
      if (was.lookup.some((each) => canonicalJson(each) === canonicalJson(lookup))) continue;
      say(
        path,
        'value',
        `${after.name}.${column.name} may be looked up (${lookup.by})`,
        'remove the look-up',
      );
    }
  }
}

function compareAlerts(before: AlertPolicy, after: AlertPolicy, roles: readonly string[], say: Say): void {
  const told = new Set<string>();
  for (const role of [undefined, ...roles]) {
    const thresholds = ({ bulk, roles: own }: AlertPolicy): BulkThresholds =>
      (role === undefined ? undefined : own.get(role)) ?? bulk;
    const [was, now] = [thresholds(before), thresholds(after)];
    for (const rule of Object.keys(was) as (keyof BulkThresholds)[]) {
      const [old, threshold] = [was[rule], now[rule]];
      if (old === undefined || (threshold !== undefined && threshold <= old)) continue;
      const key = rule.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      const message = `reads are flagged from ${threshold === undefined ? 'nothing' : threshold} on (${key}), not from ${old}`;
      // What is loosened for all roles is told once.
      if (told.has(`${key} ${message}`)) continue;
      told.add(`${key} ${message}`);
      const path = role === undefined ? ['bulk', key] : ['roles', role, key];
      say(path, 'value', role === undefined ? message : `${role}: ${message}`, `write ${old}`);
    }
  }
}

/** Keys that this file does not know: whether they show more is not for it to say. */
function compareUnjudged(
  before: unknown,
  after: unknown,
  known: readonly string[],
  path: Path,
  say: Say,
): void {
  const [was, now] = [mapping(before), mapping(after)];
  for (const key of new Set([...Object.keys(was), ...Object.keys(now)])) {
    if (known.includes(key) || canonicalJson(was[key] ?? null) === canonicalJson(now[key] ?? null)) continue;
    const part = key in now ? 'value' : 'key';
    say(
      [...path, key],
      part,
      `"${key}" has changed, which may show or allow more`,
      'write what stood there before',
    );
  }
}

function valueAt(value: unknown, path: readonly string[]): object | undefined {
  return path.reduce<unknown>((node, step) => mapping(node)[step], value) as object | undefined;
}

function mapping(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
