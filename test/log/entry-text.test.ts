/** The text of an entry is what JSON.stringify makes of it, whatever it holds, the first time and later. */
import fc from 'fast-check';
import t from 'tap';
import { limitsOf, seeOf, type EntryBody } from '../../src/log/entry.js';
import { entryText, keepText } from '../../src/log/entry-text.js';

const names = ['request', 'actor', 'statement', 'route', 'kind', 'number', 'flags', 'act', 'reason', 'error'];
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('"', '\\', '\u2028', '欧阳', ''),
);
const value = fc.oneof(
  text,
  fc.nat(),
  fc.boolean(),
  fc.constant(undefined),
  fc.array(fc.tuple(text, fc.nat())),
);
const members = (from: readonly string[]) => fc.dictionary(fc.constantFrom(...from), value);

void t.test('any body, asked twice', (t) => {
  const shared = fc.oneof(members(['a', 'b', '1']), fc.array(fc.tuple(text, fc.nat()))).map(keepText);
  const body = fc
    .tuple(
      members(names),
      members(['table', 'epoch', 'digests', 'part']),
      members(['meter', 'day', 'amounts']),
      shared,
    )
    .map(([own, read, charge, see]) => ({ v: 1, ...own, read: { ...read, see }, charge, limits: see }));
  fc.assert(
    fc.property(body, (made) => {
      const entry = made as unknown as EntryBody;
      const { v, ...more } = entry;
      const texts = [entryText(entry), entryText({ v }, {}, more), entryText(entry)];
      return texts.every((each) => each === JSON.stringify(entry));
    }),
    { numRuns: 500, seed: 20261122 },
  );
  t.end();
});

void t.test('forms of columns and limits are told as they are', (t) => {
  const see = seeOf([{ name: '订单 "no"', mask: 'clear', json: 'string' }]);
  const limits = [{ count: 'records', window: 'day', max: 5, scope: undefined }] as const;
  const entry = { v: 1, read: { see }, limits: limitsOf(limits) } as unknown as EntryBody;
  t.equal(entryText(entry), JSON.stringify({ v: 1, read: { see }, limits: [['records', 'day', 5]] }));
  t.equal(limitsOf(limits), limitsOf(limits));
  t.end();
});
