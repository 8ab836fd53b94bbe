/**
 * `npm test [-- [--jobs N] [PATH...]]`: all tests, or those whose path holds one of the words. Each file is a process
 * of its own, as with `npx tap run FILE`, without tap's loaders. What a file said is in .tap/results/; what failed is
 * repeated at the end. Exit code 1 on any failure.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { bundle, bundleFolder, bundleOf, bundlesVariable, checkout } from './support/bundle.js';

const { values, positionals } = parseArgs({
  options: { jobs: { type: 'string', default: '3' } },
  allowPositionals: true,
});
const jobs = Number(values.jobs);
if (!Number.isSafeInteger(jobs) || jobs < 1) throw new RangeError('--jobs takes a whole number');

/** What tests start as processes of their own: see programArguments. */
const programs = [
  'src/main.ts',
  'bench/run.ts',
  'test/demo/orphan-parent.ts',
  'test/support/cluster-keeper.ts',
];

/** A file that takes longer has failed. */
const longestSeconds = 300;
/** Begun first, so that none of them is what all wait for in the end. */
const longRooms = ['fault', 'bench', 'twins', 'crash', 'cli', 'demo'];
const results = path.join(checkout, '.tap', 'results');

interface Told {
  readonly file: string;
  readonly output: string;
  readonly pass: number;
  readonly fail: number;
  readonly skip: number;
}

function findTests(): string[] {
  const rank = (file: string): number => {
    const at = longRooms.indexOf(file.split('/')[1]!);
    return at === -1 ? longRooms.length : at;
  };
  return readdirSync(path.join(checkout, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `test/${name.replaceAll(path.sep, '/')}`)
    .filter((file) => positionals.length === 0 || positionals.some((word) => file.includes(word)))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

async function run(file: string): Promise<Told> {
  const child = spawn(
    process.execPath,
    ['--enable-source-maps', bundleOf(path.join(checkout, file), folder)],
    {
      cwd: checkout,
      env: { ...process.env, TAP: '1', TAP_TIMEOUT: String(longestSeconds), [bundlesVariable]: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const pieces: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (piece: Buffer) => void pieces.push(piece));
  // tap ends the file by itself at its time; this is for one that does not even come to that.
  const timer = setTimeout(() => child.kill('SIGKILL'), (longestSeconds + 30) * 1_000);
  const ending = await new Promise<string>((settle, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) => settle(String(signal ?? code)));
  });
  clearTimeout(timer);
  const output = Buffer.concat(pieces).toString('utf8');
  const totals = /^# \{ total: .*$/gm;
  const summary = output.match(totals)?.at(-1) ?? '';
  const count = (name: string): number => Number(new RegExp(`\\b${name}: (\\d+)`).exec(summary)?.[1] ?? 0);
  const counted = { file, output, pass: count('pass'), fail: count('fail'), skip: count('skip') };
  // A file that ends badly, or that asserts nothing, has failed whatever it counted.
  const sound = ending === '0' && counted.pass + counted.skip > 0;
  if (sound || counted.fail > 0) return counted;
  return { ...counted, output: `${output}\nnot ok - ${file} ended with ${ending}\n`, fail: 1 };
}

/** The lines that say what failed, with what stands below them. */
function failures(output: string): string {
  const lines = output.split('\n');
  const shown = new Set<number>();
  lines.forEach((line, at) => {
    if (/^ *not ok /.test(line) && !/# (TODO|SKIP)/.test(line))
      for (let i = at; i < Math.min(at + 30, lines.length); i++) shown.add(i);
  });
  return lines.filter((_, at) => shown.has(at)).join('\n');
}

const began = performance.now();
const seconds = (since: number): string => ((performance.now() - since) / 1_000).toFixed(1);
const files = findTests();
if (files.length === 0) throw new Error('no test file has such a path');
const folder = await bundleFolder();
await bundle(
  [...programs, ...files].map((file) => path.join(checkout, file)),
  folder,
);
process.stdout.write(`${files.length} test files made runnable in ${seconds(began)} s\n`);

const told: Told[] = [];
const waiting = [...files];
async function work(): Promise<void> {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    const started = performance.now();
    const one = await run(file);
    told.push(one);
    const record = path.join(results, `${file}.tap`);
    await mkdir(path.dirname(record), { recursive: true });
    await writeFile(record, one.output);
    const { pass, fail, skip } = one;
    const counted = `${pass} passed${fail > 0 ? `, ${fail} failed` : ''}${skip > 0 ? `, ${skip} skipped` : ''}`;
    process.stdout.write(`${fail > 0 ? 'FAILED' : 'ok    '} ${file}: ${counted} in ${seconds(started)} s\n`);
  }
}
await Promise.all(Array.from({ length: jobs }, work));

for (const { file, output, fail } of told)
  if (fail > 0) process.stdout.write(`\n== ${file}\n${failures(output)}\n`);
const sum = (pick: (one: Told) => number): number => told.reduce((total, one) => total + pick(one), 0);
const [pass, fail, skip] = [sum((one) => one.pass), sum((one) => one.fail), sum((one) => one.skip)];
process.stdout.write(
  `\n# { total: ${pass + fail + skip}, pass: ${pass}, fail: ${fail}, skip: ${skip} }\n# ${files.length} files in ${seconds(began)} s\n`,
);
process.exitCode = fail > 0 ? 1 : 0;
