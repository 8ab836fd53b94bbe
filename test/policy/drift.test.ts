import { writeFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { withClient } from '../../src/demo/databases.js';
import { likenessOf } from '../../src/policy/looks-personal.js';
import { weir } from '../cli/weir-process.js';
import { gatewayConfig, policiesDirectory } from '../support/gateway.js';

void t.test(
  'the example catalogue says what the demo shop holds, and what is new there is told',
  async (t) => {
    const { config, ordersUrl } = await gatewayConfig(t);
    const cwd = t.testdir({});
    writeFileSync(path.join(cwd, 'weir.yaml'), JSON.stringify(config));
    const drift = (...more: string[]) =>
      weir(['policy', 'drift', '--dir', policiesDirectory, ...more], { cwd });
    t.match(await drift(), { code: 0, out: 'the catalogue says what the order database holds\n' });

    await withClient(ordersUrl, (client) =>
      client.query(`
      CREATE DOMAIN shop.tel AS text;
      ALTER TABLE shop.orders ADD contact text, ADD note text, ADD weight integer, ADD callback shop.tel;
      UPDATE shop.orders SET contact = receiver_phone, callback = receiver_phone, note = receiver_name, weight = order_id % 7;
      UPDATE shop.orders SET status = '请打' || receiver_phone WHERE order_id % 3 = 0;
      UPDATE shop.order_items SET title = '浙江省杭州市西湖区文三路' || item_id || '号' WHERE item_id % 5 = 0;
      DROP INDEX shop.shipments_tracking_no_idx;
      ALTER TABLE shop.orders ALTER receiver_phone_normal DROP EXPRESSION;
      UPDATE shop.orders SET receiver_phone_normal = receiver_phone;
      GRANT SELECT ON shop.orders TO weir_reader`),
    );
    const { code, out } = await drift();
    t.equal(code, 1);
    const told = out.split('\n').map((line) => line.replace(/^.*catalog\.yaml:\d+:\d+ /, ''));
    const like = (dataClass: string) => `\\d+ of \\d+ values look like class ${dataClass}`;
    const expected = [
      `^shop\\.orders has a column contact .*; ${like('phone')} — it stays hidden; to use it, add contact: phone$`,
      `^shop\\.orders has a column callback .*; ${like('phone')} — `,
      `^shop\\.orders has a column note .*; ${like('name')} — `,
      '^shop\\.orders has a column weight that the catalogue does not list — it stays hidden; to use it, add weight: <class>$',
      `^status is of class none, and ${like('free-text')} — write free-text$`,
      `^title is of class none, and ${like('address')} — write address$`,
      '^\\d+ of \\d+ values of receiver_phone_normal are not the normal form of receiver_phone, so that these are not found',
      '^the look-up of tracking_no needs an index on tracking_no, and there is none — ',
    ];
    for (const pattern of expected)
      t.ok(
        told.some((line) => new RegExp(pattern).test(line)),
        pattern,
      );
    t.match(told.at(-2), /^8 findings$/, out);
    t.notMatch(out, /1[3-9]\d{9}|文三路/, 'no value is told');
    const json = (await drift('--json')).out.trim().split('\n');
    t.match(JSON.parse(json[0]!), { file: /catalog\.yaml$/, line: Number, message: String });
  },
);

void t.test('a column that the gateway may not read is told by its name alone', async (t) => {
  const { config, ordersUrl } = await gatewayConfig(t);
  const cwd = t.testdir({ 'weir.yaml': JSON.stringify(config) });
  await withClient(ordersUrl, async (client) => {
    await client.query('REVOKE SELECT ON shop.orders FROM weir_reader');
    await client.query('GRANT SELECT (order_id, status) ON shop.orders TO weir_reader');
    await client.query('ALTER TABLE shop.orders ADD contact text');
    await client.query('UPDATE shop.orders SET contact = receiver_phone');
  });
  const { code, out } = await weir(['policy', 'drift', '--dir', policiesDirectory], { cwd });
  t.match(
    { code, out },
    { code: 1, out: /column contact that the catalogue does not list — [^\n]*\n1 finding\n$/ },
  );
});

void t.test('what looks personal, and what does not', async (t) => {
  const many = (make: (index: number) => string, count = 100) =>
    Array.from({ length: count }, (_, i) => make(i));
  const cases: [string, string[], string | undefined][] = [
    ['mobile numbers', many((i) => `1381234${1000 + i}`), 'phone'],
    ['numbers with blanks and a country code', many((i) => `+86 138 1234 ${1000 + i}`), 'phone'],
    ['land lines', many((i) => `0571-8765${1000 + i}`), 'phone'],
    ['e-mail addresses', many((i) => `a${i}@example.com`), 'email'],
    ['id numbers', many((i) => `33010619900101${1000 + i}`), 'id-number'],
    ['addresses', many((i) => `杭州市西湖区文三路${i}号`), 'address'],
    [
      'names',
      many(
        (i) => `${'王李张刘'[i % 4]}${'伟芳娜敏静强磊洋勇军'[i % 10]}${'明华英平'[Math.floor(i / 10) % 4]}`,
      ),
      'name',
    ],
    ['remarks with numbers in some', many((i) => (i < 5 ? `打138-1234-${1000 + i}` : '放门口')), 'free-text'],
    ['numbers in full-width digits', many((i) => `１３８１２３４${1000 + i}`), 'phone'],
    ['numbers with brackets and points', many((i) => `+86 (138) 1234.${1000 + i}`), 'phone'],
    ['numbers of other countries', many((i) => `+1 415 555 ${1000 + i}`), 'phone'],
    ['land lines with an extension', many((i) => `(0571)8765${1000 + i}转801`), 'phone'],
    ['numbers in lists', many((i) => `{1381234${1000 + i},NULL}`), 'free-text'],
    ['numbers in documents', many((i) => `{"tel":"1381234${1000 + i}"}`), 'free-text'],
    ['land lines in remarks', many((i) => (i < 5 ? `座机0571-8765${1000 + i}` : '放门口')), 'free-text'],
    ['addresses without a city', many((i) => `文三路${i + 1}号3幢2单元601室`), 'address'],
    ['addresses in English', many((i) => `No. ${i + 1} Wensan Road, Xihu District, Hangzhou`), 'address'],
    [
      'names of two characters and more',
      many((i) => `欧阳${'伟芳娜敏静强磊洋勇军'[i % 10]}${'明华英平'[i % 4]}`),
      'name',
    ],
    [
      'names with a dot between',
      many((i) => `阿卜杜拉·${'买艾尔吐热'[i % 5]}${'提力江山古'[Math.floor(i / 5) % 5]}`),
      'name',
    ],
    [
      'names in pinyin',
      many((i) => `${['Wei', 'Fang', 'Na', 'Min'][i % 4]}${'abcdefghij'[i % 10]} WANG`),
      'name',
    ],
    ['names in English', many((i) => `Mary ${'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[i % 26]}. O'Brien`), 'name'],
    ['goods', many((i) => `Blue Shirt ${i}`), undefined],
    ['goods in Chinese', many((i) => `纯棉T恤 ${i}`), undefined],
    ['warehouses', many((i) => ['Hangzhou One', 'Guangzhou Two'][i % 2]!), undefined],
    ['times', many((i) => `2026-11-22 10:${10 + (i % 50)}:00`), undefined],
    ['regions', many((i) => ['华东', '华南', '江北'][i % 3]!), undefined],
    ['order numbers', many((i) => `WR2611220000${100 + i}`), undefined],
    ['amounts', many((i) => `${i}.50`), undefined],
    ['one stray number', many((i) => (i === 0 ? '13812341234' : 'ok')), undefined],
    ['nothing', [], undefined],
  ];
  for (const [title, values, dataClass] of cases) t.equal(likenessOf(values)?.class, dataClass, title);
});
