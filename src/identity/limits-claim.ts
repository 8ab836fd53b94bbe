/**
 * The claim `weir_limits`: limits that the issuer sets for one token, {"records": "100 per day"}, or a list of them
 * behind a count. They only lower what the role allows. One that cannot be read refuses the token: to pass it over
 * would allow more than the issuer meant. Pure.
 */
import type { LoweredLimit } from '../access.js';
import { counts, type Count, type Window } from '../policy/model.js';
import { tokenInvalid } from './token-refusal.js';

export const limitsClaim = 'weir_limits';

const form = /^(0|[1-9][0-9]{0,8}) per (minute|hour|day|30d)$/;
const maxPerCount = 4;

/** @throws WeirError token-invalid */
export function readLimitsClaim(claim: unknown): readonly LoweredLimit[] {
  if (typeof claim !== 'object' || claim === null || Array.isArray(claim))
    throw unreadable('is no mapping of counts to limits');
  const limits = Object.entries(claim).flatMap(([name, written]: [string, unknown]) => {
    const count = counts.find((known) => known === name);
    if (count === undefined) throw unreadable('names a count that there is not');
    const list: readonly unknown[] = Array.isArray(written) ? written : [written];
    if (list.length > maxPerCount) throw unreadable('has too many limits for one count');
    return list.map((text) => readLimit(count, text));
  });
  return Object.freeze(limits.map((limit) => Object.freeze(limit)));
}

function readLimit(count: Count, text: unknown): LoweredLimit {
  const match = typeof text === 'string' ? form.exec(text) : null;
  if (match === null) throw unreadable('holds what is not a limit such as "100 per day"');
  return { count, window: match[2] as Window, max: Number(match[1]) };
}

function unreadable(why: string): Error {
  return tokenInvalid(`the claim "${limitsClaim}" ${why}`);
}
