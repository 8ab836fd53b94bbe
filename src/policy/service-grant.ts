/**
 * What one role may do with one service: the entry under `services:` of a role file, held against the
 * catalogue. A field without a line is removed from answers; a mask that does not suit its class is refused,
 * since it would show what it was meant to hide.
 */
import { writtenForClass } from '../mask/masks.js';
import { isPersonal } from './catalog.js';
import type { CatalogService, MaskName, ServicePolicy, TablePolicy } from './model.js';
import type { RoleFile } from './schema.js';
import { readMask } from './see.js';
import type { DraftField, DraftService } from './service-catalog.js';
import { readFillGrant } from './service-fill.js';
import { readServiceOnly } from './service-only.js';
import type { Partly } from './shape.js';
import type { Complain, Path } from './source.js';
import { either, quote, suggest } from '../spelling.js';

type File = NonNullable<Partly<RoleFile>>;
type GrantEntry = NonNullable<Partly<NonNullable<RoleFile['services']>[string]>>;

/** @param services undefined where the catalogue could not be read: nothing is said about them then */
export function readServiceGrants(
  file: File,
  services: ReadonlyMap<string, DraftService> | undefined,
  complain: Complain,
): ReadonlyMap<string, ServicePolicy> {
  const grants = new Map<string, ServicePolicy>();
  for (const [name, entry] of Object.entries(file.services ?? {})) {
    const service = services?.get(name);
    if (service !== undefined) grants.set(name, readServiceGrant(service, entry ?? {}, file.for, complain));
    else if (services !== undefined) {
      const hint = suggest(name, services.keys(), 'see the services in catalog.yaml');
      complain(['services', name], 'key', `unknown service ${quote(name)}`, hint);
    }
  }
  return grants;
}

/** @returns a policy that is whole once the set has no fault */
function readServiceGrant(
  service: DraftService,
  entry: GrantEntry,
  roleIsFor: 'people' | 'services' | undefined,
  complain: Complain,
): ServicePolicy {
  const at = (...steps: (string | number)[]): Path => ['services', service.name, ...steps];
  const isYes = (value: unknown): boolean => value === true || value === 'yes';
  const browse = isYes(entry.browse);
  const write = isYes(entry.write);
  const fill = readFillGrant(service, entry, at('fill'), complain);
  const only = readServiceOnly(service, entry, { write, fill: fill.size > 0 }, at('only'), complain);
  const findBy = (entry.find_by ?? []).filter((field) => field !== undefined);
  if (
    !browse &&
    !write &&
    !('fill' in entry) &&
    !('find_by' in entry) &&
    !('browse' in entry && entry.browse === undefined)
  ) {
    const message = `${service.name} can neither be searched nor browsed nor written`;
    const hint = 'add find_by: [<field>], or browse: yes for a role whose work is lists';
    complain(at(), 'key', message, hint);
  }
  if (
    write &&
    service.routes.size > 0 &&
    ![...service.routes.values()].some(({ method }) => method !== 'GET')
  )
    complain(at('write'), 'value', `no route of ${service.name} writes`, 'write no');

  const see = new Map<string, MaskName>();
  const { fields } = service;
  if (fields !== undefined) {
    for (const [path, mask] of Object.entries(entry.see ?? {})) {
      const field = known(path, fields, service, at('see', path), 'key', complain);
      if (field?.class === undefined || mask === undefined) continue;
      const column = { name: path, class: field.class, lookup: [] };
      const shownAs = readMask(mask, column, at('see', path), complain);
      if (shownAs !== undefined) see.set(path, shownAs);
      if (mask !== 'clear' || roleIsFor !== 'services' || !isPersonal(field.class)) continue;
      const masks = [...writtenForClass(field.class).filter((other) => other !== 'clear'), 'hidden'];
      const message = `a role for services sees nothing personal in clear, and ${path} is of class ${field.class}`;
      complain(at('see', path), 'value', message, `write ${either(masks)}`);
    }
    for (const [index, field] of findBy.entries()) {
      const path = at('find_by', index);
      if (known(field, fields, service, path, 'value', complain) === undefined) continue;
      if (!isParameter(service, field)) {
        const message = `no route of ${service.name} takes ${field} as a parameter`;
        complain(
          path,
          'value',
          message,
          `add {name: …, field: ${field}} to the query of a route, or remove it here`,
        );
      }
    }
  }
  const masks = Object.values(entry.see ?? {});
  if (masks.length > 0 && masks.every((mask) => mask === 'hidden')) {
    const message = `every field of ${service.name} is hidden`;
    complain(at('see'), 'key', message, 'show at least one field, or remove the service');
  }
  return {
    service: service as CatalogService,
    browse,
    write,
    findBy,
    only,
    ...(fill.size === 0 ? {} : { fill }),
    see: new Map(
      [...(fields?.keys() ?? [])].flatMap((path) => (see.has(path) ? [[path, see.get(path)!]] : [])),
    ),
  };
}

function known(
  path: string,
  fields: ReadonlyMap<string, DraftField>,
  service: DraftService,
  place: Path,
  part: 'key' | 'value',
  complain: Complain,
): DraftField | undefined {
  const field = fields.get(path);
  if (field === undefined) {
    const hint = suggest(path, fields.keys(), `see the fields of ${service.name} in catalog.yaml`);
    complain(place, part, `unknown field ${quote(path)}`, hint);
  }
  return field;
}

function isParameter({ routes }: DraftService, field: string): boolean {
  return [...routes.values()].some(
    ({ path, query }) =>
      path.some((each) => each.field === field) || [...query.values()].some((each) => each.field === field),
  );
}

/** As the checks between limits and tables look at one. */
export function asTables(grants: ReadonlyMap<string, ServicePolicy>): TablePolicy[] {
  return [...grants.values()].map(({ service, browse, findBy, see }) => ({
    table: {
      name: service.name,
      from: { schema: '', table: '' },
      record: '',
      subject: undefined,
      columns: new Map(
        [...(service.fields ?? [])].map(([path, field]) => [
          path,
          { name: path, class: field.class, lookup: [] },
        ]),
      ),
    },
    browse,
    findBy,
    only: [],
    see,
  }));
}
