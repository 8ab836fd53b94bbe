/** A database that a verb needs could not be used: which, why as far as may be told, and what to do. */
import { errorFacts } from '../observe/error-facts.js';
import { CliError, exitCodes } from './context.js';

const hints: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: start it, or mend the address in %',
  ENOTFOUND: 'its name cannot be found: mend the address in %',
  ETIMEDOUT: 'it does not answer: look at the network between here and there',
  '28P01': 'user or password is wrong: mend %',
  '28000': 'the user may not log in from here: look at pg_hba.conf, or mend %',
  '3D000': 'there is no such database: create it, or mend %',
  '42501': 'the user lacks a privilege: run weir migrate as the owner, or mend %',
  '42P01': 'its tables are missing: run weir migrate',
  '42704': 'the runtime role does not exist: CREATE ROLE … LOGIN, or name it in store.runtimeRole',
  '53300': 'it has no connection left: try again later',
  '57P03': 'it is starting up: try again in a moment',
};

/** @returns undefined where the error has nothing to do with a database */
export function databaseFault(error: unknown, database: string, key: string): CliError | undefined {
  const { causes = [], ...own } = errorFacts(error);
  for (const { code, routine, syscall } of [own, ...causes]) {
    if (code === undefined || (hints[code] === undefined && routine === undefined && syscall === undefined))
      continue;
    const hint = (hints[code] ?? 'the server log of the database says more; it is not repeated here').replace(
      '%',
      key,
    );
    return new CliError(`${database} cannot be used (${code})`, hint, exitCodes.bad);
  }
  return undefined;
}
