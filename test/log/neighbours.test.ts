import t from 'tap';
import { Neighbours } from '../../src/log/neighbours.js';

void t.test('keys next to one another in one read are counted', async (t) => {
  t.equal(new Neighbours().count('li', 'orders', ['10', '11', '12', '40', '77']), 3);
});

void t.test('somebody who counts through keys one read at a time is seen', async (t) => {
  const neighbours = new Neighbours();
  const counts = ['100', '101', '102', '103'].map((key) => neighbours.count('li', 'orders', [key]));
  t.same(counts, [0, 1, 1, 1]);
});

void t.test('people and tables are kept apart, and reading one record again is no neighbour', async (t) => {
  const neighbours = new Neighbours();
  neighbours.count('li', 'orders', ['100']);
  t.equal(neighbours.count('wang', 'orders', ['101']), 0);
  t.equal(neighbours.count('li', 'shipments', ['101']), 0);
  t.equal(neighbours.count('li', 'orders', ['100']), 0);
});

void t.test('numbers at the end of a text count, other texts do not', async (t) => {
  t.equal(new Neighbours().count('li', 'orders', ['WR0000007', 'WR0000008', 'abc', '']), 2);
});

void t.test('only the last 1,000 keys are remembered', async (t) => {
  const neighbours = new Neighbours();
  neighbours.count('li', 'orders', ['1']);
  neighbours.count(
    'li',
    'orders',
    Array.from({ length: 1000 }, (_, i) => String(10_000 + i * 5)),
  );
  t.equal(neighbours.count('li', 'orders', ['2']), 0);
});
