/**
 * `fill:` of a catalogue's route, and of a role's service: clear values of one record go into the request to a
 * telephony or label service, and never to the caller. The record is found as the role finds it in the table
 * (`find_by`, `only`), and how often is bounded: a role that may fill has a limit on `fills`.
 */
import type { DraftTable } from './catalog.js';
import type { FilledValue, MaskName, RouteFill, ServicePolicy, TablePolicy } from './model.js';
import { bounds, type RoleLimits } from './role-limits.js';
import type { CatalogFile, RoleFile } from './schema.js';
import type { DraftService } from './service-catalog.js';
import type { Partly } from './shape.js';
import type { Complain, Path } from './source.js';
import { quote, suggest } from '../spelling.js';

type Services = NonNullable<CatalogFile['services']>;
type RouteEntry = NonNullable<Partly<Services[string]['routes'][number]>>;
type FillEntry = NonNullable<RouteEntry['fill']>;
type GrantEntry = NonNullable<Partly<NonNullable<RoleFile['services']>[string]>>;

/** @param at of the route. @returns what is whole once the set has no fault */
export function readFill(
  route: RouteEntry,
  entry: FillEntry,
  tables: ReadonlyMap<string, DraftTable> | undefined,
  at: Path,
  complain: Complain,
): RouteFill {
  const path = (...steps: (string | number)[]): Path => [...at, 'fill', ...steps];
  if (/^(GET|DELETE) /.test(route.match ?? '')) {
    const message = 'a request that is filled has a body';
    complain([...at, 'match'], 'value', message, 'write POST, PUT or PATCH');
  }
  if (route.answer !== undefined && route.answer !== 'json')
    complain([...at, 'answer'], 'value', 'the answer to a request that is filled is JSON', 'write json');
  if ('body' in route)
    complain([...at, 'body'], 'key', 'the gateway writes the body of this route', 'remove body');
  if ('query' in route || route.match?.includes('/:')) {
    const message = 'the caller of this route gives nothing but a body';
    const place = 'query' in route ? 'query' : 'match';
    complain([...at, place], place === 'query' ? 'key' : 'value', message, 'remove the parameters');
  }

  const table = entry.table === undefined ? undefined : tables?.get(entry.table);
  if (entry.table !== undefined && tables !== undefined && table === undefined) {
    const hint = suggest(entry.table, tables.keys(), 'see the tables in catalog.yaml');
    complain(path('table'), 'value', `unknown table ${quote(entry.table)}`, hint);
  }
  const known = (column: string | undefined, place: Path): void => {
    if (column === undefined || table?.columns === undefined || table.columns.has(column)) return;
    const hint = suggest(column, table.columns.keys(), `see the columns of ${table.name} in catalog.yaml`);
    complain(place, 'value', `unknown column ${quote(column)}`, hint);
  };
  known(entry.by, path('by'));
  const body = new Map<string, FilledValue>();
  for (const [member, written] of Object.entries(entry.body ?? {})) {
    if (typeof written === 'string') known(written, path('body', member));
    for (const other of body.keys()) {
      if (!other.startsWith(`${member}.`) && !member.startsWith(`${other}.`)) continue;
      const message = `${member} and ${other} cannot both be written`;
      complain(path('body', member), 'key', message, 'keep one of the two');
    }
    body.set(member, typeof written === 'string' ? { column: written } : { value: written?.value ?? '' });
  }
  const filled = [...body.values()].some((each) => 'column' in each && each.column !== entry.by);
  if (entry.body !== undefined && entry.by !== undefined && !filled) {
    const message = 'nothing is filled in that the caller does not give';
    complain(path('body'), 'key', message, 'add a column, for example to: receiver_phone');
  }
  const pass = (entry.pass ?? []).filter((member) => member !== undefined);
  for (const [index, member] of pass.entries()) {
    const taken = member === entry.by || [...body.keys()].some((name) => name.split('.')[0] === member);
    if (!taken) continue;
    complain(path('pass', index), 'value', `${member} is written by the gateway`, 'remove it here');
  }
  return { table: entry.table ?? '', by: entry.by ?? '', body, pass };
}

/** @returns routes, by `match` */
export function readFillGrant(
  { name, routes }: Pick<DraftService, 'name' | 'routes'>,
  entry: GrantEntry,
  path: Path,
  complain: Complain,
): ReadonlySet<string> {
  const { fill } = entry;
  const filled = [...routes.values()].filter((route) => route.fill !== undefined).map(({ match }) => match);
  if (fill === undefined || fill === false || fill === 'no') return new Set();
  if (fill === true || fill === 'yes') {
    if (filled.length === 0)
      complain(
        path,
        'value',
        `no route of ${name} is filled`,
        'add fill: to one in catalog.yaml, or write no',
      );
    return new Set(filled);
  }
  if (typeof fill === 'string') return new Set();
  const chosen = fill.filter((match) => match !== undefined);
  for (const [index, match] of chosen.entries()) {
    if (filled.includes(match)) continue;
    const message = routes.has(match)
      ? `the gateway does not fill ${quote(match)}`
      : `${name} has no route ${quote(match)}`;
    const hint = suggest(match, filled, `see the routes of ${name} in catalog.yaml`);
    complain([...path, index], 'value', message, hint);
  }
  return new Set(chosen);
}

/** A role fills from what it may find, and not without end. */
export function checkFills(
  role: string,
  grants: ReadonlyMap<string, ServicePolicy>,
  tables: ReadonlyMap<string, TablePolicy>,
  limits: RoleLimits,
  complain: Complain,
): void {
  for (const [name, { service, fill = new Set<string>() }] of grants) {
    const path = ['services', name, 'fill'];
    for (const match of fill) {
      const wanted = service.routes.get(match)?.fill;
      if (wanted === undefined || wanted.table === '' || wanted.by === '') continue;
      if (tables.get(wanted.table)?.findBy.includes(wanted.by) === true) continue;
      const message = `${match} finds a record of ${wanted.table} by ${wanted.by}, and ${role} may not`;
      const hint = `add ${wanted.by} to find_by of the table ${wanted.table}, or remove the route here`;
      complain(path, 'key', message, hint);
    }
    if (fill.size === 0 || bounds(limits, 'fills')) continue;
    const message = `${role} may fill requests to ${name} and has no limit on fills: a leak without a bound`;
    complain(path, 'key', message, 'add one under limits:, for example fills: 20 per day');
  }
}

/**
 * The table as a request is filled from it: the rows that the role may find (`only` holds), by that one column, and of
 * each what the service gets. Whether finding it is a look-up goes by what the role itself sees.
 */
export function filledTable(granted: TablePolicy, fill: RouteFill): TablePolicy {
  let made = filling.get(granted);
  if (made === undefined) filling.set(granted, (made = new Map()));
  let table = made.get(fill);
  if (table === undefined) {
    const { by, body } = fill;
    const see = new Map<string, MaskName>();
    for (const each of body.values()) if ('column' in each) see.set(each.column, 'clear');
    const seen = granted.see.get(by);
    if (seen === undefined) see.delete(by);
    else see.set(by, seen);
    table = { table: granted.table, browse: false, findBy: [by], only: granted.only, see };
    made.set(fill, table);
  }
  return table;
}

/** Kept, so that statements of one shape are compiled once (sql/statement-cache.ts). */
const filling = new WeakMap<TablePolicy, Map<RouteFill, TablePolicy>>();
