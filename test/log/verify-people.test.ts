/** The memory of people that is built for speed says what the plain count of distinct people says. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { PeopleMemory } from '../../src/log/verify-people.js';
import { countDistinct } from '../../src/quota/distinct.js';

const people = [
  '0000000000000001',
  '0000000000000002',
  'ffffffff00000000',
  '00000000ffffffff',
  '8000000000000001',
  'ffffffffffffffff',
];
const listOf = (digests: readonly string[]) => ({
  text: digests.join(''),
  start: 0,
  end: digests.length * digests[0]!.length,
});
const nobody = '0000000000000000';
const read = fc.record({
  meter: fc.nat(2),
  daysLater: fc.constantFrom(0, 0, 0, 1, 2, 28, 29, 30, 31),
  people: fc.array(fc.constantFrom(...people, nobody), { maxLength: 8 }),
});

void t.test('it tells fresh, returning and known people as the count of distinct people does', async () => {
  fc.assert(
    fc.property(fc.array(read, { maxLength: 40 }), fc.constantFrom(2, 18, 1_000), (reads, maxPeople) => {
      const memory = new PeopleMemory(Math.max(maxPeople, people.length * 3));
      const seen = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()];
      let day = 20_000;
      for (const { meter, daysLater, people } of reads) {
        day += daysLater;
        const known = people.filter((digest) => digest !== nobody);
        const { fresh, returning, touched } = countDistinct(known, seen[meter]!, day);
        for (const digest of touched) seen[meter]!.set(digest, day);
        const digits = people.join('');
        const subjects = { text: `01${digits}ff`, start: 2, end: 2 + digits.length };
        assert.equal(memory.meet(meter, subjects, day, { fresh, returning }), true);
      }
    }),
    { numRuns: 500 },
  );
});

void t.test('it tells a charge that is not what was met', async (t) => {
  const subjects = listOf(people);
  const wrong = [
    { fresh: 5, returning: [] },
    { fresh: 7, returning: [] },
    { fresh: 6, returning: [[19_999, 1]] as [number, number][] },
    { fresh: 5, returning: [[19_999, 1]] as [number, number][] },
  ];
  for (const charge of wrong) t.equal(new PeopleMemory(100).meet(0, subjects, 20_000, charge), false);
  const memory = new PeopleMemory(100);
  t.equal(memory.meet(0, subjects, 20_000, { fresh: 6, returning: [] }), true);
  t.equal(memory.meet(0, subjects, 20_001, { fresh: 0, returning: [[19_999, 6]] }), false, 'another day');
});

void t.test('thousands of people are remembered, and those of long ago let go', async (t) => {
  const memory = new PeopleMemory(20_000);
  const digest = (n: number): string =>
    (BigInt(n + 1) * 0x9e3779b97f4a7c15n).toString(16).padStart(16, '0').slice(-16);
  // Each day another 500: after 31 days those of the first are of no account.
  for (let day = 0; day < 120; day++) {
    const text = Array.from({ length: 500 }, (_, i) => digest(day * 500 + i)).join('');
    t.equal(memory.meet(0, listOf([text]), 20_000 + day, { fresh: 500, returning: [] }), true);
    if (day > 20) {
      const again = digest((day - 20) * 500);
      t.equal(
        memory.meet(0, listOf([again]), 20_000 + day, {
          fresh: 0,
          returning: [[20_000 + day - 20, 1]],
        }),
        true,
      );
    }
  }
});

void t.test('where they do not fit it gives up', async (t) => {
  const memory = new PeopleMemory(4);
  t.equal(memory.meet(0, listOf(people), 20_000, { fresh: 6, returning: [] }), undefined);
});
