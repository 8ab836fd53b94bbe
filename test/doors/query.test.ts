import fc from 'fast-check';
import t from 'tap';
import type { ReadPlan } from '../../src/access.js';
import { readPlan, type PlanOptions } from '../../src/doors/rest/query.js';
import { WeirError, type ErrorCode } from '../../src/errors.js';

const plain: ReadPlan = {
  table: 'orders',
  select: undefined,
  filters: [],
  order: [],
  limit: undefined,
  offset: 0,
  count: false,
  overflow: 'cut',
  encoding: 'json',
};
const filter = (column: string, operator: string, values: string[], negated = false) => ({
  column,
  operator,
  values,
  negated,
});

const group = (combine: string, members: object[], negated = false) => ({ combine, negated, members });

const step = (key: string | number, text = false) => ({ key, text });

const inside = (table: string, columns?: string[]) => ({
  table,
  inner: false,
  select: columns?.map((column) => ({ column })),
  filters: [],
  order: [],
  limit: undefined,
  offset: 0,
});

const good: readonly (readonly [query: string, expected: object])[] = [
  ['', {}],
  ['select=*', {}],
  ['&&', {}],
  ['select=order_id,status', { select: [{ column: 'order_id' }, { column: 'status' }] }],
  ['select=nr:order_no', { select: [{ column: 'order_no', as: 'nr' }] }],
  ['select=amount::text', { select: [{ column: 'amount', cast: 'text' }] }],
  [
    'select=%E9%87%91%E9%A2%9D:amount::float8,amount',
    { select: [{ column: 'amount', as: '金额', cast: 'float8' }, { column: 'amount' }] },
  ],
  ['status=like.p*', { filters: [filter('status', 'like', ['p%'])] }],
  ['status=not.ilike.*a_%25', { filters: [filter('status', 'ilike', ['%a_%'], true)] }],
  ['status=like.a%5C%5C', { filters: [filter('status', 'like', ['a\\\\'])] }],
  ['status=isdistinct.paid', { filters: [filter('status', 'isdistinct', ['paid'])] }],
  [
    'or=(status.eq.paid,and(amount.gt.5,remark.not.is.null))',
    {
      groups: [
        group('or', [
          filter('status', 'eq', ['paid']),
          group('and', [filter('amount', 'gt', ['5']), filter('remark', 'is', ['null'], true)]),
        ]),
      ],
    },
  ],
  [
    'not.or=(a.in.("x,y",z),b.eq."q\\"(",not.and(c.like.*w*))',
    {
      groups: [
        group(
          'or',
          [
            filter('a', 'in', ['x,y', 'z']),
            filter('b', 'eq', ['q"(']),
            group('and', [filter('c', 'like', ['%w%'])], true),
          ],
          true,
        ),
      ],
    },
  ],
  ['and=(a.eq.1,and(b.eq.2.5))', { filters: [filter('a', 'eq', ['1']), filter('b', 'eq', ['2.5'])] }],
  [
    'and=(a.eq.,or(b.eq.2,b.eq.3))&c=eq.4',
    {
      filters: [filter('a', 'eq', ['']), filter('c', 'eq', ['4'])],
      groups: [group('or', [filter('b', 'eq', ['2']), filter('b', 'eq', ['3'])])],
    },
  ],
  [
    'order_items.quantity=gt.1&select=order_no,order_items!inner(title)&order_items.or=(sku.eq.a,sku.eq.b)&order_items.order=price.desc&order_items.limit=3&order_items.offset=1',
    {
      select: [{ column: 'order_no' }],
      embedded: [
        {
          ...inside('order_items', ['title']),
          inner: true,
          filters: [filter('quantity', 'gt', ['1'])],
          groups: [group('or', [filter('sku', 'eq', ['a']), filter('sku', 'eq', ['b'])])],
          order: [{ column: 'price', descending: true, nulls: undefined }],
          limit: 3,
          offset: 1,
        },
      ],
    },
  ],
  [
    'select=*,buyer:customers!customer_id(*,latest:orders!left(order_no))&buyer.latest.not.and=(status.eq.x)&buyer.orders.limit=1',
    {
      embedded: [
        {
          ...inside('customers'),
          as: 'buyer',
          hint: 'customer_id',
          embedded: [
            {
              ...inside('orders', ['order_no']),
              as: 'latest',
              groups: [group('and', [filter('status', 'eq', ['x'])], true)],
              limit: 1,
            },
          ],
        },
      ],
    },
  ],
  ['select=order_items(title)', { select: [], embedded: [inside('order_items', ['title'])] }],
  ['select=*,a', { select: [{ column: '*' }, { column: 'a' }] }],
  [
    'select=*,a(b),status',
    { select: [{ column: '*' }, { column: 'status' }], embedded: [inside('a', ['b'])] },
  ],
  [
    'select=name,...customers!inner(buyer:name)',
    {
      select: [{ column: 'name' }],
      embedded: [
        { ...inside('customers'), select: [{ column: 'name', as: 'buyer' }], inner: true, spread: true },
      ],
    },
  ],
  ['select=*,customers()', { embedded: [inside('customers', [])] }],
  ['select=*,customers()&customers=not.is.null', { embedded: [{ ...inside('customers', []), inner: true }] }],
  [
    'select=*,c:customers(name)&c=is.null',
    {
      embedded: [{ ...inside('customers', ['name']), as: 'c' }],
      groups: [group('and', [{ embedded: 0, present: false }])],
    },
  ],
  [
    'select=*,a(x),b(c(y))&or=(a.is.null,b.not.is.null,s.eq.1)&b.or=(c.is.null,z.eq.2)',
    {
      embedded: [
        inside('a', ['x']),
        {
          ...inside('b', []),
          embedded: [inside('c', ['y'])],
          groups: [group('or', [{ embedded: 0, present: false }, filter('z', 'eq', ['2'])])],
        },
      ],
      groups: [
        group('or', [
          { embedded: 0, present: false },
          { embedded: 1, present: true },
          filter('s', 'eq', ['1']),
        ]),
      ],
    },
  ],
  [
    'select=*,a(x),b(y)&order=b(y).desc.nullslast,x&a.order=z',
    {
      embedded: [
        { ...inside('a', ['x']), order: [{ column: 'z', descending: false, nulls: undefined }] },
        inside('b', ['y']),
      ],
      order: [
        { column: 'y', embedded: 1, descending: true, nulls: 'last' },
        { column: 'x', descending: false, nulls: undefined },
      ],
    },
  ],
  [
    'select=data->a->0->>b,n:data->>c::text&data->>a=eq.x&or=(data->-1.gt.5,b.eq.1)&order=data->a.desc',
    {
      select: [
        { column: 'data', path: [step('a'), step(0), step('b', true)], as: 'b' },
        { column: 'data', path: [step('c', true)], as: 'n', cast: 'text' },
      ],
      filters: [{ ...filter('data', 'eq', ['x']), path: [step('a', true)] }],
      groups: [group('or', [{ ...filter('data', 'gt', ['5']), path: [step(-1)] }, filter('b', 'eq', ['1'])])],
      order: [{ column: 'data', path: [step('a')], descending: true, nulls: undefined }],
    },
  ],
  ['select=tags->0', { select: [{ column: 'tags', path: [step(0)], as: 'tags' }] }],
  [
    'status=like(any).{a*,"b,*"}',
    { filters: [{ ...filter('status', 'like', ['a%', 'b,%']), among: 'any' }] },
  ],
  ['status=not.gt(all).{1,2}', { filters: [{ ...filter('status', 'gt', ['1', '2'], true), among: 'all' }] }],
  ['status=eq(any).{a,"}"}', { filters: [filter('status', 'in', ['a', '}'])] }],
  ['status=eq(all).{a}', { filters: [{ ...filter('status', 'eq', ['a']), among: 'all' }] }],
  [
    'tags=cs.{a,"b c"}&data=cd.[1,{"a":"("}]&tags=not.ov.{a}',
    {
      filters: [
        filter('tags', 'cs', ['{a,"b c"}']),
        filter('data', 'cd', ['[1,{"a":"("}]']),
        filter('tags', 'ov', ['{a}'], true),
      ],
    },
  ],
  [
    'or=(tags.cs.{a,"b)"},status.ilike(any).{x*,y},data.cs."{\\"a\\":{}}")',
    {
      groups: [
        group('or', [
          filter('tags', 'cs', ['{a,"b)"}']),
          { ...filter('status', 'ilike', ['x%', 'y']), among: 'any' },
          filter('data', 'cs', ['{"a":{}}']),
        ]),
      ],
    },
  ],
  ['order_no=eq.WR2611220001234', { filters: [filter('order_no', 'eq', ['WR2611220001234'])] }],
  ['status=not.eq.paid', { filters: [filter('status', 'eq', ['paid'], true)] }],
  ['status=neq.paid', { filters: [filter('status', 'neq', ['paid'])] }],
  ['status=eq.', { filters: [filter('status', 'eq', [''])] }],
  ['status=eq.not.eq.x', { filters: [filter('status', 'eq', ['not.eq.x'])] }],
  ['status=eq."quoted"', { filters: [filter('status', 'eq', ['"quoted"'])] }],
  [
    'amount=gt.1.50&amount=lte.99',
    { filters: [filter('amount', 'gt', ['1.50']), filter('amount', 'lte', ['99'])] },
  ],
  ['amount=gte.1&amount=lt.2', { filters: [filter('amount', 'gte', ['1']), filter('amount', 'lt', ['2'])] }],
  ['remark=is.null', { filters: [filter('remark', 'is', ['null'])] }],
  ['remark=is.NULL', { filters: [filter('remark', 'is', ['null'])] }],
  ['remark=not.is.null', { filters: [filter('remark', 'is', ['null'], true)] }],
  ['remark=is.not_null', { filters: [filter('remark', 'is', ['not_null'])] }],
  ['status=in.(paid,shipped)', { filters: [filter('status', 'in', ['paid', 'shipped'])] }],
  ['status=not.in.(paid)', { filters: [filter('status', 'in', ['paid'], true)] }],
  ['status=in.("a,b","c)d",e%20f)', { filters: [filter('status', 'in', ['a,b', 'c)d', 'e f'])] }],
  [
    'status=in.("say \\"hi\\"","back\\\\slash","")',
    { filters: [filter('status', 'in', ['say "hi"', 'back\\slash', ''])] },
  ],
  ['region=eq.%E5%8D%8E%E4%B8%9C', { filters: [filter('region', 'eq', ['华东'])] }],
  ['region=eq.%F0%9F%93%A6', { filters: [filter('region', 'eq', ['📦'])] }],
  ['address=eq.a+b%2Bc', { filters: [filter('address', 'eq', ['a b+c'])] }],
  ['address=eq.a=b', { filters: [filter('address', 'eq', ['a=b'])] }],
  ['order=created_at', { order: [{ column: 'created_at', descending: false, nulls: undefined }] }],
  [
    'order=a.desc.nullslast,b.asc,c.nullsfirst',
    {
      order: [
        { column: 'a', descending: true, nulls: 'last' },
        { column: 'b', descending: false, nulls: undefined },
        { column: 'c', descending: false, nulls: 'first' },
      ],
    },
  ],
  ['limit=0', { limit: 0 }],
  ['limit=2147483647&offset=10', { limit: 2_147_483_647, offset: 10 }],
  [`status=in.(${'x,'.repeat(99)}x)`, { filters: [filter('status', 'in', Array<string>(100).fill('x'))] }],
];

const bad: readonly (readonly [query: string, code: ErrorCode, says: RegExp])[] = [
  ['status=match.^p', 'query-invalid', /status: the operator match is not available/],
  ['status=like.p%5C', 'query-invalid', /ends in a single/],
  ['status=neq(any).{a}', 'query-invalid', /neq takes no such modifier/],
  ['status=like(some).{a}', 'query-invalid', /like takes no such modifier/],
  ['status=like(any).a', 'query-invalid', /list in braces/],
  ['status=like(any).{a', 'query-invalid', /not closed/],
  ['status=like(any).{}', 'query-invalid', /the list is empty/],
  ['status=like(any).{a\\}', 'query-invalid', /ends in a single/],
  ['status=sl.(1,10)', 'query-invalid', /operator sl is not available/],
  ['or=(tags.cs.{a)', 'query-invalid', /braces is not closed/],
  ['data->>a->b=eq.x', 'query-invalid', /below data cannot be followed/],
  ['data->=eq.x', 'query-invalid', /below data cannot be followed/],
  ['select=data->%22x%22', 'query-invalid', /below data cannot be followed/],
  [`select=data${'->a'.repeat(11)}`, 'query-invalid', /below data cannot be followed/],
  ['1data->a=eq.x', 'column-unknown', /does not exist/],
  ['columns=a,b', 'query-invalid', /columns belongs to writes/],
  ['select=a(b)&a=eq.1', 'query-invalid', /is\.null or not\.is\.null only/],
  ['select=a(b)&or=(a.gt.1)', 'query-invalid', /is\.null or not\.is\.null only/],
  ['select=a(b)&order=c(d)', 'query-invalid', /does not embed/],
  ['select=a(b)&order=a(d,e)', 'query-invalid', /names what is no column/],
  ['select=a(b)&order=a(d).desc,a(d)', 'query-invalid', /column d twice/],
  ['select=a(b)&order=a()', 'query-invalid', /empty place/],
  ['select=a(b)&order=a(d)x', 'query-invalid', /names what is no column/],
  ['select=x:...customers(name)', 'query-invalid', /embedded by name/],
  ['select=...x:customers(name)', 'query-invalid', /no name of its own/],
  ['select=amount.sum()', 'query-invalid', /aggregates/],
  ['select=n:amount.avg()', 'query-invalid', /aggregates/],
  ['select=a.f()', 'query-invalid', /functions are not available/],
  ['select=*,*', 'query-invalid', /\* twice/],
  ['or=', 'query-invalid', /parameter or: a list in parentheses/],
  ['or=()', 'query-invalid', /parameter or: a place of the list holds no filter/],
  ['or=(a)', 'query-invalid', /holds no filter/],
  ['or=(a.eq.1', 'query-invalid', /not closed/],
  ['or=(a.eq.1)x', 'query-invalid', /something follows/],
  ['or=(a.eq.1,)', 'query-invalid', /holds no filter/],
  ['or=(a.eq."1"2)', 'query-invalid', /not closed/],
  ['or=(a.eq.(1))', 'query-invalid', /must be quoted/],
  ['or=(a.match.1)', 'query-invalid', /operator match is not available/],
  ['or=(a.nothing.1)', 'query-invalid', /does not begin with an operator/],
  ['or=(13812341234.eq.1)', 'column-unknown', /does not exist/],
  ['or=(__weir_record.eq.1)', 'column-unknown', /does not exist/],
  [`or=${'(or'.repeat(6)}(a.eq.1)${')'.repeat(6)}`, 'query-invalid', /holds no filter|more than 5/],
  [`or=(${'or('.repeat(6)}a.eq.1${')'.repeat(7)}`, 'query-invalid', /more than 5 lists/],
  [`or=(${'a.eq.1,'.repeat(50)}a.eq.1)`, 'query-invalid', /more than 50 filters/],
  ['status=fts(english).x', 'query-invalid', /operator fts is not available/],
  ['status=paid', 'query-invalid', /parameter status does not begin with an operator/],
  ['status=', 'query-invalid', /does not begin with an operator/],
  ['status=not.paid', 'query-invalid', /does not begin with an operator/],
  ['status=not.not.eq.x', 'query-invalid', /does not begin with an operator/],
  ['status=EQ.x', 'query-invalid', /does not begin with an operator/],
  ['status=constructor.x', 'query-invalid', /does not begin with an operator/],
  ['status', 'query-invalid', /parameter status has no value/],
  ['foo=bar', 'query-invalid', /parameter foo does not begin/],
  ['select=', 'query-invalid', /select has an empty place/],
  ['select=a,,b', 'query-invalid', /select has an empty place/],
  ['select=a,a', 'query-invalid', /column a twice/],
  ['select=customers(name', 'query-invalid', /not closed/],
  ['select=customers(name))', 'query-invalid', /too many/],
  ['select=customers(name)x', 'query-invalid', /something follows/],
  ['select=customers!(name)', 'query-invalid', /follows customers!/],
  ['select=customers!a!b(name)', 'query-invalid', /follows customers!/],
  ['select=customers!inner!left(name)', 'query-invalid', /follows customers!/],
  ['select=customers(name,)', 'query-invalid', /empty place/],
  ['select=customers(name),customers(phone)', 'query-invalid', /customers twice/],
  ['select=name:order_no,name:customers(phone)', 'query-invalid', /one name to two/],
  ['select=a%20b:customers(phone)', 'query-invalid', /a new name is/],
  ['select=a(b(c(d(e))))', 'query-invalid', /more than 3 tables/],
  [`select=${Array.from({ length: 11 }, (_, i) => `t${i}(a)`).join(',')}`, 'query-invalid', /more than 10/],
  ['select=13812341234(name)', 'query-invalid', /embedded by name/],
  ['customers.name=eq.x', 'query-invalid', /does not embed/],
  ['select=a(b)&a.c.d=eq.x', 'query-invalid', /does not embed/],
  ['select=x:a(b),y:a(b)&a.b=eq.x', 'query-invalid', /more than once/],
  ['select=x:a(b)&x.limit=1&a.limit=2', 'query-invalid', /limit is given twice/],
  ['select=a(b)&a.limit=x', 'query-invalid', /whole number/],
  ['select=a(b)&a.__weir_record=eq.x', 'column-unknown', /does not exist/],
  ['select=a(b)&a.13812341234=eq.x', 'column-unknown', /does not exist/],
  ['select=count()', 'query-invalid', /aggregates/],
  ['select=a,n:b,n:c', 'query-invalid', /gives one name to two columns/],
  ['select=a:b,a', 'query-invalid', /column a twice/],
  ['select=a%20b:c', 'query-invalid', /a new name is/],
  ['select=__weir_x:c', 'query-invalid', /a new name is/],
  ['select=a::', 'column-unknown', /does not exist/],
  ['select=a::x"y', 'query-invalid', /cast to is none/],
  ['select=a::b::c', 'column-unknown', /does not exist/],
  ['select=a&select=b', 'query-invalid', /parameter select is given twice/],
  ['limit=1&limit=1', 'query-invalid', /parameter limit is given twice/],
  ['offset=1&offset=1', 'query-invalid', /parameter offset is given twice/],
  ['order=a&order=b', 'query-invalid', /parameter order is given twice/],
  ['order=', 'query-invalid', /order has an empty place/],
  ['order=a,', 'query-invalid', /order has an empty place/],
  ['order=a.down', 'query-invalid', /follows the column a/],
  ['order=a.nullslast.desc', 'query-invalid', /follows the column a/],
  ['order=a,a.desc', 'query-invalid', /column a twice/],
  ...['-1', '1e3', '1.5', '0x10', '٣', ' 1', '', '01', '2147483648', '99999999999', 'NaN'].map(
    (text) => [`limit=${encodeURIComponent(text)}`, 'query-invalid', /limit must be a whole number/] as const,
  ),
  ['offset=-1', 'query-invalid', /offset must be a whole number/],
  ['remark=is.empty', 'query-invalid', /is takes null/],
  ['status=in.', 'query-invalid', /list in parentheses/],
  ['status=in.()', 'query-invalid', /the list is empty/],
  ['status=in.(a,)', 'query-invalid', /empty place/],
  ['status=in.(a', 'query-invalid', /not closed/],
  ['status=in.(a)b', 'query-invalid', /something follows/],
  ['status=in.("a', 'query-invalid', /quoted value/],
  ['status=in.("a"b)', 'query-invalid', /not closed/],
  ['status=in.("a\\n")', 'query-invalid', /quoted value/],
  ['status=in.(a"b)', 'query-invalid', /must be quoted/],
  ['status=in.((a))', 'query-invalid', /must be quoted/],
  [`status=in.(${'x,'.repeat(100)}x)`, 'query-invalid', /more than 100 values/],
  [`status=eq.${'x'.repeat(1001)}`, 'query-invalid', /longer than 1000 characters/],
  [`status=in.(a,${'x'.repeat(1001)})`, 'query-invalid', /longer than 1000 characters/],
  ['a=eq.1&'.repeat(51), 'query-invalid', /more than 50 filters/],
  ['a=eq.1&'.repeat(101), 'query-invalid', /more than 100 parameters|more than 50 filters/],
  [
    `order=${Array.from({ length: 21 }, (_, index) => `c${index}`).join(',')}`,
    'query-invalid',
    /more than 20 terms/,
  ],
  ['status=eq.%00', 'query-invalid', /control characters/],
  ['status=eq.%0A', 'query-invalid', /control characters/],
  ['status=eq.%C2%85', 'query-invalid', /control characters/],
  ['st%00atus=eq.x', 'query-invalid', /control characters/],
  [Buffer.from('region=eq.华东').toString('latin1'), 'query-invalid', /not percent-encoded/],
  ['status=eq.%', 'query-invalid', /percent-encoded UTF-8/],
  ['status=eq.%zz', 'query-invalid', /percent-encoded UTF-8/],
  ['status=eq.%ff', 'query-invalid', /percent-encoded UTF-8/],
  ['status=eq.%C0%AF', 'query-invalid', /percent-encoded UTF-8/],
  ['status=eq.%ED%A0%80', 'query-invalid', /percent-encoded UTF-8/],
  ['status=eq.\ud800', 'query-invalid', /percent-encoded/],
  ['status=eq.华', 'query-invalid', /not percent-encoded/],
  ['=eq.x', 'column-unknown', /does not exist/],
  ['1a=eq.x', 'column-unknown', /does not exist/],
  ['order%20id=eq.x', 'column-unknown', /does not exist/],
  ['"status"=eq.x', 'column-unknown', /does not exist/],
  ["status'--=eq.x", 'column-unknown', /does not exist/],
  ['orders.status=eq.x', 'query-invalid', /does not embed/],
  ['状态=eq.x', 'query-invalid', /not percent-encoded/],
  ['%E7%8A%B6=eq.x', 'column-unknown', /does not exist/],
  [`${'a'.repeat(64)}=eq.x`, 'column-unknown', /does not exist/],
  ['__weir_record=eq.x', 'column-unknown', /column orders.__weir_record does not exist/],
  ['select=__weir_record', 'column-unknown', /does not exist/],
  ['order=__weir_subject', 'column-unknown', /does not exist/],
  ['select=a+b', 'column-unknown', /does not exist/],
];

void t.test('every query of the dialect becomes its plan', async (t) => {
  for (const [query, expected] of good)
    t.strictSame(readPlan('orders', query), { ...plain, ...expected }, query);
});

void t.test('every other query is refused with its code, and the message holds no value', async (t) => {
  for (const [query, code, says] of bad) {
    const error = refusal(query);
    t.equal(error.code, code, query);
    t.match(error.message, says, query);
  }
  t.notMatch(refusal('phone=13812341234').message + refusal('phone=13812341234').hint, /138/);
  t.notMatch(refusal('13812341234=eq.x').message, /138/);
  t.notMatch(refusal('select=13812341234').message, /138/);
});

void t.test('a table that is no plain name is an unknown table', async (t) => {
  for (const table of ['', '1', 'a b', 'shop.orders', 'orders;', '订单', 'a'.repeat(64), '__weir', 'x\0']) {
    t.throws(() => readPlan(table, ''), { code: 'table-unknown' }, JSON.stringify(table));
  }
});

void t.test('the Range header narrows limit and offset, as in PostgREST', async (t) => {
  const rows = (query: string, range: PlanOptions['range']) => {
    const { limit, offset } = readPlan('orders', query, { range });
    return [offset, limit];
  };
  t.strictSame(rows('', { offset: 0, limit: 25 }), [0, 25]);
  t.strictSame(rows('', { offset: 10, limit: undefined }), [10, undefined]);
  t.strictSame(rows('limit=10', { offset: 5, limit: 25 }), [5, 5]);
  t.strictSame(rows('limit=100&offset=20', { offset: 0, limit: 30 }), [20, 10]);
  t.strictSame(rows('limit=0', { offset: 0, limit: 30 }), [0, 0]);
  t.throws(() => rows('offset=50', { offset: 0, limit: 10 }), { code: 'range-unsatisfiable' });
});

void t.test('CSV is refused rather than cut, and asks for text', async (t) => {
  t.match(readPlan('orders', '', { format: 'csv', count: true }), {
    overflow: 'refuse',
    encoding: 'text',
    count: true,
  });
});

void t.test('any query string gives a plan or a clear refusal, never anything else', async () => {
  const word = fc.constantFrom(
    ...[
      'select',
      'order',
      'limit',
      'offset',
      'status',
      'or=(',
      'and(',
      'not.',
      'like.',
      '::',
      'eq.',
      'in.',
      'is.',
      '(',
      ')',
      ',',
      '"',
      '\\',
    ],
    ...[
      '.',
      '=',
      '&',
      '%',
      '%2',
      '%00',
      '%E5',
      '+',
      '*',
      ':',
      '->',
      '1',
      'null',
      'desc',
      '\ud800',
      '华',
      ' ',
      '#',
      ';',
    ],
  );
  const query = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.array(word, { maxLength: 30 }).map((words) => words.join('')),
  );
  fc.assert(
    fc.property(query, query, (search, table) => {
      for (const name of ['orders', table]) {
        try {
          const plan = readPlan(name, search);
          const { filters, groups = [], limit, offset } = plan;
          for (const { members } of groups) if (members.length === 0) return false;
          for (const { values } of filters) if (values.length === 0) return false;
          if ((limit ?? 0) < 0 || offset < 0 || !/^\w+$/.test(plan.table)) return false;
        } catch (thrown) {
          const clear = ['query-invalid', 'column-unknown', 'table-unknown'];
          if (!(thrown instanceof WeirError) || !clear.includes(thrown.code)) return false;
        }
      }
      return true;
    }),
    { numRuns: 3_000 },
  );
});

void t.test('a list that was written comes back as it was', async () => {
  const value = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !/\p{Cc}/u.test(text));
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 100 }), (values) => {
      const written = values.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join(',');
      const { filters } = readPlan('orders', `status=in.${encodeURIComponent(`(${written})`)}`);
      return JSON.stringify(filters[0]?.values) === JSON.stringify(values);
    }),
    { numRuns: 200 },
  );
});

function refusal(query: string): WeirError {
  try {
    readPlan('orders', query);
  } catch (thrown) {
    if (thrown instanceof WeirError) return thrown;
    throw thrown;
  }
  throw new Error(`not refused: ${query.slice(0, 60)}`);
}
