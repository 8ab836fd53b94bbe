/**
 * Which route of a service an address is. Ours, and not the server's wildcard: only what the catalogue lists is
 * an address at all. A literal step goes before a parameter, from left to right.
 */
import type { MatchedRoute } from '../access.js';
import type { CatalogService, ServiceRoute } from '../policy/model.js';

/** @param steps decoded, without empty ones */
export function matchRoute(
  service: CatalogService,
  method: string,
  steps: readonly string[],
): MatchedRoute | undefined {
  const methods: string[] = [];
  for (const route of routesOf(service).get(steps.length) ?? none) {
    if (!fits(route, steps)) continue;
    if (route.method === method) return { match: route.match, parameters: parametersOf(route, steps) };
    methods.push(route.method);
  }
  return methods.length === 0 ? undefined : { methods };
}

function fits({ segments }: ServiceRoute, steps: readonly string[]): boolean {
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i]!;
    if (segment !== steps[i] && !segment.startsWith(':')) return false;
  }
  return true;
}

function parametersOf({ segments }: ServiceRoute, steps: readonly string[]): string[] {
  return steps.filter((_, i) => segments[i]!.startsWith(':'));
}

/** By how many steps they have, literal ones first. A set is frozen, so this is done once. */
function routesOf(service: CatalogService): ReadonlyMap<number, readonly ServiceRoute[]> {
  let byLength = sorted.get(service);
  if (byLength !== undefined) return byLength;
  byLength = new Map();
  const rank = ({ segments }: ServiceRoute): string =>
    segments.map((segment) => (segment.startsWith(':') ? '1' : '0')).join('');
  const inOrder = [...service.routes.values()].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  for (const route of inOrder) {
    const { length } = route.segments;
    byLength.set(length, [...(byLength.get(length) ?? []), route]);
  }
  sorted.set(service, byLength);
  return byLength;
}

const sorted = new WeakMap<CatalogService, Map<number, readonly ServiceRoute[]>>();
const none: readonly ServiceRoute[] = Object.freeze([]);
