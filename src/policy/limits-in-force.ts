/** Which limits hold for one token. Pure. */
import type { LoweredLimit } from '../access.js';
import type { Limit, RolePolicy } from './model.js';

/**
 * For each (count, window): the largest of the limits whose scope the token carries, which then
 * replaces the one without scope, even where that one is larger; otherwise the one without scope.
 * What the token says of itself then lowers it; a claim that would raise a limit has no effect. Limits that are
 * only observed stand beside those that are enforced, and neither replaces the other.
 * @param scopes those of the token
 * @param lowered what the token's claim weir_limits says
 */
export function limitsInForce(
  role: Pick<RolePolicy, 'limits'>,
  scopes: readonly string[],
  lowered: readonly LoweredLimit[] = [],
): readonly Limit[] {
  const plain = lowered.length === 0 && !role.limits.some(({ scope }) => scope !== undefined);
  const known = plain ? plainly.get(role.limits) : undefined;
  if (known !== undefined) return known;
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
  const limits = [...inForce.values()];
  if (plain) plainly.set(role.limits, limits);
  return limits;
}

/** Where neither scopes nor claims have a say, the limits are those of the role, from read to read. */
const plainly = new WeakMap<readonly Limit[], readonly Limit[]>();

function keyOf({ count, window, observe }: Limit): string {
  return `${count} ${window}${observe === true ? ' observed' : ''}`;
}

function outranks(limit: Limit, other: Limit): boolean {
  if ((limit.scope === undefined) !== (other.scope === undefined)) return limit.scope !== undefined;
  return limit.max > other.max;
}
