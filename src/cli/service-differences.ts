/** What a service's answer, as a role got it, has otherwise than a case says: by field path, as the catalogue names them. */
import type { PolicyCase } from '../policy/cases.js';
import { valuesAt } from '../policy/invented-answers.js';
import type { CatalogService, PolicySet, ServiceRoute } from '../policy/model.js';
import { matchRoute } from '../services/match-route.js';
import { parseFieldPath } from '../mask/document/field-path.js';

export interface CalledService {
  readonly service: CatalogService;
  readonly route: ServiceRoute;
}

/** Undefined: the address is none of a service. @param url behind the gateway's root */
export function calledService(set: PolicySet, method: string, url: string): CalledService | undefined {
  const [pathname = ''] = url.split('?');
  for (const service of set.catalog.services?.values() ?? []) {
    if (!pathname.startsWith(`${service.prefix}/`)) continue;
    const steps = pathname.slice(service.prefix.length + 1).split('/');
    const matched = matchRoute(service, method, steps);
    const route = matched !== undefined && 'match' in matched ? service.routes.get(matched.match) : undefined;
    return route && { service, route };
  }
  return undefined;
}

export function serviceDifferences(
  { fields, records, around }: PolicyCase,
  { service, route }: CalledService,
  text: string,
): string[] {
  const { document, found } = read(route, text);
  const differences: string[] = [];
  const paths = [...service.fields.keys()];
  if (fields !== undefined) {
    const there = paths.filter((path) =>
      path.startsWith('$.')
        ? valuesAt(document, path).length > 0
        : valuesIn(route, found[0], path).length > 0,
    );
    if (there.join() !== fields.join())
      differences.push(`the fields are [${there.join(', ')}] and not [${fields.join(', ')}]`);
  }
  for (const [path, expected] of Object.entries(around ?? {}))
    differences.push(...differing('the answer', path, valuesAt(document, path), expected));
  if (records === undefined) return differences;
  if (records.length !== found.length)
    return [...differences, `${found.length} records came and not ${records.length}`];
  records.forEach((record, index) => {
    for (const [path, expected] of Object.entries(record))
      differences.push(
        ...differing(`record ${index + 1}`, path, valuesIn(route, found[index], path), expected),
      );
  });
  return differences;
}

function differing(what: string, path: string, values: readonly unknown[], expected: unknown): string[] {
  if (values.length === 0) return [`${what} has no ${path}`];
  const wanted = Array.isArray(expected) ? (expected as unknown[]) : [expected];
  const same =
    values.length === wanted.length && values.every((value, at) => String(value) === String(wanted[at]));
  const said = Array.isArray(expected) ? values : values[0];
  return same ? [] : [`${what}: ${path} is ${JSON.stringify(said)} and not ${JSON.stringify(expected)}`];
}

/** A row of CSV has a field under the names of its path. */
function valuesIn({ answer }: ServiceRoute, record: unknown, path: string): unknown[] {
  if (answer !== 'csv') return valuesAt(record, path);
  const steps = parseFieldPath(path)?.steps ?? [];
  const header = steps.map((step) => (step.kind === 'name' ? step.name : '*')).join('.');
  const row = (record ?? {}) as Record<string, unknown>;
  return Object.hasOwn(row, header) ? [row[header]] : [];
}

function read(
  { answer, records }: ServiceRoute,
  text: string,
): { document: unknown; found: readonly unknown[] } {
  if (answer === 'csv') return { document: undefined, found: rowsOf(text) };
  if (answer === 'json-lines') {
    const lines = text.split('\n').filter((line) => line !== '');
    return { document: undefined, found: lines.map((line) => JSON.parse(line) as unknown) };
  }
  if (text === '') return { document: undefined, found: [] };
  const document: unknown = JSON.parse(text);
  return { document, found: valuesAt(document, records) };
}

/** As the gateway writes it: RFC 4180. */
function rowsOf(text: string): Record<string, string>[] {
  const lines: string[][] = [];
  for (const line of text.match(/(?:"(?:[^"]|"")*"|[^"\r\n])+/g) ?? []) {
    const cells = line.match(/(?<=^|,)(?:"(?:[^"]|"")*"|[^",]*)/g) ?? [];
    lines.push(cells.map((cell) => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell)));
  }
  const [header = [], ...rows] = lines;
  return rows.map((row) => Object.fromEntries(header.map((name, at) => [name, row[at] ?? ''])));
}
