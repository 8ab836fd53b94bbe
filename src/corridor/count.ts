/** What is counted before a read: the whole answer, where that is asked for, and an answer that must not be cut. */
import type { Decision } from '../access.js';
import { WeirError } from '../errors.js';
import type { OrderDatabase } from '../sql/order-database.js';
import type { Statement } from '../sql/statement.js';

/** @returns rows before limit and offset; undefined: nobody asks. @throws WeirError per-request-exceeded, upstream-* */
export async function countBefore(
  { count, probe }: Statement,
  { role: { role, cost, perRequest } }: Decision,
  orders: OrderDatabase,
): Promise<number | undefined> {
  const share = { role, percent: cost?.poolShare };
  const total = count === undefined ? undefined : await orders.count(count, cost?.statementMs, share);
  // Answers that must not be cut (CSV) are refused before their first byte.
  if (probe !== undefined && (await orders.count(probe, cost?.statementMs, share)) > perRequest) {
    throw new WeirError('per-request-exceeded', {
      detail: `the answer holds more than the ${perRequest} rows that one request of the role may read`,
      hint: 'narrow the read with filters, or page with limit and offset',
    });
  }
  return total;
}
