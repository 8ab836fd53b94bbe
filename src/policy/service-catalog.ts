/**
 * The catalogue's services: which routes of somebody else's HTTP service there are, and what stands in their
 * answers. A route, parameter or field that is not in it does not exist for any role. Reads as much as a faulty
 * file allows, so that the role files can be held against it in the same run.
 */
import { formatFieldPath, parseFieldPath } from '../mask/document/field-path.js';
import type { DraftTable } from './catalog.js';
import type {
  CatalogField,
  CatalogService,
  DataClass,
  RouteParameter,
  ServiceMethod,
  ServiceRoute,
} from './model.js';
import type { CatalogFile } from './schema.js';
import { readFill } from './service-fill.js';
import { checkShapes } from './service-shape.js';
import type { Partly } from './shape.js';
import type { Complain, Path } from './source.js';
import { quote, suggest } from '../spelling.js';

type Services = NonNullable<CatalogFile['services']>;
type ServiceEntry = NonNullable<Partly<Services[string]>>;
type RouteEntry = NonNullable<Partly<Services[string]['routes'][number]>>;

/** A field as far as it could be read. */
export interface DraftField {
  readonly path: string;
  readonly class: DataClass | undefined;
}

/** A CatalogService of which parts may be broken; it is a whole one once the set has no fault. */
export interface DraftService extends Omit<CatalogService, 'fields'> {
  /** Undefined: they could not be read, so nothing can be said about them. */
  readonly fields: ReadonlyMap<string, DraftField> | undefined;
}

/** Below these the gateway has routes of its own. */
const ownPrefixes = ['rest', 'admin', 'healthz', 'readyz', 'livez', 'metrics', 'wire', 'console', 'fill'];

/** @param tables the catalogue's; undefined where they could not be read */
export function readServices(
  file: Partly<Services> | undefined,
  tables: ReadonlyMap<string, DraftTable> | undefined,
  complain: Complain,
): ReadonlyMap<string, DraftService> {
  const services = new Map<string, DraftService>();
  for (const [name, entry] of Object.entries(file ?? {})) {
    const service = readService(name, entry ?? {}, tables, complain);
    checkPrefix(service, services, complain);
    services.set(name, service);
  }
  return services;
}

function readService(
  name: string,
  entry: ServiceEntry,
  tables: ReadonlyMap<string, DraftTable> | undefined,
  complainOfIt: Complain,
): DraftService {
  const at = ['services', name];
  let isSound = true;
  const complain: Complain = (...fault) => {
    isSound = false;
    complainOfIt(...fault);
  };
  const fields = entry.fields && readFields(entry.fields, [...at, 'fields'], complain);
  const routes = new Map<string, ServiceRoute>();
  const shapes = new Map<string, string>();
  for (const [index, item] of (entry.routes ?? []).entries()) {
    if (item?.match === undefined) continue;
    const path = [...at, 'routes', index];
    const route = readRoute(name, item, item.match, fields, tables, path, complain);
    const shape = `${route.method} ${route.segments.map((step) => (step.startsWith(':') ? ':' : step)).join('/')}`;
    const other = shapes.get(shape);
    if (other !== undefined) {
      const message = `${quote(route.match)} is the same route as ${quote(other)}`;
      complain([...path, 'match'], 'value', message, 'keep one of the two');
      continue;
    }
    shapes.set(shape, route.match);
    routes.set(route.match, route);
  }
  for (const [index, item] of (entry.routes ?? []).entries()) {
    const route = routes.get(item?.match ?? '');
    if (route !== undefined) checkFirst(route, routes, name, [...at, 'routes', index, 'first'], complain);
  }
  // What is said of parts that are wrong already would be about those.
  if (isSound && isWhole(entry)) checkShapes(routes.values(), fields!.keys(), at, complain);
  return { name, prefix: entry.prefix ?? '', upstream: { env: entry.upstream?.env ?? '' }, routes, fields };
}

/** The one record, found by what the path of the write says. */
function checkFirst(
  route: ServiceRoute,
  routes: ReadonlyMap<string, ServiceRoute>,
  service: string,
  at: Path,
  complain: Complain,
): void {
  if (route.first === undefined || route.method === 'GET') return;
  const first = routes.get(route.first);
  if (first === undefined) {
    const reads = [...routes.values()].filter(({ method }) => method === 'GET').map(({ match }) => match);
    const hint = suggest(route.first, reads, `see the routes of ${service}`);
    complain(at, 'value', `${service} has no route ${quote(route.first)}`, hint);
    return;
  }
  const isOne =
    first.method === 'GET' &&
    first.answer === 'json' &&
    first.records === '$' &&
    first.record === route.record &&
    first.path.some(({ field }) => field === first.record);
  const given = first.path.every((one) =>
    route.path.some(({ name, field }) => name === one.name && field === one.field),
  );
  if (isOne && given) return;
  const message = `${quote(first.match)} does not answer the one record that ${quote(route.match)} writes`;
  const hint = `name a GET route in whose path the ${route.record} stands, with parameters that this path has too`;
  complain(at, 'value', message, hint);
}

/** Nothing was taken out of it because its form was wrong. */
function isWhole({ routes, fields }: ServiceEntry): boolean {
  return (
    Object.entries(fields ?? { '': undefined }).every(
      ([path, is]) => is !== undefined && parseFieldPath(path),
    ) && (routes ?? [undefined]).every((route) => route?.match !== undefined && route.record !== undefined)
  );
}

function checkPrefix(
  { name, prefix }: DraftService,
  others: ReadonlyMap<string, DraftService>,
  complain: Complain,
): void {
  if (prefix === '') return;
  const path = ['services', name, 'prefix'];
  const first = prefix.split('/')[1]!;
  if (ownPrefixes.includes(first)) {
    complain(path, 'value', `/${first} is the gateway's own`, `write another, for example /${name}`);
  }
  for (const other of others.values()) {
    if (other.prefix === '') continue;
    const [longer, shorter] =
      prefix.length > other.prefix.length ? [prefix, other.prefix] : [other.prefix, prefix];
    if (longer !== shorter && !longer.startsWith(`${shorter}/`)) continue;
    complain(path, 'value', `${prefix} is taken by ${other.name}`, `write another, for example /${name}`);
  }
}

function readFields(
  entries: NonNullable<ServiceEntry['fields']>,
  at: Path,
  complain: Complain,
): ReadonlyMap<string, DraftField> {
  const fields = new Map<string, DraftField>();
  for (const [path, dataClass] of Object.entries(entries)) {
    const read = parseFieldPath(path);
    const plain = read === undefined ? path : formatFieldPath(read);
    if (plain !== path) {
      const message = `${path} is a longer way to write ${plain}`;
      complain([...at, path], 'key', message, `write ${plain}`);
    }
    for (const other of fields.keys()) {
      if (!overlap(plain, other)) continue;
      const message = `${path} and ${other} can be the same place, or one within the other`;
      complain([...at, path], 'key', message, 'name each value once, by its full path');
    }
    if (path.startsWith('$.') && dataClass !== undefined && dataClass !== 'none') {
      const message = `${path} lies outside the records and is of class ${dataClass}`;
      const hint = 'write none, or remove it: what is about a person belongs to a record';
      complain([...at, path], 'value', message, hint);
    }
    fields.set(plain, { path: plain, class: dataClass });
  }
  return fields;
}

/** Can the two lead to one value, or one to what holds the other? */
function overlap(one: string, other: string): boolean {
  const [a, b] = [stepsOf(one), stepsOf(other)];
  // What is no path was refused already.
  if (a === undefined || b === undefined) return false;
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x, y] = [a[i]!, b[i]!];
    const alike = x === y || (x === '*' && y !== '[*]') || (y === '*' && x !== '[*]');
    if (!alike) return false;
  }
  return true;
}

/** Names are marked, so that none is taken for a wildcard. */
function stepsOf(path: string): string[] | undefined {
  const read = parseFieldPath(path);
  const words = { elements: '[*]', names: '*' };
  return (
    read && [
      read.fromDocument ? '$' : '',
      ...read.steps.map((step) => (step.kind === 'name' ? `.${step.name}` : words[step.kind])),
    ]
  );
}

/** One value of a record, whatever is in it. */
export function namesOneValue(path: string): boolean {
  const read = parseFieldPath(path);
  return read?.fromDocument === false && read.steps.every(({ kind }) => kind === 'name');
}

function readRoute(
  service: string,
  entry: RouteEntry,
  match: string,
  fields: ReadonlyMap<string, DraftField> | undefined,
  tables: ReadonlyMap<string, DraftTable> | undefined,
  at: Path,
  complain: Complain,
): ServiceRoute {
  const [method = '', address = ''] = match.split(' ') as [ServiceMethod, string];
  const segments = address === '/' ? [] : address.slice(1).split('/');
  const known = (field: string | undefined, path: Path, part: 'key' | 'value', isKey: boolean): void => {
    if (field === undefined || fields === undefined) return;
    if (!fields.has(field)) {
      const hint = suggest(field, fields.keys(), `add it to the fields of ${service}`);
      complain(path, part, `unknown field ${quote(field)}`, hint);
    } else if (isKey && !namesOneValue(field)) {
      const message = `${field} does not name one value of a record`;
      complain(path, part, message, 'name a field of the record itself, for example id');
    }
  };
  known(entry.record, [...at, 'record'], 'value', true);
  known(entry.subject, [...at, 'subject'], 'value', true);

  const names = segments.flatMap((step) => (step.startsWith(':') ? [step.slice(1)] : []));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    complain([...at, 'match'], 'value', `:${twice} stands twice in the path`, 'give each its own name');
  for (const [name, field] of Object.entries(entry.path ?? {})) {
    known(field, [...at, 'path', name], 'value', true);
    if (names.includes(name)) continue;
    const hint = suggest(name, names, 'the path has no parameters');
    complain([...at, 'path', name], 'key', `the path has no parameter ${quote(name)}`, hint);
  }
  const path = names.map((name): RouteParameter => ({
    name,
    field: entry.path?.[name] ?? (name === entry.record ? name : undefined),
  }));

  const query = new Map<string, RouteParameter>();
  for (const [index, item] of (entry.query ?? []).entries()) {
    if (item === undefined) continue;
    const { name, field } = typeof item === 'string' ? { name: item, field: undefined } : item;
    if (name === undefined) continue;
    known(field, [...at, 'query', index, 'field'], 'value', true);
    if (query.has(name))
      complain([...at, 'query', index], 'value', `${quote(name)} stands twice`, 'keep one of the two');
    query.set(name, { name, field });
  }

  const body = (entry.body ?? []).filter((field) => field !== undefined);
  for (const [index, field] of body.entries()) {
    known(field, [...at, 'body', index], 'value', false);
    if (field.startsWith('$.'))
      complain(
        [...at, 'body', index],
        'value',
        `${field} is no field of a record`,
        'name a field of the record',
      );
  }
  if (method === 'GET' && 'body' in entry)
    complain([...at, 'body'], 'key', 'a GET takes no body', 'remove it, or write another method');

  const example = new Map<string, string>();
  for (const [name, value] of Object.entries(entry.example ?? {})) {
    if (value !== undefined) example.set(name, String(value));
    if (names.includes(name) || query.has(name)) continue;
    const hint = suggest(name, [...names, ...query.keys()], 'the route has no parameters');
    complain([...at, 'example', name], 'key', `the route has no parameter ${quote(name)}`, hint);
  }
  if (entry.first !== undefined && (method === 'GET' || entry.fill !== undefined)) {
    const message = 'a record is asked for first where a route writes it';
    complain([...at, 'first'], 'key', message, 'remove first');
  }

  const { answer = 'json', records = '$' } = entry;
  if (answer !== 'json' && records !== '$')
    complain([...at, 'records'], 'value', `in ${answer} each line is a record`, 'remove records');
  if (entry.of !== undefined && tables !== undefined && !tables.has(entry.of)) {
    const hint = suggest(entry.of, tables.keys(), 'see the tables in catalog.yaml');
    complain([...at, 'of'], 'value', `unknown table ${quote(entry.of)}`, hint);
  }
  const fill = entry.fill && readFill(entry, entry.fill, tables, at, complain);
  const word = segments.find((step) => !step.startsWith(':'));
  return {
    match,
    method: method as ServiceMethod,
    segments,
    path,
    query,
    body,
    answer,
    records,
    record: entry.record ?? '',
    subject: entry.subject,
    space: entry.of ?? (word === undefined ? service : `${service}.${word}`),
    headers: (entry.headers ?? []).filter((header) => header !== undefined),
    ...(fill === undefined ? {} : { fill }),
    ...(entry.first === undefined ? {} : { first: entry.first }),
    ...(example.size === 0 ? {} : { example }),
  };
}

/** Without faults a draft is whole. */
export function wholeServices(
  drafts: ReadonlyMap<string, DraftService>,
): ReadonlyMap<string, CatalogService> {
  return drafts as ReadonlyMap<string, CatalogService & { fields: ReadonlyMap<string, CatalogField> }>;
}
