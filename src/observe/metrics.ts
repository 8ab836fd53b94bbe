/**
 * Numbers for Prometheus, counted from the same observations that the log tells. Labels are route
 * templates, error codes, rules and states: a closed set each, never a person or a value.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Observe } from '../observation.js';

export interface Metrics {
  readonly observe: Observe;
  /** The exposition, in Prometheus' text format. */
  text(): Promise<string>;
  readonly contentType: string;
  /** Names of the gateway's own metrics, for the manual. */
  readonly names: readonly string[];
}

interface RouteCount {
  readonly statuses: Map<number, number>;
  records: number;
  readonly seconds: number[];
  readonly duration: { observe(seconds: number): void };
}

/** Durations that wait to be counted: one after another they cost prom-client a tenth of what each costs among other work. */
const maxWaiting = 500;

/** @param options.process false leaves out the metrics of the Node process (many gateways in one test process) */
export function createMetrics(options: { readonly process?: boolean } = {}): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Counter<Label>({ name, help, labelNames: [...labelNames], registers });
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Gauge<Label>({ name, help, labelNames: [...labelNames], registers });

  const requests = counter('weir_requests_total', 'Requests answered', ['route', 'status']);
  const refusals = counter('weir_refusals_total', 'Requests answered with an error, by its code', ['code']);
  const records = counter('weir_records_released_total', 'Records released', ['route']);
  const duration = new Histogram({
    name: 'weir_request_duration_seconds',
    help: 'Time from request to the end of its answer',
    labelNames: ['route'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120],
    registers,
  });
  const batchRequests = new Histogram({
    name: 'weir_batch_requests',
    help: 'Reads that shared one commit',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
    registers,
  });
  const batchDuration = new Histogram({
    name: 'weir_batch_duration_seconds',
    help: 'Time of one commit on the access log',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2],
    registers,
  });
  const batches = counter('weir_batches_total', 'Commits on the access log, by exchanges with its database', [
    'exchanges',
  ]);
  const storeUp = gauge('weir_store_up', "1 while the gateway's own database takes commits");
  const upstreamUp = gauge('weir_upstream_up', '1 while the order database answers');
  const outcomes = counter('weir_unknown_outcomes_total', 'Commits whose outcome had to be looked up', [
    'resolved',
  ]);
  const flagged = counter('weir_flagged_reads_total', 'Reads flagged as bulk reads, by rule', ['rule']);
  const revocationsUp = gauge('weir_revocations_up', '1 while the list of revoked tokens can be read');
  const sharedTokens = counter(
    'weir_shared_tokens_total',
    'Times that a token came from yet another address',
  );
  const policyLoads = counter('weir_policy_loads_total', 'Policy sets read', ['state']);
  const policyRejected = gauge(
    'weir_policy_rejected',
    '1 while the newest policy files are faulty and an older set is in force',
  );
  const policyWaiting = gauge('weir_policy_waiting', '1 while the newest policy files wait for approval');
  const policyInfo = gauge('weir_policy_info', 'The policy set in force', ['digest']);
  const failures = counter('weir_failures_total', 'Unexpected errors inside the gateway, by place', [
    'where',
  ]);
  /** Of each route since the last exposition; prom-client's own counting costs ten times as much. */
  const counted = new Map<string, RouteCount>();
  const countOf = (route: string): RouteCount => {
    let count = counted.get(route);
    if (count === undefined) {
      count = { statuses: new Map(), records: 0, seconds: [], duration: duration.labels(route) };
      counted.set(route, count);
    }
    return count;
  };
  const tellDurations = ({ seconds, duration: histogram }: RouteCount): void => {
    for (const each of seconds) histogram.observe(each);
    seconds.length = 0;
  };
  const tell = (): void => {
    for (const [route, count] of counted) {
      tellDurations(count);
      for (const [status, n] of count.statuses) requests.inc({ route, status }, n);
      if (count.records > 0) records.inc({ route }, count.records);
      count.statuses.clear();
      count.records = 0;
    }
  };
  const ready = gauge('weir_ready', '1 from ready until the drain begins');

  const names = registry.getMetricsAsArray().map(({ name }) => name);
  if (options.process !== false) collectDefaultMetrics({ register: registry });

  const observe: Observe = (observation) => {
    switch (observation.event) {
      case 'request': {
        const { route, status, code } = observation;
        const count = countOf(route);
        count.statuses.set(status, (count.statuses.get(status) ?? 0) + 1);
        count.records += observation.records;
        count.seconds.push(observation.milliseconds / 1000);
        if (count.seconds.length >= maxWaiting) tellDurations(count);
        if (code !== undefined) refusals.inc({ code });
        return;
      }
      case 'failure':
        return failures.inc({ where: observation.where });
      case 'batch':
        batches.inc({ exchanges: observation.exchanges });
        batchRequests.observe(observation.requests);
        return batchDuration.observe(observation.milliseconds / 1000);
      case 'store':
        return storeUp.set(observation.state === 'up' ? 1 : 0);
      case 'upstream':
        return upstreamUp.set(observation.state === 'up' ? 1 : 0);
      case 'outcome-unknown':
        return outcomes.inc({ resolved: observation.resolvedAs });
      case 'flagged':
        for (const rule of observation.rules) flagged.inc({ rule });
        return;
      case 'revocations':
        return revocationsUp.set(observation.state === 'up' ? 1 : 0);
      case 'token-shared':
        return sharedTokens.inc();
      case 'policy':
        policyLoads.inc({ state: observation.state });
        policyRejected.set(observation.state === 'rejected' ? 1 : 0);
        policyWaiting.set(observation.state === 'waiting' ? 1 : 0);
        if (observation.state === 'loaded' && observation.digest !== undefined) {
          policyInfo.reset();
          policyInfo.set({ digest: observation.digest }, 1);
        }
        return;
      case 'lifecycle':
        return ready.set(observation.state === 'ready' ? 1 : 0);
    }
  };
  const text = (): Promise<string> => {
    tell();
    return registry.metrics();
  };
  return { observe, text, contentType: registry.contentType, names };
}
