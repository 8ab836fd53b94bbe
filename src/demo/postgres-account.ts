/**
 * Whom the demo's PostgreSQL runs as. PostgreSQL refuses to run as root, so root borrows an ordinary
 * account; everybody else runs it as themselves.
 */
import { execFile, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

export interface Outcome {
  /** Undefined where a signal ended the program or it could not be started at all. */
  readonly code: number | undefined;
  readonly output: string;
}

/** C locale, so that messages can be read; nothing of the caller's environment (PGDATA, PGPORT, LD_LIBRARY_PATH) gets in. */
export const programEnvironment: NodeJS.ProcessEnv = {
  PATH: '/usr/bin:/bin:/usr/sbin:/sbin',
  LC_ALL: 'C',
  TZ: 'UTC',
};

/**
 * @param dataDirectory where it exists already, its owner is the account to run as
 * @returns undefined: run as the present user
 */
export async function chooseAccount(dataDirectory: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(dataDirectory).catch(() => undefined);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  return (
    (await lookUp('postgres')) ??
    (await create('postgres')) ??
    (await lookUp('nobody')) ?? { uid: 65534, gid: 65534 }
  );
}

/** Runs a program to its end as the account; never throws. */
export async function runAs(
  account: Account | undefined,
  file: string,
  args: readonly string[],
  cwd: string,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd,
      env: programEnvironment,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(account ?? {}),
    });
    let output = '';
    const keep = (chunk: Buffer) => (output = (output + chunk.toString('utf8')).slice(-8000));
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => resolve({ code: undefined, output: error.message }));
    child.on('close', (code) => resolve({ code: code ?? undefined, output }));
  });
}

async function lookUp(name: string): Promise<Account | undefined> {
  const ask = async (flag: string) => Number((await promisify(execFile)('id', [flag, name])).stdout);
  try {
    const account = { uid: await ask('-u'), gid: await ask('-g') };
    return account.uid > 0 && account.gid > 0 ? account : undefined;
  } catch {
    return undefined;
  }
}

async function create(name: string): Promise<Account | undefined> {
  const run = promisify(execFile);
  // The group may be there already; useradd says the rest.
  await run('groupadd', ['--system', name]).catch(() => undefined);
  await run('useradd', ['--system', '--no-create-home', '--shell', '/bin/false', '-g', name, name]).catch(
    () => undefined,
  );
  return lookUp(name);
}
