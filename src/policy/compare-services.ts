/**
 * What a new policy set shows or allows more of services, see compare.ts. Pure. A route that is there already must be
 * as it was: what another parameter, body or record of it would let pass is not for this file to say.
 */
import { isPersonal } from './catalog.js';
import { canonicalJson } from './digest.js';
import { droppedFilters } from './compare-role.js';
import type { CatalogService, RolePolicy, ServicePolicy } from './model.js';
import type { Part, Path } from './source.js';

type Say = (path: Path, part: Part, message: string, hint: string) => void;
/** Of two masks: does the second show more? */
type ShowsMore = (before: string, after: string) => boolean;

/** @param raw what the files say of the service's entry, before and after */
export function compareService(
  before: CatalogService,
  after: CatalogService,
  raw: { readonly before: unknown; readonly after: unknown },
  say: Say,
): void {
  const { name } = after;
  const at = (...steps: (string | number)[]): Path => ['services', name, ...steps];
  if (before.prefix !== after.prefix)
    say(at('prefix'), 'value', `${name} is below another prefix`, `write ${before.prefix}`);
  if (before.upstream.env !== after.upstream.env)
    say(at('upstream'), 'value', `${name} is another service`, `write {env: ${before.upstream.env}}`);
  const was = routesOf(raw.before);
  routesOf(raw.after).forEach((route, index) => {
    const { match } = route as { match: string };
    const old = was.find((each) => (each as { match: string }).match === match);
    if (old === undefined)
      say(at('routes', index), 'value', `${name} has a new route, ${match}`, 'remove it');
    else if (asked(old) !== asked(route)) {
      const message = `the route ${match} of ${name} has changed, which may show or allow more`;
      say(at('routes', index), 'value', message, 'write what stood there before');
    }
  });
  for (const field of after.fields.values()) {
    const old = before.fields.get(field.path);
    if (old === undefined || !isPersonal(old.class) || isPersonal(field.class)) continue;
    const message = `${name}: ${field.path} no longer counts as personal (${old.class})`;
    say(at('fields', field.path), 'value', message, `write ${old.class}`);
  }
}

/** Keys of a role's entry that are compared here; of any other, a change counts as looser. */
export const judgedOfService = ['find_by', 'browse', 'write', 'fill', 'only', 'see'];
/** And of the catalogue's. */
export const judgedOfCatalogued = ['prefix', 'upstream', 'routes', 'fields'];

export function compareServiceGrants(
  before: RolePolicy,
  after: RolePolicy,
  showsMore: ShowsMore,
  say: Say,
): void {
  const { role } = after;
  for (const [name, policy] of after.services ?? []) {
    const was = before.services?.get(name);
    if (was === undefined)
      say(['services', name], 'key', `${role} may call a new service, ${name}`, 'remove the service');
    else compareGrant(role, was, policy, showsMore, say);
  }
}

function compareGrant(
  role: string,
  before: ServicePolicy,
  after: ServicePolicy,
  showsMore: ShowsMore,
  say: Say,
): void {
  const { name } = after.service;
  const at = (...steps: string[]): Path => ['services', name, ...steps];
  for (const [field, mask] of after.see) {
    const was = before.see.get(field);
    if (was === undefined) {
      const how = mask === 'clear' ? 'in clear' : `as ${mask}`;
      say(
        at('see', field),
        'key',
        `${role} sees ${name}: ${field} ${how}, and did not before`,
        'remove the line',
      );
    } else if (showsMore(was, mask)) {
      say(
        at('see', field),
        'value',
        `${role} sees ${name}: ${field} as ${mask} instead of ${was}`,
        `write ${was}`,
      );
    }
  }
  if (after.browse && !before.browse)
    say(at('browse'), 'value', `${role} may call ${name} without pinning a record or a person`, 'write no');
  if (after.write && !before.write)
    say(at('write'), 'value', `${role} may write through ${name}`, 'write no');
  for (const match of after.fill ?? []) {
    if (before.fill?.has(match) === true) continue;
    const message = `${role} may have ${match} of ${name} filled with clear values`;
    say(at('fill'), 'value', message, 'remove the route');
  }
  droppedFilters(before.only, after.only, `${role} sees`, `records of ${name}`, at('only'), say);
  for (const field of after.findBy) {
    if (before.findBy.includes(field)) continue;
    say(at('find_by'), 'value', `${role} may find records of ${name} by ${field}`, `remove ${field}`);
  }
}

/** What it may be called with: examples show and allow nothing. */
function asked(route: unknown): string {
  const { example: _example, ...rest } = route as { readonly example?: unknown };
  return canonicalJson(rest);
}

function routesOf(raw: unknown): readonly unknown[] {
  return (raw as { readonly routes: readonly unknown[] }).routes;
}
