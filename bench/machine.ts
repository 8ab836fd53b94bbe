/** What a measurement was taken on. */
import { execFile } from 'node:child_process';
import { closeSync, fdatasyncSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import type pg from 'pg';
import { version } from '../src/version.js';
import { latenciesOf } from './statistics.js';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly system: string;
  /** Version, and the commit where there is a repository. */
  readonly weir: string;
  readonly node: string;
  readonly postgres: string;
  readonly pg: string;
  readonly fastify: string;
  /** Writing 8 kB over a file that is there already, and flushing it: what a commit waits for. */
  readonly flush: { readonly p50Ms: number; readonly p99Ms: number };
  /** Which cores did what. */
  readonly pinning: string;
}

/** @param directory on the disk that the databases are on */
export async function describeMachine(
  client: pg.Client,
  directory: string,
  pinning: string,
): Promise<Machine> {
  const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
  const [core] = cpus();
  return {
    cpu: core?.model.replace(/\s+/g, ' ').trim() ?? 'unknown CPU',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    weir: [version, await commit()].filter(Boolean).join(' '),
    node: process.versions.node,
    postgres: `PostgreSQL ${rows[0]?.server_version ?? 'unknown'}`,
    pg: packageVersion('pg'),
    fastify: packageVersion('fastify'),
    flush: measureFlush(directory, 200),
    pinning,
  };
}

export function measureFlush(directory: string, times: number): { p50Ms: number; p99Ms: number } {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `flush-${process.pid}`);
  const file = openSync(path, 'w');
  try {
    const page = Buffer.alloc(8192, 1);
    const pages = 256;
    for (let at = 0; at < pages; at++) writeSync(file, page, 0, page.length, at * page.length);
    fdatasyncSync(file);
    const milliseconds = new Float64Array(times);
    for (let i = 0; i < times; i++) {
      const started = performance.now();
      writeSync(file, page, 0, page.length, (i % pages) * page.length);
      fdatasyncSync(file);
      milliseconds[i] = performance.now() - started;
    }
    const { p50Ms, p99Ms } = latenciesOf(milliseconds);
    return { p50Ms, p99Ms };
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
}

async function commit(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('git', ['describe', '--always', '--dirty'], {
      cwd: import.meta.dirname,
    });
    return `(${stdout.trim()})`;
  } catch {
    return undefined;
  }
}

function packageVersion(name: string): string {
  const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}
