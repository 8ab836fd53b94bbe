/** Documents of the shape in shape.ts, as values and as text: everything that a service may write, in any order. */
import fc from 'fast-check';

/** Objects are lists of entries, so that any name and any order can stand. */
export type Value =
  null | boolean | number | string | readonly Value[] | { readonly members: readonly Entry[] };
export type Entry = readonly [string, Value];

export function objectOf(entries: readonly Entry[]): Value {
  return { members: entries };
}

export const text: fc.Arbitrary<string> = fc
  .oneof(
    fc.string({ maxLength: 8 }),
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.constantFrom(
      '张三',
      '"',
      '\\',
      'a\nb',
      '\u2028',
      '\u007f',
      '😀',
      '</script>',
      '13812341234',
      '\u0001',
    ),
  )
  .map((one) => one.replaceAll('\0', ''));

const number = fc.oneof(
  fc.integer(),
  fc.constantFrom(0, 0.1, 1e21, 1e-7, 168.5, -3),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((one) => one + 0),
);
export const scalar: fc.Arbitrary<Value> = fc.oneof(text, number, fc.boolean(), fc.constant(null));
const plain: fc.Arbitrary<Value> = fc.oneof(text, number, fc.constant(null));

export const anything: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    objectWith(fc.uniqueArray(fc.tuple(name(), tie('value')), { selector: ([key]) => key, maxLength: 3 })),
  ),
})).value;

function name(): fc.Arbitrary<string> {
  return fc.oneof(text, fc.constantFrom('__proto__', 'id', 'phone', 'toString', 'x'));
}

function objectWith(entries: fc.Arbitrary<Entry[]>): fc.Arbitrary<Value> {
  return entries.map(objectOf);
}

function member(key: string, value: fc.Arbitrary<Value>, always = false): fc.Arbitrary<readonly Entry[]> {
  const there = value.map((one): readonly Entry[] => [[key, one]]);
  return always
    ? there
    : fc.oneof({ arbitrary: there, weight: 5 }, { arbitrary: fc.constant([]), weight: 1 });
}

/** Of these members, in any order, with others between them. */
function object(...members: fc.Arbitrary<readonly Entry[]>[]): fc.Arbitrary<Value> {
  const unnamed = fc.uniqueArray(fc.tuple(fc.nat(99), anything), { selector: ([key]) => key, maxLength: 2 });
  return fc.tuple(fc.tuple(...members), unnamed, fc.nat()).map(([lists, more, seed]) => {
    const random = randomFrom(seed);
    const entries = [...lists.flat(), ...more.map(([key, value]): Entry => [`unnamed${key}`, value])];
    return objectOf(
      entries
        .map((entry) => ({ entry, place: random() }))
        .sort((a, b) => a.place - b.place)
        .map(({ entry }) => entry),
    );
  });
}

function array(element: fc.Arbitrary<Value>): fc.Arbitrary<Value> {
  return fc.array(element, { maxLength: 3 });
}

function map(value: fc.Arbitrary<Value>, secret: fc.Arbitrary<readonly Entry[]>): fc.Arbitrary<Value> {
  const free = fc.uniqueArray(fc.tuple(name(), value), { selector: ([key]) => key, maxLength: 3 });
  return fc
    .tuple(free, secret)
    .map(([entries, more]) =>
      objectOf([...entries.filter(([key]) => !['secret', 'internal'].includes(key)), ...more]),
    );
}

const key: fc.Arbitrary<Value> = fc.oneof(
  fc.integer({ min: 0 }),
  fc.string({ minLength: 1, maxLength: 9 }).map((one) => `k${one.replaceAll('\0', '')}`),
);
const phone = fc.oneof(
  fc.stringMatching(/^1[3-9][0-9]{9}$/),
  text,
  fc.integer({ min: 13_000_000_000, max: 19_999_999_999 }),
);
const address = fc.oneof(
  fc.constantFrom('浙江省杭州市西湖区文三路12号', '北京市海淀区', '', '上海路1号'),
  text,
);

export const record: fc.Arbitrary<Value> = object(
  member('id', key, true),
  member('customerId', fc.oneof(key, fc.constant(null))),
  member('status', scalar),
  member('amount', plain),
  member('paid', scalar),
  member('createdAt', fc.oneof(fc.constantFrom('2026-11-22T10:15:00Z', 'soon'), plain)),
  member('remark', anything),
  member(
    'receiver',
    fc.oneof(
      object(
        member('name', plain),
        member('phone', phone),
        member('address', address),
        member('email', anything),
      ),
      fc.constant(null),
    ),
  ),
  member(
    'items',
    array(object(member('title', scalar), member('price', scalar), member('serial', anything))),
  ),
  member('tags', array(scalar)),
  member('grid', array(array(scalar))),
  member('labels', map(scalar, member('secret', anything))),
  member(
    'notes',
    map(object(member('text', scalar), member('author', anything)), member('internal', anything)),
  ),
  member('a.b', object(member('c', scalar))),
  member('secrets', anything),
);

export const list: fc.Arbitrary<Value> = object(
  member('total', scalar),
  member('page', object(member('next', scalar), member('cursor', anything))),
  member('warnings', array(scalar)),
  member('result', object(member('data', array(record), true), member('took', anything)), true),
);

/** Ways to write one text: how `random` falls decides white space, escapes. */
export function write(value: Value, random: () => number): string {
  const space = (): string => [' ', '\n', '\t', '\r\n', ''][random() % 9] ?? '';
  if (value === null || typeof value !== 'object') {
    return typeof value === 'string' ? writeString(value, random) : JSON.stringify(value);
  }
  const [open, close, members] =
    'members' in value
      ? [
          '{',
          '}',
          value.members.map(
            ([key, one]) => `${writeString(key, random)}${space()}:${space()}${write(one, random)}`,
          ),
        ]
      : ['[', ']', value.map((one) => write(one, random))];
  return `${open}${space()}${members.join(`${space()},${space()}`)}${space()}${close}`;
}

function writeString(value: string, random: () => number): string {
  const usual = JSON.stringify(value);
  if (random() % 5 !== 0) return usual;
  const units = Array.from({ length: value.length }, (_, at) => value.charCodeAt(at));
  return `"${units.map((unit) => (random() % 2 === 0 ? JSON.stringify(String.fromCharCode(unit)).slice(1, -1) : `\\u${unit.toString(16).padStart(4, '0')}`)).join('')}"`;
}

/** A small generator of numbers, the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 8;
  };
}
