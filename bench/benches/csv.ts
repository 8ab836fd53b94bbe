/** Every order out as CSV, masked and without personal columns, against COPY of the same columns in clear. */
import { setTimeout as delay } from 'node:timers/promises';
import { maskedExportRole } from '../bench-policies.js';
import type { GatewayProcess } from '../gateway-process.js';
import type { Ground } from '../ground.js';
import { cpuSeconds, MemoryWatch, residentBytes } from '../process-usage.js';
import type { BenchResult } from '../report.js';
import { inTurn, Rounds } from '../rounds.js';
import { Subject } from '../subject.js';
import type { CopyJob, DownloadJob, DownloadOutcome } from '../subjects/messages.js';

const variants = [
  { label: 'masked personal columns', role: maskedExportRole },
  { label: 'no personal columns', role: 'analyst' },
] as const;
type Variant = (typeof variants)[number];

const bytesPerMegabyte = 1_000_000;

export async function benchCsv(ground: Ground): Promise<BenchResult> {
  const { scale, cores, code, databases } = ground;
  const rounds = new Rounds();
  const store = await databases.freshStore();
  const client = await Subject.start(code.file('load-client'), cores.client);
  const gateway = await ground.startGateway('csv', store.runtimeUrl);
  try {
    const idle = await idleBytes(ground, gateway, client);
    for (let round = 0; round < scale.rounds; round++) {
      for (const variant of inTurn(round, variants)) {
        ground.onProgress(`csv: round ${round + 1} of ${scale.rounds}, ${variant.label}`);
        await measure(ground, gateway, client, variant, idle, rounds);
      }
    }
  } finally {
    await client.end();
    await gateway.stop();
    await store.drop();
  }
  return {
    bench: 'csv',
    how:
      `weir start, GET /rest/orders as text/csv, ${scale.orders.toLocaleString('en')} orders to one client; ` +
      `COPY (SELECT …) TO STDOUT of the same columns in clear before each. Memory: resident, looked at every ` +
      `50 ms, above the gateway's at rest before the first export`,
    figures: rounds.figures(),
  };
}

async function measure(
  ground: Ground,
  gateway: GatewayProcess,
  client: Subject,
  { label, role }: Variant,
  idle: number | undefined,
  rounds: Rounds,
): Promise<void> {
  const { orders } = ground.scale;
  const token = await ground.tokens.mint(role, 'exporter');
  const before = cpuSeconds(gateway.pid);
  const memory = new MemoryWatch(gateway.pid);
  const weir = await client.run<DownloadOutcome>(download(gateway.port, '/rest/orders', token));
  const peak = memory.end();
  const after = cpuSeconds(gateway.pid);
  // One line more than rows: the names of the columns.
  if (weir.status !== 200 || !weir.complete || weir.lines !== orders + 1) {
    const { status, lines, firstLines } = weir;
    throw new Error(
      `the export failed: status ${status}, ${lines} lines, beginning ${firstLines.slice(0, 200)}\n${gateway.log()}`,
    );
  }
  const columns = weir.firstLines.slice(0, weir.firstLines.indexOf('\r'));
  const bare = await client.run<DownloadOutcome>({
    kind: 'copy',
    url: ground.databases.ordersUrl,
    statement: `COPY (SELECT ${columns} FROM shop.orders) TO STDOUT (FORMAT csv, HEADER)`,
  } satisfies CopyJob);
  if (bare.lines !== orders + 1) throw new Error(`COPY gave ${bare.lines} lines`);

  rounds.add(`${label}: rows`, 'rows/s', orders / weir.seconds);
  rounds.add(`${label}: time`, 's', weir.seconds);
  rounds.add(`${label}: COPY in clear`, 's', bare.seconds);
  rounds.add(`${label}: time to COPY's`, 'times', weir.seconds / bare.seconds);
  rounds.add(
    `${label}: gateway CPU`,
    's',
    before === undefined || after === undefined ? undefined : after - before,
  );
  if (peak !== undefined && idle !== undefined)
    rounds.add(`${label}: memory above idle`, 'MB', (peak - idle) / bytesPerMegabyte, { atMost: 150 });
}

/** After a small read, so that what is loaded and compiled once is not taken for growth. */
async function idleBytes(
  ground: Ground,
  gateway: GatewayProcess,
  client: Subject,
): Promise<number | undefined> {
  const token = await ground.tokens.mint('analyst', 'exporter');
  const small = await client.run<DownloadOutcome>(download(gateway.port, '/rest/orders?limit=10', token));
  if (small.status !== 200) throw new Error(`a small export failed: ${small.firstLines}`);
  await delay(1000);
  return residentBytes(gateway.pid);
}

function download(port: number, target: string, token: string): DownloadJob {
  const headers = { authorization: `Bearer ${token}`, accept: 'text/csv' };
  return { kind: 'download', port, target, headers };
}
