/** The checks of the crash rounds can fail: each fault that they are there for is told. */
import t from 'tap';
import { Digester, peopleSpace } from '../../src/log/digest.js';
import type { EntryBody } from '../../src/log/entry.js';
import { checkHarvest } from './check-harvest.js';
import type { LoggedEntry, News } from './follow-log.js';
import type { Harvest, Person } from './load.js';
import { limitsOf } from './staff.js';

const digester = new Digester(Buffer.alloc(32, 1), 'e1');
const li: Person = { name: 'li', role: 'support', loose: false, region: '华东' };
const nowMs = Date.UTC(2026, 10, 22, 3);

function hex(list: Buffer): string[] {
  return list.toString('hex').match(/.{16}/g) ?? [];
}

function entry(
  request: string,
  rows: readonly (readonly [string, string])[],
  body: Partial<EntryBody> = {},
  table = 'orders',
): LoggedEntry {
  return {
    name: `w/${request}`,
    body: {
      v: 1,
      kind: 'read',
      writer: 'w',
      number: 1,
      at: nowMs * 1000,
      request,
      actor: 'a-li',
      read: {
        table: 'orders',
        see: {},
        part: 0,
        last: true,
        records: rows.length,
        digests: '',
        epoch: 'e1',
        consecutive: 0,
      },
      ...body,
    },
    records: hex(
      digester.digest(
        table,
        'record',
        rows.map(([record]) => record),
      ),
    ),
    subjects: hex(
      digester.digest(
        peopleSpace,
        'person',
        rows.map(([, subject]) => subject),
      ),
    ),
  };
}

function got(requestId: string, rows: Harvest['rows'], more: Partial<Harvest> = {}): Harvest {
  const sent = {
    person: li,
    gateway: 'a',
    format: 'json',
    path: '/rest/orders',
    table: 'orders',
    record: 'order_id',
    sentAt: nowMs,
    gotAt: nowMs + 5,
  } as const;
  return { status: 200, requestId, error: undefined, rows, complete: true, ...sent, ...more };
}

function faultsOf(harvest: readonly Harvest[], entries: readonly LoggedEntry[]): readonly string[] {
  const news: News = {
    entries,
    persons: new Map([
      ['a-li', 'li'],
      ['a-wang', 'wang'],
    ]),
    faults: [],
  };
  return checkHarvest(harvest, news, digester, 'Asia/Shanghai').faults;
}

const rows = [
  ['1', 'c1'],
  ['2', 'c2'],
  ['3', 'c1'],
] as const;

void t.test('what arrived and is recorded raises nothing, whole or broken off', async (t) => {
  t.same(faultsOf([got('r', rows)], [entry('r', rows)]), []);
  t.same(faultsOf([got('r', rows.slice(0, 2), { complete: false })], [entry('r', rows)]), []);
  t.same(
    faultsOf([got('r', rows, { status: undefined, rows: [] })], [entry('r', rows)]),
    [],
    'recorded, and never arrived',
  );
});

void t.test('rows inside others are held against the lists behind those of the rows around', async (t) => {
  const lines = [
    ['11', 'c1'],
    ['12', 'c1'],
  ] as const;
  const around = entry('r', rows.slice(0, 1));
  const behind = entry('r', lines, {}, 'order_items');
  const both: LoggedEntry = {
    ...around,
    body: { ...around.body, read: { ...around.body.read!, also: [['order_items', {}, 2, true]] } },
    records: [...around.records, ...behind.records],
    subjects: [...around.subjects, ...behind.subjects],
  };
  const order = ['1', 'c1', 'order_id'] as const;
  const line = (record: string) => [record, 'c1', 'item_id'] as const;
  t.same(faultsOf([got('r', [order, line('11'), line('12')])], [both]), []);
  t.same(faultsOf([got('r', [order, line('11')], { complete: false })], [both]), []);
  t.match(faultsOf([got('r', [order, line('11'), line('13')])], [both]), [
    /record 13 arrived .* another one/,
  ]);
  t.match(faultsOf([got('r', [order, line('11')])], [both]), [/1 rows arrived .* 2 are on the log/]);
  t.match(faultsOf([got('r', [order, line('11')])], [around]), [/record 11 arrived .* not on the log/]);
});

void t.test('a record that arrived and is not on the log is told', async (t) => {
  t.match(faultsOf([got('r', rows)], []), [/no read is on the log/, /record 1 arrived .* not on the log/]);
  t.match(faultsOf([got('r', rows)], [entry('r', rows.slice(0, 2))]), [/record 3 arrived .* not on the log/]);
  t.match(faultsOf([got('r', rows)], [entry('r', [rows[0], ['9', 'c2'], rows[2]])]), [
    /record 2 arrived .* another one/,
  ]);
  t.match(faultsOf([got('r', rows)], [entry('r', [rows[0], ['2', 'c9'], rows[2]])]), [
    /record 2 arrived .* another one/,
  ]);
  t.match(faultsOf([got('r', rows)], [entry('other', rows)]), [/no read is on the log/, /not on the log/]);
});

void t.test('a read that is on the log for somebody else is told', async (t) => {
  t.match(faultsOf([got('r', rows)], [entry('r', rows, { actor: 'a-wang' })]), [/names another person/]);
});

void t.test('a refusal that is not on the log is told, and a 500', async (t) => {
  const refused = got('r', [], { status: 403, error: 'pin-required' });
  t.match(faultsOf([refused], []), [/refused with pin-required \(403\), but that is not on the log/]);
  t.same(faultsOf([refused], [entry('r', [], { kind: 'refusal', error: 'pin-required' })]), []);
  t.same(faultsOf([got('r', [], { status: 503, error: 'log-unavailable' })], []), []);
  t.match(
    faultsOf(
      [got('r', [], { status: 500, error: 'internal' })],
      [entry('r', [], { kind: 'refusal', error: 'internal' })],
    ),
    [/500/],
  );
});

void t.test('each limit that is overrun is told, counted from what arrived', async (t) => {
  for (const { count, window, max } of limitsOf.support) {
    const answers = Array.from({ length: max + 1 }, (_, i) => {
      const mine = [[String(i), count === 'people' ? `c${i}` : 'c']] as const;
      return { request: `r${i}`, rows: count === 'queries' ? [] : mine };
    });
    const check = (n: number): readonly string[] => {
      const some = answers.slice(0, n);
      return faultsOf(
        some.map(({ request, rows }) => got(request, rows)),
        some.map(({ request, rows }) => entry(request, rows)),
      ).filter((fault) => fault.includes(` ${count} in a ${window}`));
    };
    t.same(check(max), [], `${max} ${count} per ${window} may be`);
    t.match(check(max + 1), [new RegExp(`li got ${max + 1} ${count} in a ${window}, the limit is ${max}`)]);
  }
});

void t.test('where answers came over more than a minute, it is any minute that counts', async (t) => {
  const max = limitsOf.support.find(({ count }) => count === 'queries')!.max;
  const over = (secondsApart: number) => {
    const list = Array.from({ length: max + 1 }, (_, i) => ({
      request: `r${i}`,
      ms: i === max ? secondsApart * 1000 : 0,
    }));
    return faultsOf(
      list.map(({ request, ms }) =>
        got(request, [], { sentAt: nowMs + ms, gotAt: nowMs + ms + (i0(ms) ? 0 : 100_000) }),
      ),
      list.map(({ request, ms }) => entry(request, [], { at: (nowMs + ms) * 1000 })),
    );
  };
  const i0 = (ms: number) => ms === 0;
  t.match(over(59), [/queries in a minute/]);
  t.same(over(61), []);
});
