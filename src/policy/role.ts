/**
 * One role file: who may read what, and how much. What a role file does not say is not allowed;
 * a role that sees anything personal has a limit, since a role without one is a leak without a bound.
 */
import type { DraftTable } from './catalog.js';
import { readGrant } from './grant.js';
import { checkRevealPurpose } from './reveal.js';
import { readTicket } from './purpose.js';
import type { CostPolicy, RolePolicy, TablePolicy } from './model.js';
import { checkBounded, checkGuessable, checkPerRequest, readLimits } from './role-limits.js';
import type { RoleFile } from './schema.js';
import type { DraftService } from './service-catalog.js';
import { asTables, readServiceGrants } from './service-grant.js';
import { checkFills } from './service-fill.js';
import type { Partly } from './shape.js';
import type { Complain } from './source.js';
import { checkServiceBounds, readHours, readNetworks } from './working-hours.js';
import { quote, suggest } from '../spelling.js';

/** Rows that one request may read, where the file does not say. */
export const defaultPerRequest = 1000;

/**
 * @param name what the file is called, without .yaml
 * @param catalog undefined where it could not be read: nothing is said about tables then
 * @param services like catalog
 * @returns a policy that is whole once the set has no fault
 */
export function readRole(
  name: string,
  file: NonNullable<Partly<RoleFile>>,
  catalog: ReadonlyMap<string, DraftTable> | undefined,
  complain: Complain,
  services?: ReadonlyMap<string, DraftService>,
): RolePolicy {
  if (file.role !== undefined && file.role !== name) {
    const message = `the file is called ${name}.yaml and the role ${quote(file.role)}`;
    complain(['role'], 'value', message, `write role: ${name}, or rename the file to ${file.role}.yaml`);
  }
  if (!('tables' in file) && !('services' in file) && !('may' in file)) {
    complain([], 'key', 'the role may do nothing', 'add tables: (what it reads) or may: [alerts]');
  }
  for (const deed of ['propose', 'approve'] as const)
    if (file.for === 'services' && file.may?.includes(deed) === true)
      complain(
        ['may'],
        'value',
        `a role for services cannot ${deed}`,
        `remove ${deed}: two people stand for a set`,
      );
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
  const grants = readServiceGrants(file, services, complain);
  const seen = [...tables.values(), ...asTables(grants)];
  const limits = readLimits(file.limits, file.for ?? 'people', complain);
  // A per_request that is there and undefined was refused already.
  if (!('per_request' in file) || file.per_request !== undefined) {
    checkPerRequest(file.per_request, defaultPerRequest, limits, complain);
  }
  checkBounded(name, seen, limits, complain);
  checkServiceBounds(file, complain);
  checkRevealPurpose(file, tables.values(), complain);
  checkGuessable(name, seen, limits, complain);
  checkFills(name, grants, tables, limits, complain);
  return {
    role: name,
    about: file.about ?? '',
    owner: file.owner ?? '',
    for: file.for ?? 'people',
    tables,
    ...(grants.size === 0 ? {} : { services: grants }),
    perRequest: file.per_request ?? defaultPerRequest,
    limits: limits.placed.map(({ limit }) => limit),
    may: new Set((file.may ?? []).filter((permission) => permission !== undefined)),
    reasons: file.reason?.filter((reason) => reason !== undefined),
    ticket: readTicket(file.ticket, complain),
    cost: readCost(file.cost),
    hours: readHours(file.hours, complain),
    networks: readNetworks(file.networks, complain),
  };
}

function readCost(cost: NonNullable<Partly<RoleFile>>['cost']): CostPolicy | undefined {
  if (cost === undefined) return undefined;
  const {
    statement_seconds: seconds,
    concurrent,
    concurrent_role: concurrentRole,
    pool_share: poolShare,
  } = cost;
  const statementMs = seconds === undefined ? undefined : seconds * 1000;
  return { statementMs, concurrent, concurrentRole, poolShare };
}

function tableHint(name: string, catalog: ReadonlyMap<string, DraftTable>): string {
  for (const { name: own, from } of catalog.values()) {
    if (from !== undefined && (name === `${from.schema}.${from.table}` || name === from.table))
      return `write ${own}`;
  }
  return suggest(name, catalog.keys(), 'see the tables in catalog.yaml');
}
