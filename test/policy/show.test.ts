import t from 'tap';
import { cellWidth } from '../../src/cli/table.js';
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

void t.test('a role or table that does not exist is told with the one that was meant', async (t) => {
  const dir = ['--dir', policiesDirectory];
  t.match(await show('suport-agent', 'orders', dir), { code: 2, err: /write support-agent/ });
  t.match(await show('security', 'order', dir), { code: 2, err: /write orders/ });
});
