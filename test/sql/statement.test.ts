/** Plans compiled: the golden statements of golden.yaml, and what is refused before any SQL exists. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { parse } from 'yaml';
import type { Filter, ReadPlan } from '../../src/access.js';
import { maskOf } from '../../src/mask/masks.js';
import { loadPolicies } from '../../src/policy/load.js';
import { compileStatement } from '../../src/sql/statement.js';
import type { LiveTable } from '../../src/sql/schema.js';
import { planOf } from './plan-text.js';
import { withClient } from '../../src/demo/databases.js';
import { castsOf, castTo } from '../../src/sql/casts.js';
import { freshDatabase } from '../support/database.js';
import { policiesDirectory } from '../support/gateway.js';

const orders: LiveTable = {
  schema: 'shop',
  table: 'orders',
  uniqueColumns: new Set(['order_id', 'order_no']),
  columns: new Map(
    Object.entries({
      order_id: 'bigint',
      order_no: 'text',
      customer_id: 'bigint',
      receiver_name: 'text',
      receiver_phone: 'text',
      receiver_phone_last4: 'text',
      receiver_phone_normal: 'text',
      address: 'text',
      remark: 'text',
      region: 'text',
      warehouse: 'text',
      status: 'text',
      amount: 'numeric(10,2)',
      created_at: 'timestamp with time zone',
    }).map(([name, type]) => [name, { name, type, indexed: true, nullable: false }]),
  ),
};

const lines = tableOf('order_items', 'item_id', {
  item_id: 'bigint',
  order_id: 'bigint',
  customer_id: 'bigint',
  sku: 'text',
  title: 'text',
  quantity: 'integer',
  price: 'numeric(10,2)',
});
const parcels = tableOf('shipments', 'shipment_id', {
  shipment_id: 'bigint',
  order_id: 'bigint',
  customer_id: 'bigint',
  carrier: 'text',
  tracking_no: 'text',
  receiver_name: 'text',
  receiver_phone: 'text',
  address: 'text',
  status: 'text',
  shipped_at: 'timestamp with time zone',
});
const live = new Map([orders, lines, parcels].map((table) => [`shop.${table.table}`, table]));

function tableOf(table: string, key: string, columns: Record<string, string>): LiveTable {
  return {
    schema: 'shop',
    table,
    uniqueColumns: new Set([key]),
    columns: new Map(
      Object.entries(columns).map(([name, type]) => [name, { name, type, indexed: true, nullable: false }]),
    ),
    references: [
      { name: `${table}_order_id_fkey`, columns: ['order_id'], to: 'shop.orders', toColumns: ['order_id'] },
    ],
  };
}

const { set } = await loadPolicies(policiesDirectory);
const claims = { region: '华东', warehouse: 'HZ1' };

function compile(role: string, plan: ReadPlan) {
  const policy = set.roles.get(role)!;
  const around = { tables: policy.tables, live };
  return compileStatement(policy.tables.get('orders')!, orders, plan, policy.perRequest, claims, around);
}

/** Masks have tests of their own; here last4("receiver_phone") stands for the SQL of that mask. */
function withoutMasks(role: string, text: string): string {
  let short = text;
  for (const { see } of set.roles.get(role)!.tables.values()) {
    for (const [column, mask] of see) {
      const written = mask === 'clear' ? undefined : maskOf(mask).sql?.(`"${column}"`);
      if (written !== undefined) short = short.replaceAll(written, `${mask}("${column}")`);
    }
  }
  return short;
}

interface Golden {
  readonly role: string;
  readonly query: string;
  readonly text?: string;
  readonly values?: unknown[];
  readonly normalised?: string;
  readonly refused?: string;
}

void t.test('golden statements: what each role’s query becomes', async (t) => {
  const cases = parse(readFileSync(new URL('golden.yaml', import.meta.url), 'utf8')) as Golden[];
  for (const { role, query, text, values, normalised, refused } of cases) {
    const title = `${role}: ${query}`;
    if (refused !== undefined) {
      t.throws(() => compile(role, planOf(query)), { code: refused }, title);
      continue;
    }
    const statement = compile(role, planOf(query));
    t.equal(withoutMasks(role, statement.text), text, title);
    t.same(statement.values, values, `${title}: values`);
    if (normalised !== undefined) t.equal(statement.normalised, normalised);
  }
});

void t.test('no value of a query is ever in the text of the statement or of the entry', async (t) => {
  const marker = 'zz-marker-zz';
  const filter = (column: string, operator: Filter['operator'], values: string[]): Filter => ({
    column,
    operator,
    values,
    negated: false,
  });
  const base = planOf('order_no=eq.x');
  for (const filters of [
    [filter('order_no', 'eq', [marker])],
    [filter('order_no', 'in', [marker, `${marker}2`])],
    [filter('order_no', 'eq', ['x']), filter('status', 'neq', [marker])],
    [filter('receiver_phone', 'eq', [marker])],
  ]) {
    const statement = compile('support-agent', {
      ...base,
      select: [{ column: 'status', as: marker }],
      filters,
      groups: [{ combine: 'or', negated: false, members: [filter('status', 'in', [marker])] }],
    });
    t.notMatch(statement.text, marker);
    t.notMatch(statement.normalised, marker);
    t.match(JSON.stringify(statement.values), marker);
  }
  t.throws(
    () =>
      compile('support-agent', {
        ...base,
        filters: [filter('order_no', 'eq', ['x']), filter('status', 'is', [`null); ${marker}`])],
      }),
    { code: 'value-invalid' },
  );
});

const operators = ['eq', 'neq', 'gt', 'gte', 'lt', 'lte', 'in', 'is', 'like', 'ilike', 'isdistinct'] as const;

void t.test('a masked or hidden column is never compared but by a pin with the whole value', async (t) => {
  const policy = set.roles.get('support-agent')!.tables.get('orders')!;
  for (const column of policy.table.columns.keys()) {
    for (const operator of operators) {
      for (const negated of [false, true]) {
        if (policy.see.get(column) === 'clear') continue;
        const pinned = policy.findBy.includes(column) && !negated && (operator === 'eq' || operator === 'in');
        const plan = {
          ...planOf('order_no=eq.x'),
          filters: [
            ...planOf('order_no=eq.x').filters,
            { column, operator, values: [operator === 'is' ? 'null' : '1'], negated },
          ],
        };
        const attempt = () => compile('support-agent', plan);
        if (pinned) t.doesNotThrow(attempt, `${column} ${operator}`);
        else t.throws(attempt, /filter|exist/, `${column} ${negated ? 'not.' : ''}${operator}`);
        for (const combine of ['and', 'or'] as const) {
          const groups = [
            { combine, negated, members: [{ combine, negated: false, members: plan.filters }] },
          ];
          t.throws(
            () => compile('support-agent', { ...planOf('order_no=eq.x'), groups }),
            /filter|exist/,
            `${column} ${operator} in a tree of ${combine}`,
          );
        }
      }
    }
  }
});

void t.test('a look-up counts each value of a masked column, and none of a column in clear', async (t) => {
  t.equal(compile('support-agent', planOf('receiver_phone=in.(1,2,3)')).lookups, 3);
  t.equal(compile('support-agent', planOf('order_no=in.(1,2,3)')).lookups, 0);
});

void t.test('an exact count cannot be steered by a personal column', async (t) => {
  // order_no is no find_by column of the warehouse, so there it is a filter over a personal column in clear.
  t.throws(() => compile('warehouse', { ...planOf('order_no=eq.x'), count: true }), {
    code: 'count-refused',
  });
  t.throws(() => compile('warehouse', { ...planOf('or=(order_no.eq.x,status.eq.y)'), count: true }), {
    code: 'count-refused',
  });
  t.doesNotThrow(() => compile('warehouse', { ...planOf('status=eq.to_ship'), count: true }));
  t.doesNotThrow(() => compile('support-agent', { ...planOf('order_no=eq.x&status=eq.paid'), count: true }));
});

void t.test('the row filter needs its claim, and takes no other member of the token for it', async (t) => {
  const policy = set.roles.get('support-agent')!.tables.get('orders')!;
  for (const lacking of [
    {},
    { Region: '华东' },
    Object.create({ region: '华东' }) as Record<string, string>,
  ]) {
    t.throws(() => compileStatement(policy, orders, planOf('order_no=eq.x'), 50, lacking), {
      code: 'claim-required',
    });
  }
});

void t.test('more values than a pin may hold are refused', async (t) => {
  const list = (n: number) => Array.from({ length: n }, (_, i) => i).join(',');
  t.doesNotThrow(() => compile('support-agent', planOf(`receiver_phone=in.(${list(20)})`)));
  t.throws(() => compile('support-agent', planOf(`receiver_phone=in.(${list(21)})`)), {
    code: 'filter-refused',
  });
});

void t.test('a column that is filtered twice stands once in what counts', async (t) => {
  const range = planOf('order_id=gte.5&order_id=lt.9');
  for (const statement of [
    compile('analyst', { ...range, count: true }).count,
    compile('support-agent', { ...planOf('order_no=eq.x&order_id=gte.5&order_id=lt.9'), overflow: 'refuse' })
      .probe,
  ]) {
    t.equal(
      statement?.text.match(/"order_id"(?= AS|,)/g)?.filter((_, i) => i < 9).length,
      2,
      'once as itself, once as the record key',
    );
  }
});

void t.test(
  'an address that is only shown is masked on output; one that is also ordered by, in SQL',
  async (t) => {
    const query = 'select=order_no,address&order_no=eq.A';
    const shown = compile('support-agent', planOf(query));
    t.same(
      shown.outputMasks.map(({ at }) => at),
      [1],
    );
    t.ok(shown.text.length < 1_000);
    t.equal(shown.outputMasks[0]!.apply('浙江省杭州市西湖区文三路12号'), '浙江省杭州市西湖区***');
    const ordered = compile('support-agent', planOf(`${query}&order=address.asc`));
    t.same(ordered.outputMasks, []);
    t.match(ordered.text, /jsonb/);
  },
);

void t.test('a value for a column of fixed length is not cut to one letter', async (t) => {
  const fixed = { ...orders, columns: new Map(orders.columns) };
  fixed.columns.set('status', { ...orders.columns.get('status')!, type: 'character(3)' });
  const policy = set.roles.get('analyst')!.tables.get('orders')!;
  for (const [query, type] of [
    ['status=eq.abc', 'bpchar'],
    ['status=like.ab*', 'bpchar'],
    ['status=in.(abc)', 'bpchar[]'],
  ] as const) {
    const { text } = compileStatement(policy, fixed, planOf(query), 50, {});
    t.ok(text.includes(`$1::${type})`), text);
  }
});

void t.test('no cast of a column in clear raises on any value that its type holds', async (t) => {
  const { url } = await freshDatabase(t);
  await withClient(url, async (client) => {
    const extremes: Readonly<Record<string, readonly string[]>> = {
      smallint: ['-32768', '32767'],
      integer: ['-2147483648', '2147483647'],
      bigint: ['-9223372036854775808', '9223372036854775807'],
      numeric: ['NaN', '1e1000', 'Infinity', '-1e-1000'],
      'numeric(10,2)': ['-99999999.99', 'NaN'],
      'numeric(300,299)': ['9.9', '1e-299'],
      real: ['NaN', '-Infinity', '3.4e38', '1.2e-38'],
      'double precision': ['NaN', '-Infinity', '1.7e308', '2.3e-308'],
      text: ['', 'x', '华'],
      'character varying(5)': ['', 'x'],
      'character(3)': ['', 'x'],
      boolean: ['true', 'false'],
      uuid: ['00000000-0000-0000-0000-000000000000'],
      date: ['infinity', '-infinity', '4713-01-01 BC', '5874897-12-31'],
      'timestamp with time zone': ['infinity', '-infinity', '4713-01-01 BC', '294276-12-31 23:59:59+00'],
      'timestamp without time zone': ['infinity', '-infinity', '4713-01-01 BC', '294276-12-31 23:59:59'],
      json: ['{}', 'null', '1e999'],
      jsonb: ['{}', 'null', '[1]'],
    };
    await client.query("SET TimeZone TO 'UTC'");
    for (const [type, values] of Object.entries(extremes)) {
      t.ok(castsOf(type).length > 0, type);
      for (const target of castsOf(type)) {
        t.equal(castTo(type, target.toUpperCase()), target);
        for (const value of values) {
          await t.resolves(
            client.query(`SELECT to_json($1::${type}::${target}), $1::${type}::${target}::text`, [value]),
            `${type} to ${target}`,
          );
        }
      }
    }
  });
  for (const [type, target] of [
    ['text', 'integer'],
    ['numeric', 'float8'],
    ['bigint', 'int'],
    ['date', 'timestamp'],
    ['text', 'regclass'],
    ['text', 'constructor'],
    ['constructor', 'text'],
  ] as const)
    t.equal(castTo(type, target), undefined, `${type} to ${target}`);
});
