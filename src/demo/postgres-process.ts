/**
 * Which processes stand on a data directory: the postmaster that a killed parent left behind, and the
 * process that owns the cluster now. Never takes a process for PostgreSQL by its pid alone.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** @returns pid of the postmaster that runs on this data directory, whoever started it */
export async function findPostmaster(dataDirectory: string): Promise<number | undefined> {
  const pid = await pidInFile(dataDirectory);
  return pid !== undefined && (await isPostmaster(pid, dataDirectory)) ? pid : undefined;
}

/** Pid that postmaster.pid names, running or not. */
export async function pidInFile(dataDirectory: string): Promise<number | undefined> {
  const text = await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  return pid > 1 ? pid : undefined;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Start time as the system writes it: with the pid it names one process for ever. Undefined: no such process. */
export async function startTime(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    if (stat === undefined) return undefined;
    // The name in parentheses may hold spaces; state and start time are fields 3 and 22 (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  }
  const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return stdout.trim() || undefined;
}

/**
 * Ends a postmaster: fast (SIGINT), after a while immediate (SIGQUIT), at last by SIGKILL.
 * @param still tells whether it is there; default: by pid
 */
export async function endPostmaster(
  pid: number,
  mode: 'fast' | 'immediate',
  still: () => boolean | Promise<boolean> = () => isAlive(pid),
): Promise<void> {
  const steps: readonly (readonly [NodeJS.Signals, number])[] = [
    ...(mode === 'fast' ? [['SIGINT', 20_000] as const] : []),
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ];
  for (const [signal, patienceMs] of steps) {
    if (!(await still())) return;
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return;
      throw error;
    }
    const deadline = Date.now() + patienceMs;
    while (Date.now() < deadline) {
      if (!(await still())) return;
      await delay(10);
    }
  }
}

/** Backends that outlived their postmaster keep its shared memory, and with it the next start, busy. Linux only. */
export async function killStragglers(dataDirectory: string): Promise<void> {
  if (process.platform !== 'linux') return;
  for (const entry of await readdir('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
    const comm = cwd === dataDirectory ? await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '') : '';
    if (comm.trim() !== 'postgres') continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone by itself.
    }
  }
}

export async function isPostmaster(pid: number, dataDirectory: string): Promise<boolean> {
  const command = await commandLine(pid);
  return basename(command[0] ?? '') === 'postgres' && command.includes(dataDirectory);
}

async function commandLine(pid: number): Promise<readonly string[]> {
  if (process.platform === 'linux') {
    // A zombie has an empty command line, and so counts as gone.
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return text.split('\0');
  }
  const { stdout } = await promisify(execFile)('ps', ['-ww', '-o', 'command=', '-p', String(pid)]).catch(
    () => ({
      stdout: '',
    }),
  );
  const found = /^(.*?postgres) -D (.*?) -c /.exec(stdout);
  return found ? [found[1] ?? '', found[2] ?? ''] : [];
}
