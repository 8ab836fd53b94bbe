/**
 * What a service would answer over invented records: the routes of the catalogue say which of them, and in which form.
 * For the cases beside the policies and for `weir policy show`; it writes nothing down. Pure.
 */
import { parseFieldPath, type PathStep } from '../mask/document/field-path.js';
import type { CatalogService, ServiceRoute } from './model.js';

export type InventedRecord = Readonly<Record<string, unknown>>;

export interface InventedService {
  readonly records: readonly InventedRecord[];
  /** What stands around them, by the field's path: "$.total". */
  readonly around: Readonly<Record<string, unknown>>;
}

export interface InventedAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

const noSuch: InventedAnswer = { status: 404, type: 'application/json', text: '{"error":"none"}' };

/** @param given values of the route's parameters, by name */
export function inventAnswer(
  service: CatalogService,
  route: ServiceRoute,
  { records, around }: InventedService,
  given: ReadonlyMap<string, string>,
  body: unknown,
): InventedAnswer {
  const found = recordsOf(route, records, given);
  const isOne = route.answer === 'json' && route.records === '$';
  if (isOne && found.length === 0) return noSuch;
  if (route.method === 'DELETE') return { status: 204, type: 'application/json', text: '' };
  const status = route.method === 'POST' ? 201 : 200;
  const changed =
    route.method === 'GET' || route.fill !== undefined ? found : found.map((each) => merged(each, body));
  if (route.answer === 'csv') return { status, type: 'text/csv', text: table(service, changed) };
  if (route.answer === 'json-lines') {
    const text = changed.map((each) => `${JSON.stringify(each)}\n`).join('');
    return { status, type: 'application/x-ndjson', text };
  }
  return {
    status,
    type: 'application/json',
    text: JSON.stringify(isOne ? changed[0] : framed(route, changed, around)),
  };
}

/** Those that hold, in each field that a parameter is compared with, just what was given. */
export function recordsOf(
  { path, query }: ServiceRoute,
  records: readonly InventedRecord[],
  given: ReadonlyMap<string, string>,
): InventedRecord[] {
  return records.filter((record) =>
    [...path, ...query.values()].every(({ name, field }) => {
      const value = given.get(name);
      return field === undefined || value === undefined || String(valuesAt(record, field)[0]) === value;
    }),
  );
}

/** What stands at a path; several where it leads through lists or maps. */
export function valuesAt(record: unknown, path: string): unknown[] {
  const steps = parseFieldPath(path)?.steps ?? [];
  return steps.reduce<unknown[]>((values, step) => values.flatMap((value) => inside(value, step)), [record]);
}

/** The values of a path as a person reads them; undefined: there is none. */
export function textAt(record: unknown, path: string): string | undefined {
  const values = valuesAt(record, path);
  return values.length === 0
    ? undefined
    : values.map((value) => (value === null ? '' : String(value))).join(', ');
}

function inside(value: unknown, step: PathStep): unknown[] {
  if (step.kind === 'elements') return Array.isArray(value) ? (value as unknown[]) : [];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  if (step.kind === 'names') return Object.values(value);
  return Object.hasOwn(value, step.name) ? [(value as InventedRecord)[step.name]] : [];
}

/** Where nobody has invented one: something at each path. */
export function inventRecord(fields: Iterable<string>, sampleOf: (field: string) => string): InventedRecord {
  let record: unknown = {};
  for (const field of fields) {
    const { fromDocument, steps } = parseFieldPath(field) ?? { fromDocument: true, steps: [] };
    if (!fromDocument) record = withValue(record, steps, sampleOf(field));
  }
  return record as InventedRecord;
}

function withValue(within: unknown, [step, ...rest]: readonly PathStep[], value: unknown): unknown {
  if (step === undefined) return value;
  if (step.kind === 'elements')
    return [withValue(Array.isArray(within) ? (within as unknown[])[0] : undefined, rest, value)];
  const object = (typeof within === 'object' ? within : {}) as InventedRecord;
  const name = step.kind === 'names' ? 'some' : step.name;
  return { ...object, [name]: withValue(object[name], rest, value) };
}

function framed(
  { records }: ServiceRoute,
  found: readonly InventedRecord[],
  around: InventedService['around'],
): unknown {
  let document: unknown = undefined;
  const outside = parseFieldPath(records)!.steps.slice(0, -1);
  if (outside.length === 0) return found;
  for (const [path, value] of Object.entries(around))
    document = withValue(document ?? {}, parseFieldPath(path)?.steps ?? [], value);
  return withValue(document ?? {}, outside, found);
}

function table({ fields }: CatalogService, records: readonly InventedRecord[]): string {
  const columns = [...fields.keys()].flatMap((path) => {
    const { fromDocument, steps } = parseFieldPath(path)!;
    const names = steps.flatMap((step) => (step.kind === 'name' ? [step.name] : []));
    return fromDocument || names.length < steps.length ? [] : [{ path, header: names.join('.') }];
  });
  const cell = (value: string): string =>
    /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  const lines = records.map((record) =>
    columns.map(({ path }) => cell(textAt(record, path) ?? '')).join(','),
  );
  return [columns.map(({ header }) => cell(header)).join(','), ...lines, ''].join('\r\n');
}

function merged(record: InventedRecord, body: unknown): InventedRecord {
  if (typeof body !== 'object' || body === null) return record;
  const entries = Object.entries(body).map(([name, value]: [string, unknown]) => {
    const old = record[name];
    const both = typeof old === 'object' && typeof value === 'object';
    return [name, both ? merged((old ?? {}) as InventedRecord, value) : value];
  });
  return { ...record, ...(Object.fromEntries(entries) as InventedRecord) };
}
