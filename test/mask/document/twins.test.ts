/** Two documents that differ only in what the role does not see, or nobody lists, and in how they are written, give one text. */
import fc from 'fast-check';
import t from 'tap';
import { documentMask } from '../../../src/mask/document/document-mask.js';
import { anything, list, objectOf, randomFrom, write, type Entry, type Value } from './documents.js';
import { listShape } from './shape.js';

const mask = documentMask('json', listShape, { token: undefined });

/** Names whose whole value is removed, or shows nothing. */
const removed = /^(unnamed.*|remark|email|serial|author|cursor|took|secrets|secret|internal)$/;

/** Names are turned round where objects are no maps, and what is hidden becomes something else. */
function twin(value: Value, others: readonly Value[], random: () => number, name = ''): Value {
  const next = (): Value => others[random() % others.length] ?? null;
  if (value === null || typeof value !== 'object') return maskedTwin(value, random, name);
  if (!('members' in value)) return value.map((one) => twin(one, others, random, name));
  const isMap = name === 'labels' || name === 'notes';
  const kept = value.members.flatMap(([key, one]): Entry[] => {
    if (removed.test(key) && !(isMap && key !== 'secret' && key !== 'internal')) {
      return random() % 3 === 0 ? [] : [[key, next()]];
    }
    return [[key, twin(one, others, random, isMap ? '' : key)]];
  });
  if (isMap) return objectOf(kept);
  const added = Array.from({ length: random() % 4 }, (_, at): Entry => [`unlisted${at}`, next()]);
  const ordered = [...kept, ...added].map((entry) => ({ entry, place: random() }));
  return objectOf(ordered.sort((a, b) => a.place - b.place).map(({ entry }) => entry));
}

function maskedTwin(value: Value, random: () => number, name: string): Value {
  const digits = String(random() % 10_000_000).padStart(7, '0');
  if (name === 'phone' && typeof value === 'number')
    return Number(`1${3 + (random() % 7)}${digits.slice(0, 5)}${String(value).slice(-4)}`);
  if (typeof value !== 'string') return value;
  if (name === 'phone' && /^[0-9]{11}$/.test(value))
    return `1${3 + (random() % 7)}${digits.slice(0, 5)}${value.slice(-4)}`;
  if (name === 'address' && value.startsWith('浙江省杭州市')) return `浙江省杭州市${digits}路`;
  if (name === 'createdAt' && value.startsWith('2026-11-22')) return `2026-11-0${random() % 10}`;
  return value;
}

void t.test('twin documents leave as one text, record by record', (t) => {
  let differing = 0;
  fc.assert(
    fc.property(
      list,
      fc.array(anything, { minLength: 4, maxLength: 4 }),
      fc.nat(),
      (document, others, seed) => {
        const random = randomFrom(seed);
        const [one, other] = [write(document, random), write(twin(document, others, random), random)];
        if (one !== other) differing += 1;
        const [shown, twinShown] = [mask(one), mask(other)].map(({ frame, records, recordKeys }) => ({
          frame,
          records,
          recordKeys,
        }));
        if (JSON.stringify(shown) !== JSON.stringify(twinShown))
          throw new Error(
            `${one}\n${other}\n  gave ${JSON.stringify(shown)}\n  and  ${JSON.stringify(twinShown)}`,
          );
      },
    ),
    { numRuns: 1_000, seed: 6 },
  );
  t.ok(differing > 950, `${differing} pairs differed`);
  t.end();
});
