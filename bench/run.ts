/**
 * `npm run bench`: measures the built gateway in paired, interleaved rounds and says on what. The order of
 * things is docs/performance.md's. Load goes to loopback only and is bounded in time and connections.
 */
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { withClient } from '../src/demo/databases.js';
import { benchCommit } from './benches/commit.js';
import { benchCsv } from './benches/csv.js';
import { benchProxy } from './benches/proxy.js';
import { benchRest } from './benches/rest.js';
import { benchVerify } from './benches/verify.js';
import { chooseCores } from './cores.js';
import { prepareGround, type Ground } from './ground.js';
import { describeMachine } from './machine.js';
import { benchNames, readOptions, usage, UsageError, type BenchName, type BenchOptions } from './options.js';
import { formatJson, formatTable, type BenchResult, type Report } from './report.js';
import { prepareSubjects, project } from './subject-code.js';

const benches: Readonly<Record<BenchName, (ground: Ground) => Promise<BenchResult>>> = {
  commit: benchCommit,
  rest: benchRest,
  proxy: benchProxy,
  csv: benchCsv,
  verify: benchVerify,
};

async function run(options: BenchOptions): Promise<Report> {
  const { only, scale, short, profile } = options;
  const nodeArguments = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(profile)}`];
  const before = loadavg()[0]!;
  const cores = await chooseCores();
  const code = prepareSubjects(resolve(options.dist ?? join(project, 'dist')));
  const directory = resolve(options.data ?? join(tmpdir(), 'weir-bench'), short ? 'short' : 'full');
  const onProgress = (text: string): void => void process.stderr.write(`  ${text}\n`);
  try {
    const ground = await prepareGround({ directory, scale, cores, code, nodeArguments, onProgress });
    try {
      const machine = await withClient(ground.databases.ordersSuperuserUrl, (client) =>
        describeMachine(client, directory, cores.told),
      );
      const results: BenchResult[] = [];
      for (const name of benchNames) if (only.has(name)) results.push(await benches[name](ground));
      return { machine, short, results, load: { before, after: loadavg()[0]! } };
    } finally {
      await ground.close();
    }
  } finally {
    code.remove();
  }
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') process.stdout.write(usage);
  else {
    const report = await run(options);
    process.stdout.write(options.json ? formatJson(report) : formatTable(report));
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
