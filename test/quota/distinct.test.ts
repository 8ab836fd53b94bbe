import t from 'tap';
import fc from 'fast-check';
import { countDistinct } from '../../src/quota/distinct.js';

const today = 20_000;

void t.test('somebody never seen is fresh, and counts once however often the read shows them', async (t) => {
  t.same(countDistinct(['aaaaaaaa', 'bbbbbbbb', 'aaaaaaaa'], new Map(), today), {
    fresh: 2,
    returning: [],
    touched: ['aaaaaaaa', 'bbbbbbbb'],
  });
});

void t.test('somebody seen earlier today counts no more and needs no write', async (t) => {
  t.same(countDistinct(['aaaaaaaa'], new Map([['aaaaaaaa', today]]), today), {
    fresh: 0,
    returning: [],
    touched: [],
  });
  t.same(countDistinct(['aaaaaaaa'], new Map([['aaaaaaaa', today + 1]]), today).touched, []);
});

void t.test('somebody seen on an earlier day returns from that day, days ascending', async (t) => {
  const seen = new Map([
    ['aaaaaaaa', today - 1],
    ['bbbbbbbb', today - 29],
    ['cccccccc', today - 1],
    ['dddddddd', today - 30],
  ]);
  t.same(countDistinct(['aaaaaaaa', 'bbbbbbbb', 'cccccccc', 'dddddddd', 'aaaaaaaa'], seen, today), {
    fresh: 1,
    returning: [
      [today - 29, 1],
      [today - 1, 2],
    ],
    touched: ['aaaaaaaa', 'bbbbbbbb', 'cccccccc', 'dddddddd'],
  });
});

void t.test('a read of nobody charges nobody', async (t) => {
  t.same(countDistinct([], new Map([['aaaaaaaa', today]]), today), { fresh: 0, returning: [], touched: [] });
});

void t.test('fresh and returning together are exactly the people who were touched', async () => {
  const digest = fc.integer({ min: 0, max: 20 }).map((n) => String.fromCharCode(128 + n).repeat(8));
  fc.assert(
    fc.property(
      fc.array(digest),
      fc.array(fc.tuple(digest, fc.integer({ min: 0, max: 40 }))),
      (digests, known) => {
        const seen = new Map(known.map(([one, age]) => [one, today - age]));
        const { fresh, returning, touched } = countDistinct(digests, seen, today);
        const distinct = [...new Set(digests)].filter((one) => seen.get(one) !== today);
        const sum = returning.reduce((total, [, n]) => total + n, fresh);
        return sum === touched.length && new Set(touched).size === distinct.length;
      },
    ),
  );
});
