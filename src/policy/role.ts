/**
 * One role file: who may read what, and how much. What a role file does not say is not allowed;
 * a role that sees anything personal has a limit, since a role without one is a leak without a bound.
 */
import { isPersonal, type DraftTable } from './catalog.js';
import { readGrant } from './grant.js';
import { parseRate, rateHint } from './limit-text.js';
import type { Count, Limit, RolePolicy, TablePolicy } from './model.js';
import type { RoleFile } from './schema.js';
import type { Partly } from './shape.js';
import type { Complain, Path } from './source.js';
import { quote, suggest } from './spelling.js';

export const defaultPerRequest = 1000;

/**
 * @param name what the file is called, without .yaml
 * @param catalog undefined where it could not be read: nothing is said about tables then
 * @returns a policy that is whole once the set has no fault
 */
export function readRole(
  name: string,
  file: NonNullable<Partly<RoleFile>>,
  catalog: ReadonlyMap<string, DraftTable> | undefined,
  complain: Complain,
): RolePolicy {
  if (file.role !== undefined && file.role !== name) {
    const message = `the file is called ${name}.yaml and the role ${quote(file.role)}`;
    complain(['role'], 'value', message, `write role: ${name}, or rename the file to ${file.role}.yaml`);
  }
  if (!('tables' in file) && !('may' in file)) {
    complain([], 'key', 'the role may do nothing', 'add tables: (what it reads) or may: [alerts]');
  }
  const tables = new Map<string, TablePolicy>();
  for (const [tableName, entry] of Object.entries(file.tables ?? {})) {
    const table = catalog?.get(tableName);
    if (table !== undefined) tables.set(tableName, readGrant(table, entry ?? {}, file.for, complain));
    else if (catalog !== undefined) {
      complain(
        ['tables', tableName],
        'key',
        `unknown table ${quote(tableName)}`,
        tableHint(tableName, catalog),
      );
    }
  }
  const limits = readLimits(file, complain);
  const perRequest = file.per_request ?? defaultPerRequest;
  if (!('per_request' in file) || file.per_request !== undefined)
    checkPerRequest(perRequest, file, limits, complain);
  checkBounded(name, file, tables, limits, complain);
  return {
    role: name,
    about: file.about ?? '',
    owner: file.owner ?? '',
    for: file.for ?? 'people',
    tables,
    perRequest,
    limits: limits.map(({ limit }) => limit),
    may: new Set((file.may ?? []).filter((permission) => permission !== undefined)),
  };
}

function tableHint(name: string, catalog: ReadonlyMap<string, DraftTable>): string {
  for (const { name: own, from } of catalog.values()) {
    if (from !== undefined && (name === `${from.schema}.${from.table}` || name === from.table))
      return `write ${own}`;
  }
  return suggest(name, catalog.keys(), 'see the tables in catalog.yaml');
}

interface PlacedLimit {
  readonly limit: Limit;
  readonly path: Path;
}

function readLimits(file: NonNullable<Partly<RoleFile>>, complain: Complain): PlacedLimit[] {
  const limits = new Map<string, PlacedLimit>();
  for (const [count, written] of Object.entries(file.limits ?? {})) {
    const list =
      typeof written === 'string' ? [{ item: written, path: ['limits', count] }] : items(count, written);
    for (const { item, path } of list) {
      const [text, scope, at] =
        typeof item === 'string' ? [item, undefined, path] : [item?.limit, item?.scope, [...path, 'limit']];
      if (text === undefined || (typeof item === 'object' && scope === undefined)) continue;
      const rate = parseRate(text);
      if (rate === undefined) {
        complain(at, 'value', `${quote(text)} is not a limit`, rateHint(text));
        continue;
      }
      const limit: Limit = { count: count as Count, ...rate, scope };
      const key = JSON.stringify([count, limit.window, scope]);
      const forScope = scope === undefined ? '' : ` for scope ${scope}`;
      if (limits.has(key)) {
        complain(
          path,
          'value',
          `${count} per ${limit.window}${forScope} is limited twice`,
          'keep one of the two',
        );
      } else {
        limits.set(key, { limit, path: at });
      }
    }
  }
  return [...limits.values()];
}

type Items = Exclude<NonNullable<NonNullable<Partly<RoleFile>>['limits']>[string], string | undefined>;

function items(count: string, list: Items | undefined) {
  return (list ?? []).map((item, index) => ({ item, path: ['limits', count, index] }));
}

/** Of a window's limits the largest counts: a token with its scope can still ask for that much. */
function checkPerRequest(
  perRequest: number,
  file: NonNullable<Partly<RoleFile>>,
  limits: readonly PlacedLimit[],
  complain: Complain,
): void {
  const largest = new Map<string, PlacedLimit>();
  for (const placed of limits) {
    const { count, window, max } = placed.limit;
    if (count === 'records' && max > (largest.get(window)?.limit.max ?? 0)) largest.set(window, placed);
  }
  const tightest = [...largest.values()].sort((a, b) => a.limit.max - b.limit.max)[0];
  if (tightest === undefined || perRequest <= tightest.limit.max) return;
  const { max, window } = tightest.limit;
  if (file.per_request === undefined) {
    const message = `records are limited to ${max} per ${window}, less than the ${perRequest} rows that one request may read by default`;
    complain(tightest.path, 'value', message, `add per_request: ${max} or less`);
  } else {
    const message = `one request may read ${perRequest} rows, more than the limit of ${max} records per ${window}`;
    complain(['per_request'], 'value', message, `write ${max} or less`);
  }
}

function checkBounded(
  name: string,
  file: NonNullable<Partly<RoleFile>>,
  tables: ReadonlyMap<string, TablePolicy>,
  limits: readonly PlacedLimit[],
  complain: Complain,
): void {
  const seen = [...tables.values()].flatMap(({ table, see }) =>
    [...see.keys()]
      .filter((column) => isPersonal(table.columns.get(column)!.class))
      .map((column) => `${table.name}.${column}`),
  );
  if (seen[0] === undefined) return;
  const written = [file.limits?.['records'], file.limits?.['people']].some((limit) => limit !== undefined);
  const bounded = limits.some(
    ({ limit: { count, scope } }) => scope === undefined && (count === 'records' || count === 'people'),
  );
  if (bounded) return;
  if (limits.some(({ limit }) => limit.count === 'records' || limit.count === 'people')) {
    const message = `tokens without the scope have no limit on records or people, and ${name} sees ${seen[0]}`;
    complain(
      ['limits'],
      'key',
      message,
      'add one without a scope, for example records: [500 per day, {limit: …, scope: …}]',
    );
  } else if (!written) {
    const message = `${name} sees ${seen[0]} and has no limit on records or people: a leak without a bound`;
    complain(['limits'], 'key', message, 'add limits: with, for example, records: 500 per day');
  }
}
