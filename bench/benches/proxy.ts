/** Calls of a service through the proxy door, against http-proxy as it is and one that parses and stringifies. */
import { benchService, serviceRole } from '../bench-policies.js';
import type { GatewayProcess } from '../gateway-process.js';
import type { Ground } from '../ground.js';
import { cpuSeconds, familyCpuSeconds } from '../process-usage.js';
import type { BenchResult, Goal } from '../report.js';
import { inTurn, microsEach, Rounds } from '../rounds.js';
import { median } from '../statistics.js';
import { Subject } from '../subject.js';
import type { LoadConnection, LoadJob, LoadOutcome, ProxyJob, ServiceJob } from '../subjects/messages.js';

const connections = 32;
const targetsPerConnection = 1_000;
const prefix = `/${benchService}`;
const lists = [
  { size: 20, pages: 200 },
  { size: 500, pages: 8 },
] as const;
const sizes = [1, 20, 500] as const;
type Size = (typeof sizes)[number];

/** Taken in turn within a round, since a machine that is shared changes its pace from one second to the next. */
const sliceSeconds = 0.6;

function slicesOf({ measuredSeconds }: Ground['scale']): number {
  return Math.max(1, Math.round(measuredSeconds / sliceSeconds));
}

const variants = ['bare', 'parsing', 'weir'] as const;
type Variant = (typeof variants)[number];
const labels: Readonly<Record<Variant, string>> = {
  bare: 'http-proxy',
  parsing: 'parse and stringify',
  weir: 'weir',
};
const ofBare: Readonly<Partial<Record<Size, Goal>>> = { 1: { atLeast: 0.55 } };
const ofParsing: Goal = { atLeast: 0.6 };

interface Server {
  readonly port: number;
  readonly pid: number;
}
type Servers = Readonly<Record<Variant, Server>>;

interface Slice {
  readonly outcome: LoadOutcome;
  /** Seconds on the CPU; undefined: this system does not tell. */
  readonly server: number | undefined;
  readonly postgres: number | undefined;
}

interface Load {
  readonly client: Subject;
  readonly tokens: readonly string[];
}

export async function benchProxy(ground: Ground): Promise<BenchResult> {
  const { scale, cores, code, databases, nodeArguments } = ground;
  const rounds = new Rounds();
  // Not measured: on the cores of the client.
  const service = await Subject.start(code.file('order-service'), cores.client);
  const client = await Subject.start(code.file('load-client'), cores.client);
  const people = ground.staff.slice(0, connections);
  const tokens = await Promise.all(people.map(({ sub }) => ground.tokens.mint(serviceRole, sub)));
  try {
    const customers = ground.sample.customers;
    const port = await service.run<number>({ customers, lists } satisfies ServiceJob);
    const upstream = `http://127.0.0.1:${port}`;
    const proxy = async (subject: Subject, parses: boolean): Promise<Server> => ({
      port: await subject.run<number>({ upstream, prefix, parses } satisfies ProxyJob),
      pid: subject.pid,
    });
    for (let round = 0; round < scale.rounds; round++) {
      const store = await databases.freshStore();
      // All three anew: processes of one and the same code differ in what they were compiled to.
      const bare = await Subject.start(code.file('plain-proxy'), cores.measured, nodeArguments);
      const parsing = await Subject.start(code.file('plain-proxy'), cores.measured, nodeArguments);
      const gateway = await ground.startGateway('proxy', store.runtimeUrl, upstream);
      try {
        const servers = {
          bare: await proxy(bare, false),
          parsing: await proxy(parsing, true),
          weir: gateway,
        };
        for (const size of inTurn(round, sizes)) {
          const name = size === 1 ? '1 record' : `${size} records`;
          ground.onProgress(`proxy: round ${round + 1} of ${scale.rounds}, ${name}`);
          const rates = await compare(ground, servers, gateway, { client, tokens }, size, round, rounds);
          rounds.add(`${name}: weir to http-proxy`, 'of its rate', rates.weir / rates.bare, ofBare[size]);
          rounds.add(
            `${name}: weir to parse and stringify`,
            'of its rate',
            rates.weir / rates.parsing,
            ofParsing,
          );
        }
      } finally {
        await gateway.stop();
        await bare.end();
        await parsing.end();
        await store.drop();
      }
    }
  } finally {
    await client.end();
    await service.end();
  }
  return {
    bench: 'proxy',
    how:
      `weir start, GET ${prefix}/shipments/:id (1 record) and /shipments?page=… (20 and 500) over ${connections} ` +
      `keep-alive connections, one token each, every read recorded durably before it leaves; the others: ` +
      `@fastify/http-proxy as it is, and one that does JSON.parse and JSON.stringify. Records of 14 fields, of which ` +
      `10 are shown, 3 of them masked. The service runs on the client's cores`,
    figures: rounds.figures(),
  };
}

async function compare(
  ground: Ground,
  servers: Servers,
  gateway: GatewayProcess,
  load: Load,
  size: Size,
  round: number,
  rounds: Rounds,
): Promise<Record<Variant, number>> {
  const taken: Record<Variant, Slice[]> = { bare: [], parsing: [], weir: [] };
  // A new process compiles its hot paths first.
  for (const variant of variants) await answersOf(ground, servers[variant], load, size, 1, () => undefined);
  for (let slice = 0; slice < slicesOf(ground.scale); slice++)
    for (const variant of inTurn(round + slice, variants))
      taken[variant].push(await measureSlice(ground, servers, gateway, load, size, variant));
  const rates: Record<Variant, number> = { bare: 0, parsing: 0, weir: 0 };
  for (const variant of variants) {
    const all = taken[variant];
    const requests = sum(all.map(({ outcome }) => outcome.requests));
    const label = `${size === 1 ? '1 record' : `${size} records`}, ${labels[variant]}`;
    rates[variant] = requests / sum(all.map(({ outcome }) => outcome.seconds));
    rounds.add(`${label}: answered`, 'requests/s', rates[variant]);
    rounds.add(`${label}: latency p99`, 'ms', median(all.map(({ outcome }) => outcome.latencies.p99Ms)));
    const cpu = (of: 'server' | 'postgres'): number | undefined =>
      microsEach(0, total(all.map((slice) => slice[of])), requests);
    rounds.add(`${label}: server CPU`, 'µs/request', cpu('server'));
    if (variant === 'weir') rounds.add(`${label}: PostgreSQL CPU`, 'µs/request', cpu('postgres'));
  }
  return rates;
}

async function measureSlice(
  ground: Ground,
  servers: Servers,
  gateway: GatewayProcess,
  load: Load,
  size: Size,
  variant: Variant,
): Promise<Slice> {
  const { pid } = servers[variant];
  const used: (readonly [number | undefined, number | undefined])[] = [];
  const outcome = await answersOf(ground, servers[variant], load, size, slicesOf(ground.scale), () =>
    used.push([cpuSeconds(pid), familyCpuSeconds(ground.databases.postmasterPid)]),
  );
  const { requests, statuses, sampleBody } = outcome;
  if (statuses[200] !== requests || statuses[-1] !== undefined)
    throw new Error(`not every answer was a 200: ${JSON.stringify(statuses)}\n${gateway.log()}`);
  if (sampleBody.includes('****') !== (variant === 'weir') || !sampleBody.includes('"orderNo"'))
    throw new Error('the answers are not what was asked for');
  const [before, after] = used;
  return { outcome, server: spent(before?.[0], after?.[0]), postgres: spent(before?.[1], after?.[1]) };
}

function spent(before: number | undefined, after: number | undefined): number | undefined {
  return before === undefined || after === undefined ? undefined : after - before;
}

function total(values: readonly (number | undefined)[]): number | undefined {
  return values.every((value) => value !== undefined) ? sum(values) : undefined;
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

function answersOf(
  { scale }: Ground,
  { port }: Server,
  { client, tokens }: Load,
  size: Size,
  parts: number,
  onMark: () => void,
): Promise<LoadOutcome> {
  const { warmUpSeconds, measuredSeconds } = scale;
  const job: LoadJob = {
    kind: 'load',
    port,
    connections: tokens.map((token) => ({
      targets: targetsOf(size),
      headers: [`authorization: Bearer ${token}`],
    })),
    warmUpSeconds: warmUpSeconds / parts,
    measuredSeconds: measuredSeconds / parts,
  };
  return client.run<LoadOutcome>(job, onMark);
}

function targetsOf(size: Size): LoadConnection['targets'] {
  const pages = lists.find((list) => list.size === size)?.pages ?? 4_000;
  return Array.from({ length: targetsPerConnection }, () => {
    const one = Math.floor(Math.random() * pages);
    return size === 1 ? `${prefix}/shipments/${one}` : `${prefix}/shipments?page=${one}&size=${size}`;
  });
}
