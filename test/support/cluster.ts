/**
 * PostgreSQL for tests. `sharedCluster`: the one of the run, which a keeper process starts for the
 * first test file that needs it and ends after the last. `ownCluster`: for a test that kills or
 * limits its PostgreSQL.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, rmdir, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startCluster, type Cluster } from '../../src/demo/cluster.js';
import { eraseCluster } from '../../src/demo/cluster-directory.js';
import { programArguments } from './bundle.js';

/** What tests need of tap's `t`. */
export interface Teardown {
  teardown(work: () => unknown): void;
}

export interface KeeperHello {
  readonly port: number;
  /** Folder where clusters can be made. */
  readonly place: string;
}

export interface KeeperMessage {
  /** pid of the run that the keeper outlives. */
  readonly runner?: number;
  /** Directory of a cluster that goes when this connection breaks. */
  readonly own?: string;
}

export interface SharedCluster {
  readonly port: number;
  url(user: string, database: string): string;
}

/** Passwords of the test clusters are no secret. */
export const passwordOf = (role: string): string => `${role}-in-tests`;

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const key = createHash('sha256').update(`${userInfo().uid} ${checkout}`).digest('hex').slice(0, 10);
const keeperDirectory = join(tmpdir(), `weir-tests-${key}`);

interface Keeper {
  readonly hello: KeeperHello;
  tell(message: KeeperMessage): Promise<void>;
}

let keeper: Promise<Keeper> | undefined;

/** The cluster of this run. It is there until this process ends. */
export async function sharedCluster(): Promise<SharedCluster> {
  const { hello } = await (keeper ??= reachKeeper());
  return {
    port: hello.port,
    url: (user, database) => `postgres://${user}:${passwordOf(user)}@127.0.0.1:${hello.port}/${database}`,
  };
}

export interface OwnCluster extends Cluster {
  /** As asked for: start it again with startCluster on this directory. */
  readonly asked: string;
  readonly superuserPassword: string;
  /** Starts it again on the same port and data, once it has ended. */
  restart(): Promise<Cluster>;
}

/** A cluster for this test alone; durable. Ended and removed with the test, or with its process. */
export async function ownCluster(
  t: Teardown,
  settings: Readonly<Record<string, string>> = {},
): Promise<OwnCluster> {
  const { tell, hello } = await (keeper ??= reachKeeper());
  const asked = await mkdtemp(join(hello.place, 'own-'));
  await tell({ own: asked });
  const superuserPassword = passwordOf('postgres');
  const started: Cluster[] = [];
  const start = async (port: number) => {
    const cluster = await startCluster({ directory: asked, port, superuserPassword, settings });
    started.push(cluster);
    return cluster;
  };
  t.teardown(async () => {
    for (const cluster of started) await cluster.stop('immediate');
    await eraseCluster(asked);
  });
  const cluster = await start(0);
  return { ...cluster, asked, superuserPassword, restart: () => start(cluster.port) };
}

async function reachKeeper(): Promise<Keeper> {
  await mkdir(keeperDirectory, { recursive: true, mode: 0o711 });
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const socket = await dial();
    if (socket !== undefined) {
      const found = await converse(socket).catch(() => undefined);
      if (found !== undefined) return found;
    }
    await startKeeper();
    await delay(50);
  }
  throw new Error(`no PostgreSQL for the tests came up; see ${join(keeperDirectory, 'keeper.log')}`);
}

async function dial(): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(join(keeperDirectory, 'keeper.sock'));
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

async function converse(socket: Socket): Promise<Keeper> {
  socket.on('error', () => undefined);
  const reader = createInterface({ input: socket });
  // It passes the socket's errors on; here the end of the lines says it.
  reader.on('error', () => undefined);
  const lines = reader[Symbol.asyncIterator]();
  const answer = async () => {
    const line = await lines.next();
    if (line.done === true) throw new Error('the keeper of the test cluster is gone');
    return JSON.parse(line.value) as unknown;
  };
  const hello = (await answer()) as KeeperHello;
  const tell = async (message: KeeperMessage) => {
    socket.ref();
    socket.write(`${JSON.stringify(message)}\n`);
    await answer();
    socket.unref();
  };
  // Under tap our parent is the run; alone it may be a shell, which does not end.
  if (process.env['TAP'] !== undefined) await tell({ runner: process.ppid });
  socket.unref();
  return { hello, tell };
}

/** One process at a time starts a keeper; the lock is a directory, which is made once or not at all. */
async function startKeeper(): Promise<void> {
  const lock = join(keeperDirectory, 'starting');
  try {
    await mkdir(lock);
  } catch {
    const made = await stat(lock).catch(() => undefined);
    if (made && Date.now() - made.mtimeMs > 30_000) await rmdir(lock).catch(() => undefined);
    return;
  }
  try {
    // Looked at again under the lock: another may have come up since.
    const socket = await dial();
    if (socket !== undefined) return void socket.destroy();
    const log = openSync(join(keeperDirectory, 'keeper.log'), 'w', 0o600);
    const child = spawn(
      process.execPath,
      [...programArguments(fileURLToPath(new URL('cluster-keeper.ts', import.meta.url))), keeperDirectory],
      // Without tap's environment, which would follow it for coverage and wait for it.
      {
        cwd: checkout,
        detached: true,
        stdio: 'ignore',
        env: { PATH: process.env['PATH'], TMPDIR: tmpdir() },
      },
    );
    closeSync(log);
    child.unref();
    let gone = false;
    child.once('exit', () => (gone = true));
    const deadline = Date.now() + 30_000;
    while (!gone && Date.now() < deadline) {
      const up = await dial();
      if (up !== undefined) return void up.destroy();
      await delay(25);
    }
  } finally {
    await rmdir(lock).catch(() => undefined);
  }
}
