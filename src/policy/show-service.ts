/**
 * What roles see of one record of a service, side by side: the answer of a route over a record that somebody invented, masked as
 * the proxy door masks it. Pure. Calls nothing, so nobody needs to be recorded for looking at it.
 */
import { documentMask } from '../mask/document/document-mask.js';
import { documentedKey } from '../mask/token.js';
import {
  inventRecord,
  recordsOf,
  textAt,
  type InventedRecord,
  type InventedService,
} from './invented-answers.js';
import type {
  CatalogService,
  DataClass,
  PolicySet,
  RolePolicy,
  ServicePolicy,
  ServiceRoute,
} from './model.js';
import { documentShape, withoutFrame } from './service-shape.js';
import { unasked } from './service-only.js';
import { writtenFilter, limitTexts, sampleOf } from './show.js';

export interface SeenField {
  readonly field: string;
  readonly class: DataClass;
  /** Several values where the path leads through a list or a map; undefined: the record has none. */
  readonly sample: string | undefined;
  /** By role; undefined: removed. */
  readonly seen: Readonly<
    Record<string, { readonly mask: string; readonly value: string | undefined } | undefined>
  >;
}

export interface SeenService {
  readonly service: string;
  readonly route: string;
  /** In the order in which they are shown. */
  readonly roles: readonly string[];
  readonly fields: readonly SeenField[];
  /** By role: how it gets at records, and how many, in words. */
  readonly access: Readonly<Record<string, readonly string[]>>;
}

/** @param role shown first; beside it stand the others that have the service */
export function showService(
  set: PolicySet,
  role: string,
  service: CatalogService,
  route: ServiceRoute,
  invented: InventedService | undefined,
): SeenService {
  const others = [...set.roles.values()].filter(
    (other) => other.role !== role && other.services?.has(service.name) === true,
  );
  const roles = [set.roles.get(role)!, ...others];
  const { record, around } = sampleRecord(service, route, invented);
  const isAround = (path: string): boolean => path.startsWith('$.');
  // A table has no place for lists and maps, and only lists of records have something around them.
  const fields = [...service.fields.values()].filter(({ path }) =>
    isAround(path)
      ? route.answer === 'json' && route.records !== '$'
      : route.answer !== 'csv' || !path.includes('*'),
  );
  const views = roles.map((each) => viewOf(each, service, route, record));
  return {
    service: service.name,
    route: route.match,
    roles: roles.map((each) => each.role),
    fields: fields.map(({ path, class: dataClass }) => {
      const sample = isAround(path) ? aroundText(around, path) : textAt(record, path);
      const seen = views.map((view) => {
        const mask = view?.see.get(path);
        const value = isAround(path) ? sample : textAt(view?.masked, path);
        return [view?.role ?? '', mask === undefined ? undefined : { mask, value }] as const;
      });
      return { field: path, class: dataClass, sample, seen: Object.fromEntries(seen) };
    }),
    access: Object.fromEntries(
      roles.map((each) => [each.role, accessOf(each, route, each.services?.get(service.name))]),
    ),
  };
}

function viewOf(role: RolePolicy, service: CatalogService, route: ServiceRoute, record: InventedRecord) {
  const policy = role.services?.get(service.name);
  if (policy === undefined || !mayCall(policy, route)) return undefined;
  const isOwnAround = unasked(route, policy.only).length === 0;
  const see = isOwnAround ? policy.see : withoutFrame(policy.see);
  const one = { ...route, records: '$' };
  const mask = documentMask('json', documentShape(one, service.fields.keys(), see), { token: documentedKey });
  const [text = '{}'] = mask(JSON.stringify(record)).records;
  return { role: role.role, see, masked: JSON.parse(text) as unknown };
}

function sampleRecord(
  service: CatalogService,
  route: ServiceRoute,
  invented: InventedService | undefined,
): InventedService & { readonly record: InventedRecord } {
  const { records, around } = invented ?? { records: [], around: {} };
  const [record = records[0]] = recordsOf(route, records, route.example ?? new Map());
  const sample = (field: string): string => sampleOf(service.fields.get(field)!.class);
  return { records, around, record: record ?? inventRecord(service.fields.keys(), sample) };
}

function aroundText(around: InventedService['around'], path: string): string | undefined {
  return Object.hasOwn(around, path) ? String(around[path]) : undefined;
}

function mayCall({ write, fill }: ServicePolicy, route: ServiceRoute): boolean {
  return route.fill === undefined ? route.method === 'GET' || write : fill?.has(route.match) === true;
}

function accessOf(role: RolePolicy, route: ServiceRoute, policy: ServicePolicy | undefined): string[] {
  if (policy === undefined) return ['has no such service'];
  const { browse, write, fill, findBy, only } = policy;
  return [
    ...(mayCall(policy, route) ? [] : [`may not call ${route.match}`]),
    ...(browse ? ['browses'] : []),
    ...(findBy.length === 0 ? [] : [`finds by ${findBy.join(', ')}`]),
    ...(write ? ['writes'] : []),
    ...(fill === undefined ? [] : [`has filled: ${[...fill].join(', ')}`]),
    ...(only.length === 0 ? [] : [`only ${only.map(writtenFilter).join(' and ')}`]),
    `${role.perRequest} records a request`,
    ...limitTexts(role),
  ];
}
