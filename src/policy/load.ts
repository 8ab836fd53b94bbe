/**
 * A directory of policy files → one frozen PolicySet, all or nothing. Reads catalog.yaml, alerts.yaml
 * and roles/*.yaml; finds every fault of every file in one run. Refuses what it would otherwise have
 * to overlook: files over 1 MB, role files with another ending, a set without roles.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { readAlerts } from './alerts.js';
import { readCatalog } from './catalog.js';
import { checkClaims } from './claims.js';
import { canonicalJson, digestOf } from './digest.js';
import { PolicyFaults, type PolicyFault } from './faults.js';
import { deepFreeze } from './frozen.js';
import type { CatalogTable, PolicySet, RolePolicy } from './model.js';
import { readRole } from './role.js';
import { alertsSchema, catalogSchema, roleSchema } from './schema.js';
import { readServices, wholeServices } from './service-catalog.js';
import { checkShape } from './shape.js';
import {
  maxFileBytes,
  parseSource,
  unreadableSource,
  withoutUnseen,
  type Complain,
  type PolicySource,
} from './source.js';

export interface LoadedPolicies {
  readonly set: PolicySet;
  /** Canonical JSON of every file; `set.digest` is its SHA-256. Kept with the log under that digest. */
  readonly content: string;
  /** Where everything stands, for checks that come later. */
  readonly sources: {
    readonly catalog: PolicySource;
    readonly alerts: PolicySource;
    readonly roles: ReadonlyMap<string, PolicySource>;
  };
}

/**
 * @param directory faults name files by it, as it is written here
 * @throws PolicyFaults with every fault of the set
 */
export async function loadPolicies(directory: string): Promise<LoadedPolicies> {
  const faults: PolicyFault[] = [];
  const [catalog, alerts, names] = await Promise.all([
    readSource(path.join(directory, 'catalog.yaml')),
    readSource(path.join(directory, 'alerts.yaml')),
    roleNames(path.join(directory, 'roles'), faults),
  ]);
  const roles = new Map(
    await Promise.all(
      names.map(async (name): Promise<[string, PolicySource]> => [
        name,
        await readSource(path.join(directory, 'roles', `${name}.yaml`)),
      ]),
    ),
  );
  return assemble({ catalog, alerts, roles }, faults);
}

/**
 * A set that was kept (LoadedPolicies.content), read again by this version.
 * @throws PolicyFaults where this version no longer takes it
 */
export function loadKept(digest: string, content: string): LoadedPolicies {
  const kept = JSON.parse(content) as { catalog: unknown; alerts: unknown; roles: Record<string, unknown> };
  // JSON is YAML: the same reader, and what it refuses has a name to be told by.
  const source = (file: string, value: unknown) =>
    parseSource(`set ${digest.slice(0, 12)}/${file}`, withoutUnseen(JSON.stringify(value, null, 1)));
  const roles = Object.entries(kept.roles).map(([name, value]): [string, PolicySource] => [
    name,
    source(`roles/${name}.yaml`, value),
  ]);
  return assemble(
    {
      catalog: source('catalog.yaml', kept.catalog),
      alerts: source('alerts.yaml', kept.alerts),
      roles: new Map(roles),
    },
    [],
  );
}

function assemble(
  { catalog, alerts, roles }: LoadedPolicies['sources'],
  faults: PolicyFault[],
): LoadedPolicies {
  for (const source of [catalog, alerts, ...roles.values()]) faults.push(...source.faults);

  const catalogFile = isReadable(catalog) ? shaped(catalog, catalogSchema, faults) : undefined;
  const tables = isReadable(catalog) ? readCatalog(catalogFile, complainTo(catalog, faults)) : undefined;
  const services = isReadable(catalog)
    ? readServices(catalogFile?.services, tables, complainTo(catalog, faults))
    : undefined;
  const policies = new Map<string, RolePolicy>();
  for (const [name, source] of roles) {
    if (!isReadable(source)) continue;
    const file = shaped(source, roleSchema, faults);
    if (file === undefined) continue;
    const role = readRole(name, file, tables, complainTo(source, faults), services);
    checkClaims(role, catalogFile?.claims, complainTo(source, faults));
    policies.set(name, role);
  }
  const alertsFile = isReadable(alerts) ? shaped(alerts, alertsSchema, faults) : undefined;
  const alertPolicy = readAlerts(alertsFile ?? {}, new Set(roles.keys()), complainTo(alerts, faults));
  if (faults.length > 0) throw new PolicyFaults(faults);

  const contents = [...roles].map(([name, source]) => [name, source.value]);
  const content = canonicalJson({
    catalog: catalog.value,
    alerts: alerts.value,
    roles: Object.fromEntries(contents),
  });
  const set: PolicySet = {
    digest: digestOf(content),
    // Without faults a draft is whole.
    catalog: {
      tables: tables as ReadonlyMap<string, CatalogTable>,
      ...(services === undefined || services.size === 0 ? {} : { services: wholeServices(services) }),
    },
    roles: policies,
    alerts: alertPolicy,
  };
  return { set: deepFreeze(set), content, sources: { catalog, alerts, roles } };
}

/**
 * A file beside the set (tests/): what is left of it once every fault of shape is taken out.
 * @param faults those of this file are added
 */
export async function readBeside<S extends Parameters<typeof checkShape>[1]>(
  file: string,
  schema: S,
  faults: PolicyFault[],
) {
  const source = await readSource(file);
  faults.push(...source.faults);
  return { source, value: isReadable(source) ? shaped(source, schema, faults) : undefined };
}

/** Can the readers make something of it? Syntax faults and an empty file are reported already. */
function isReadable(source: PolicySource): boolean {
  return source.value !== undefined && source.value !== null;
}

function shaped<S extends Parameters<typeof checkShape>[1]>(
  source: PolicySource,
  schema: S,
  faults: PolicyFault[],
) {
  const { value, faults: found } = checkShape(source, schema);
  faults.push(...found);
  const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMapping ? value : undefined;
}

function complainTo(source: PolicySource, faults: PolicyFault[]): Complain {
  return (at, part, message, hint) => faults.push(source.fault(at, part, message, hint));
}

/** Names of the role files, sorted. */
async function roleNames(directory: string, faults: PolicyFault[]): Promise<string[]> {
  const complain = (message: string, hint: string, file = directory) =>
    faults.push({ file, line: 1, column: 1, message, hint });
  let entries: string[];
  try {
    entries = await readdir(directory);
  } catch (error) {
    complain(`the directory cannot be read (${codeOf(error)})`, 'put one file for each role into it');
    return [];
  }
  // Dot files belong to editors and to the mount of a container's configuration.
  const visible = entries.filter((entry) => !entry.startsWith('.')).sort();
  for (const entry of visible.filter(
    (entry) => /\.(yml|json)$/i.test(entry) || /\.yaml$/i.test(entry) !== entry.endsWith('.yaml'),
  )) {
    const name = entry.replace(/\.[^.]*$/, '');
    complain(
      'this file would be overlooked',
      `rename it to ${name}.yaml, or move it away`,
      path.join(directory, entry),
    );
  }
  const names = visible
    .filter((entry) => entry.endsWith('.yaml'))
    .map((entry) => entry.slice(0, -'.yaml'.length));
  if (names.length === 0 && visible.length === 0)
    complain('there is no role', 'add a file for each role, for example support-agent.yaml');
  return names;
}

async function readSource(file: string): Promise<PolicySource> {
  let bytes: Buffer;
  try {
    const found = await stat(file);
    // A pipe would keep whoever reads it waiting.
    if (!found.isFile())
      return unreadableSource(file, 'this is no file', 'put a file here, or a link to one');
    const { size } = found;
    if (size > maxFileBytes) {
      return unreadableSource(
        file,
        `the file holds ${size} bytes, more than ${maxFileBytes}`,
        'make it smaller',
      );
    }
    bytes = await readFile(file);
  } catch (error) {
    const hint =
      codeOf(error) === 'ENOENT' ? `add the file ${path.basename(file)}` : 'make it readable for the gateway';
    return unreadableSource(file, `the file cannot be read (${codeOf(error)})`, hint);
  }
  const text = decode(bytes);
  if (typeof text === 'number')
    return unreadableSource(file, 'this line is not UTF-8', 'save the file as UTF-8', text);
  const source = parseSource(file, text);
  if (source.faults.length > 0 || isReadable(source)) return source;
  return unreadableSource(file, 'the file is empty', 'write the file, or remove it');
}

/** @returns the text, or the number of the first line that is not UTF-8 */
function decode(bytes: Buffer): string | number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    return decoder.decode(bytes);
  } catch {
    let line = 1;
    for (let start = 0; start <= bytes.length; line++) {
      const end = bytes.indexOf(0x0a, start);
      try {
        decoder.decode(bytes.subarray(start, end === -1 ? bytes.length : end));
      } catch {
        return line;
      }
      if (end === -1) break;
      start = end + 1;
    }
    return line;
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}
