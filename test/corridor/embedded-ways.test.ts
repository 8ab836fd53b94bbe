/** Many to many and spread tables through the whole gateway: every row of every table is on the log, and charged. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import t from 'tap';
import { withClient } from '../../src/demo/databases.js';
import { Digester } from '../../src/log/digest.js';
import { showLog } from '../../src/log/show.js';
import { freshDatabase } from '../support/database.js';
import { withRoles } from './with-roles.js';

const tags = `
  order_tags: { from: shop.order_tags, record: [order_id, tag_id], subject: customer_id, columns: { order_id: none, tag_id: none, customer_id: none } }
  tags: { from: shop.tags, record: tag_id, columns: { tag_id: none, word: none, contact: phone } }
`;
const limits = 'per_request: 50\nlimits: { records: 100 per day }';
const orders =
  'orders: { find_by: [order_no], see: { order_id: clear, order_no: clear, customer_id: clear, status: clear } }';
const far = 'tags: { find_by: [tag_id], see: { tag_id: clear, word: clear, contact: last4 } }';
const junction = 'order_tags: { find_by: [tag_id], see: { order_id: clear, tag_id: clear } }';
const customers =
  'customers: { find_by: [phone], see: { customer_id: clear, name: surname, region: clear, registered_at: clear } }';

const shop = await freshDatabase(t, { template: 'shop' });
const known = await withClient(shop.url, async (client) => {
  await client.query(`
    CREATE TABLE shop.tags (tag_id bigint PRIMARY KEY, word text, contact text);
    CREATE TABLE shop.order_tags (order_id bigint NOT NULL REFERENCES shop.orders,
      tag_id bigint NOT NULL REFERENCES shop.tags, customer_id bigint, PRIMARY KEY (order_id, tag_id));
    CREATE INDEX ON shop.order_tags (tag_id);
    INSERT INTO shop.tags VALUES (1, 'gift', '13812341234'), (2, 'fragile', '13912349999');
    INSERT INTO shop.order_tags SELECT order_id, n, customer_id FROM shop.orders, generate_series(1, 2) AS n WHERE order_id < 20;
    GRANT SELECT ON shop.tags, shop.order_tags TO weir_reader`);
  const { rows } = await client.query<{ order_no: string; order_id: string; customer_id: string }>(
    'SELECT * FROM shop.orders WHERE order_id = 7',
  );
  return rows[0]!;
});
const gateway = await withRoles(
  t,
  {
    agent: `for: people\ntables:\n  ${orders}\n  ${junction}\n  ${far}\n  ${customers}\n${limits}\n`,
    unpaired: `for: people\ntables:\n  ${orders}\n  ${far}\n  ${customers}\n${limits}\n`,
  },
  {
    config: (config) => ({ ...config, orders: { ...config.orders, url: shop.urlFor('weir_reader') } }),
    prepare: async (directory) => {
      const file = path.join(directory, 'catalog.yaml');
      await writeFile(file, (await readFile(file, 'utf8')).trimEnd() + tags);
    },
  },
);
const pin = `order_no=eq.${known.order_no}`;

async function ask(role: string, query: string) {
  const response = await gateway.get(`/rest/${query}`, { role, sub: 'li' });
  const id = response.headers.get('weir-request-id')!;
  const body = (await response.json()) as Record<string, unknown>;
  const [entry] = (await gateway.entries()).filter(({ request }) => request === id);
  return { id, status: response.status, body, entry: entry! };
}

void t.test('a junction’s rows are records of their own, and the other table is charged', async (t) => {
  const query = `orders?select=status,tags(word,contact)&tags.order=tag_id.desc&${pin}`;
  const { body, entry, id } = await ask('agent', query);
  t.match(body, [
    {
      tags: [
        { word: 'fragile', contact: '****9999' },
        { word: 'gift', contact: '****1234' },
      ],
    },
  ]);
  t.match(entry.read, {
    table: 'orders',
    records: 1,
    also: [
      ['order_tags', {}, 2, false],
      ['tags', { word: 'clear', contact: 'last4' }, 2, true],
    ],
  });
  t.match(entry.charge!.amounts, { queries: 1, records: 2 });
  t.match(entry.statement, /^orders\?select=status,order_tags\(\.\.\.tags!inner\(word,contact\)\)/);
  const pool = new pg.Pool({ connectionString: gateway.store.runtimeUrl, max: 1 });
  t.teardown(() => pool.end());
  const digesters = [new Digester(Buffer.alloc(32, 7), gateway.config.log.epoch)];
  for (const [table, key] of [
    ['order_tags', '7,1'],
    ['order_tags', '7,2'],
    ['tags', '2'],
  ] as const) {
    const found = [];
    for await (const { request } of showLog(pool, digesters, { record: { table, key } })) found.push(request);
    t.same(found, [id], `${table}/${key}`);
  }
  t.same(await gateway.faults(), []);
});

void t.test(
  'a role without the junction table is told what it is told of tables that are none',
  async (t) => {
    const told = async (query: string) => {
      const { status, body } = await ask('unpaired', `orders?select=status,${query}&${pin}`);
      return [status, body.type, body.detail, body.hint];
    };
    const unknown = await told('nothing(word)');
    t.same(unknown.slice(0, 2), [400, 'urn:weir:error:relation-unknown']);
    t.same(await told('tags(word)'), unknown);
    t.same(await told('tags!order_tags(word)'), unknown);
    t.same(await told('order_tags(tag_id)'), unknown);
  },
);

void t.test('rows of a table that is spread are on the log and charged as they are inside', async (t) => {
  const { body, entry } = await ask('agent', `orders?select=order_no,...customers(name,region)&${pin}`);
  t.match(body, [{ order_no: known.order_no, name: /\*\*$/, region: /\S/ }]);
  t.match(entry.read, {
    see: { order_no: 'clear' },
    also: [['customers', { name: 'surname', region: 'clear' }, 1, true]],
  });
  t.match(entry.charge!.amounts, { records: 2, people: [1] });
  const silent = await ask('agent', `orders?select=status,customers(),tags()&tags=not.is.null&${pin}`);
  t.same(silent.body, [{ status: (silent.body as unknown as { status: string }[])[0]!.status }]);
  t.notOk('also' in silent.entry.read!, 'nothing of them is shown');
  t.same(await gateway.faults(), []);
});
