/**
 * commit → release: the only way out, for every row of every door, and for what goes to a service in a write or a
 * filled request. Whoever asks must still count before the commit, and after it: a commit may have waited.
 */
import type { Asked, Decision, MaskedRows, Receipt, ReleasedRows } from '../access.js';
import { WeirError } from '../errors.js';
import type { Actor } from '../log/directory.js';
import type { Rooms } from './rooms.js';

/** Records and charges, then releases. @throws WeirError token-revoked, revocations-unavailable, and see AccessLog.record */
export async function commitAndRelease(
  rows: MaskedRows,
  decision: Decision,
  actor: Actor,
  rooms: Pick<Rooms, 'log' | 'revocations'>,
): Promise<ReleasedRows> {
  const { request } = decision;
  const before = stillCounts(request, rooms);
  if (before !== undefined) await before;
  const receipt = await rooms.log.record(decision, actor, rows);
  const after = stillCounts(request, rooms);
  if (after !== undefined) await after;
  return release(rows, receipt);
}

/** Nothing to wait for, mostly. @throws WeirError */
function stillCounts(
  { principal }: Asked,
  { revocations }: Pick<Rooms, 'revocations'>,
): Promise<void> | undefined {
  return revocations.check(principal);
}

function release(rows: MaskedRows, receipt: Receipt): ReleasedRows {
  if (receipt.rows !== rows)
    throw new WeirError('internal', { cause: new Error('the receipt is for other rows') });
  const { values, body, last } = rows;
  return body === undefined ? { values, last } : { values, body, last };
}
