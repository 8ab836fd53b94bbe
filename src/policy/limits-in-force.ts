/** Which limits hold for one token. Pure. */
import type { Limit, RolePolicy } from './model.js';

/**
 * For each (count, window): the largest of the limits whose scope the token carries, which then
 * replaces the one without scope, even where that one is larger; otherwise the one without scope.
 * @param scopes those of the token
 */
export function limitsInForce(role: Pick<RolePolicy, 'limits'>, scopes: readonly string[]): Limit[] {
  const inForce = new Map<string, Limit>();
  for (const limit of role.limits) {
    if (limit.scope !== undefined && !scopes.includes(limit.scope)) continue;
    const key = `${limit.count} ${limit.window}`;
    const other = inForce.get(key);
    if (other === undefined || outranks(limit, other)) inForce.set(key, limit);
  }
  return [...inForce.values()];
}

function outranks(limit: Limit, other: Limit): boolean {
  if ((limit.scope === undefined) !== (other.scope === undefined)) return limit.scope !== undefined;
  return limit.max > other.max;
}
