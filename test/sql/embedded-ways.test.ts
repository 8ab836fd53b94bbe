/**
 * The ways in which tables come inside the rows of others beside a plain foreign key: through a junction table, by keys
 * of several columns, spread, unseen; and how they decide which rows there are and in which order. On a database of
 * its own, each answer against the same question in SQL.
 */
import t, { type Test } from 'tap';
import type { MaskedRows } from '../../src/access.js';
import { withClient } from '../../src/demo/databases.js';
import { csvEncoder } from '../../src/doors/rest/csv.js';
import { jsonEncoder } from '../../src/doors/rest/json.js';
import type { Format } from '../../src/doors/rest/preferences.js';
import { readPlan } from '../../src/doors/rest/query.js';
import type { TablePolicy } from '../../src/policy/model.js';
import { relationsOf } from '../../src/sql/foreign-keys.js';
import { OrderDatabase } from '../../src/sql/order-database.js';
import { readSchema } from '../../src/sql/schema.js';
import { compileStatement } from '../../src/sql/statement.js';
import { freshDatabase } from '../support/database.js';

const personal: Readonly<Record<string, 'phone' | 'name'>> = { phone: 'phone', owner: 'name' };

function policyOf(table: string, see: Readonly<Record<string, string>>, more: Partial<TablePolicy> = {}) {
  const policy: TablePolicy = {
    table: {
      name: table,
      from: { schema: 'x', table },
      record: 'id',
      subject: undefined,
      columns: new Map(
        Object.keys(see).map((name) => [name, { name, class: personal[name] ?? 'none', lookup: [] }]),
      ),
    },
    browse: true,
    findBy: [],
    only: [],
    see: new Map(Object.entries(see)),
    ...more,
  };
  return [table, policy] as const;
}

const clear = (names: string) => Object.fromEntries(names.split(' ').map((name) => [name, 'clear']));
const tables = new Map<string, TablePolicy>([
  policyOf('item', { ...clear('id title house shelf_no maker data labels'), owner: 'surname' }),
  policyOf('shelf', clear('id house no note')),
  policyOf('maker', { ...clear('id name country phone'), owner: 'surname' }),
  policyOf('tag', { ...clear('id word phone'), owner: 'surname' }),
  policyOf('item_tag', clear('id item tag since')),
]);

const shop = `
  CREATE SCHEMA x;
  CREATE TABLE x.maker (id bigint PRIMARY KEY, name text, country text, phone text, owner text);
  CREATE TABLE x.shelf (id bigint PRIMARY KEY, house text NOT NULL, no integer NOT NULL, note text, UNIQUE (house, no));
  CREATE TABLE x.item (id bigint PRIMARY KEY, title text, house text, shelf_no integer, maker bigint REFERENCES x.maker,
    data jsonb, labels text[], owner text, FOREIGN KEY (house, shelf_no) REFERENCES x.shelf (house, no));
  CREATE INDEX ON x.item (house, shelf_no); CREATE INDEX ON x.item (maker);
  CREATE TABLE x.tag (id bigint PRIMARY KEY, word text, phone text, owner text);
  CREATE TABLE x.item_tag (id bigint PRIMARY KEY, item bigint NOT NULL CONSTRAINT tagged_item REFERENCES x.item,
    tag bigint NOT NULL REFERENCES x.tag, since date, UNIQUE (item, tag));
  CREATE INDEX ON x.item_tag (tag);
  INSERT INTO x.maker VALUES (1, 'Ada', 'UK', '13812341234', '欧阳锋'), (2, 'Bo', 'CN', '13912349999', '张三');
  INSERT INTO x.shelf VALUES (10, 'A', 1, 'low'), (11, 'A', 2, NULL), (12, 'B', 1, 'high');
  INSERT INTO x.item VALUES
    (1, 'cup', 'A', 1, 1, '{"w": 5, "a": {"b": ["x", null]}}', '{red,big}', '李四'),
    (2, 'pen', 'B', 1, 2, '{"w": 12, "a": null}', '{"a,b"}', '王五'),
    (3, 'mat', 'A', NULL, 1, '{"w": 7}', '{}', '赵六'),
    (4, 'box', NULL, NULL, NULL, NULL, NULL, NULL);
  INSERT INTO x.tag VALUES (1, 'new', '13812341234', '欧阳锋'), (2, 'hot', '13912349999', '张三'), (3, 'old', NULL, NULL);
  INSERT INTO x.item_tag VALUES (100, 1, 1, '2026-01-01'), (101, 1, 2, '2026-01-02'), (102, 2, 2, '2026-01-03')`;

interface Options {
  readonly format?: Format;
  readonly count?: boolean;
  readonly tables?: ReadonlyMap<string, TablePolicy>;
}

async function opened(t: Test) {
  const db = await freshDatabase(t);
  await withClient(db.url, async (client) => client.query(shop));
  const orders = new OrderDatabase({
    url: db.url,
    poolSize: 2,
    connectTimeoutMs: 2000,
    statementTimeoutMs: 10_000,
    streamTimeoutMs: 10_000,
    onIdleError: () => undefined,
  });
  t.teardown(() => orders.close());
  const all = [...tables.values()].map(({ table }) => table.from);
  const live = await readSchema(orders.pool, all);
  const compile = (table: string, query: string, { format = 'json', count, tables: seen }: Options = {}) => {
    const plan = readPlan(table, encodeURI(query), { format, count: count === true });
    const around = { tables: seen ?? tables, live };
    return compileStatement(around.tables.get(table)!, live.get(`x.${table}`)!, plan, 500, {}, around);
  };
  const read = async (table: string, query: string, options: Options = {}) => {
    const statement = compile(table, query, options);
    let chunk: MaskedRows | undefined;
    for await (chunk of orders.read(statement, { signal: new AbortController().signal }));
    const { format = 'json' } = options;
    const encoder =
      format === 'csv'
        ? csvEncoder(statement.columns)
        : jsonEncoder(statement.columns, format === 'stripped');
    const text = encoder.head + encoder.encode(chunk!) + encoder.tail;
    return { text, statement, chunk: chunk! };
  };
  const rows = async (table: string, query: string, options: Options = {}) =>
    JSON.parse((await read(table, query, options)).text) as Record<string, unknown>[];
  const refused = async (table: string, query: string, error: object, options: Options = {}) => {
    try {
      compile(table, query, options);
      t.fail(`not refused: ${query}`);
    } catch (thrown) {
      t.match(thrown, error, query);
    }
  };
  return { read, rows, refused, compile, orders, live };
}

const withTable = (name: string, change: (policy: TablePolicy) => Partial<TablePolicy>) => {
  const policy = tables.get(name)!;
  return new Map(tables).set(name, { ...policy, ...change(policy) });
};
const hiding = (name: string, column: string) =>
  withTable(name, ({ see }) => ({ see: new Map([...see].filter(([seen]) => seen !== column)) }));

void t.test('many to many comes in one step, and both tables are accounted for', async (t) => {
  const { read, rows } = await opened(t);
  const { text, chunk, statement } = await read(
    'item',
    'select=title,tag(word,owner)&tag.order=word&order=id',
  );
  t.same(JSON.parse(text), [
    {
      title: 'cup',
      tag: [
        { word: 'hot', owner: '张**' },
        { word: 'new', owner: '欧阳**' },
      ],
    },
    { title: 'pen', tag: [{ word: 'hot', owner: '张**' }] },
    { title: 'mat', tag: [] },
    { title: 'box', tag: [] },
  ]);
  t.same(chunk.embedded, [
    { table: 'item_tag', recordKeys: ['101', '100', '102'], subjectKeys: [null, null, null] },
    { table: 'tag', recordKeys: ['2', '1', '2'], subjectKeys: [null, null, null] },
  ]);
  t.match(statement.embedded!.flat, [
    { table: 'item_tag', personal: false, columns: [] },
    { table: 'tag', personal: true },
  ]);
  t.equal(
    statement.normalised,
    'item?select=title,item_tag(...tag!inner(word,owner))&order=id&tag.order=word',
  );
  t.same(await rows('tag', 'select=word,item(title)&order=id&item.order=id.desc&item.limit=1'), [
    { word: 'new', item: [{ title: 'cup' }] },
    { word: 'hot', item: [{ title: 'pen' }] },
    { word: 'old', item: [] },
  ]);
  const hot = 'title,t:tag!inner(word)&t.word=eq.hot&order=id';
  const expected = [
    { title: 'cup', t: [{ word: 'hot' }] },
    { title: 'pen', t: [{ word: 'hot' }] },
  ];
  for (const hint of ['', '!item_tag', '!tagged_item', '!item_tag_tag_fkey', '!item', '!tag'])
    t.same(await rows('item', `select=${hot.replace('tag!inner', `tag${hint}!inner`)}`), expected, hint);
  t.same(await rows('item', 'select=id,tag(word)&tag.word=eq.hot&tag.offset=0&id=lt.4&order=id'), [
    { id: 1, tag: [{ word: 'hot' }] },
    { id: 2, tag: [{ word: 'hot' }] },
    { id: 3, tag: [] },
  ]);
  t.same(await rows('maker', 'select=name,item(title,tag(word))&id=eq.2'), [
    { name: 'Bo', item: [{ title: 'pen', tag: [{ word: 'hot' }] }] },
  ]);
});

void t.test('a junction that the role does not see, or not its keys, relates nothing', async (t) => {
  const { refused, live } = await opened(t);
  const unknown = { code: 'relation-unknown', message: 'item has no such relation' };
  const without = new Map([...tables].filter(([name]) => name !== 'item_tag'));
  await refused('item', 'select=tag(word)', unknown, { tables: without });
  await refused('item', 'select=tag!item_tag(word)', unknown, { tables: without });
  for (const [table, column] of [
    ['item_tag', 'item'],
    ['item_tag', 'tag'],
    ['item', 'id'],
    ['tag', 'id'],
  ] as const)
    await refused('item', 'select=tag(word)', unknown, { tables: hiding(table, column) });
  await refused(
    'item',
    'select=nothing(word)',
    { ...unknown, hint: 'it embeds shelf, maker' },
    { tables: without },
  );
  const loose = new Map(live);
  const junction = live.get('x.item_tag')!;
  loose.set('x.item_tag', {
    ...junction,
    indexes: junction.indexes!.map(({ columns }) => ({ columns, unique: false })),
  });
  const names = (around: typeof live) =>
    relationsOf(tables.get('item')!, { tables, live: around }).map(({ policy }) => policy.table.name);
  t.same(names(live), ['shelf', 'maker', 'item_tag', 'tag']);
  t.same(names(loose), ['shelf', 'maker', 'item_tag'], 'a junction is unique by both keys');
});

void t.test('the row filter and the pins of the junction table hold', async (t) => {
  const { rows, refused } = await opened(t);
  const only = withTable('item_tag', () => ({
    only: [{ column: 'since', value: { literal: '2026-01-02' } }],
  }));
  t.same(await rows('item', 'select=id,tag(word)&id=lt.3&order=id', { tables: only }), [
    { id: 1, tag: [{ word: 'hot' }] },
    { id: 2, tag: [] },
  ]);
  t.same(await rows('item', 'select=id,tag!inner()&order=id', { tables: only }), [{ id: 1 }]);
  const pinned = withTable('item_tag', () => ({ browse: false, findBy: ['since'] }));
  await refused('item', 'select=id,tag(word)', { code: 'pin-required' }, { tables: pinned });
  const far = withTable('tag', () => ({ browse: false, findBy: ['word'] }));
  await refused('item', 'select=id,tag(word)', { code: 'pin-required' }, { tables: far });
});

void t.test('a key of several columns relates two tables', async (t) => {
  const { rows, refused } = await opened(t);
  t.same(await rows('item', 'select=id,shelf(note)&order=id'), [
    { id: 1, shelf: { note: 'low' } },
    { id: 2, shelf: { note: 'high' } },
    { id: 3, shelf: null },
    { id: 4, shelf: null },
  ]);
  t.same(await rows('shelf', 'select=id,item!item_house_shelf_no_fkey(title)&order=id'), [
    { id: 10, item: [{ title: 'cup' }] },
    { id: 11, item: [] },
    { id: 12, item: [{ title: 'pen' }] },
  ]);
  for (const [table, column] of [
    ['item', 'shelf_no'],
    ['shelf', 'house'],
  ] as const)
    await refused(
      'item',
      'select=shelf(id)',
      { code: 'relation-unknown' },
      { tables: hiding(table, column) },
    );
});

void t.test('who has none, and who has some, as conditions of their own and in trees', async (t) => {
  const { rows, compile } = await opened(t);
  const ids = async (query: string) => (await rows('item', `${query}&order=id`)).map(({ id }) => id);
  t.same(await ids('select=id,tag()&tag=is.null'), [3, 4]);
  t.same(await ids('select=id,tag()&tag=not.is.null'), [1, 2]);
  t.same(await ids('select=id,m:maker(name)&m=is.null'), [4]);
  t.same(await ids('select=id,maker()&maker.country=eq.CN&maker=is.null'), [1, 3, 4]);
  t.same(await ids('select=id,tag(),shelf()&or=(tag.is.null,shelf.is.null)'), [3, 4]);
  t.same(
    await ids(
      'select=id,tag(),maker()&tag.word=eq.new&maker.country=eq.CN&or=(tag.not.is.null,maker.not.is.null)',
    ),
    [1, 2],
  );
  t.same(await ids('select=id,tag(),maker()&not.or=(tag.is.null,maker.is.null)'), [1, 2]);
  t.same(await rows('maker', 'select=id,item(id,tag())&item.tag=is.null&order=id'), [
    { id: 1, item: [{ id: 3 }] },
    { id: 2, item: [] },
  ]);
  const { count, probe } = compile('item', 'select=id,tag()&tag=is.null', { count: true });
  t.match(count!.text, /^SELECT count\(\*\).*NOT EXISTS/);
  t.equal(probe, undefined);
  t.equal(
    compile('item', 'select=id,tag(word)&or=(tag.is.null,id.gt.1)').normalised,
    'item?select=id,item_tag(...tag!inner(word))&or(tag.is.null,id.gt)',
  );
});

void t.test('what decides unseen is never about a person', async (t) => {
  const { refused, rows } = await opened(t);
  const error = { code: 'filter-refused', message: /phone holds personal data, and would decide/ };
  const phone = 'maker.phone=eq.13812341234';
  await refused('item', `select=id,maker()&${phone}&maker=not.is.null`, error);
  await refused('item', `select=id,maker(name)&${phone}&maker=is.null`, error);
  await refused('item', `select=id,maker(name)&${phone}&or=(maker.is.null,id.eq.1)`, error);
  await refused('item', `select=id,maker!inner(name)&${phone}&maker.limit=0`, error);
  await refused('item', `select=id,maker!inner(name)&${phone}&maker.offset=1`, error);
  await refused('item', 'select=id,tag!inner()&tag.phone=eq.13812341234', error);
  await refused('item', 'select=id,maker()&order=maker(phone)', error);
  await refused('item', 'select=id,maker(name)&maker.limit=0&order=maker(phone)', error);
  await refused('tag', 'select=id,item!inner(maker!inner())&item.maker.phone=eq.1', error);
  await refused('tag', 'select=id,item!inner(maker(name))&item.maker.phone=eq.1&item.maker=is.null', error);
  t.same(await rows('item', `select=id,maker!inner(name)&${phone}&order=id`), [
    { id: 1, maker: { name: 'Ada' } },
    { id: 3, maker: { name: 'Ada' } },
  ]);
  t.same(await rows('item', 'select=id,maker(name)&order=maker(phone).desc.nullslast,id&limit=1'), [
    { id: 2, maker: { name: 'Bo' } },
  ]);
  await refused('item', `select=id,maker!inner(name)&${phone}`, { code: 'count-refused' }, { count: true });
  for (const query of [
    'select=id,maker!inner(name)&maker.owner=eq.x',
    'select=id,maker()&maker.owner=gt.x&maker=is.null',
    'select=id,tag()&tag.or=(owner.eq.x)&tag=is.null',
    'select=id,maker!inner(name)&maker.phone=like.138*',
  ])
    await refused('item', query, { code: 'filter-refused' });
  await refused('item', 'select=id,maker()&maker.nothing=eq.x&maker=is.null', { code: 'column-unknown' });
});

void t.test('rows are ordered by a column of the one row that they embed', async (t) => {
  const { rows, refused, read } = await opened(t);
  const ids = async (query: string) => (await rows('item', query)).map(({ id }) => id);
  t.same(await ids('select=id,maker(name)&order=maker(name).desc.nullslast,id.desc'), [2, 3, 1, 4]);
  t.same(await ids('select=id,m:maker()&order=m(country).nullsfirst,id'), [4, 2, 1, 3]);
  t.same(await ids('select=id,shelf()&order=shelf(note).desc.nullslast,id&shelf.note=eq.low'), [1, 2, 3, 4]);
  t.same(
    await ids('select=id,maker(owner)&order=maker(owner).nullslast,id&limit=1'),
    [2],
    'by what is shown of it',
  );
  t.notMatch((await read('item', 'select=maker(owner)&order=maker(owner)')).text, /锋|三/);
  t.same(await rows('shelf', 'select=id,item(id,maker(name))&item.order=maker(name).desc&id=eq.12'), [
    { id: 12, item: [{ id: 2, maker: { name: 'Bo' } }] },
  ]);
  await refused('item', 'select=id,tag(word)&order=tag(word)', { postgrest: 'PGRST118' });
  await refused('shelf', 'select=id,item(id)&order=item(id)', { postgrest: 'PGRST118' });
  await refused('item', 'select=id,maker(name)&order=maker(nothing)', { code: 'column-unknown' });
  const scrubbed = withTable('maker', ({ see }) => ({ see: new Map(see).set('name', 'scrub') }));
  await refused(
    'item',
    'select=id,maker(id)&order=maker(name)',
    { code: 'filter-refused' },
    { tables: scrubbed },
  );
});

void t.test('what a row has one of is spread among its own columns', async (t) => {
  const { rows, refused, read } = await opened(t);
  const { text, chunk } = await read('item', 'select=id,...maker(name,owner)&order=id');
  t.equal(
    text,
    '[{"id":1,"name":"Ada","owner":"欧阳**"},\n {"id":2,"name":"Bo","owner":"张**"},\n {"id":3,"name":"Ada","owner":"欧阳**"},\n {"id":4,"name":null,"owner":null}]',
  );
  t.match(chunk.embedded, [{ table: 'maker', recordKeys: ['1', '2', '1'] }]);
  const csv = await read('item', 'select=id,...maker!inner(by:name),...shelf(note)&order=id', {
    format: 'csv',
  });
  t.equal(csv.text, 'id,by,note\r\n1,Ada,low\r\n2,Bo,high\r\n3,Ada,\r\n');
  t.equal((await read('item', 'select=id,maker()&maker=is.null', { format: 'csv' })).text, 'id\r\n4\r\n');
  t.same(
    await rows(
      'tag',
      'select=word,item_tag(since,...item(title,...maker(name)))&item_tag.order=since&id=eq.2',
    ),
    [
      {
        word: 'hot',
        item_tag: [
          { since: '2026-01-02', title: 'cup', name: 'Ada' },
          { since: '2026-01-03', title: 'pen', name: 'Bo' },
        ],
      },
    ],
  );
  t.same(await rows('item', 'select=id,...maker(name,item(id))&order=id&id=in.(2,4)'), [
    { id: 2, name: 'Bo', item: [{ id: 2 }] },
    { id: 4, name: null, item: null },
  ]);
  await refused('item', 'select=id,...tag(word)', { postgrest: 'PGRST119' });
  await refused('item', 'select=id,...maker(id)', { code: 'query-invalid', message: /one name/ });
});

void t.test('below jsonb, lists of patterns, sets, and every column beside others', async (t) => {
  const { rows, refused, read } = await opened(t);
  const ids = async (query: string) => (await rows('item', `select=id&${query}`)).map(({ id }) => id);
  t.same(await rows('item', 'select=id,data->w,b:data->a->b->>0,data->>a&id=eq.1'), [
    { id: 1, w: 5, b: 'x', a: '{"b": ["x", null]}' },
  ]);
  t.same(await ids('data->w=gt.6&order=data->w.desc'), [2, 3]);
  t.same(await ids('data->>w=eq.5'), [1]);
  t.same(await ids('data->>w=like(any).{1*,7}&order=id'), [2, 3]);
  t.same(await ids('or=(data->a->>b.not.is.null,title.like(any).{m*,x*})&order=id'), [1, 3]);
  t.same(await ids('data=cs.{"a":{"b":["x"]}}'), [1]);
  t.same(await ids('data=cd.{"w":7,"z":1}'), [3]);
  t.same(await ids('labels=cs.{big}'), [1]);
  t.same(await ids('labels=ov.{"a,b",red}&order=id'), [1, 2]);
  t.same(await ids('labels=cd.{red,big,x}&order=id'), [1, 3]);
  t.same(await ids('title=ilike(all).{*C*,*p}'), [1]);
  t.same(await ids('title=eq(any).{cup,box}&order=id'), [1, 4]);
  t.same(await ids('id=gt(all).{1,2}&order=id'), [3, 4]);
  t.same(await ids('id=not.lte(any).{1,2}&order=id'), [3, 4]);
  t.same(await ids('data->w=in.(5,7)&order=id'), [1, 3]);
  for (const [query, error] of [
    ['data->w=gt.x', { code: 'value-invalid' }],
    ['data->w=eq."\\u0000"', { code: 'value-invalid' }],
    ['labels=cs.{a', { code: 'value-invalid' }],
    ['labels=cs.{a,NULL}', { code: 'value-invalid' }],
    ['labels=eq.{a}', { code: 'filter-refused' }],
    ['data=ov.{}', { code: 'filter-refused' }],
    ['title=cs.{a}', { code: 'filter-refused' }],
    ['title->>x=eq.a', { code: 'query-invalid', message: /not of type jsonb/ }],
    ['owner->>x=eq.a', { code: 'filter-refused' }],
    ['id=like(any).{1}', { code: 'filter-refused' }],
    ['order=owner->>x', { code: 'filter-refused' }],
  ] as const)
    await refused('item', query, error);
  await refused('item', 'select=owner->>x', { code: 'query-invalid' });
  await refused('item', 'select=data->>w::integer', { code: 'query-invalid' });
  t.same(await rows('maker', 'select=*,n:name&id=eq.1'), [
    { id: 1, name: 'Ada', country: 'UK', phone: '13812341234', owner: '欧阳**', n: 'Ada' },
  ]);
  const { text } = await read(
    'item',
    'select=id,data,a:data->a,maker(name,item(owner,data->a)),shelf(note)&id=in.(2,3,4)&order=id',
    {
      format: 'stripped',
    },
  );
  t.equal(
    text,
    '[{"id":2,"data":{"w":12},"maker":{"name":"Bo","item":[{"owner":"王**"}]},"shelf":{"note":"high"}},\n {"id":3,"data":{"w":7},"maker":{"name":"Ada","item":[{"owner":"李**","a":{"b":["x",null]}}, {"owner":"赵**"}]}},\n {"id":4}]',
  );
});
