/** Which limits hold for one token. Pure. */
import type { LoweredLimit } from '../access.js';
import type { Limit, RolePolicy } from './model.js';

/**
 * For each (count, window), and for persons, tools and tokens apart: the largest of the limits whose scope the token carries, which then
 * replaces the one without scope, even where that one is larger; otherwise the one without scope.
 * What the token says of itself then lowers the person's; a claim that would raise a limit has no effect, and what
 * many people share is not one token's to set. Limits that are
 * only observed stand beside those that are enforced, and neither replaces the other.
 * @param scopes those of the token
 * @param lowered what the token's claim weir_limits says
 */
export function limitsInForce(
  role: Pick<RolePolicy, 'limits'>,
  scopes: readonly string[],
  lowered: readonly LoweredLimit[] = [],
): readonly Limit[] {
  if (lowered.length > 0) return limitsOf(role, scopes, lowered);
  let ofRole = plainly.get(role.limits);
  if (ofRole === undefined) plainly.set(role.limits, (ofRole = new WeakMap()));
  let limits = ofRole.get(scopes);
  if (limits === undefined) ofRole.set(scopes, (limits = limitsOf(role, scopes, lowered)));
  return limits;
}

/** By the role's limits and the token's scopes: both are the same objects from read to read. */
const plainly = new WeakMap<readonly Limit[], WeakMap<readonly string[], readonly Limit[]>>();

function limitsOf(
  role: Pick<RolePolicy, 'limits'>,
  scopes: readonly string[],
  lowered: readonly LoweredLimit[],
): readonly Limit[] {
  const inForce = new Map<string, Limit>();
  for (const limit of role.limits) {
    if (limit.scope !== undefined && !scopes.includes(limit.scope)) continue;
    const key = keyOf(limit);
    const other = inForce.get(key);
    if (other === undefined || outranks(limit, other)) inForce.set(key, limit);
  }
  for (const { count, window, max } of lowered) {
    const limit: Limit = { count, window, max, scope: undefined };
    const other = inForce.get(keyOf(limit));
    if (other === undefined || max < other.max) inForce.set(keyOf(limit), limit);
  }
  return [...inForce.values()];
}

function keyOf({ count, window, per, observe }: Limit): string {
  return `${count} ${window} ${per ?? ''}${observe === true ? ' observed' : ''}`;
}

function outranks(limit: Limit, other: Limit): boolean {
  if ((limit.scope === undefined) !== (other.scope === undefined)) return limit.scope !== undefined;
  return limit.max > other.max;
}
