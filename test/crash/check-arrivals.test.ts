/** What the crash rounds hold against the log of what reached the service: each fault that they are there for is told. */
import t from 'tap';
import { Digester } from '../../src/log/digest.js';
import type { EntryBody } from '../../src/log/entry.js';
import { checkArrivals } from './check-arrivals.js';
import type { LoggedEntry } from './follow-log.js';
import type { Harvest } from './load.js';
import type { Arrival } from './recording-service.js';
import { limitsOf } from './staff.js';

const digester = new Digester(Buffer.alloc(32, 1), 'e1');
const nowMs = Date.UTC(2026, 10, 22, 3);

function sent(
  kind: 'write' | 'fill',
  request: string,
  key: string,
  more: Partial<EntryBody> = {},
): LoggedEntry {
  const table = kind === 'fill' ? 'orders' : 'depot.parcels';
  const records = {
    table,
    service: 'depot',
    part: 0,
    last: false,
    records: 1,
    digests: '',
    epoch: 'e1',
    consecutive: 0,
  };
  const left = kind === 'fill' ? { fill: { ...records, see: {} } } : { write: { ...records, body: [] } };
  const body = {
    v: 1,
    kind,
    writer: 'w',
    number: 1,
    at: nowMs * 1000,
    request,
    actor: 'a-li',
    ...left,
    ...more,
  };
  const digest = digester.digest(table, 'record', [key]).toString('hex');
  return { name: `w/${request}`, body, records: [digest], subjects: [''] };
}

const patch = (requestId: string, id: string, at = nowMs + 2): Arrival => {
  return { method: 'PATCH', path: `/parcels/${id}`, requestId, body: '{"status":"held"}', at };
};
const call = (requestId: string, orderId: number): Arrival => {
  return {
    method: 'POST',
    path: '/calls',
    requestId,
    body: `{"to":"1","orderId":${orderId}}`,
    at: nowMs + 2,
  };
};

function answered(requestId: string, more: Partial<Harvest> = {}): Harvest {
  return {
    status: 200,
    requestId,
    error: undefined,
    rows: [],
    complete: true,
    person: { name: 'li', role: 'clerk', loose: false, region: '华东' },
    gateway: 'a',
    format: 'json',
    path: '/depot/parcels/7',
    table: 'depot.parcels',
    record: 'id',
    sentAt: nowMs,
    gotAt: nowMs + 5,
    ...more,
  };
}

function faultsOf(
  arrivals: readonly Arrival[],
  entries: readonly LoggedEntry[],
  harvest: readonly Harvest[] = [],
): string[] {
  const persons = new Map([['a-li', 'li']]);
  return checkArrivals(arrivals, harvest, { entries, persons }, digester, 'Asia/Shanghai');
}

void t.test(
  'what came and was recorded before raises nothing, nor what was recorded and never came',
  async (t) => {
    const entries = [sent('write', 'r', '7'), sent('fill', 's', '9'), sent('write', 'lost', '8')];
    t.same(faultsOf([patch('r', '7'), call('s', 9)], entries, [answered('r')]), []);
  },
);

void t.test('what is not on the log, or only after it came, or as something else, is told', async (t) => {
  t.match(faultsOf([patch('r', '7')], []), [/request r: it is not on the log/]);
  t.match(faultsOf([call('r', 9)], []), [/it is not on the log/]);
  t.match(faultsOf([patch('r', '7', nowMs - 3)], [sent('write', 'r', '7')]), [/decided after it had come/]);
  t.match(faultsOf([patch('r', '7')], [sent('fill', 'r', '7')]), [/on the log as fill/]);
  t.match(faultsOf([patch('r', '7')], [sent('write', 'r', '8')]), [/another record/]);
  t.match(faultsOf([call('r', 9)], [sent('fill', 'r', '8')]), [/another record/]);
  t.match(faultsOf([patch('r', '7'), patch('r', '7')], [sent('write', 'r', '7')]), [/it came twice/]);
  const twice = [sent('write', 'r', '7'), sent('write', 'r', '7')];
  t.match(faultsOf([patch('r', '7')], twice), [/on the log as sent twice/]);
});

void t.test('an answer of which the service knows nothing is told', async (t) => {
  t.match(faultsOf([], [], [answered('r')]), [/answered, though the service was not asked/]);
  t.same(faultsOf([], [], [answered('r', { status: 429 }), answered('r', { table: 'orders' })]), []);
});

void t.test('limits are counted from what came, to the service and to the clients', async (t) => {
  const max = (count: string): number => limitsOf.clerk.find((limit) => limit.count === count)!.max;
  const calls = (n: number) => Array.from({ length: n }, (_, i) => call(`s${i}`, i));
  const fills = (n: number) => Array.from({ length: n }, (_, i) => sent('fill', `s${i}`, String(i)));
  const somebody = [answered('s0', { status: undefined })];
  t.same(faultsOf(calls(max('fills')), fills(max('fills')), somebody), []);
  t.match(faultsOf(calls(max('fills') + 1), fills(max('fills') + 1), somebody), [/8 fills, the limit is 7/]);
  const rows = Array.from({ length: max('records') }, (_, i) => [String(i), '1'] as const);
  const shown = [answered('r', { rows, table: 'orders' })];
  t.same(faultsOf([], [], shown), []);
  t.match(faultsOf(calls(1), fills(1), shown), [/51 records, the limit is 50/]);
});
