/** Facts taken straight from the text of a body are those of the full check, and never of a body that it would not let pass. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { EntryRow } from '../../src/log/verify-copy.js';
import { factsOf, type Facts } from '../../src/log/verify-facts.js';
import { EntryReader } from '../../src/log/verify-quick.js';
import { idOf, rowOf } from './verify-rows.js';

const uuid = fc.constantFrom('0190a1b2-0000-4000-8000-000000000001', '0190a1b2-0000-4000-8000-000000000002');
const text = fc.oneof(
  fc.constantFrom(
    'support',
    'GET /rest/orders',
    '客服',
    'a"b',
    'a\\b',
    '{}',
    ',"at":1',
    '\u00010\u0001',
    '\u2028',
  ),
  fc.string({ minLength: 1 }),
);
const count = fc.oneof(fc.nat(3), fc.nat(), fc.constantFrom(Number.MAX_SAFE_INTEGER, 999_999_999_999_999));
const people = fc
  .tuple(fc.nat(9), fc.array(fc.tuple(fc.nat(30_000), fc.nat(9)), { maxLength: 2 }))
  .map(([fresh, returning]) => [fresh, ...returning]);
const amounts = fc.record({ queries: count, records: count, people, bytes: count }, { requiredKeys: [] });
const limits = fc.array(
  fc.tuple(fc.constantFrom('records', 'people'), fc.constantFrom('day', '30d'), count),
  { maxLength: 2 },
);

const body = fc
  .record({
    writer: uuid,
    number: count,
    request: text,
    actor: uuid,
    at: fc.oneof(count, fc.constant(1_790_000_000_000_000)),
    who: fc.record({ tool: text, act: text }, { requiredKeys: ['tool'] }),
    role: text,
    policy: text,
    statement: text,
    purpose: fc.record({ reason: text, ticket: text }, { requiredKeys: [] }),
    see: fc.dictionary(text, text, { maxKeys: 2 }),
    part: fc.nat(2),
    last: fc.boolean(),
    records: fc.nat(3),
    consecutive: fc.nat(3),
    more: fc.constantFrom({}, {}, { reveal: 'receiver_phone' }, { fill: 'telephony' }, { reserved: 1 }),
    kind: fc.constantFrom('read', 'read', 'read', 'write', 'fill'),
    reserves: fc.constantFrom({}, { reserves: 1 }),
    digests: fc.constantFrom('0', 'a', 'f').map((digit) => digit.repeat(64)),
    sequence: count,
    day: count,
    amounts,
    limits,
    also: fc.option(
      fc.array(fc.tuple(text, fc.dictionary(text, text, { maxKeys: 1 }), fc.nat(3), fc.boolean()), {
        minLength: 1,
        maxLength: 11,
        size: 'small',
      }),
      { freq: 2, nil: undefined },
    ),
    meter: fc.option(uuid, { freq: 9 }),
    shared: fc.constantFrom(undefined, undefined, ['tool'], ['token'], ['tool', 'token'], ['token', 'tool']),
    theirs: fc.tuple(count, people, fc.constantFrom('', '', '', 'x')),
    limitPer: fc.constantFrom(undefined, undefined, 'tool', 'token'),
    flags: fc.option(fc.constant([['consecutive', 3, 2]]), { freq: 9, nil: undefined }),
  })
  .map(
    ({ writer, number, request, actor, at, who, role, policy, statement, purpose, see, meter, ...rest }) => ({
      v: 1,
      writer,
      number,
      request,
      door: 'rest',
      route: 'GET /rest/:table',
      actor,
      ...who,
      role,
      policy,
      statement,
      ...purpose,
      at,
      kind: rest.kind,
      [rest.kind]: {
        ...(rest.kind === 'read' ? {} : { service: 'telephony' }),
        table: 'orders',
        ...(rest.kind === 'write' ? { body: Object.keys(see) } : { see }),
        part: rest.part,
        last: rest.last,
        records: rest.records,
        digests: rest.digests,
        epoch: 'e1',
        consecutive: rest.consecutive,
        ...(rest.kind === 'read' ? rest.more : rest.reserves),
        ...(rest.also === undefined || rest.kind !== 'read' ? {} : { also: rest.also }),
      },
      charge: {
        meter: `actor:${meter ?? actor}`,
        sequence: rest.sequence,
        day: rest.day,
        amounts: rest.amounts,
        ...(rest.shared === undefined
          ? {}
          : {
              shared: rest.shared.map((per) => [
                per === 'tool'
                  ? `tool:${encodeURI(role)} https://issuer.test ${who.tool}${rest.theirs[2]}`
                  : `token:${encodeURI(role)} ${'0f'.repeat(16)}${rest.theirs[2]}`,
                rest.theirs[0],
                rest.theirs[1],
              ]),
            }),
      },
      limits: rest.limits.map((limit, i) =>
        i === 0 && rest.limitPer !== undefined ? [...limit, rest.limitPer] : limit,
      ),
      ...(rest.flags === undefined ? {} : { flags: rest.flags }),
    }),
  );

/** What the full check says. */
function fullyOf(row: EntryRow): Facts | string {
  const { writer, actor, bytes, start, end, ...rest } = row;
  return factsOf({
    ...rest,
    writer: writer.text,
    actorId: actor?.text ?? null,
    body: bytes.toString('utf8', start, end),
  });
}

void t.test('whatever bodies it has seen before, it reads a body as the full check does', async () => {
  fc.assert(
    fc.property(fc.array(body, { minLength: 1, maxLength: 12 }), (bodies) => {
      const reader = new EntryReader();
      for (const entry of [...bodies, ...bodies]) {
        const row = rowOf(entry);
        assert.deepEqual(reader.read(row), fullyOf(row));
      }
    }),
    { numRuns: 300 },
  );
});

/** As a gateway writes it. */
const plain = {
  v: 1,
  writer: '0190a1b2-0000-4000-8000-000000000001',
  number: 3,
  request: 'req-1',
  door: 'rest',
  route: 'GET /rest/:table',
  actor: '0190a1b2-0000-4000-8000-000000000002',
  tool: '客服台',
  role: 'support-agent',
  policy: 'd'.repeat(64),
  statement: 'orders?select=order_no,(receiver_phone)&order_no=eq.*',
  at: 1_790_000_000_000_000,
  kind: 'read',
  read: {
    table: 'orders',
    see: { order_no: 'clear', receiver_phone: 'last4' },
    part: 0,
    last: true,
    records: 1,
    digests: 'a'.repeat(64),
    epoch: 'e1',
    consecutive: 0,
  },
  charge: {
    meter: 'actor:0190a1b2-0000-4000-8000-000000000002',
    sequence: 9,
    day: 20_697,
    amounts: { queries: 1, records: 1, people: [0, [20_690, 1]], bytes: 80 },
  },
  limits: [['records', 'day', 500]],
};

/** With tables inside its rows. */
const embedding = {
  ...plain,
  read: {
    ...plain.read,
    also: [
      ['order_items', { title: 'clear' }, 2, false],
      ['customers', { name: 'surname' }, 1, true],
    ],
  },
};

/** Charged to its tool's and its token's meter as well. */
const shared = {
  ...plain,
  charge: {
    ...plain.charge,
    shared: [
      ['tool:support-agent https://issuer.test 客服台', 12, [0, [20_690, 1]]],
      ['token:support-agent 0123456789abcdef0123456789abcdef', 2, [0]],
    ],
  },
  limits: [
    ['records', 'day', 500],
    ['records', 'day', 5_000, 'tool'],
    ['queries', 'hour', 100, 'token'],
  ],
};

void t.test('what the meters of its tool and its token were charged is read', async (t) => {
  const reader = new EntryReader();
  reader.read(rowOf(plain));
  t.equal(reader.quick(rowOf(shared as never)), undefined, 'it is another kind of read');
  t.type(reader.read(rowOf(shared)), Object);
  const [tool, token] = shared.charge.shared;
  const later = [
    [tool![0], 900, [3]],
    [token![0], 77, [1, [20_000, 2], [20_001, 4]]],
  ];
  const alike = { ...shared, charge: { ...shared.charge, shared: later } };
  t.match(reader.quick(rowOf(alike)), {
    read: {
      shared: [
        { per: 'tool', sequence: 900, people: { fresh: 3, returning: [] } },
        {
          per: 'token',
          sequence: 77,
          people: {
            fresh: 1,
            returning: [
              [20_000, 2],
              [20_001, 4],
            ],
          },
        },
      ],
      limits: [{}, { per: 'tool' }, { per: 'token' }],
    },
  });
  t.same(reader.quick(rowOf(alike)), fullyOf(rowOf(alike)));
});

void t.test('a shared meter that cannot be that of the read is refused', async (t) => {
  const [tool, token] = shared.charge.shared as [string, number, number[]][];
  const wrong: Record<string, unknown> = {
    'none at all': [],
    'of another tool': [['tool:support-agent https://issuer.test 仓库', 12, [0]], token],
    'of another role': [['tool:analyst https://issuer.test 客服台', 12, [0]], token],
    'of a role that goes on': [['tool:support-agent-2 https://issuer.test 客服台', 12, [0]], token],
    'of no issuer': [['tool:support-agent 客服台', 12, [0]], token],
    'in the other order': [token, tool],
    twice: [tool, tool],
    'a tool alone where the token is limited': [tool],
    'a token alone where the tool is limited': [token],
    'more than there are kinds': [tool, token, token],
    'that never was charged': [[tool![0], 0, [0]], token],
    'of no people': [[tool![0], 1, []], token],
    'of a person': [['actor:0190a1b2-0000-4000-8000-000000000002', 1, [0]], token],
    'whose digest is none': [tool, ['token:support-agent 0123', 1, [0]]],
  };
  for (const [name, meters] of Object.entries(wrong)) {
    const body = { ...shared, charge: { ...shared.charge, shared: meters } };
    t.type(fullyOf(rowOf(body)), 'string', name);
  }
  const half = { ...shared, role: '\ud800' };
  t.type(fullyOf(rowOf(half)), 'string', 'half a character in the name of the role');
  t.type(fullyOf(rowOf({ ...shared, limits: [['records', 'day', 5, 'team']] } as typeof shared)), 'string');
});

void t.test('how many rows came inside others differs from read to read, and is read', async (t) => {
  const reader = new EntryReader();
  reader.read(rowOf(plain));
  t.equal(reader.quick(rowOf(embedding)), undefined, 'it is another kind of read');
  reader.read(rowOf(embedding));
  const { also } = embedding.read;
  const others = (...counts: number[]) =>
    also.map(([table, see, , personal], i) => [table, see, counts[i], personal]);
  const alike = { ...embedding, read: { ...embedding.read, records: 0, consecutive: 7, also: others(4, 3) } };
  t.match(reader.quick(rowOf(alike)), {
    read: {
      records: 0,
      also: [
        { records: 4, personal: false },
        { records: 3, personal: true },
      ],
    },
  });
  t.same(reader.quick(rowOf(alike)), fullyOf(rowOf(alike)));
  const many = { ...alike, read: { ...alike.read, consecutive: 8 } };
  t.equal(reader.quick(rowOf(many)), undefined, 'more consecutive records than records of all tables');
  t.type(fullyOf(rowOf(many)), 'string');
  t.ok(reader.quick(rowOf(plain)), 'and those without are recognised as before');
});

void t.test('bodies that differ in what differs from read to read fit one pattern', async (t) => {
  const reader = new EntryReader();
  t.equal(reader.quick(rowOf(plain)), undefined, 'at first it knows none');
  t.same(reader.read(rowOf(plain)), fullyOf(rowOf(plain)));
  const alike = {
    ...plain,
    writer: '0190a1b2-0000-4000-8000-000000000007',
    number: 7,
    request: 'another',
    at: 8,
    statement: '订单?select=a,b',
    read: { ...plain.read, part: 5, last: false, records: 9, digests: 'b'.repeat(64), consecutive: 2 },
    charge: { ...plain.charge, sequence: 6, day: 5, amounts: { bytes: 1 } },
  };
  t.ok(reader.quick(rowOf(alike)), 'it is recognised');
  t.same(reader.quick(rowOf(alike)), fullyOf(rowOf(alike)));
  t.equal(
    reader.quick(rowOf({ ...alike, role: 'support' } as typeof plain)),
    undefined,
    'another kind of read is not',
  );
  const somebody = '0190a1b2-0000-4000-8000-000000000003';
  const theirs = { ...plain, actor: somebody, charge: { ...plain.charge, meter: `actor:${somebody}` } };
  reader.read(rowOf(theirs));
  t.ok(reader.quick(rowOf(theirs)), "another person's is, once they were met");
  const charged = { ...plain, charge: { ...plain.charge, meter: `actor:${somebody}` } };
  t.equal(reader.quick(rowOf(charged)), undefined, "somebody else's meter is not");
  const many = { ...plain, read: { ...plain.read, consecutive: 2 } };
  t.equal(reader.quick(rowOf(many)), undefined, 'more consecutive records than records are not');
});

void t.test('a body changed in any place is not let pass unless the full check lets it pass', async (t) => {
  const reader = new EntryReader();
  for (const body of [plain, embedding, shared]) reader.read(rowOf(body));
  const texts = [plain, embedding, shared].map((body) => [body, JSON.stringify(body)] as const);
  const inserts = [
    '',
    '"',
    '\\',
    ',',
    '{',
    '}',
    ']',
    ' ',
    '0',
    '1',
    '9',
    '-',
    '.',
    'e3',
    'g',
    'A',
    '\n',
    '\u0001',
    ',"x":1',
    '"x":1,',
  ];
  let accepted = 0;
  const places = texts.flatMap(([body, text]) =>
    Array.from({ length: text.length + 1 }, (_, at) => ({ body, text, at })),
  );
  for (const { body, text, at } of places) {
    for (const insert of inserts) {
      for (const remove of [0, 1, 2]) {
        const row = rowOf(body, text.slice(0, at) + insert + text.slice(at + remove));
        const quick = reader.quick(row);
        if (quick === undefined) continue;
        assert.deepEqual(
          quick,
          fullyOf(row),
          `${remove} removed and ${JSON.stringify(insert)} inserted at ${at}`,
        );
        accepted++;
      }
    }
  }
  t.ok(accepted > 1_000, 'where another request, hash, or amount is as good, it is let pass');
});

void t.test('forms that JSON or a gateway would not write are not let pass', async (t) => {
  const reader = new EntryReader();
  reader.read(rowOf(plain));
  const text = JSON.stringify(plain);
  const changes: [string, RegExp | string, string][] = [
    ['no request', '"req-1"', '""'],
    ['a number beyond what is exact', '"records":1', '"records":9007199254740993'],
    ['another one', '"sequence":9', '"sequence":9007199254740992'],
    ['a charge without number', '"sequence":9', '"sequence":0'],
    ['amounts with white space', '"amounts":{', '"amounts":{ '],
    ['amounts with a member twice', '"amounts":{', '"amounts":{"bytes":80,'],
    ['amounts with braces inside', '"bytes":80}', '"bytes":{}}'],
    ['capital digits in the hash', /"digests":"a/, '"digests":"A'],
    ['a hash with a quote', /"digests":"aa/, '"digests":"a"'],
    ['something behind it', /$/, ' '],
    ['half of it', /.{400}$/, ''],
  ];
  for (const [name, what, instead] of changes) {
    const changed = text.replace(what, instead);
    t.not(changed, text);
    t.equal(reader.quick(rowOf(plain, changed)), undefined, name);
  }
});

void t.test('columns that differ from the body are never let pass', async (t) => {
  const row = rowOf(plain);
  const reader = new EntryReader();
  reader.read(row);
  t.ok(reader.quick(row));
  const other = '0190a1b2-0000-4000-8000-000000000009';
  const changes: Partial<EntryRow>[] = [
    { writer: idOf(other) },
    { number: 123_456 },
    { at: 123_456 },
    { actor: idOf(other) },
    { actor: null },
    { flagged: true },
  ];
  for (const change of changes) {
    t.equal(reader.quick({ ...row, ...change }), undefined);
    t.type(reader.read({ ...row, ...change }), 'string');
  }
});

void t.test('thousands of kinds of reads are read right, though not all are remembered', async () => {
  const reader = new EntryReader();
  for (let i = 0; i < 2_100; i++) {
    const row = rowOf({ ...plain, role: `role ${i}` } as typeof plain);
    assert.deepEqual(reader.read(row), fullyOf(row));
  }
});
