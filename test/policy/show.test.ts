import { cpSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { cellWidth } from '../../src/cli/table.js';
import type { SeenService } from '../../src/policy/show-service.js';
import type { SeenTable } from '../../src/policy/show.js';
import { weir } from '../cli/weir-process.js';
import { policiesDirectory } from '../support/gateway.js';
import { writeSet } from './policy-files.js';

const show = (role: string, table: string, more: string[] = [], columns?: number) =>
  weir(
    ['policy', 'show', '--role', role, '--table', table, ...more],
    columns === undefined ? {} : { columns },
  );

void t.test('a role stands first, beside every other role that has the table', async (t) => {
  const { code, out } = await show('warehouse', 'orders', ['--dir', policiesDirectory, '--json']);
  t.equal(code, 0);
  const shown = JSON.parse(out) as SeenTable;
  t.strictSame(shown.roles, ['warehouse', 'analyst', 'support-agent']);
  const phone = shown.columns.find(({ column }) => column === 'receiver_phone');
  t.strictSame(phone, {
    column: 'receiver_phone',
    class: 'phone',
    sample: '13812341234',
    seen: {
      warehouse: { mask: 'middle', value: '138****1234' },
      'support-agent': { mask: 'last4', value: '****1234' },
    },
  });
  t.strictSame(shown.access['support-agent']!.slice(0, 3), [
    'finds by order_no, receiver_phone',
    'only region = claim.region',
    '50 rows a request',
  ]);
});

void t.test('the table fits the terminal, and shows what is hidden', async (t) => {
  const { out } = await show('support-agent', 'orders', ['--dir', policiesDirectory], 80);
  const table = out.split('\n\n')[1]!.split('\n');
  for (const line of table) t.ok(cellWidth(line) <= 80, line);
  t.match(table[0], /^column +class +as it is +support-ag… +analyst +warehouse$/);
  t.match(
    table.find((line) => line.startsWith('remark')),
    /· +· +到了打我另…$/,
  );
  t.match(out, /\nanalyst: browses; 1000000 rows a request; /);
});

void t.test('a set without cases is shown with something of each class', async (t) => {
  const { out } = await show('agent', 'orders', ['--dir', await writeSet(t)]);
  t.match(out, /receiver_phone +phone +13812341234 +\*\*\*\*1234\n/);
});

const ofService = (role: string, service: string, ...more: string[]) =>
  weir(['policy', 'show', '--role', role, '--service', service, ...more]);

void t.test(
  'of a service one record is shown, masked by path, beside every other role that has it',
  async (t) => {
    const dir = ['--dir', policiesDirectory];
    const { code, out } = await ofService(
      'warehouse',
      'fulfilment',
      '--route',
      'GET /shipments',
      ...dir,
      '--json',
    );
    t.equal(code, 0);
    const shown = JSON.parse(out) as SeenService;
    t.strictSame(shown.roles, ['warehouse', 'analyst', 'logistics', 'support-agent']);
    const field = (path: string) => shown.fields.find(({ field: each }) => each === path);
    t.match(field('receiver.phone'), {
      class: 'phone',
      sample: '13812341234',
      seen: { warehouse: { value: '138****1234' }, 'support-agent': { value: '****1234' } },
    });
    t.notOk('analyst' in field('receiver.phone')!.seen);
    t.match(field('labels.*'), {
      sample: 'small, app',
      seen: { warehouse: { mask: 'clear', value: 'small, app' } },
    });
    t.match(field('$.total'), { sample: '2', seen: { warehouse: { value: '2' } } });
    t.strictSame(shown.access.warehouse!.slice(0, 5), [
      'browses',
      'finds by id',
      'writes',
      'only warehouse = claim.warehouse',
      '200 records a request',
    ]);
    const table = await ofService('logistics', 'fulfilment', '--route', 'GET /shipments/export', ...dir);
    t.match(table.out, /\nreceiver\.address +address +浙江/);
    t.notMatch(table.out, /items|labels|\$\.total/, 'a table holds no lists, and nothing around it');
    const calls = await ofService('analyst', 'telephony', ...dir);
    t.match(calls.out, /\ncallId +none +call-1 +· +call-1\n[^]*\nanalyst: has no such service\n/);
  },
);

void t.test(
  'a service that nobody has invented records for is shown with something of each class',
  async (t) => {
    const directory = await writeSet(t);
    cpSync(path.join(policiesDirectory, 'catalog.yaml'), path.join(directory, 'catalog.yaml'));
    cpSync(
      path.join(policiesDirectory, 'roles/warehouse.yaml'),
      path.join(directory, 'roles/warehouse.yaml'),
    );
    const { out } = await ofService('warehouse', 'fulfilment', '--dir', directory);
    t.match(out, /\nreceiver\.phone +phone +13812341234 +138\*\*\*\*1234\n/);
    t.match(out, /\nitems\[\*\]\.title +none +… +…\n/);
  },
);

void t.test('one thing is shown at a time', async (t) => {
  const dir = ['--dir', policiesDirectory];
  t.match(await weir(['policy', 'show', '--role', 'security', ...dir]), {
    code: 2,
    err: /--table <table> or --service/,
  });
  t.match(await ofService('security', 'fulfillment', ...dir), { code: 2, err: /write fulfilment/ });
  t.match(await ofService('security', 'fulfilment', '--route', 'GET /shipment/:id', ...dir), {
    code: 2,
    err: /write GET \/shipments\/:id/,
  });
});

void t.test('a role or table that does not exist is told with the one that was meant', async (t) => {
  const dir = ['--dir', policiesDirectory];
  t.match(await show('suport-agent', 'orders', dir), { code: 2, err: /write support-agent/ });
  t.match(await show('security', 'order', dir), { code: 2, err: /write orders/ });
});
