/** Answers of services hold what is no text where a mask expects some: numbers, truth values, lists, objects. None leaves in clear. */
import fc from 'fast-check';
import t from 'tap';
import { documentMask, type MaskedDocument } from '../../src/mask/document/document-mask.js';
import { DocumentUnfit } from '../../src/mask/document/document-unfit.js';
import type { Mask } from '../../src/mask/mask.js';
import { everyMask, keys } from './both-forms.js';
import { digitsOf } from './written-ways.js';

const hiding = everyMask.filter(({ name, classes }) => name !== 'clear' && !classes.includes('none'));

function masking({ name }: Mask): (value: string) => MaskedDocument {
  const shape = { records: '$', record: 'id', subject: undefined, fields: ['id', 'value'] };
  const mask = documentMask('json', { ...shape, see: new Map([['value', name]]) }, keys);
  return (value) => mask(`{"id":1,"value":${value}}`);
}

void t.test(
  'a phone or a document as a number leaves as the mask has it, in whatever form it is written',
  async (t) => {
    const phone = fc
      .tuple(digitsOf(2), digitsOf(4))
      .map(([first, last]) => ({ hidden: '7318', first: `1${first}`, last }));
    const forms = fc.constantFrom(
      (digits: string) => digits,
      (digits: string) => `${digits}.0`,
      (digits: string) => `-${digits}`,
      (digits: string) => `${digits.slice(0, 1)}.${digits.slice(1)}e10`,
      (digits: string) => `${digits}E+0`,
    );
    for (const mask of hiding.filter(({ name }) => showsFew(name))) {
      const apply = masking(mask);
      fc.assert(
        fc.property(
          phone,
          forms,
          ({ first, hidden, last }, write) =>
            !apply(write(first + hidden + last))
              .records.join()
              .includes(hidden),
        ),
        { numRuns: 100, seed: 1 },
      );
    }
    t.ok(hiding.length > 10);
  },
);

/** Those that show so few characters in a row that all four of the middle are too many. */
function showsFew(name: string): boolean {
  return !/^(?:phone\(7|partial\(6|partial\(0,6|bucket)/u.test(name);
}

void t.test('what is neither text nor number nor null is refused, and null is null', async (t) => {
  for (const mask of hiding) {
    const apply = masking(mask);
    t.strictSame(apply('null').records, ['{"value":null}'], mask.name);
    if (mask.name === 'null') continue;
    for (const value of [
      'true',
      'false',
      '[]',
      '["13812341234"]',
      '{}',
      '{"a":"13812341234"}',
      '[[13812341234]]',
    ])
      t.throws(() => apply(value), DocumentUnfit, `${mask.name} of ${value}`);
  }
});
