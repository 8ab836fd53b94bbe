import { createCipheriv, hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { Digester, digestTexts, peopleSpace } from '../../src/log/digest.js';

const key = Buffer.alloc(32, 1);

void t.test('a digest is the first 8 bytes of AES-256 over one block under an HKDF key', async (t) => {
  const derived = Buffer.from(hkdfSync('sha256', key, '', 'weir digest v1\0e1\0orders\0record', 32));
  const block = Buffer.alloc(16);
  block[0] = 5;
  block.write('12345', 1);
  const expected = createCipheriv('aes-256-ecb', derived, null)
    .setAutoPadding(false)
    .update(block)
    .subarray(0, 8);
  t.same(new Digester(key, 'e1').digest('orders', 'record', ['12345']), expected);
});

void t.test('digests differ by key, epoch, table and kind, and agree for people across tables', async (t) => {
  const one = (digester: Digester, table: string, kind: 'record' | 'person') =>
    digester.digest(table, kind, ['7']).toString('hex');
  const base = new Digester(key, 'e1');
  const all = [
    one(base, 'orders', 'record'),
    one(base, 'shipments', 'record'),
    one(base, 'orders', 'person'),
    one(base, peopleSpace, 'person'),
    one(new Digester(key, 'e2'), 'orders', 'record'),
    one(new Digester(Buffer.alloc(32, 2), 'e1'), 'orders', 'record'),
  ];
  t.equal(new Set(all).size, all.length);
});

void t.test(
  'different keys never share a digest, and a list is the digests of its keys in order',
  async () => {
    const digester = new Digester(key, 'e1');
    const near = fc.oneof(
      fc.string({ maxLength: 40, unit: 'grapheme' }),
      fc.nat().map(String),
      fc.constantFrom('', '\0', '\0\0', 'x'.repeat(15), 'x'.repeat(16)),
    );
    fc.assert(
      fc.property(fc.array(near, { minLength: 1, maxLength: 30 }), (keys) => {
        const list = digester.digest('orders', 'record', keys);
        const alone = keys.map((text) => digester.digest('orders', 'record', [text]));
        return (
          list.equals(Buffer.concat(alone)) &&
          new Set(alone.map((d) => d.toString('hex'))).size === new Set(keys).size
        );
      }),
      { numRuns: 2000 },
    );
  },
);

void t.test('nobody has a digest of zeros, which is left out when people are counted', async (t) => {
  const list = new Digester(key, 'e1').digest(peopleSpace, 'person', ['7', null, '8']);
  t.same(list.subarray(8, 16), Buffer.alloc(8));
  t.equal(digestTexts(list).length, 2);
});

void t.test('a key of another length is refused', async (t) => {
  t.throws(() => new Digester(Buffer.alloc(16), 'e1'), RangeError);
});

void t.test(
  'digests made later, with those of others, are the same, in whatever order they are asked for',
  async (t) => {
    const digester = new Digester(key, 'e1');
    const lists = Array.from({ length: 700 }, (_, n) =>
      Array.from({ length: n % 4 }, (_unused, i) => (i === 2 ? null : `${n}/${i}`)),
    );
    const later = (table: string, kind: 'record' | 'person', keys: readonly (string | null)[]) => {
      // Three bytes before it and two behind, which are nobody's.
      const into = Buffer.alloc(3 + 8 * keys.length + 2, 0xee);
      const digests = digester.later(table, kind, keys, into, 3);
      return () => {
        digests.make();
        return into;
      };
    };
    const expected = (table: string, kind: 'record' | 'person', keys: readonly (string | null)[]) =>
      Buffer.concat([Buffer.alloc(3, 0xee), digester.digest(table, kind, keys), Buffer.alloc(2, 0xee)]);
    const made = lists.map((keys) => later(peopleSpace, 'person', keys));
    const other = later('orders', 'record', ['7']);
    const differing = [...made.keys()]
      .reverse()
      .filter((n) => !made[n]!().equals(expected(peopleSpace, 'person', lists[n]!)));
    t.same(differing, []);
    t.same(other(), expected('orders', 'record', ['7']));
  },
);
