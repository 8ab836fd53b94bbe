/** A statement from the cache is the one that compiling anew would have given, values and refusals included. */
import fc from 'fast-check';
import t from 'tap';
import type { Embedding, Filter, FilterGroup, FilterOperator, ReadPlan, Selected } from '../../src/access.js';
import { WeirError } from '../../src/errors.js';
import { loadPolicies } from '../../src/policy/load.js';
import type { LiveTable } from '../../src/sql/schema.js';
import { StatementCache } from '../../src/sql/statement-cache.js';
import { compileStatement, type Statement } from '../../src/sql/statement.js';
import { policiesDirectory } from '../support/gateway.js';

const types = {
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
};
const liveOrders = (): LiveTable => ({
  schema: 'shop',
  table: 'orders',
  uniqueColumns: new Set(['order_id', 'order_no']),
  columns: new Map(
    Object.entries(types).map(([name, type]) => [name, { name, type, indexed: true, nullable: false }]),
  ),
});
const orders = liveOrders();
const { set } = await loadPolicies(policiesDirectory);
const tableOf = (role: string) => set.roles.get(role)!.tables.get('orders')!;

const column = fc.constantFrom('order_id', 'order_no', 'status', 'receiver_phone', 'receiver_name', 'remark');
const value = fc.constantFrom('1', '2', 'x', 'null', 'true', '');
const filter: fc.Arbitrary<Filter> = fc.record({
  column,
  operator: fc.constantFrom<FilterOperator>(
    ...(['eq', 'neq', 'gt', 'gte', 'lt', 'lte', 'in', 'is', 'like', 'ilike', 'isdistinct'] as const),
  ),
  values: fc.oneof(fc.array(value, { minLength: 1, maxLength: 3 }), fc.constant(Array<string>(21).fill('1'))),
  negated: fc.boolean(),
});
const { group } = fc.letrec<{ group: FilterGroup; member: Filter | FilterGroup }>((tie) => ({
  member: fc.oneof({ maxDepth: 2 }, filter, tie('group')),
  group: fc.record({
    combine: fc.constantFrom('and' as const, 'or' as const),
    negated: fc.boolean(),
    members: fc.array(tie('member'), { minLength: 1, maxLength: 3 }),
  }),
}));
const selected: fc.Arbitrary<Selected> = fc.record({
  column,
  as: fc.constantFrom(undefined, undefined, 'a', 'b', 'c'),
  cast: fc.constantFrom(...Array<undefined>(8).fill(undefined), 'text', 'int8'),
});
const plan: fc.Arbitrary<ReadPlan> = fc.record({
  table: fc.constant('orders'),
  select: fc.option(fc.array(selected, { minLength: 1, maxLength: 3 }), { nil: undefined }),
  filters: fc.array(filter, { maxLength: 3 }),
  groups: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.tuple(group) }),
  order: fc.array(
    fc.record({
      column,
      descending: fc.boolean(),
      nulls: fc.constantFrom('first' as const, 'last' as const, undefined),
    }),
    { maxLength: 2 },
  ),
  limit: fc.option(fc.constantFrom(1, 2, 50, 51, 1_000), { nil: undefined }),
  offset: fc.constantFrom(0, 1, 7),
  count: fc.boolean(),
  overflow: fc.constantFrom('cut' as const, 'refuse' as const),
  encoding: fc.constantFrom('json' as const, 'text' as const),
});
const perRequest = fc.constantFrom(1, 50, 1_000);
const claims = fc.constantFrom(
  { region: '华东', warehouse: 'HZ1' },
  { region: '华南', warehouse: 'GZ1' },
  {},
);

void t.test('a cached statement is the same as one compiled anew', async (t) => {
  const cache = new StatementCache();
  let compiled = 0;
  const outcome = (make: () => Statement): unknown => {
    try {
      const statement = make();
      compiled++;
      return statement;
    } catch (error) {
      if (error instanceof WeirError) return [error.code, error.message, error.hint];
      throw error;
    }
  };
  fc.assert(
    fc.property(
      fc.constantFrom('support-agent', 'warehouse', 'analyst'),
      plan,
      perRequest,
      claims,
      (role, plan, perRequest, claims) => {
        const policy = tableOf(role);
        const anew = outcome(() => compileStatement(policy, orders, plan, perRequest, claims));
        for (let again = 0; again < 2; again++)
          t.strictSame(
            outcome(() => cache.compile(policy, orders, plan, perRequest, claims)),
            anew,
          );
      },
    ),
    { numRuns: 2_500, seed: 20_261_122 },
  );
  t.ok(compiled > 300, 'many plans compile');
});

/** With a foreign key to orders. */
const related = (table: string, columns: Readonly<Record<string, string>>): LiveTable => ({
  schema: 'shop',
  table,
  uniqueColumns: new Set(),
  columns: new Map(
    Object.entries(columns).map(([name, type]) => [name, { name, type, indexed: true, nullable: false }]),
  ),
  references: [{ name: 'key', columns: ['order_id'], to: 'shop.orders', toColumns: ['order_id'] }],
});
const live = new Map([
  ['shop.orders', orders],
  [
    'shop.order_items',
    related('order_items', { item_id: 'bigint', order_id: 'bigint', title: 'text', quantity: 'integer' }),
  ],
  [
    'shop.shipments',
    related('shipments', { shipment_id: 'bigint', order_id: 'bigint', status: 'text', address: 'text' }),
  ],
]);
const inside: fc.Arbitrary<Embedding> = fc
  .constantFrom(
    ['order_items', ['order_id', 'title', 'title', 'quantity']],
    ['shipments', ['order_id', 'status', 'status', 'address']],
    ['orders', ['order_id']],
  )
  .chain(([table, columns]) => {
    const column = fc.constantFrom<string>(...columns, 'order_id');
    const one = { minLength: 1, maxLength: 1 };
    return fc.record({
      table: fc.constant<string>(table),
      as: fc.constantFrom(undefined, undefined, 'a'),
      hint: fc.constantFrom(...Array<undefined>(6).fill(undefined), 'order_id', 'key', 'other'),
      inner: fc.boolean(),
      select: fc.array(fc.record({ column, as: fc.constantFrom(undefined, 'x', 'y') }), one),
      filters: fc.array(
        fc.record({
          column,
          operator: fc.constantFrom('eq' as const, 'in' as const, 'is' as const),
          values: fc.oneof(
            fc.constant(['null']),
            fc.array(fc.constantFrom('1', '2'), { minLength: 1, maxLength: 2 }),
          ),
          negated: fc.boolean(),
        }),
        { maxLength: 1 },
      ),
      order: fc.array(fc.record({ column, descending: fc.boolean(), nulls: fc.constant(undefined) }), {
        maxLength: 1,
      }),
      limit: fc.constantFrom(undefined, 1, 5_000),
      offset: fc.constantFrom(0, 3),
    });
  });
const nested = fc.oneof(
  { weight: 3, arbitrary: inside },
  {
    weight: 1,
    arbitrary: fc.tuple(inside, inside).map(([outer, inner]) => ({ ...outer, embedded: [inner] })),
  },
);

void t.test('a cached statement with tables inside is the same as one compiled anew', async (t) => {
  const cache = new StatementCache();
  const met = { compiled: 0, refused: 0 };
  const outcome = (make: () => Statement): unknown => {
    try {
      const statement = make();
      met.compiled++;
      return statement;
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      met.refused++;
      return [error.code, error.message, error.hint];
    }
  };
  const embedded = fc.array(nested, { minLength: 1, maxLength: 2 });
  const roles = fc.constantFrom('support-agent', 'analyst', 'warehouse');
  fc.assert(
    fc.property(roles, embedded, perRequest, fc.boolean(), (role, embedded, perRequest, count) => {
      const { tables } = set.roles.get(role)!;
      const policy = tables.get('orders')!;
      const pin = { column: 'order_no', operator: 'eq', values: ['x'], negated: false } as const;
      const filters = role === 'support-agent' ? [pin] : [];
      const plan = { ...byNumber(''), select: [{ column: 'order_id' }], filters, embedded, count };
      const around = { tables, live };
      const { region, warehouse } = { region: '华东', warehouse: 'HZ1' };
      const ask = (compile: typeof compileStatement): unknown =>
        outcome(() => compile(policy, orders, plan, perRequest, { region, warehouse }, around));
      const anew = ask(compileStatement);
      for (let again = 0; again < 2; again++) t.strictSame(ask(cache.compile.bind(cache)), anew);
    }),
    { numRuns: 1_500, seed: 20_261_122 },
  );
  t.ok(met.compiled > 300 && met.refused > 300, `${met.compiled} compiled, ${met.refused} refused`);
});

const byNumber = (orderNo: string, more: Partial<ReadPlan> = {}): ReadPlan => ({
  table: 'orders',
  select: undefined,
  filters: [{ column: 'order_no', operator: 'eq', values: [orderNo], negated: false }],
  order: [],
  limit: undefined,
  offset: 0,
  count: false,
  overflow: 'cut',
  encoding: 'json',
  ...more,
});
const agent = tableOf('support-agent');
const region = { region: '华东' };

void t.test(
  'plans that differ in limit, offset, count, order or encoding alone are told apart',
  async (t) => {
    const cache = new StatementCache();
    const analyst = tableOf('analyst');
    const byStatus = { column: 'status', operator: 'eq', values: ['paid'], negated: false } as const;
    const orderings: ReadPlan['order'][] = [[], [{ column: 'order_id', descending: true, nulls: undefined }]];
    // Twice over, so that every plan is also answered from the cache.
    for (const _time of [1, 2])
      for (const limit of [undefined, 10, 50, 51])
        for (const offset of [0, 5])
          for (const overflow of ['cut', 'refuse'] as const)
            for (const count of [true, false])
              for (const encoding of ['json', 'text'] as const)
                for (const order of orderings) {
                  const filters = [byStatus];
                  const plan = { ...byNumber(''), filters, limit, offset, overflow, count, encoding, order };
                  t.strictSame(
                    cache.compile(analyst, orders, plan, 50, {}),
                    compileStatement(analyst, orders, plan, 50, {}),
                  );
                }
  },
);

void t.test('one text serves every value, and each request brings its own', async (t) => {
  const cache = new StatementCache();
  const first = cache.compile(agent, orders, byNumber('WR1'), 50, region);
  const second = cache.compile(agent, orders, byNumber('WR2'), 50, { region: '华南' });
  t.equal(first.columns, second.columns, 'the shape is compiled once');
  t.same(first.values, ['WR1', '华东', 50]);
  t.same(second.values, ['WR2', '华南', 50]);
});

void t.test('a live schema that was read anew is compiled against', async (t) => {
  const cache = new StatementCache();
  const before = cache.compile(agent, orders, byNumber('WR1'), 50, region);
  const after = cache.compile(agent, liveOrders(), byNumber('WR1'), 50, region);
  t.not(before.columns, after.columns);
});

void t.test('what callers can ask for does not fill the memory', async (t) => {
  const cache = new StatementCache();
  const first = cache.compile(agent, orders, byNumber('WR1'), 50, region);
  const columns = [...agent.see.keys()];
  // Selections in any order: more shapes than are kept.
  for (let n = 0; n < 100; n++) {
    const select = columns.filter((_, at) => ((n + 1) >> at) & 1).map((column) => ({ column }));
    cache.compile(agent, orders, byNumber('WR1', { select }), 50, region);
  }
  const again = cache.compile(agent, orders, byNumber('WR1'), 50, region);
  t.not(first.columns, again.columns, 'the oldest shape has left');
  t.same(again, first);
});
