import t from 'tap';
import { createMetrics } from '../../src/observe/metrics.js';

void t.test(
  'requests are counted by template, status and code, with the records that they released',
  async (t) => {
    const { observe, text, contentType } = createMetrics({ process: false });
    const request = { event: 'request', requestId: 'r', route: 'GET /rest/orders' } as const;
    observe({ ...request, status: 200, code: undefined, records: 20, milliseconds: 4 });
    observe({ ...request, status: 429, code: 'limit-reached', records: 0, milliseconds: 1 });
    const exposition = await text();
    t.match(contentType, 'text/plain');
    t.match(exposition, 'weir_requests_total{route="GET /rest/orders",status="200"} 1');
    t.match(exposition, 'weir_requests_total{route="GET /rest/orders",status="429"} 1');
    t.match(exposition, 'weir_refusals_total{code="limit-reached"} 1');
    t.match(exposition, 'weir_records_released_total{route="GET /rest/orders"} 20');
    t.match(exposition, 'weir_request_duration_seconds_count{route="GET /rest/orders"} 2');
    t.match(exposition, 'weir_request_duration_seconds_sum{route="GET /rest/orders"} 0.005');
  },
);

void t.test('states are gauges that follow the newest observation', async (t) => {
  const { observe, text } = createMetrics({ process: false });
  t.match(await text(), 'weir_store_up 0', 'nothing is up before it was seen up');
  observe({ event: 'store', state: 'up', reason: undefined });
  observe({ event: 'upstream', state: 'up', reason: undefined });
  observe({ event: 'upstream', state: 'down', reason: 'connection lost' });
  observe({ event: 'policy', state: 'loaded', digest: 'aaa', faults: 0 });
  observe({ event: 'policy', state: 'loaded', digest: 'bbb', faults: 0 });
  observe({ event: 'policy', state: 'rejected', digest: undefined, faults: 3 });
  observe({ event: 'lifecycle', state: 'ready', detail: undefined });
  const exposition = await text();
  t.match(exposition, 'weir_store_up 1');
  t.match(exposition, 'weir_upstream_up 0');
  t.match(exposition, 'weir_policy_info{digest="bbb"} 1', 'the set in force stays the one that was loaded');
  t.notMatch(exposition, 'digest="aaa"');
  t.match(exposition, 'weir_policy_rejected 1');
  t.match(exposition, 'weir_ready 1');
  observe({ event: 'lifecycle', state: 'draining', detail: undefined });
  t.match(await text(), 'weir_ready 0');
});

void t.test('commits, flags and failures are counted', async (t) => {
  const { observe, text } = createMetrics({ process: false });
  observe({ event: 'batch', requests: 7, milliseconds: 3, exchanges: 2 });
  observe({ event: 'outcome-unknown', resolvedAs: 'not-committed' });
  observe({ event: 'flagged', requestId: 'r', actorId: 'a', rules: ['consecutive', 'recordsPerDay'] });
  observe({ event: 'failure', requestId: 'r', where: 'readiness', error: new Error('x') });
  const exposition = await text();
  t.match(exposition, 'weir_batch_requests_sum 7');
  t.match(exposition, 'weir_batches_total{exchanges="2"} 1');
  t.match(exposition, 'weir_batch_duration_seconds_sum 0.003');
  t.match(exposition, 'weir_unknown_outcomes_total{resolved="not-committed"} 1');
  t.match(exposition, 'weir_flagged_reads_total{rule="consecutive"} 1');
  t.match(exposition, 'weir_flagged_reads_total{rule="recordsPerDay"} 1');
  t.match(exposition, 'weir_failures_total{where="readiness"} 1');
  t.notMatch(exposition, 'process_cpu', 'the process was left out');
});

void t.test(
  'the Node process is measured as well, and two gateways in one process do not collide',
  async (t) => {
    const [first, second] = [createMetrics(), createMetrics()];
    t.match(await first.text(), 'process_cpu_seconds_total');
    first.observe({ event: 'store', state: 'up', reason: undefined });
    t.match(await second.text(), 'weir_store_up 0');
  },
);
