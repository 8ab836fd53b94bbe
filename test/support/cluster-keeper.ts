/**
 * The process that keeps the one PostgreSQL of a test run. It serves as long as a test file is
 * connected or the run that asked for it lives; then it ends the cluster, removes its files and
 * exits. A test file that is killed cannot leave a PostgreSQL behind: its connection breaks.
 *
 * Speaks lines of JSON on a Unix socket: sends {password, port}; takes {runner} and {own}.
 */
import { readdir, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { startCluster, type Cluster } from '../../src/demo/cluster.js';
import { eraseCluster } from '../../src/demo/cluster-directory.js';
import { ensureRoles, withClient } from '../../src/demo/databases.js';
import { startTime } from '../../src/demo/postgres-process.js';
import { clusterPlaces, makePlace } from './cluster-place.js';
import { passwordOf, type KeeperHello, type KeeperMessage } from './cluster.js';

const directory = process.argv[2];
if (directory === undefined) throw new Error('the keeper needs its directory');
const socketPath = join(directory, 'keeper.sock');
const lingerMs = 1_500;

const connections = new Set<Socket>();
/** pid → start time of the runs that asked. */
const runners = new Map<number, string>();
let lastNeeded = 0;
let ending = false;

await makePlace(directory);
const places = await clusterPlaces(basename(directory));
for (const place of places) await sweep(place);
const { cluster, home, place } = await start();
await withClient(cluster.superuserUrl('postgres'), (client) =>
  ensureRoles(client, {
    ownerPassword: passwordOf('weir_owner'),
    runtimePassword: passwordOf('weir_runtime'),
    readerPassword: passwordOf('weir_reader'),
  }),
);
const server = await listen();
lastNeeded = Date.now();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void end('now'));
void cluster.exited.then(() => end());
setInterval(() => void endWhenIdle(), 200);

async function start(): Promise<{ cluster: Cluster; home: string; place: string }> {
  for (const [index, place] of places.entries()) {
    const home = join(place, `cluster-${process.pid}`);
    try {
      await makePlace(place);
      const superuserPassword = passwordOf('postgres');
      // Room in memory is dear; a checkpoint costs nothing there. And nobody's plans are to change in the middle of a
      // test because statistics were taken: rows that nobody orders come as the plan has them.
      const settings = { max_wal_size: '256MB', autovacuum: 'off' };
      return {
        cluster: await startCluster({ directory: home, port: 0, superuserPassword, settings }),
        home,
        place,
      };
    } catch (error) {
      await eraseCluster(home);
      if (index === places.length - 1) throw error;
    }
  }
  throw new Error('there is no place for a cluster');
}

function serve(socket: Socket): void {
  connections.add(socket);
  const own = new Set<string>();
  socket.on('error', () => undefined);
  socket.on('close', () => {
    connections.delete(socket);
    lastNeeded = Date.now();
    for (const each of own) void eraseCluster(each);
  });
  const lines = createInterface({ input: socket });
  // It passes the socket's errors on; a test file that breaks off is no error here.
  lines.on('error', () => undefined);
  lines.on('line', (line) => {
    const message = JSON.parse(line) as KeeperMessage;
    if (message.runner !== undefined) {
      const { runner } = message;
      void startTime(runner).then((started) => started !== undefined && runners.set(runner, started));
    }
    if (message.own !== undefined) own.add(message.own);
    socket.write('{}\n');
  });
  const hello: KeeperHello = { port: cluster.port, place };
  socket.write(`${JSON.stringify(hello)}\n`);
}

async function endWhenIdle(): Promise<void> {
  for (const [pid, started] of runners) {
    if ((await startTime(pid)) === started) lastNeeded = Date.now();
    else runners.delete(pid);
  }
  if (connections.size === 0 && Date.now() - lastNeeded > lingerMs) await end();
}

async function end(when: 'now' | 'after the last test file' = 'after the last test file'): Promise<void> {
  if (when === 'now') for (const socket of connections) socket.destroy();
  if (ending) return;
  ending = true;
  // First no new test file, then no cluster.
  await new Promise((settle) => server.close(settle));
  await cluster.stop('immediate');
  await eraseCluster(home);
  process.exit(0);
}

async function listen(): Promise<Server> {
  const made = createServer(serve);
  await rm(socketPath, { force: true });
  await new Promise<void>((settle, fail) => {
    made.once('error', fail);
    made.listen(socketPath, settle);
  });
  return made;
}

/** What keepers that were killed left. */
async function sweep(place: string): Promise<void> {
  for (const name of await readdir(place).catch(() => [])) {
    const pid = Number(/^cluster-(\d+)$/.exec(name)?.[1]);
    if (pid > 0 && (await startTime(pid)) === undefined) await eraseCluster(join(place, name));
  }
}
