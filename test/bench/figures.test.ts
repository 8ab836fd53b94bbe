/** The bench's own arithmetic and words: options, medians, quantiles, pairing, reports. */
import t from 'tap';
import { coresOf } from '../../bench/cores.js';
import { fullScale, readOptions, shortScale, UsageError, type BenchOptions } from '../../bench/options.js';
import { parseStat, residentBytes } from '../../bench/process-usage.js';
import { formatJson, formatTable, isMet, type Report } from '../../bench/report.js';
import { inTurn, microsEach, Rounds } from '../../bench/rounds.js';
import { latenciesOf, median, quantile, ratios } from '../../bench/statistics.js';

function onlyOf(options: BenchOptions | 'help'): string[] {
  return options === 'help' ? [] : [...options.only];
}

void t.test('without options everything is measured in full', async (t) => {
  const options = readOptions([]);
  t.match(options, { short: false, json: false, scale: fullScale, data: undefined });
  t.same(onlyOf(options), ['commit', 'rest', 'proxy', 'csv', 'verify']);
});

void t.test('options choose benches, rounds and size', async (t) => {
  const options = readOptions(['--only', 'csv', '--only', 'rest', '--rounds', '7', '--short', '--json']);
  t.match(options, { short: true, json: true, scale: { ...shortScale, rounds: 7 } });
  t.same(onlyOf(options), ['csv', 'rest']);
  t.equal(readOptions(['--help']), 'help');
});

void t.test('what is no option is told, not guessed', async (t) => {
  for (const argv of [['--only', 'cvs'], ['--rounds', '0'], ['--rounds', 'many'], ['--fast'], ['rest']])
    t.throws(() => readOptions(argv), UsageError, argv.join(' '));
});

void t.test(
  'medians and quantiles are values that were measured, but for an even number of rounds',
  async (t) => {
    t.equal(median([3]), 3);
    t.equal(median([9, 1, 5]), 5);
    t.equal(median([4, 1, 3, 2]), 2.5);
    t.equal(quantile([1, 2, 3, 4], 0.5), 2);
    t.equal(quantile([1, 2, 3, 4], 1), 4);
    t.throws(() => quantile([], 0.5), RangeError);
    const hundred = Float64Array.from({ length: 100 }, (_, i) => 100 - i);
    t.same(latenciesOf(hundred), { p50Ms: 50, p90Ms: 90, p99Ms: 99, maxMs: 100 });
  },
);

void t.test('rounds are compared in pairs and run in alternating order', async (t) => {
  t.same(ratios([10, 30], [20, 10]), [0.5, 3]);
  t.throws(() => ratios([1], [1, 2]), RangeError);
  t.same(inTurn(0, ['a', 'b']), ['a', 'b']);
  t.same(inTurn(1, ['a', 'b']), ['b', 'a']);
  t.equal(microsEach(1, 1.5, 1_000), 500);
  t.equal(microsEach(undefined, 1.5, 1_000), undefined);
});

void t.test('a figure that the system does not tell is left out', async (t) => {
  const rounds = new Rounds();
  for (const value of [1, 2]) {
    rounds.add('rate', 'reads/s', value, { atLeast: 1 });
    rounds.add('memory', 'MB', undefined);
  }
  t.same(rounds.figures(), [{ name: 'rate', unit: 'reads/s', rounds: [1, 2], goal: { atLeast: 1 } }]);
});

void t.test('goals are floors and ceilings, and include themselves', async (t) => {
  t.ok(isMet({ atLeast: 5 }, 5));
  t.notOk(isMet({ atLeast: 5 }, 4.9));
  t.ok(isMet({ atMost: 25 }, 25));
  t.notOk(isMet({ atMost: 25 }, 25.1));
});

const report: Report = {
  machine: {
    cpu: 'A CPU',
    cores: 4,
    memoryGib: 8,
    system: 'Linux 6',
    weir: '0.1.0',
    node: '20',
    postgres: 'PostgreSQL 18',
    pg: '8',
    fastify: '5',
    flush: { p50Ms: 0.1, p99Ms: 2 },
    pinning: 'gateway and PostgreSQL on 0,1',
  },
  short: false,
  load: { before: 0.1, after: 1.9 },
  results: [
    {
      bench: 'commit',
      how: 'so',
      figures: [
        { name: 'committed', unit: 'reads/s', rounds: [5_200, 4_000, 6_123], goal: { atLeast: 5_000 } },
        { name: 'latency p99', unit: 'ms', rounds: [26], goal: { atMost: 25 } },
      ],
    },
  ],
};

void t.test('the table tells machine, median, spread and whether the goal was met', async (t) => {
  const table = formatTable(report);
  t.match(table, /A CPU, 4 cores, 8 GiB/);
  t.match(table, /flushed in 0\.1 ms/);
  t.match(table, /load average: 0\.1 before, 1\.9 after/);
  t.match(table, /committed +5,200 reads\/s {2}\(4,000 to 6,123\) {2}goal at least 5,000: met/);
  t.match(table, /latency p99 +26 ms {2}goal at most 25: MISSED/);
});

void t.test('a short run judges nothing, in either form', async (t) => {
  const short = { ...report, short: true };
  t.notMatch(formatTable(short), /goal/);
  t.notMatch(formatJson(short), /"(goal|met)"/);
  t.match(JSON.parse(formatJson(report)), {
    results: [{ figures: [{ median: 5_200, min: 4_000, max: 6_123, met: true }, { met: false }] }],
  });
});

void t.test('lists of cores and lines of /proc are read as Linux writes them', async (t) => {
  t.same(coresOf('0-2,5'), [0, 1, 2, 5]);
  t.same(coresOf('3'), [3]);
  const line = '42 (a (strange) name) S 7 42 42 0 -1 4194304 1 2 3 4 150 50 10 5 20 0 1 0';
  t.same(parseStat(line), { parent: 7, ownTicks: 200, reapedTicks: 15 });
  const own = residentBytes(process.pid);
  if (process.platform === 'linux') t.ok(own !== undefined && own > 10_000_000);
  else t.equal(own, undefined);
});
