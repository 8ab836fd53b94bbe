/** Bodies that the gateway writes, and answers that would tell what stands in them. */
import t from 'tap';
import type { ReleasedColumn } from '../../src/access.js';
import type { FilledValue, RouteFill } from '../../src/policy/model.js';
import { fillBody, planToFill, readGivenBody, repeats, textsIn } from '../../src/services/fill-body.js';

const fillOf = (body: Record<string, FilledValue>, pass: string[] = []): RouteFill => ({
  table: 'orders',
  by: 'order_no',
  body: new Map(Object.entries(body)),
  pass,
});
const column = (name: string, json: ReleasedColumn['json'] = 'string'): ReleasedColumn => ({
  name,
  mask: 'clear',
  json,
});

void t.test('a body is written member by member, each value as the database has it', async (t) => {
  const fill = fillOf(
    {
      'to.phone': { column: 'phone' },
      'to.name': { column: 'name' },
      no: { column: 'order_no' },
      id: { column: 'id' },
      weight: { column: 'weight' },
      gift: { column: 'gift' },
      items: { column: 'items' },
      note: { column: 'note' },
      kind: { value: 'a "quote"' },
    },
    ['from', 'urgent'],
  );
  const given = readGivenBody('{"urgent":true,"order_no":"WR\\u00311","from":null}', fill);
  t.same(given, { key: 'WR11', passed: { urgent: true, from: null } });
  const columns = [
    column('phone'),
    column('name'),
    column('id', 'number'),
    column('weight', 'number'),
    column('gift', 'boolean'),
    column('items', 'verbatim'),
    column('note'),
  ];
  t.same(
    planToFill(fill, given).select?.map((each) => each.column),
    columns.map(({ name }) => name),
    'what the caller gives is not read',
  );
  const row = ['13812341234', '张 "三"', '9007199254740993', 'NaN', 't', '[{"sku": 1}]', null];
  const { text, secrets } = fillBody(
    fill,
    given,
    columns,
    row,
    (name) => name === 'phone' || name === 'note',
  );
  t.equal(
    text,
    '{"urgent":true,"from":null,"to":{"phone":"13812341234","name":"张 \\"三\\""},"no":"WR11",' +
      '"id":9007199254740993,"weight":"NaN","gift":true,"items":[{"sku": 1}],"note":null,"kind":"a \\"quote\\""}',
  );
  t.same(secrets, ['13812341234'], 'what is not there is no secret');
});

void t.test(
  'what the caller has guessed itself is no secret: an answer that echoes it must not tell',
  async (t) => {
    const fill = fillOf({ to: { column: 'phone' } }, ['from']);
    const secretsOf = (from: unknown) =>
      fillBody(fill, { key: 'k', passed: { from } }, [column('phone')], ['13812341234'], () => true).secrets;
    for (const guess of ['13812341234', '13812341235 138-1234-1234', 13812341234])
      t.same(secretsOf(guess), []);
    for (const other of ['13812341235', '8017', '', null, true]) t.same(secretsOf(other), ['13812341234']);
  },
);

void t.test('names that mean something to JavaScript are names like others', async (t) => {
  const fill = fillOf({ '__proto__.constructor': { column: 'phone' }, toString: { value: 'x' } });
  const { text } = fillBody(fill, { key: 'k', passed: {} }, [column('phone')], ['1'], () => true);
  t.equal(text, '{"__proto__":{"constructor":"1"},"toString":"x"}');
  t.throws(() => readGivenBody('{"order_no":"a","__proto__":{"x":1}}', fill), { code: 'field-unknown' });
});

void t.test('an answer that repeats a value is known, however it is spelled', async (t) => {
  for (const [secret, ...told] of [
    [
      '13812341234',
      '13812341234',
      'to 138 1234 1234.',
      '+86-138-1234-1234',
      '１３８１２３４１２３４',
      '008613812341234',
    ],
    ['+86 138 1234 1234', '13812341234'],
    ['浙江省杭州市西湖区文三路90号', '到 浙江省 杭州市西湖区文三路90号 去', '浙江省杭州市西湖区文三路９０号'],
    ['张三', '您好张三先生'],
    ['Li.Na@Example.com', 'mail to li.na@example.COM'],
    ['Bo', 'Dear Bo,', 'bo'],
    ['7', 'no. 7'],
  ] as const)
    for (const text of told) t.ok(repeats(text, ['something else', secret]), `${secret} in ${text}`);
});

void t.test('and what only looks a little like it is not', async (t) => {
  for (const [secret, ...others] of [
    ['13812341234', '13812341235', 'c0ffee13-8123-4bcd', '1234', ''],
    ['Bo', 'about a bobbin'],
    ['7', '17', 'v7x'],
    ['张三', '张*三', '张**'],
    ['', 'anything'],
  ] as const)
    for (const text of others) t.notOk(repeats(text, [secret]), `${secret} not in ${text}`);
  t.notOk(repeats('anything', []));
});

void t.test('texts, numbers and names of members are looked at', async (t) => {
  t.same(textsIn('{"a":["b",1,null,true,{"c":"d"}]}'), ['a', 'b', '1', 'c', 'd']);
});
