/**
 * `POST /rest/<table>/<record key>/reveal/<column>`: one field of one record in clear. A POST, because it is an act:
 * it takes a reason and a ticket, uses up a limit of its own, and is never repeated by a cache or a prefetch.
 * Answers as a read does: an array with one object, or an empty one where there is no such record for the role.
 */
import type { AccessRequest, Corridor, ReadPlan } from '../../access.js';
import { asWeirError, WeirError } from '../../errors.js';
import { isName, isOwnName } from '../http/query-text.js';
import { searchOf } from '../http/routes.js';
import type { AddRoutes } from '../http/server.js';
import { jsonEncoder } from './json.js';

interface RevealRoute {
  Params: { table: string; key: string; column: string };
}

const maxKeyLength = 1_000;

export function revealDoor(parts: {
  readonly corridor: Corridor;
  readonly isTable: (name: string) => boolean;
}): AddRoutes {
  const { corridor, isTable } = parts;
  return (app) =>
    app.post<RevealRoute>(
      '/rest/:table/:key/reveal/:column',
      { config: { door: 'rest' } },
      async (request, reply) => {
        const { table, key, column } = request.params;
        const { exchange } = request;
        const shown = isTable(table) ? table : ':table';
        const asked = { ...exchange.identified, route: `POST /rest/${shown}/:key/reveal/:column` };
        try {
          refuseUnsound(request.params, searchOf(request.raw.url ?? ''));
        } catch (thrown) {
          throw await corridor.refuse(asked, asWeirError(thrown));
        }
        const wanted: AccessRequest = {
          ...asked,
          plan: planFor(table, column),
          reveal: { key, column },
          signal: exchange.signal,
        };
        const answer = await corridor.pass(wanted);
        try {
          const { value: rows, done } = await answer.chunks.next();
          if (done === true || !rows.last) throw new Error('a record was revealed in several parts');
          exchange.records += rows.values.length;
          const encoder = jsonEncoder(answer.columns);
          void reply.header('content-type', encoder.contentType);
          return await reply.send(Buffer.from(encoder.head + encoder.encode(rows) + encoder.tail));
        } finally {
          await answer.chunks.return();
        }
      },
    );
}

/** The corridor adds the record: which column names it stands in the catalogue. */
function planFor(table: string, column: string): ReadPlan {
  return {
    table,
    select: [{ column }],
    filters: [],
    order: [],
    limit: 1,
    offset: 0,
    count: false,
    overflow: 'cut',
    encoding: 'json',
  };
}

function refuseUnsound({ table, key, column }: RevealRoute['Params'], search: string): void {
  if (!isName(table) || isOwnName(table)) throw new WeirError('table-unknown');
  if (!isName(column) || isOwnName(column)) throw new WeirError('column-unknown');
  if (search !== '')
    throw new WeirError('query-invalid', {
      detail: 'a reveal takes no parameters',
      hint: 'the address names the record and the column; reason and ticket are headers',
    });
  if (key === '' || key.length > maxKeyLength || /[\x00-\x1f\x7f]/.test(key))
    throw new WeirError('query-invalid', { detail: 'the key of the record is empty, too long, or not text' });
}
