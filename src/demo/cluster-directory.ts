/**
 * The directory of a cluster: one that PostgreSQL's account can reach, and that one living process
 * owns at a time.
 */
import { createHash, randomUUID } from 'node:crypto';
import { chmod, chown, link, lstat, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { runAs, type Account } from './postgres-account.js';
import { endPostmaster, findPostmaster, isPostmaster, startTime } from './postgres-process.js';

/**
 * The directory itself; or, where root runs PostgreSQL as an account that cannot reach it (a clone
 * below /root), a directory elsewhere that belongs to it. Which one it is stands in `moved-to`; a
 * directory that was removed and made again gets a new one, and its old one is removed.
 */
export async function reachableHome(asked: string, account: Account | undefined): Promise<string> {
  if (account === undefined) return asked;
  const note = join(asked, 'moved-to');
  const moved = await readFile(note, 'utf8').catch(() => undefined);
  if (moved === undefined && (await canWork(asked, account))) return asked;

  const name = `weir-postgres-${createHash('sha256').update(asked).digest('hex').slice(0, 16)}`;
  for (const parent of ['/var/lib', tmpdir()]) {
    const home = join(parent, name);
    const token = moved === undefined ? undefined : (JSON.parse(moved) as { home: string; token: string });
    if (token?.home === home && (await readFile(join(home, 'token'), 'utf8').catch(() => '')) === token.token)
      return home;
    if (!(await removeForeign(home))) continue;
    const made = await mkdir(home, { mode: 0o700 }).then(
      () => true,
      () => false,
    );
    if (!made || !(await canWork(home, account))) continue;
    const fresh = { home, token: randomUUID() };
    await writeFile(join(home, 'token'), fresh.token, { mode: 0o600 });
    await writeFile(note, JSON.stringify(fresh), { mode: 0o600 });
    return home;
  }
  throw new Error(
    `PostgreSQL does not run as root, and the account it runs as can reach neither ${asked} nor /var/lib nor ${tmpdir()}`,
  );
}

/** Ends what runs on the cluster of this directory, and removes it, wherever its data is. */
export async function eraseCluster(asked: string): Promise<void> {
  const moved = await readFile(join(asked, 'moved-to'), 'utf8').catch(() => undefined);
  const homes = moved === undefined ? [asked] : [(JSON.parse(moved) as { home: string }).home, asked];
  for (const home of homes) {
    const data = join(home, 'data');
    const pid = await findPostmaster(data);
    if (pid !== undefined) await endPostmaster(pid, 'immediate', () => isPostmaster(pid, data));
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Hands the directory to the account, and lets the account try. */
async function canWork(directory: string, account: Account): Promise<boolean> {
  await chown(directory, account.uid, account.gid);
  await chmod(directory, 0o700);
  const script = 'cd "$1" && : > .probe && rm .probe';
  return (await runAs(account, '/bin/sh', ['-c', script, 'sh', directory], '/')).code === 0;
}

/** What an earlier directory of the same name left. @returns whether the place is free */
async function removeForeign(home: string): Promise<boolean> {
  const found = await lstat(home).catch(() => undefined);
  if (found === undefined) return true;
  // Below a directory that everybody writes to, somebody else may have put it there.
  if (
    !found.isDirectory() ||
    (await readFile(join(home, 'token'), 'utf8').catch(() => undefined)) === undefined
  )
    return false;
  const data = join(home, 'data');
  const pid = await findPostmaster(data);
  if (pid !== undefined) await endPostmaster(pid, 'immediate', () => isPostmaster(pid, data));
  await rm(home, { recursive: true, force: true });
  return true;
}

interface Owner {
  readonly pid: number;
  readonly started: string | undefined;
}

/**
 * Takes the directory for this process.
 * @returns gives it back
 * @throws Error where a living process has it
 */
export async function claimDirectory(home: string): Promise<() => Promise<void>> {
  const file = join(home, 'owner');
  const me: Owner = { pid: process.pid, started: await startTime(process.pid) };
  const mine = join(home, `owner.${process.pid}.${randomUUID()}`);
  await writeFile(mine, JSON.stringify(me), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      // A link is made whole or not at all, and only where there is none.
      const taken = await link(mine, file).then(
        () => true,
        () => false,
      );
      if (taken) return () => rm(file, { force: true });
      const owner = await readOwner(file);
      if (owner && (await startTime(owner.pid)) === owner.started) {
        throw new Error(`process ${owner.pid} is using ${basename(home)} in ${home}: stop it first`);
      }
      await rm(file, { force: true });
    }
    throw new Error(`${home} is being taken by another process`);
  } finally {
    await rm(mine, { force: true });
  }
}

async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}
