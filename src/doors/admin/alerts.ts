/**
 * `GET /admin/alerts`: flagged reads, for those whose role may see them. Looking is itself authorised and
 * recorded by the corridor before anything is listed.
 */
import type { Corridor } from '../../access.js';
import { asWeirError } from '../../errors.js';
import { queryInvalid, queryPairs, parameterNamed } from '../http/query-text.js';
import { searchOf } from '../http/routes.js';
import type { AddRoutes } from '../http/server.js';

export interface AlertFilter {
  /** From this time on, microseconds since the Unix epoch. */
  readonly sinceMicros: number | undefined;
  /** Before this time. */
  readonly untilMicros: number | undefined;
  /** The newest so many. */
  readonly limit: number;
}

/** Newest first. What it gives is sent as JSON as it is, so it holds no number beyond 2^53. */
export type ListAlerts = (filter: AlertFilter) => Promise<readonly object[]>;

export interface AlertParts {
  readonly corridor: Corridor;
  readonly alerts: ListAlerts;
}

const defaultLimit = 100;
const maxLimit = 1_000;

export function alertsDoor({ corridor, alerts }: AlertParts): AddRoutes {
  return (app) =>
    app.get('/admin/alerts', { config: { door: 'admin' } }, async (request, reply) => {
      const asked = request.exchange.identified;
      let filter: AlertFilter;
      try {
        filter = readFilter(searchOf(request.raw.url ?? ''));
      } catch (thrown) {
        throw await corridor.refuse(asked, asWeirError(thrown));
      }
      await corridor.administer(asked, 'alerts');
      return reply.send({ alerts: await alerts(filter) });
    });
}

/** @throws WeirError query-invalid */
export function readFilter(search: string): AlertFilter {
  const given = new Map<string, string>();
  for (const { name, value } of queryPairs(search)) {
    if (name !== 'since' && name !== 'until' && name !== 'limit') {
      throw queryInvalid(
        `${parameterNamed(name)} is not known here`,
        'the parameters are since, until and limit',
      );
    }
    if (given.has(name)) throw queryInvalid(`parameter ${name} is given twice`, 'give it once');
    given.set(name, value);
  }
  return {
    sinceMicros: parseTime('since', given.get('since')),
    untilMicros: parseTime('until', given.get('until')),
    limit: parseLimit(given.get('limit')),
  };
}

function parseTime(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  // An offset's plus sign is a space in a query string unless it is encoded; no other reading is possible here.
  const match = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d{1,6})?(Z|[+ -]\d{2}:\d{2})$/.exec(text);
  const [, second = '', fraction = '', offset = ''] = match ?? [];
  const micros =
    Date.parse(second + offset.replace(' ', '+')) * 1000 + Number(fraction.slice(1).padEnd(6, '0'));
  // Date.parse takes 30 February for 2 March; what comes back must be what went in.
  const real = match !== null && Number.isFinite(micros) && Number.isFinite(Date.parse(`${second}Z`));
  if (real && new Date(Date.parse(`${second}Z`)).toISOString().startsWith(second)) return micros;
  throw queryInvalid(
    `parameter ${name} is not a time`,
    `write ${name}=2026-11-22T14:05:00Z or with an offset like +08:00`,
  );
}

function parseLimit(text: string | undefined): number {
  if (text === undefined) return defaultLimit;
  const limit = /^[1-9][0-9]{0,3}$/.test(text) ? Number(text) : undefined;
  if (limit === undefined || limit > maxLimit) {
    throw queryInvalid(`parameter limit must be a whole number from 1 to ${maxLimit}`, 'write limit=100');
  }
  return limit;
}
