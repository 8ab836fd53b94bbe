/**
 * The limits of one role file: how they are read, and the two things that must hold between them and
 * the rest of the file. What a limit that cannot be read would have bounded is not reported again.
 */
import { isPersonal } from './catalog.js';
import { parseRate, rateHint } from './limit-text.js';
import type { Count, Limit, TablePolicy } from './model.js';
import type { RoleFile } from './schema.js';
import type { Partly } from './shape.js';
import type { Complain, Path } from './source.js';
import { quote } from '../spelling.js';

type Limits = NonNullable<Partly<RoleFile>>['limits'];

export interface RoleLimits {
  readonly placed: readonly PlacedLimit[];
  /** Counts of which some limit could not be read. */
  readonly unread: ReadonlySet<string>;
}

interface PlacedLimit {
  readonly limit: Limit;
  /** Of its text. */
  readonly path: Path;
}

/** @param reader whose limits they are where they do not say: a service is itself the tool */
export function readLimits(file: Limits, reader: RoleFile['for'], complain: Complain): RoleLimits {
  const placed = new Map<string, PlacedLimit>();
  const unread = new Set<string>();
  for (const [count, written] of Object.entries(file ?? {})) {
    if (written === undefined) unread.add(count);
    const list = typeof written === 'string' ? [written] : (written ?? []);
    for (const [index, item] of list.entries()) {
      const path = typeof written === 'string' ? ['limits', count] : ['limits', count, index];
      const isText = typeof item === 'string';
      const [text, scope] = isText ? [item, undefined] : [item?.limit, item?.scope];
      const at = isText ? path : [...path, 'limit'];
      const rate = text === undefined ? undefined : parseRate(text);
      if (text !== undefined && rate === undefined) {
        complain(at, 'value', `${quote(text)} is not a limit`, rateHint(text));
      }
      // A scope (or a per) that is there and undefined was refused already.
      const isRefused = (key: 'scope' | 'per'): boolean =>
        !isText && item !== undefined && key in item && item[key] === undefined;
      if (rate === undefined || isRefused('scope') || isRefused('per')) {
        unread.add(count);
        continue;
      }
      const whose = isText ? undefined : item?.per;
      if (reader === 'services' && whose === 'person') {
        const message = 'a role for services has no person to count for';
        complain([...path, 'per'], 'value', message, 'leave it out: the limit then holds for each service');
      }
      const per = whose === 'person' || (whose === 'tool' && reader === 'services') ? undefined : whose;
      const observe = !isText && (item?.observe === true || item?.observe === 'yes');
      const key = JSON.stringify([count, rate.window, per, scope, observe]);
      if (placed.has(key)) {
        const forWhom = per === undefined ? '' : ` of each ${per}`;
        const forScope = scope === undefined ? '' : ` for scope ${scope}`;
        const message = `${count} per ${rate.window}${forWhom}${forScope} is limited twice`;
        complain(path, 'value', message, 'keep one of the two');
      } else {
        placed.set(key, {
          limit: {
            count: count as Count,
            ...rate,
            ...(per === undefined ? {} : { per }),
            scope,
            ...(observe ? { observe } : {}),
          },
          path: at,
        });
      }
    }
  }
  return { placed: [...placed.values()], unread };
}

/** One that is only observed bounds nothing. */
function isEnforced({ limit }: PlacedLimit): boolean {
  return limit.observe !== true;
}

/** It refuses, and for each person (or service): one person may take all that a tool has, and have token after token. */
function boundsEach(placed: PlacedLimit): boolean {
  return isEnforced(placed) && placed.limit.per === undefined;
}

/** Does one of the limits on that count refuse, whatever scope the token carries? One that cannot be read counts as one. */
export function bounds({ placed, unread }: RoleLimits, count: Count): boolean {
  return (
    unread.has(count) ||
    placed.filter(boundsEach).some(({ limit }) => limit.count === count && limit.scope === undefined)
  );
}

/**
 * No request may read more than a limit on records allows, of the person, tool or token. Of one window's limits the largest is
 * compared: a token with its scope can still ask for that much.
 * @param perRequest undefined: the file does not say
 */
export function checkPerRequest(
  perRequest: number | undefined,
  byDefault: number,
  { placed }: RoleLimits,
  complain: Complain,
): void {
  const largest = new Map<string, PlacedLimit>();
  for (const each of placed.filter(isEnforced)) {
    const { count, window, per, max } = each.limit;
    const key = `${window} ${per ?? ''}`;
    if (count === 'records' && max > (largest.get(key)?.limit.max ?? 0)) largest.set(key, each);
  }
  const tightest = [...largest.values()].sort((a, b) => a.limit.max - b.limit.max)[0];
  if (tightest === undefined || (perRequest ?? byDefault) <= tightest.limit.max) return;
  const { max, window, per } = tightest.limit;
  if (perRequest === undefined) {
    const message = `one request may read ${byDefault} rows unless per_request says otherwise, more than this limit`;
    complain(tightest.path, 'value', message, `add per_request: ${max} (or less)`);
  } else {
    const message = `one request may read ${perRequest} rows, more than the limit of ${max} records per ${window}${per === undefined ? '' : ` of each ${per}`}`;
    complain(['per_request'], 'value', message, `write ${max} or less`);
  }
}

/** A role that sees anything personal has a limit on records or people that holds for every token. */
export function checkBounded(
  role: string,
  tables: Iterable<TablePolicy>,
  { placed, unread }: RoleLimits,
  complain: Complain,
): void {
  const bounding: readonly string[] = ['records', 'people'];
  const limits = placed.filter(boundsEach).filter(({ limit }) => bounding.includes(limit.count));
  if (limits.some(({ limit }) => limit.scope === undefined) || bounding.some((count) => unread.has(count)))
    return;
  const seen = firstPersonal(tables);
  if (seen === undefined) return;
  if (limits.length > 0) {
    const message = `tokens without the scope have no limit on records or people, and ${role} sees ${seen}`;
    const hint = 'add one without a scope, for example records: [500 per day, {limit: …, scope: …}]';
    complain(['limits'], 'key', message, hint);
  } else if (placed.filter(isEnforced).some(({ limit }) => bounding.includes(limit.count))) {
    const message = `${role} sees ${seen} and limits records and people per tool or token alone: one person could have all of it`;
    complain(['limits'], 'key', message, 'add one for each person, for example records: [500 per day, …]');
  } else {
    const message = `${role} sees ${seen} and has no limit on records or people: a leak without a bound`;
    complain(['limits'], 'key', message, 'add one under limits:, for example records: 500 per day');
  }
}

/**
 * Who sees nothing personal has no limit on records or people by which trying out numbers would end; found or not
 * found is an answer too. So a look-up in a hidden column needs a limit of its own there.
 */
export function checkGuessable(
  role: string,
  tables: Iterable<TablePolicy>,
  { placed, unread }: RoleLimits,
  complain: Complain,
): void {
  const bounding: readonly string[] = ['lookups', 'misses'];
  if (bounding.some((count) => unread.has(count))) return;
  const enforced = placed.filter(boundsEach);
  if (enforced.some(({ limit }) => limit.scope === undefined && bounding.includes(limit.count))) return;
  const all = [...tables];
  if (firstPersonal(all) !== undefined) return;
  for (const { table, findBy, findByLast4, see } of all) {
    // That nothing is shown of it is a fault of its own.
    if (see.size === 0) continue;
    const hidden = [...findBy, ...(findByLast4?.keys() ?? [])].find((name) => {
      const column = table.columns?.get(name);
      return column !== undefined && isPersonal(column.class) && !see.has(name);
    });
    if (hidden === undefined) continue;
    const what = `${table.name}.${hidden}`;
    const message = `${role} may look up ${what} without seeing it and has no limit on lookups or misses: numbers could be tried out`;
    complain(
      ['tables', table.name, 'find_by'],
      'key',
      message,
      'add one under limits:, for example misses: 10 per day',
    );
    return;
  }
}

function firstPersonal(tables: Iterable<TablePolicy>): string | undefined {
  for (const { table, see } of tables) {
    for (const column of see.keys()) {
      if (isPersonal(table.columns.get(column)!.class)) return `${table.name}.${column}`;
    }
  }
  return undefined;
}
