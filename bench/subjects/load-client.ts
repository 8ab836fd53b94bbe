/**
 * The load: keep-alive connections that each ask, wait for the answer and ask again; and long downloads.
 * A process of its own, so that it shares no event loop with what it measures. Loopback only.
 */
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { latenciesOf } from '../statistics.js';
import { AnswerReader } from './answer-reader.js';
import type {
  CopyJob,
  DownloadJob,
  DownloadOutcome,
  LoadConnection,
  LoadJob,
  LoadOutcome,
} from './messages.js';
import { serve, tell } from './parent.js';

const host = '127.0.0.1';
const maxConnections = 512;
const maxLatencies = 2_000_000;
const maxWarmUpMs = 60_000;
const lineFeed = 10;

serve<LoadJob | DownloadJob | CopyJob, LoadOutcome | DownloadOutcome>((job) => {
  switch (job.kind) {
    case 'load':
      return load(job);
    case 'download':
      return download(job);
    case 'copy':
      return copy(job);
  }
});

async function load(job: LoadJob): Promise<LoadOutcome> {
  if (job.connections.length > maxConnections) throw new RangeError('too many connections');
  const latencies = new Float64Array(maxLatencies);
  const statuses: Record<number, number> = {};
  let requests = 0;
  let waitingForFirst = job.connections.length;
  let onAllAnswered = (): void => undefined;
  const allAnswered = new Promise<void>((resolve) => (onAllAnswered = resolve));
  let bytes = 0;
  let sampleBody = '';
  let measuring = false;
  let stopped = false;

  const run = ({ headers, targets }: LoadConnection): Promise<void> =>
    new Promise((resolve) => {
      const tail = ` HTTP/1.1\r\nhost: ${host}\r\n${headers.map((header) => `${header}\r\n`).join('')}\r\n`;
      const reader = new AnswerReader();
      const socket = connect(job.port, host);
      let next = 0;
      let started = 0;
      const ask = (): void => {
        started = performance.now();
        socket.write(`GET ${targets[next++ % targets.length]!}${tail}`, 'latin1');
      };
      socket.setNoDelay(true);
      socket.once('connect', ask);
      socket.once('error', () => socket.destroy());
      socket.once('close', () => {
        if (!stopped) statuses[-1] = (statuses[-1] ?? 0) + 1;
        resolve();
      });
      socket.on('data', (chunk) => {
        const answer = reader.take(chunk);
        if (answer === undefined) return;
        if (next === 1 && --waitingForFirst === 0) onAllAnswered();
        if (measuring && requests < maxLatencies) {
          latencies[requests++] = performance.now() - started;
          bytes += answer.body.length;
          statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
        }
        if (sampleBody === '' && answer.status === 200) sampleBody = answer.body.toString();
        if (stopped) socket.end();
        else ask();
      });
    });

  const all = Promise.all(job.connections.map(run));
  // However slow the machine, nobody is measured before their first answer.
  const warm = Promise.all([allAnswered, delay(job.warmUpSeconds * 1000)]);
  await Promise.race([all, warm, delay(maxWarmUpMs)]);
  tell('begin');
  measuring = true;
  const began = performance.now();
  await Promise.race([all, delay(job.measuredSeconds * 1000)]);
  measuring = false;
  const seconds = (performance.now() - began) / 1000;
  tell('end');
  stopped = true;
  await all;
  if (requests === 0) throw new Error(`no answer in ${seconds} s; connections: ${JSON.stringify(statuses)}`);
  return {
    requests,
    seconds,
    statuses,
    bytes,
    sampleBody,
    latencies: latenciesOf(latencies.subarray(0, requests)),
  };
}

/** Counts what comes; keeps only the beginning. */
class Tally {
  lines = 0;
  bytes = 0;
  firstLines = '';
  readonly #started = performance.now();

  add(chunk: Buffer): void {
    this.bytes += chunk.length;
    for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, at + 1)) this.lines++;
    if (this.firstLines.length < 300) this.firstLines += chunk.toString('utf8', 0, 300);
  }

  outcome(status: number, complete: boolean): DownloadOutcome {
    const { lines, bytes, firstLines } = this;
    return {
      status,
      complete,
      lines,
      bytes,
      firstLines,
      seconds: (performance.now() - this.#started) / 1000,
    };
  }
}

async function download(job: DownloadJob): Promise<DownloadOutcome> {
  const tally = new Tally();
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ host, port: job.port, path: job.target, headers: job.headers, agent: false }, resolve).on(
      'error',
      reject,
    );
  });
  response.on('data', (chunk: Buffer) => tally.add(chunk));
  await new Promise<void>((resolve) => response.once('close', resolve));
  return tally.outcome(response.statusCode ?? 0, response.complete);
}

/** `pg` has no COPY TO of its own; the messages are there, so a query that takes them is enough. */
async function copy(job: CopyJob): Promise<DownloadOutcome> {
  const client = new pg.Client({ connectionString: job.url });
  await client.connect();
  const tally = new Tally();
  await new Promise<void>((resolve, reject) => {
    const query = {
      submit: (connection: { query(text: string): void }) => connection.query(job.statement),
      handleCopyData: ({ chunk }: { chunk: Buffer }) => tally.add(chunk),
      handleCommandComplete: () => undefined,
      handleReadyForQuery: () => resolve(),
      handleError: (error: Error) => reject(error),
    };
    client.query(query as unknown as pg.Submittable);
  });
  await client.end();
  return tally.outcome(200, true);
}
