/** The demo's PostgreSQL starts, stops, and recovers by itself from whatever was killed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { startCluster, type Cluster } from '../../src/demo/cluster.js';
import { isPostmaster } from '../../src/demo/postgres-process.js';
import { programArguments } from '../support/bundle.js';
import { ownCluster, type Teardown } from '../support/cluster.js';
import { ask, begin, emptyDirectory, superuserPassword } from './known-directory.js';

void t.test('a cluster keeps what was committed over a stop and a start', async (t) => {
  const directory = await emptyDirectory(t);
  const first = await begin(t, directory, { max_connections: '25' });
  t.same(await ask(first, 'SHOW max_connections'), ['25']);
  t.same(await ask(first, 'SHOW fsync'), ['on']);
  t.same(await ask(first, 'SHOW server_encoding'), ['UTF8']);
  t.same(await ask(first, 'SHOW data_checksums'), ['on']);
  await ask(first, 'CREATE TABLE kept AS SELECT 7 AS seven');
  await first.stop('fast');
  await first.stop('fast');
  await t.rejects(ask(first, 'SELECT 1'), { code: 'ECONNREFUSED' }, 'nothing listens when it has stopped');
  const second = await begin(t, directory);
  t.same(await ask(second, 'SELECT seven FROM kept'), [7]);
});

void t.test('a directory that a living process uses is refused, and left alone', async (t) => {
  const directory = await emptyDirectory(t);
  const cluster = await begin(t, directory);
  await t.rejects(startCluster({ directory, port: 0, superuserPassword }), {
    message: new RegExp(`process ${process.pid} is using`),
  });
  t.same(await ask(cluster, 'SELECT 1'), [1]);
});

void t.test('a wrong password or port in use says what to do', async (t) => {
  const directory = await emptyDirectory(t);
  const cluster = await begin(t, directory);
  const other = await emptyDirectory(t);
  await t.rejects(startCluster({ directory: other, port: cluster.port, superuserPassword }), {
    message: `port ${cluster.port} on 127.0.0.1 is in use by another process`,
  });
  await cluster.stop('fast');
  await t.rejects(startCluster({ directory, port: 0, superuserPassword: 'another' }), {
    message: /made with another superuser password: remove the directory/,
  });
  t.same(await ask(await begin(t, directory), 'SELECT 1'), [1], 'and the right one works afterwards');
});

async function backendAsleep(cluster: Cluster): Promise<number> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline;) {
    const [pid] = await ask(cluster, `SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'`);
    if (typeof pid === 'number') return pid;
  }
  throw new Error('no backend sleeps');
}

void t.test('after SIGKILL of the postmaster the next start recovers', async (t) => {
  const cluster = await ownCluster(t);
  await ask(cluster, 'CREATE TABLE kept AS SELECT 7 AS seven');
  // A backend that does not notice keeps the shared memory busy; stopped, it never would.
  const busy = ask(cluster, 'SELECT pg_sleep(60)').catch(() => 'broken off');
  if (process.platform === 'linux') process.kill(await backendAsleep(cluster), 'SIGSTOP');
  process.kill(cluster.pid, 'SIGKILL');
  await cluster.exited;
  const again = await cluster.restart();
  t.equal(again.port, cluster.port);
  t.same(await ask(again, 'SELECT seven FROM kept'), [7]);
  t.equal(await busy, 'broken off');
});

async function spawnParent(t: Teardown, directory: string): Promise<{ parent: ChildProcess; pid: number }> {
  const parent = spawn(
    process.execPath,
    [
      ...programArguments(fileURLToPath(new URL('orphan-parent.ts', import.meta.url))),
      directory,
      superuserPassword,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], detached: true },
  );
  t.teardown(() => parent.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
  return { parent, pid: (JSON.parse(line) as { pid: number }).pid };
}

void t.test('after SIGKILL of the parent alone the next start ends the orphan and takes over', async (t) => {
  const directory = await emptyDirectory(t);
  const { parent, pid } = await spawnParent(t, directory);
  const data = join(directory, 'data');
  await t.rejects(startCluster({ directory, port: 0, superuserPassword }), {
    message: new RegExp(`process ${parent.pid} is using`),
  });
  const gone = once(parent, 'exit');
  parent.kill('SIGKILL');
  await gone;
  t.ok(await isPostmaster(pid, data), 'the postmaster has outlived its parent');
  const cluster = await begin(t, directory);
  t.notOk(await isPostmaster(pid, data), 'the orphan is gone');
  t.not(cluster.pid, pid);
  t.same(await ask(cluster, 'SELECT 1'), [1]);
});

void t.test('Ctrl-C on the terminal does not reach PostgreSQL', async (t) => {
  const directory = await emptyDirectory(t);
  const { parent, pid } = await spawnParent(t, directory);
  const gone = once(parent, 'exit');
  // What the terminal does: the signal goes to every process of the foreground group.
  process.kill(-(parent.pid as number), 'SIGINT');
  await gone;
  t.ok(await isPostmaster(pid, join(directory, 'data')));
});

void t.test('a stale postmaster.pid that names some other living process is no obstacle', async (t) => {
  const directory = await emptyDirectory(t);
  const first = await begin(t, directory);
  const pidFile = join(directory, 'data', 'postmaster.pid');
  const text = await readFile(pidFile, 'utf8');
  await first.stop('fast');
  // One that the account of PostgreSQL may signal: only such a one does PostgreSQL take for a postmaster.
  const owner = await stat(join(directory, 'data'));
  const innocent = spawn('/bin/sleep', ['60'], {
    stdio: 'ignore',
    ...(process.getuid?.() === 0 ? { uid: owner.uid, gid: owner.gid } : {}),
  });
  t.teardown(() => innocent.kill());
  await once(innocent, 'spawn');
  await writeFile(pidFile, text.replace(/^\d+/, String(innocent.pid)));
  const second = await begin(t, directory);
  t.same(await ask(second, 'SELECT 1'), [1]);
  t.equal(innocent.exitCode ?? innocent.signalCode, null, 'and that process is left alone');
});

void t.test('an initdb that was cut short is done again', async (t) => {
  const directory = await emptyDirectory(t);
  const half = join(directory, 'half-1-1', 'data');
  await mkdir(join(half, 'base'), { recursive: true });
  await writeFile(join(half, 'PG_VERSION'), '18\n');
  const cluster = await begin(t, directory);
  t.same(await ask(cluster, 'SELECT 1'), [1]);
  t.same(
    (await readdir(directory)).filter((name) => name.startsWith('half-')),
    [],
  );
});
