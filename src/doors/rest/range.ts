/**
 * Which rows: the request's Range header in, Content-Range out, both as PostgREST has them (items, from 0,
 * both ends included). Other range units are not ours and are ignored, as RFC 9110 §14.2 asks.
 */
import { WeirError } from '../../errors.js';

export interface RowRange {
  readonly offset: number;
  readonly limit: number | undefined;
}

const maxInteger = 2_147_483_647;

/**
 * @param header `0-24`, `10-` or undefined; @param unit the Range-Unit header
 * @throws WeirError range-unsatisfiable
 */
export function parseRange(header: string | undefined, unit: string | undefined): RowRange | undefined {
  if (header === undefined || (unit !== undefined && unit.trim() !== 'items')) return undefined;
  const match = /^(?:items=)?([0-9]+)-([0-9]*)$/.exec(header.trim());
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = match[2] === '' ? undefined : Number(match[2]);
  if (first > maxInteger || (last !== undefined && (last < first || last > maxInteger))) {
    throw new WeirError('range-unsatisfiable', {
      detail: 'the Range header does not name rows in ascending order',
      hint: 'write Range: 0-24',
    });
  }
  return { offset: first, limit: last === undefined ? undefined : last - first + 1 };
}

/** The rows that both the query and the header ask for. @throws WeirError range-unsatisfiable if there are none */
export function intersect(query: RowRange, header: RowRange | undefined): RowRange {
  if (header === undefined) return query;
  const offset = Math.max(query.offset, header.offset);
  const ends = [query, header].flatMap(({ offset: from, limit }) =>
    limit === undefined ? [] : [from + limit],
  );
  if (ends.length === 0) return { offset, limit: undefined };
  const limit = Math.min(...ends) - offset;
  if (limit < 0 || (limit === 0 && query.limit !== 0)) {
    throw new WeirError('range-unsatisfiable', {
      detail: 'the Range header and the parameters limit and offset have no row in common',
      hint: 'send one or the other',
    });
  }
  return { offset, limit };
}

/** `0-19/3573`, `0-19/*`, `*\/*`: rows that were sent, of how many. */
export function contentRange(offset: number, rows: number, total: number | undefined): string {
  const sent = rows > 0 && total !== 0 ? `${offset}-${offset + rows - 1}` : '*';
  return `${sent}/${total ?? '*'}`;
}

/** 206 only where the whole is known to be larger than what is sent. */
export function rangeStatus(rows: number, total: number | undefined): 200 | 206 {
  return total !== undefined && rows < total ? 206 : 200;
}
