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
import { readBeside } from './load.js';
import type { PolicySet } from './model.js';

export type InventedRow = Readonly<Record<string, string | number | boolean | null>>;

/** By the name of the table in the catalogue. */
export type InventedRows = ReadonlyMap<string, readonly InventedRow[]>;

export interface PolicyCase extends Omit<TestCase, 'claims' | 'headers' | 'get' | 'reveal' | 'at'>, Position {
  readonly file: string;
  readonly role: string;
  /** Of the file, with the case's own over them. */
  readonly claims: Readonly<Record<string, string | number | boolean>>;
  /** The same. */
  readonly headers: Readonly<Record<string, string>>;
  readonly method: 'GET' | 'POST';
  /** Undefined: now. */
  readonly atMicros: number | undefined;
  readonly path: string;
}

export interface PolicyCases {
  readonly rows: InventedRows;
  readonly cases: readonly PolicyCase[];
}

const rowsFile = 'rows.yaml';

/** @param directory of the policy set; its tests lie in tests/ @throws PolicyFaults */
export async function loadCases(directory: string, set: PolicySet): Promise<PolicyCases> {
  const folder = path.join(directory, 'tests');
  const faults: PolicyFault[] = [];
  const rows = await loadRows(folder, set, faults);
  const cases: PolicyCase[] = [];
  for (const name of await caseFiles(folder, faults)) cases.push(...(await readCases(name, set, faults)));
  if (faults.length > 0) throw new PolicyFaults(faults);
  return { rows, cases };
}

/** The invented rows alone, for `weir policy show`. Empty where there is no such file. @throws PolicyFaults */
export async function loadInventedRows(directory: string, set: PolicySet): Promise<InventedRows> {
  const folder = path.join(directory, 'tests');
  if (!(await namesIn(folder)).includes(rowsFile)) return new Map();
  const faults: PolicyFault[] = [];
  const rows = await loadRows(folder, set, faults);
  if (faults.length > 0) throw new PolicyFaults(faults);
  return rows;
}

async function loadRows(folder: string, set: PolicySet, faults: PolicyFault[]): Promise<InventedRows> {
  const { source, value } = await readBeside(path.join(folder, rowsFile), rowsSchema, faults);
  const written = Object.entries(value?.rows ?? {});
  for (const [table] of written) {
    if (set.catalog.tables.has(table)) continue;
    const hint = suggest(table, set.catalog.tables.keys(), 'see the tables in catalog.yaml');
    faults.push(source.fault(['rows', table], 'key', `unknown table ${quote(table)}`, hint));
  }
  return new Map(written.map(([table, rows]) => [table, (rows ?? []) as readonly InventedRow[]]));
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
    if (each !== undefined && 'get' in each === 'reveal' in each) {
      const hint = 'write get: <what is asked>, or reveal: <table>/<key>/reveal/<column>';
      faults.push(source.fault(at, 'value', 'the case asks nothing, or two things', hint));
    }
    const asked = each?.get ?? each?.reveal;
    const atMicros = each?.at === undefined ? undefined : Date.parse(each.at) * 1000;
    if (Number.isNaN(atMicros)) {
      const hint = 'write a time with its zone, for example 2026-11-20T23:00+08:00';
      faults.push(source.fault([...at, 'at'], 'value', 'there is no such time', hint));
    }
    if (each?.title === undefined || asked === undefined || role === undefined) return [];
    if (each.status === undefined && each.code === undefined && !each.columns && !each.rows) {
      const hint = 'add columns, rows, status or code';
      faults.push(source.fault(at, 'value', 'the case expects nothing of the answer', hint));
    }
    return [
      {
        ...(each as TestCase),
        method: each.get === undefined ? 'POST' : 'GET',
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
