/**
 * policies/tests → invented rows and the cases of each role, held against the set that they test. Nothing
 * is run here. Refuses what would test nothing: a case for a role or a table that does not exist, a case
 * that expects nothing of an answer.
 */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { quote, suggest } from '../spelling.js';
import { casesSchema, rowsSchema, type TestCase } from './case-schema.js';
import { PolicyFaults, type PolicyFault, type Position } from './faults.js';
import type { InventedService } from './invented-answers.js';
import { readBeside } from './load.js';
import type { PolicySet } from './model.js';

export type InventedRow = Readonly<Record<string, string | number | boolean | null>>;

/** By the name of the table in the catalogue. */
export type InventedRows = ReadonlyMap<string, readonly InventedRow[]>;

export interface PolicyCase
  extends Omit<TestCase, 'claims' | 'headers' | 'get' | 'reveal' | 'call' | 'at'>, Position {
  readonly file: string;
  readonly role: string;
  /** Of the file, with the case's own over them. */
  readonly claims: Readonly<Record<string, string | number | boolean>>;
  /** The same. */
  readonly headers: Readonly<Record<string, string>>;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Undefined: now. */
  readonly atMicros: number | undefined;
  readonly path: string;
}

export interface Invented {
  readonly rows: InventedRows;
  /** By the name of the service in the catalogue. */
  readonly services: ReadonlyMap<string, InventedService>;
}

export interface PolicyCases extends Invented {
  readonly cases: readonly PolicyCase[];
}

const rowsFile = 'rows.yaml';

/** @param directory of the policy set; its tests lie in tests/ @throws PolicyFaults */
export async function loadCases(directory: string, set: PolicySet): Promise<PolicyCases> {
  const folder = path.join(directory, 'tests');
  const faults: PolicyFault[] = [];
  const invented = await loadInventedFile(folder, set, faults);
  const cases: PolicyCase[] = [];
  for (const name of await caseFiles(folder, faults)) cases.push(...(await readCases(name, set, faults)));
  if (faults.length > 0) throw new PolicyFaults(faults);
  return { ...invented, cases };
}

/** The invented rows and records alone, for `weir policy show`. Empty where there is no such file. @throws PolicyFaults */
export async function loadInvented(directory: string, set: PolicySet): Promise<Invented> {
  const folder = path.join(directory, 'tests');
  if (!(await namesIn(folder)).includes(rowsFile)) return { rows: new Map(), services: new Map() };
  const faults: PolicyFault[] = [];
  const invented = await loadInventedFile(folder, set, faults);
  if (faults.length > 0) throw new PolicyFaults(faults);
  return invented;
}

async function loadInventedFile(folder: string, set: PolicySet, faults: PolicyFault[]): Promise<Invented> {
  const { source, value } = await readBeside(path.join(folder, rowsFile), rowsSchema, faults);
  const written = Object.entries(value?.rows ?? {});
  for (const [table] of written) {
    if (set.catalog.tables.has(table)) continue;
    const hint = suggest(table, set.catalog.tables.keys(), 'see the tables in catalog.yaml');
    faults.push(source.fault(['rows', table], 'key', `unknown table ${quote(table)}`, hint));
  }
  const services = new Map<string, InventedService>();
  const known = set.catalog.services ?? new Map<string, never>();
  for (const [name, entry] of Object.entries(value?.services ?? {})) {
    const service = known.get(name);
    if (service === undefined) {
      const hint = suggest(name, known.keys(), 'see the services in catalog.yaml');
      faults.push(source.fault(['services', name], 'key', `unknown service ${quote(name)}`, hint));
    }
    for (const field of Object.keys(entry?.around ?? {})) {
      if (service === undefined || (field.startsWith('$.') && service.fields.has(field))) continue;
      const outside = [...service.fields.keys()].filter((each) => each.startsWith('$.'));
      const hint = suggest(field, outside, 'name a field that begins with $.');
      const message = `${quote(field)} is no field around the records`;
      faults.push(source.fault(['services', name, 'around', field], 'key', message, hint));
    }
    const records = (entry?.records ?? []).filter((record) => record !== undefined);
    services.set(name, { records: records as InventedService['records'], around: entry?.around ?? {} });
  }
  return {
    rows: new Map(written.map(([table, rows]) => [table, (rows ?? []) as readonly InventedRow[]])),
    services,
  };
}

/** A folder that is not there holds nothing. */
function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

async function caseFiles(folder: string, faults: PolicyFault[]): Promise<string[]> {
  const entries = await namesIn(folder);
  const names = entries.filter(
    (name) => name.endsWith('.yaml') && name !== rowsFile && !name.startsWith('.'),
  );
  if (names.length === 0) {
    const hint = 'add a file of cases for each role, for example tests/support-agent.yaml';
    faults.push({ file: folder, line: 1, column: 1, message: 'there is no case', hint });
  }
  return names.sort().map((name) => path.join(folder, name));
}

async function readCases(file: string, set: PolicySet, faults: PolicyFault[]): Promise<PolicyCase[]> {
  const { source, value } = await readBeside(file, casesSchema, faults);
  const role = value?.role;
  if (role !== undefined && !set.roles.has(role)) {
    const hint = suggest(role, set.roles.keys(), 'write the name of a role file');
    faults.push(source.fault(['role'], 'value', `unknown role ${quote(role)}`, hint));
  }
  return (value?.cases ?? []).flatMap((each, index): PolicyCase[] => {
    const at = ['cases', index];
    const asks = ['get', 'reveal', 'call'].filter((key) => each !== undefined && key in each);
    if (each !== undefined && asks.length !== 1) {
      const hint =
        'write get: <what is asked>, reveal: <table>/<key>/reveal/<column>, or call: <method and address of a service>';
      faults.push(source.fault(at, 'value', 'the case asks nothing, or two things', hint));
    }
    if (each?.body !== undefined && !/^(POST|PUT|PATCH) /.test(each.call ?? '')) {
      const hint = 'write call: POST, PUT or PATCH, or remove the body';
      faults.push(source.fault([...at, 'body'], 'key', 'what is asked here has no body', hint));
    }
    const [method, called] = each?.call?.split(/ (.*)/s) ?? [];
    const asked = each?.get ?? each?.reveal ?? called;
    const atMicros = each?.at === undefined ? undefined : Date.parse(each.at) * 1000;
    if (Number.isNaN(atMicros)) {
      const hint = 'write a time with its zone, for example 2026-11-20T23:00+08:00';
      faults.push(source.fault([...at, 'at'], 'value', 'there is no such time', hint));
    }
    if (each?.title === undefined || asked === undefined || role === undefined) return [];
    const { status, code, columns, rows, fields, records, around, sent } = each;
    if (
      status === undefined &&
      code === undefined &&
      !(columns ?? rows ?? fields ?? records ?? around ?? sent)
    ) {
      const hint =
        each.call === undefined ? 'add columns, rows, status or code' : 'add fields, records, status or code';
      faults.push(source.fault(at, 'value', 'the case expects nothing of the answer', hint));
    }
    return [
      {
        ...(each as TestCase),
        method: (method ?? (each.get === undefined ? 'POST' : 'GET')) as PolicyCase['method'],
        path: asked.startsWith('/') ? asked : `/rest/${asked}`,
        atMicros,
        file,
        ...source.at(at, 'value'),
        role,
        claims: given({ ...value?.claims, ...each.claims }) as PolicyCase['claims'],
        headers: given({ ...value?.headers, ...each.headers }) as PolicyCase['headers'],
      },
    ];
  });
}

/** Of the file, with the case's own over them; null leaves one out. */
function given<Value>(written: Readonly<Record<string, Value>>): Record<string, NonNullable<Value>> {
  return Object.fromEntries(Object.entries(written).filter(([, value]) => value != null)) as Record<
    string,
    NonNullable<Value>
  >;
}
