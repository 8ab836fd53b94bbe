/** GET /rest/orders by order number over HTTP, against a bare Fastify route with the same query in clear. */
import type { Ground } from '../ground.js';
import type { GatewayProcess } from '../gateway-process.js';
import { cpuSeconds, familyCpuSeconds } from '../process-usage.js';
import type { BenchResult } from '../report.js';
import { inTurn, microsEach, Rounds } from '../rounds.js';
import { region } from '../staff.js';
import { Subject } from '../subject.js';
import type { LoadConnection, LoadJob, LoadOutcome } from '../subjects/messages.js';

const connections = 64;
const readsPerCall = 4;
const targetsPerConnection = 2_000;
const poolSize = 8;

type Variant = 'bare' | 'weir' | 'hot';
const labels: Readonly<Record<Variant, string>> = {
  bare: 'bare route',
  weir: `weir, ${connections} people`,
  hot: 'weir, one person',
};

interface Servers {
  readonly barePort: number;
  readonly barePid: number;
  readonly gateway: GatewayProcess;
  readonly client: Subject;
  readonly tokens: readonly string[];
}

export async function benchRest(ground: Ground): Promise<BenchResult> {
  const { scale, cores, code, databases } = ground;
  const rounds = new Rounds();
  const bare = await Subject.start(code.file('bare-route'), cores.measured, ground.nodeArguments);
  const client = await Subject.start(code.file('load-client'), cores.client);
  const tokens = await Promise.all(
    ground.staff.slice(0, connections).map(({ sub }) => ground.tokens.mint('support-agent', sub)),
  );
  try {
    const barePort = await bare.run<number>({
      url: databases.ordersUrl,
      poolSize,
      columns: ground.sample.columns,
    });
    for (let round = 0; round < scale.rounds; round++) {
      const store = await databases.freshStore();
      const gateway = await ground.startGateway('rest', store.runtimeUrl);
      try {
        const servers = { barePort, barePid: bare.pid, gateway, client, tokens };
        // A new process compiles its hot paths first; the bare one has long done so.
        for (const variant of ['bare', 'weir'] as const)
          await load(ground, servers, variant, () => undefined);
        const rates = new Map<Variant, number>();
        for (const variant of inTurn(round, ['bare', 'weir', 'hot'] as const)) {
          ground.onProgress(`rest: round ${round + 1} of ${scale.rounds}, ${labels[variant]}`);
          rates.set(variant, await measure(ground, servers, variant, rounds));
        }
        const ratio = rates.get('weir')! / rates.get('bare')!;
        rounds.add('weir to bare', 'of its rate', ratio, { atLeast: 0.4 });
      } finally {
        await gateway.stop();
        await store.drop();
      }
    }
  } finally {
    await client.end();
    await bare.end();
  }
  return {
    bench: 'rest',
    how:
      `weir start, GET /rest/orders?order_no=eq.… as support-agent over ${connections} keep-alive connections, ` +
      `one token each (or one for all), every order asked for ${readsPerCall} times in a row; the bare route: ` +
      `Fastify and pg with the same query in clear, prepared by name, ${poolSize} connections like weir. ` +
      `Limits raised, state of the meters as in commit`,
    figures: rounds.figures(),
  };
}

async function measure(ground: Ground, servers: Servers, variant: Variant, rounds: Rounds): Promise<number> {
  const { databases } = ground;
  const weir = variant !== 'bare';
  const pid = weir ? servers.gateway.pid : servers.barePid;
  const used: (readonly [number | undefined, number | undefined])[] = [];
  const earlier = weir ? await batchesOf(servers.gateway.port) : undefined;
  const outcome = await load(ground, servers, variant, () =>
    used.push([cpuSeconds(pid), familyCpuSeconds(databases.postmasterPid)]),
  );
  const { requests, seconds, statuses, latencies } = outcome;
  if (statuses[200] !== requests || statuses[-1] !== undefined)
    throw new Error(`not every answer was a 200: ${JSON.stringify(statuses)}`);
  if (outcome.sampleBody.includes('***') !== weir || !outcome.sampleBody.includes('"order_no"'))
    throw new Error('the answers are not what was asked for');
  const label = labels[variant];
  const [before, after] = used;
  rounds.add(`${label}: answered`, 'requests/s', requests / seconds, weir ? { atLeast: 3_000 } : undefined);
  rounds.add(`${label}: latency p50`, 'ms', latencies.p50Ms);
  rounds.add(`${label}: latency p99`, 'ms', latencies.p99Ms);
  rounds.add(`${label}: server CPU`, 'µs/request', microsEach(before?.[0], after?.[0], requests));
  rounds.add(`${label}: PostgreSQL CPU`, 'µs/request', microsEach(before?.[1], after?.[1], requests));
  if (earlier !== undefined) {
    const { reads, commits } = await batchesOf(servers.gateway.port);
    rounds.add(`${label}: reads a commit`, 'reads', (reads - earlier.reads) / (commits - earlier.commits));
  }
  return requests / seconds;
}

async function load(
  ground: Ground,
  servers: Servers,
  variant: Variant,
  onMark: () => void,
): Promise<LoadOutcome> {
  const { warmUpSeconds, measuredSeconds } = ground.scale;
  const job: LoadJob = {
    kind: 'load',
    port: variant === 'bare' ? servers.barePort : servers.gateway.port,
    connections: Array.from({ length: connections }, (_, i) => connection(ground, servers, variant, i)),
    warmUpSeconds,
    measuredSeconds,
  };
  return servers.client.run<LoadOutcome>(job, onMark);
}

/** From the gateway's own metrics. */
async function batchesOf(port: number): Promise<{ reads: number; commits: number }> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const valueOf = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  return { reads: valueOf('weir_batch_requests_sum'), commits: valueOf('weir_batch_requests_count') };
}

function connection({ sample }: Ground, { tokens }: Servers, variant: Variant, at: number): LoadConnection {
  const targets: string[] = [];
  const query = variant === 'bare' ? `&region=${encodeURIComponent(region)}` : '';
  const path = variant === 'bare' ? '/orders?order_no=' : '/rest/orders?order_no=eq.';
  while (targets.length < targetsPerConnection) {
    const orderNo = sample.orderNos[Math.floor(Math.random() * sample.orderNos.length)]!;
    for (let read = 0; read < readsPerCall; read++) targets.push(`${path}${orderNo}${query}`);
  }
  const token = tokens[variant === 'hot' ? 0 : at % tokens.length]!;
  return {
    targets,
    headers: variant === 'bare' ? [] : [`authorization: Bearer ${token}`, 'weir-reason: call'],
  };
}
