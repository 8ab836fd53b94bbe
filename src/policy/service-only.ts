/**
 * `only:` of a role's service: records that exist for the role, as for tables. What can be told about the others: a
 * count beside the records is shown only where the service itself was asked for the role's records alone, and a write
 * is made only where it is known before that it is one of them; a set that cannot know it is refused.
 */
import { filterText } from './grant.js';
import type { RowFilter, ServiceRoute } from './model.js';
import type { RoleFile } from './schema.js';
import { namesOneValue, type DraftService } from './service-catalog.js';
import type { Partly } from './shape.js';
import type { Complain, Path } from './source.js';
import { quote, suggest } from '../spelling.js';

type GrantEntry = NonNullable<Partly<NonNullable<RoleFile['services']>[string]>>;

/** What services may take for more than one value, or for a pattern. */
export const notOneValue = /[*%,;|?\\<>{}[\]]/;

/** @param at of `only` */
export function readServiceOnly(
  service: DraftService,
  entry: GrantEntry,
  may: { readonly write: boolean; readonly fill: boolean },
  at: Path,
  complain: Complain,
): RowFilter[] {
  const { name, fields, routes } = service;
  const only: RowFilter[] = [];
  for (const [field, text] of Object.entries(entry.only ?? {})) {
    if (fields !== undefined && !fields.has(field)) {
      const hint = suggest(field, fields.keys(), `see the fields of ${name} in catalog.yaml`);
      complain([...at, field], 'key', `unknown field ${quote(field)}`, hint);
      continue;
    }
    if (fields !== undefined && !namesOneValue(field)) {
      const message = `${field} does not name one value of a record`;
      complain([...at, field], 'key', message, 'name a field of the record itself, for example warehouse');
      continue;
    }
    if (text === undefined) continue;
    const value = filterText(text, [...at, field], complain);
    if ('literal' in value && notOneValue.test(value.literal)) {
      const message = `${quote(value.literal)} holds signs that a service could take for several values`;
      complain([...at, field], 'value', message, 'write one whole value');
    }
    only.push({ column: field, value });
  }
  if (only.length === 0) return only;
  if (may.fill) {
    const message = `requests that are filled are about a record of the order database, whose table has an only of its own`;
    complain(at, 'key', message, 'remove it here, or remove fill');
  }
  for (const route of may.write ? routes.values() : []) {
    const [unknown] = unknownBeforeWriting(route, only);
    if (unknown === undefined) continue;
    const message = `${route.match} could write a record whose ${unknown} is another`;
    const hint =
      `write first: <the GET route of the one record> at the route in catalog.yaml, or {name: …, field: ${unknown}} ` +
      'in its query where the service applies it; or remove write here';
    complain(at, 'key', message, hint);
  }
  return only;
}

/** Fields that no parameter of the route gives: the service cannot be asked for the role's own records alone. */
export function unasked({ path, query }: ServiceRoute, only: readonly RowFilter[]): string[] {
  return only
    .map(({ column }) => column)
    .filter(
      (column) =>
        !path.some(({ field }) => field === column) &&
        ![...query.values()].some(({ field }) => field === column),
    );
}

/** Fields of which nobody knows, before a write is made, that the record has the role's own value. */
export function unknownBeforeWriting(route: ServiceRoute, only: readonly RowFilter[]): string[] {
  if (route.method === 'GET' || route.fill !== undefined || route.first !== undefined) return [];
  return unasked(route, only).filter((field) => !saysOfNew(route, field));
}

/** A new record, and its body says whose it is. */
export function saysOfNew({ path, query, body, record }: ServiceRoute, field: string): boolean {
  const pins = [...path, ...query.values()].some((parameter) => parameter.field !== undefined);
  return !pins && body.includes(field) && !body.includes(record);
}
