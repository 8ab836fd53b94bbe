/** The whole bench in its short form, as CI runs it: it builds its ground, measures everything, and ends by itself. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { eraseCluster } from '../../src/demo/cluster-directory.js';
import { programArguments } from '../support/bundle.js';

const project = fileURLToPath(new URL('../..', import.meta.url));

function bench(words: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [...programArguments(path.join(project, 'bench', 'run.ts')), ...words],
      {
        cwd: project,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let out = '';
    let err = '';
    child.stdout.on('data', (text: Buffer) => (out += text));
    child.stderr.on('data', (text: Buffer) => (err += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err }));
  });
}

void t.test('a wrong option is explained, with exit code 2', async (t) => {
  const { code, out, err } = await bench(['--only', 'nothing']);
  t.equal(code, 2);
  t.equal(out, '');
  t.match(err, /there is no bench nothing.*\n\nnpm run bench/);
});

void t.test('the short form measures everything and judges nothing', { timeout: 300_000 }, async (t) => {
  t.ok(existsSync(path.join(project, 'dist', 'main.js')), 'the gateway is built');
  const data = await mkdtemp(path.join(tmpdir(), 'weir-bench-test-'));
  t.teardown(async () => {
    await eraseCluster(path.join(data, 'short', 'postgres'));
    await rm(data, { recursive: true, force: true });
  });
  const { code, out, err } = await bench(['--short', '--json', '--data', data]);
  t.equal(code, 0, err);
  const report = JSON.parse(out) as {
    machine: Record<string, unknown>;
    results: { bench: string; figures: { name: string; median: number; met?: boolean }[] }[];
  };
  t.match(report.machine, {
    cpu: String,
    cores: Number,
    postgres: /^PostgreSQL \d/,
    flush: { p99Ms: Number },
  });
  t.same(
    report.results.map((result) => result.bench),
    ['commit', 'rest', 'proxy', 'csv', 'verify'],
  );
  for (const { bench: name, figures } of report.results) {
    t.ok(figures.length > 1, name);
    for (const figure of figures) {
      t.ok(Number.isFinite(figure.median), `${name}: ${figure.name}`);
      t.notOk('met' in figure);
    }
  }
});
