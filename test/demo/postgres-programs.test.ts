/** PostgreSQL's programs are made to run, and its data put where it can be reached, whatever npm and the file modes left. */
import { chmod, cp, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import t from 'tap';
import { eraseCluster } from '../../src/demo/cluster-directory.js';
import { startCluster } from '../../src/demo/cluster.js';
import { nativeDirectory } from '../../src/demo/postgres-programs.js';
import type { Teardown } from '../support/cluster.js';
import { ask, begin, emptyDirectory, superuserPassword } from './known-directory.js';

async function copyOfPackage(t: Teardown, links: boolean): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'weir-package-test-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o755);
  const native = nativeDirectory();
  await cp(join(native, '..'), directory, { recursive: true, verbatimSymlinks: true });
  const listed = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as { target: string }[];
  if (!links) for (const { target } of listed) await rm(join(directory, target), { force: true });
  return join(directory, 'native');
}

void t.test('symbolic links that no install script made are made at the first start', async (t) => {
  const native = await copyOfPackage(t, false);
  const directory = await emptyDirectory(t);
  const cluster = await startCluster({ directory, port: 0, superuserPassword, nativeDirectory: native });
  t.teardown(() => cluster.stop('immediate'));
  t.same(await ask(cluster, 'SELECT 1'), [1]);
  t.match(await readdir(join(native, 'lib')), /libpq\.(so|\d)/);
  t.same(
    (await readdir(directory)).filter((name) => name.startsWith('programs-')),
    [],
    'nothing needed to be copied',
  );
});

void t.test('programs that cannot be run where they are get copied', async (t) => {
  const native = await copyOfPackage(t, false);
  const directory = await emptyDirectory(t);
  // As in a read-only store, or a clone made under umask 077.
  for (const name of ['lib', 'bin', 'share/postgresql']) {
    await chmod(join(native, name), 0o500);
    t.teardown(() => chmod(join(native, name), 0o700));
  }
  for (const round of ['first', 'second']) {
    const cluster = await startCluster({ directory, port: 0, superuserPassword, nativeDirectory: native });
    t.same(await ask(cluster, 'SELECT 1'), [1], `${round} start`);
    await cluster.stop('fast');
  }
  t.equal((await readdir(directory)).filter((name) => name.startsWith('programs-')).length, 1);
});

void t.test(
  'as root, a directory that the account cannot reach gets its data elsewhere',
  { skip: process.getuid?.() !== 0 && 'only root runs PostgreSQL as somebody else' },
  async (t) => {
    const closed = await mkdtemp(join(tmpdir(), 'weir-closed-test-'));
    t.teardown(() => rm(closed, { recursive: true, force: true }));
    await chmod(closed, 0o700);
    const directory = join(closed, 'clone', '.weir', 'postgres');
    t.teardown(() => eraseCluster(directory));
    const first = await begin(t, directory);
    t.not(first.directory, directory);
    await ask(first, 'CREATE TABLE kept AS SELECT 7 AS seven');
    await first.stop('fast');
    const second = await begin(t, directory);
    t.equal(second.directory, first.directory, 'the second start finds it again');
    t.same(await ask(second, 'SELECT seven FROM kept'), [7]);
    await second.stop('fast');

    await rm(directory, { recursive: true });
    const third = await begin(t, directory);
    t.equal(basename(third.directory), basename(first.directory));
    t.same(await ask(third, `SELECT to_regclass('kept')`), [null], 'removed and made again, it is empty');
    await third.stop('fast');
    await eraseCluster(directory);
    await t.rejects(stat(third.directory), { code: 'ENOENT' }, 'erased where it really was');
  },
);
