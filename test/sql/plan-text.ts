/** Plans for tests, written as the REST door's queries over orders. */
import type { ReadPlan } from '../../src/access.js';
import { readPlan } from '../../src/doors/rest/query.js';

export function planOf(query: string): ReadPlan {
  return readPlan('orders', query);
}
