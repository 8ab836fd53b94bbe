/** `weir policy test`: the cases that lie beside the policies, asked of the real doors over invented rows. */
import { relative, resolve } from 'node:path';
import { checkAgainstDatabase } from '../policy/check-database.js';
import { loadCases, type PolicyCase, type PolicyCases } from '../policy/cases.js';
import { formatFaults } from '../policy/faults.js';
import type { LoadedPolicies } from '../policy/load.js';
import type { PolicySet } from '../policy/model.js';
import { readSchema } from '../sql/schema.js';
import { CliError, exitCodes, type CliContext } from './context.js';
import { databaseFault } from './database-fault.js';
import { findConfig, type ConfigOption } from './find-config.js';
import { openOrders, openPolicies, type FolderOption } from './policy-folder.js';
import { openRehearsal, type Rehearsal, type RehearsedAnswer } from './rehearsal.js';
import { calledService, serviceDifferences } from './service-differences.js';
import { formatJsonLines } from './table.js';

export interface PolicyTestOptions extends ConfigOption, FolderOption {
  readonly json?: boolean;
}

export interface CaseResult {
  readonly file: string;
  readonly line: number;
  readonly role: string;
  readonly title: string;
  /** What came back otherwise than the case says; empty where it holds. */
  readonly differences: readonly string[];
}

/** @returns 0 where every case holds, 1 with each difference told */
export async function policyTest(context: CliContext, options: PolicyTestOptions): Promise<number> {
  const { io } = context;
  const { directory, policies } = await openPolicies(context, options);
  const cases = await loadCases(directory, policies.set);
  const config = findConfig(context, options);
  const results = (await runCases(config, policies, cases)).map((result) => ({
    ...result,
    file: relative(context.cwd, resolve(result.file)),
  }));
  const failed = results.filter(({ differences }) => differences.length > 0);
  if (options.json) io.out(formatJsonLines(results));
  else {
    for (const { file, line, role, title, differences } of failed) {
      const told = differences.map((difference) => `\n    ${difference}`).join('');
      io.out(`${file}:${line} ${role}: ${title}${told}\n`);
    }
    const many = `${results.length} ${results.length === 1 ? 'case' : 'cases'}`;
    io.out(failed.length === 0 ? `${many}, all hold\n` : `${many}, ${failed.length} do not hold\n`);
  }
  return failed.length === 0 ? exitCodes.ok : exitCodes.bad;
}

/** @throws CliError where the order database cannot be used or does not fit the policies */
export async function runCases(
  config: Parameters<typeof openRehearsal>[0],
  policies: LoadedPolicies,
  { cases, ...invented }: PolicyCases,
): Promise<CaseResult[]> {
  const pool = openOrders(config.orders.url, 'weir policy test');
  let rehearsal: Rehearsal;
  try {
    const tables = [...policies.set.catalog.tables.values()].map(({ from }) => from);
    const live = await readSchema(pool, tables);
    const faults = checkAgainstDatabase(policies, live);
    if (faults.length > 0) {
      const hint = 'weir policy check --database shows them again once they are mended';
      throw new CliError(
        `the policies do not fit the order database:\n${formatFaults(faults)}`,
        hint,
        exitCodes.bad,
      );
    }
    rehearsal = await openRehearsal(config, policies, live, invented);
  } catch (error) {
    throw databaseFault(error, 'the order database', 'orders.url') ?? error;
  } finally {
    await pool.end();
  }
  try {
    const results: CaseResult[] = [];
    for (const each of cases) {
      const { file, line, role, title } = each;
      results.push({
        file,
        line,
        role,
        title,
        differences: await differencesIn(each, rehearsal, policies.set),
      });
    }
    return results;
  } finally {
    await rehearsal.close();
  }
}

/** Asks as often as the case says, first as others, each of them once, and then once more. */
async function differencesIn(each: PolicyCase, rehearsal: Rehearsal, set: PolicySet): Promise<string[]> {
  const { role, claims, scope, method, headers, atMicros, body: given } = each;
  const body = given === undefined ? undefined : JSON.stringify(given);
  const request = { role, claims, scope, method, url: encodeURI(each.path), headers, atMicros, body };
  const others = each.after_others ?? 0;
  const before = others + (each.after ?? 0);
  rehearsal.nextCase();
  for (let n = 1; n <= before; n++) {
    if (n > 1 && n <= others + 1) rehearsal.nextPerson();
    const { status, body } = await rehearsal.ask(request);
    if (status < 400) continue;
    const { type, detail } = parsed(body) as { type?: string; detail?: string };
    return [`request ${n} of the ${before} before it was refused (${type?.split(':').at(-1)}: ${detail})`];
  }
  if (others > 0 && before === others) rehearsal.nextPerson();
  const answer = await rehearsal.ask(request);
  const differences = differencesOf(each, answer, set);
  const sent = answer.sent.map((line) => decodeURI(line));
  if (each.sent === undefined || sent.join('\n') === each.sent.join('\n')) return differences;
  return [...differences, `services were asked [${sent.join(', ')}] and not [${each.sent.join(', ')}]`];
}

type Row = Readonly<Record<string, unknown>>;

function differencesOf(expected: PolicyCase, { status, body }: RehearsedAnswer, set: PolicySet): string[] {
  const told = parsed(body);
  const problem = Array.isArray(told) ? undefined : (told as { type?: string; detail?: string } | undefined);
  const code = problem?.type?.split(':').at(-1);
  const because = problem?.detail === undefined ? '' : `: ${problem.detail}`;
  const called = calledService(set, expected.method, expected.path);
  const wanted = expected.status ?? (expected.code === undefined ? 200 : undefined);
  const differences: string[] = [];
  if (wanted !== undefined && status !== wanted)
    differences.push(`the status is ${status} and not ${wanted} (${code ?? 'no error'}${because})`);
  if (expected.code !== undefined && code !== expected.code)
    differences.push(`the code is ${code ?? 'none'} and not ${expected.code}${because}`);
  if (differences.length > 0) return differences;
  if (called !== undefined && status < 300) return serviceDifferences(expected, called, body);
  const rows = Array.isArray(told) ? (told as Row[]) : [];
  if (expected.columns !== undefined) {
    const columns = Object.keys(rows[0] ?? {});
    if (columns.join() !== expected.columns.join())
      differences.push(`the columns are [${columns.join(', ')}] and not [${expected.columns.join(', ')}]`);
  }
  if (expected.rows === undefined) return differences;
  if (rows.length !== expected.rows.length)
    return [...differences, `${rows.length} rows came and not ${expected.rows.length}`];
  return [...differences, ...expected.rows.flatMap((row, index) => rowDifferences(row, rows[index]!, index))];
}

function rowDifferences(expected: Row, row: Row, index: number): string[] {
  return Object.entries(expected).flatMap(([column, value]) => {
    if (!(column in row)) return [`row ${index + 1} has no ${column}`];
    return same(row[column], value)
      ? []
      : [`row ${index + 1}: ${column} is ${JSON.stringify(row[column])} and not ${JSON.stringify(value)}`];
  });
}

/** 12.50 in YAML is the number 12.5, and a number that YAML would spoil is written as text. */
function same(actual: unknown, expected: unknown): boolean {
  return actual === expected || (actual !== null && expected !== null && String(actual) === String(expected));
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}
