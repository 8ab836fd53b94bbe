/**
 * What comes inside the rows of another table, from the order database on: written as that table writes it itself,
 * masked where it is masked, whatever the type, the number of columns and the way the two tables are related.
 */
import t, { type Test } from 'tap';
import type { MaskedRows, ReadPlan } from '../../src/access.js';
import { withClient } from '../../src/demo/databases.js';
import { jsonEncoder } from '../../src/doors/rest/json.js';
import { readPlan } from '../../src/doors/rest/query.js';
import type { TablePolicy } from '../../src/policy/model.js';
import { relationsOf, relationTo } from '../../src/sql/foreign-keys.js';
import { OrderDatabase } from '../../src/sql/order-database.js';
import { readSchema } from '../../src/sql/schema.js';
import { compileStatement } from '../../src/sql/statement.js';
import { freshDatabase } from '../support/database.js';

const types = {
  tx: ['text', `'a "b" \\ 华'`],
  empty: ['text', `''`],
  fixed: ['character(4)', `'ab'`],
  small: ['smallint', '-5'],
  big: ['bigint', '9223372036854775807'],
  num: ['numeric', '1.500'],
  nan: ['numeric', `'NaN'`],
  dbl: ['double precision', '0.1'],
  inf: ['real', `'-Infinity'`],
  yes: ['boolean', 'true'],
  no: ['boolean', 'false'],
  id4: ['uuid', `'00000000-0000-0000-0000-00000000000a'`],
  day: ['date', `'2026-02-28'`],
  never: ['date', `'infinity'`],
  at: ['timestamptz', `'2026-02-28T12:00:00.5+08'`],
  local: ['timestamp', `'2026-02-28 12:00'`],
  js: ['json', `'{"a":  1}'`],
  jb: ['jsonb', `'[1, null]'`],
  arr: ['text[]', `'{a,"b,c",NULL}'`],
  span: ['int4range', `'[1,3)'`],
  nothing: ['text', 'NULL'],
} as const;
/** More than one function call of PostgreSQL's takes. */
const many = Array.from({ length: 120 }, (_, i) => `c${i}`);

const columns = { id: 'bigint', parent: 'bigint', ...Object.fromEntries(many.map((name) => [name, 'text'])) };

function policyOf(table: string, see: Readonly<Record<string, string>>, more: Partial<TablePolicy> = {}) {
  const named = (name: string) => ({ name, class: name === 'phone' ? 'phone' : 'none', lookup: [] }) as const;
  const policy: TablePolicy = {
    table: {
      name: table,
      from: { schema: 'x', table },
      record: 'id',
      subject: undefined,
      columns: new Map(Object.keys(see).map((name) => [name, named(name)])),
    },
    browse: true,
    findBy: [],
    only: [],
    see: new Map(Object.entries(see)),
    ...more,
  };
  return policy;
}

const clear = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, 'clear']));
const policies = [
  policyOf('top', { id: 'clear', boss: 'clear', deputy: 'clear' }),
  policyOf('wide', clear(Object.keys(columns))),
  policyOf('kinds', { ...clear(['id', 'parent', ...Object.keys(types)]), phone: 'last4' }),
  policyOf('card', clear(['id', 'parent'])),
  policyOf('loose', clear(['id', 'parent'])),
];
const tables = new Map(policies.map((policy) => [policy.table.name, policy]));

async function opened(t: Test) {
  const db = await freshDatabase(t);
  await withClient(db.url, async (client) => {
    await client.query(`
      CREATE SCHEMA x;
      CREATE TABLE x.top (id bigint PRIMARY KEY, boss bigint REFERENCES x.top, deputy bigint REFERENCES x.top);
      CREATE TABLE x.wide (${Object.entries(columns)
        .map(([name, type]) => `${name} ${type}${name === 'id' ? ' PRIMARY KEY' : ''}`)
        .join(', ')}, FOREIGN KEY (parent) REFERENCES x.top);
      CREATE INDEX ON x.wide (parent);
      CREATE TABLE x.kinds (id bigint PRIMARY KEY, parent bigint NOT NULL REFERENCES x.top, phone text, ${Object.entries(
        types,
      )
        .map(([name, [type]]) => `${name} ${type}`)
        .join(', ')});
      CREATE INDEX ON x.kinds (parent);
      CREATE TABLE x.card (id bigint PRIMARY KEY, parent integer UNIQUE REFERENCES x.top);
      CREATE TABLE x.loose (id bigint PRIMARY KEY, parent bigint REFERENCES x.top);
      INSERT INTO x.top VALUES (1, NULL, NULL), (2, 1, 1);
      INSERT INTO x.wide SELECT 1, 1, ${many.map((name) => `'${name}'`).join(', ')};
      INSERT INTO x.kinds SELECT 7, 1, '13812341234', ${Object.values(types)
        .map(([type, value]) => `${value}::${type}`)
        .join(', ')};
      INSERT INTO x.card VALUES (5, 2)`);
  });
  const orders = new OrderDatabase({
    url: db.url,
    poolSize: 2,
    connectTimeoutMs: 2000,
    statementTimeoutMs: 10_000,
    streamTimeoutMs: 10_000,
    onIdleError: () => undefined,
  });
  t.teardown(() => orders.close());
  const live = await readSchema(
    orders.pool,
    policies.map(({ table }) => table.from),
  );
  const around = { tables, live };
  const read = async (table: string, query: string) => {
    const plan: ReadPlan = readPlan(table, query);
    const statement = compileStatement(tables.get(table)!, live.get(`x.${table}`)!, plan, 500, {}, around);
    let chunk: MaskedRows | undefined;
    for await (chunk of orders.read(statement, { signal: new AbortController().signal }));
    const { head, tail, encode } = jsonEncoder(statement.columns);
    return { text: head + encode(chunk!) + tail, chunk: chunk! };
  };
  return { read, around };
}

void t.test('values of every type are written as the table itself writes them', async (t) => {
  const { read } = await opened(t);
  const { text } = await read('kinds', 'select=*');
  const { text: inside, chunk } = await read('top', 'select=kinds(*)&id=eq.1');
  t.equal(inside, `[{"kinds":${text}}]`);
  t.match(inside, '"phone":"****1234"');
  t.notMatch(JSON.stringify(chunk), '13812341234', 'nothing in clear is in what leaves the room');
  t.same(chunk.embedded, [{ table: 'kinds', recordKeys: ['7'], subjectKeys: [null] }]);
  const { text: cast } = await read('top', 'select=kinds(big::text,yes::integer,at::date,n:num)&id=eq.1');
  t.equal(cast, '[{"kinds":[{"big":"9223372036854775807","yes":1,"at":"2026-02-28","n":1.500}]}]');
});

void t.test('a masked column that is ordered by is masked in SQL', async (t) => {
  const { read } = await opened(t);
  const { text } = await read('top', 'select=kinds(phone)&kinds.order=phone&id=eq.1');
  t.equal(text, '[{"kinds":[{"phone":"****1234"}]}]');
});

void t.test('as many columns come as there are', async (t) => {
  const { read } = await opened(t);
  const { text } = await read('top', 'select=wide(*)&id=eq.1');
  const [{ wide }] = JSON.parse(text) as [{ wide: Record<string, string>[] }];
  t.same(wide, [{ id: 1, parent: 1, ...Object.fromEntries(many.map((name) => [name, name])) }]);
});

void t.test('a key that is unique gives an object, one without an index no relation', async (t) => {
  const { read, around } = await opened(t);
  const { text } = await read('top', 'select=id,card(id)&order=id');
  t.equal(text, '[{"id":1,"card":null},\n {"id":2,"card":{"id":5}}]');
  const { text: back } = await read('card', 'select=id,top(id)');
  t.equal(back, '[{"id":5,"top":{"id":2}}]', 'of another width of integer');
  const names = relationsOf(tables.get('top')!, around).map(({ policy }) => policy.table.name);
  t.same(names, ['top', 'top', 'wide', 'kinds', 'card']);
  await t.rejects(read('top', 'select=loose(id)'), { code: 'relation-unknown' });
  t.equal((await read('loose', 'select=top(id)')).text, '[]', 'the other way there is one');
});

void t.test('the catalogue names references that the order database does not declare', async (t) => {
  const { around } = await opened(t);
  const said = (table: string, references: readonly (readonly [string, string])[]) => {
    const policy = tables.get(table)!;
    const changed = { ...policy, table: { ...policy.table, references: new Map(references) } };
    return { tables: new Map(tables).set(table, changed), live: undeclared };
  };
  const undeclared = new Map([...around.live].map(([name, table]) => [name, { ...table, references: [] }]));
  const found = (from: string, world: typeof around) =>
    relationsOf(world.tables.get(from)!, world).map(({ policy, many, up }) => [policy.table.name, many, up]);
  t.same(found('top', { tables, live: undeclared }), []);
  t.same(found('top', said('kinds', [['parent', 'top']])), [['kinds', true, false]]);
  t.same(found('kinds', said('kinds', [['parent', 'top']])), [['top', false, true]]);
  t.same(found('top', said('loose', [['parent', 'top']])), [], 'without an index');
  t.same(found('kinds', said('kinds', [['tx', 'top']])), [], 'of another type');
  const twice = { ...said('kinds', [['parent', 'top']]), live: around.live };
  t.same(found('kinds', twice), [['top', false, true]], 'said and declared is one');
});

void t.test('where there are several relations, a hint says which', async (t) => {
  const { read, around } = await opened(t);
  await t.rejects(read('top', 'select=top(id)'), {
    code: 'query-invalid',
    hint: /top!boss\(…\), top!deputy/,
  });
  t.equal((await read('top', 'select=id,top!boss(id)&id=eq.2')).text, '[{"id":2,"top":{"id":1}}]');
  t.equal((await read('top', 'select=x:top!top_deputy_fkey(id)&id=eq.2')).text, '[{"x":{"id":1}}]');
  await t.rejects(read('top', 'select=top!parent(id)'), { code: 'relation-unknown' });
  const embedding = readPlan('top', 'select=top!boss(id)').embedded![0]!;
  t.match(relationTo(tables.get('top')!, embedding, around), {
    on: [{ from: 'boss', to: 'id' }],
    many: false,
  });
});

void t.test('a column is joined by only where it is seen in clear, on both sides', async (t) => {
  const { around } = await opened(t);
  for (const [table, column] of [
    ['top', 'id'],
    ['kinds', 'parent'],
  ] as const) {
    for (const mask of [undefined, 'last4']) {
      const policy = tables.get(table)!;
      const see = new Map(policy.see);
      if (mask === undefined) see.delete(column);
      else see.set(column, mask);
      const changed = new Map(tables).set(table, { ...policy, see });
      const found = (from: string) =>
        relationsOf(changed.get(from)!, { tables: changed, live: around.live }).map(
          (r) => r.policy.table.name,
        );
      t.notOk(found('top').includes('kinds'), `${table}.${column} ${mask ?? 'hidden'}`);
      t.notOk(found('kinds').includes('top'));
    }
  }
});

void t.test('a count is steered by embedded rows only through columns without personal data', async (t) => {
  const { around } = await opened(t);
  const compile = (query: string) =>
    compileStatement(
      tables.get('top')!,
      around.live.get('x.top')!,
      readPlan('top', query, { count: true }),
      500,
      {},
      {
        ...around,
        tables: new Map(tables).set(
          'kinds',
          policyOf('kinds', { id: 'clear', parent: 'clear', phone: 'clear' }),
        ),
      },
    );
  t.match(compile('select=id,kinds!inner(id)&kinds.id=gt.1').count!.text, /count\(\*\).*EXISTS/);
  t.notMatch(compile('select=id,kinds(phone)&kinds.phone=gt.1').count!.text, /EXISTS/);
  t.throws(() => compile('select=id,kinds!inner(id)&kinds.phone=gt.1'), { code: 'count-refused' });
});
