/** Whatever a service writes: the engine gives what an independent reading gives, or refuses what that refuses. */
import fc from 'fast-check';
import t from 'tap';
import {
  documentMask,
  type DocumentShape,
  type MaskedDocument,
} from '../../../src/mask/document/document-mask.js';
import { DocumentUnfit } from '../../../src/mask/document/document-unfit.js';
import { list, randomFrom, record, write } from './documents.js';
import { expectedOf } from './oracle.js';
import { listShape, recordShape } from './shape.js';

const maskers = new Map(
  [listShape, recordShape].map((shape) => [shape, documentMask('json', shape, { token: undefined })]),
);

function outcomeOf(shape: DocumentShape, text: string): MaskedDocument | 'unfit' {
  try {
    return maskers.get(shape)!(text);
  } catch (thrown) {
    if (thrown instanceof DocumentUnfit) return 'unfit';
    throw thrown;
  }
}

/** @returns whether it was masked */
function agree(shape: DocumentShape, text: string): boolean {
  const outcome = outcomeOf(shape, text);
  const expected = expectedOf(text, shape);
  const [ours, theirs] = [JSON.stringify(outcome), JSON.stringify(expected)];
  if (ours !== theirs) throw new Error(`${text}\n  gave     ${ours}\n  expected ${theirs}`);
  return outcome !== 'unfit';
}

const pieces = [
  '"',
  '\\',
  ',',
  ':',
  '{',
  '}',
  '[',
  ']',
  '0',
  '-',
  '.',
  'e',
  '1',
  'null',
  'true',
  ' ',
  '\n',
  '\\u0000',
  '\\ud800',
  '\ud800',
  '\0',
  '\u0001',
  '"id":1,',
  '"id":',
  '{}',
  '[]',
  '""',
  '/',
  "'",
  '\ufeff',
  '\\u0061',
];

const seed = fc.integer({ min: 0 });

for (const [name, shape, documents] of [
  ['a list of records', listShape, list],
  ['one record', recordShape, record],
] as const) {
  void t.test(`${name}: masked as the paths say, however it is written`, (t) => {
    let masked = 0;
    fc.assert(
      fc.property(documents, seed, (document, seed) => {
        masked += Number(agree(shape, write(document, randomFrom(seed))));
      }),
      { numRuns: 600, seed: 4 },
    );
    t.ok(masked > 550, `${masked} documents were masked`);
    t.end();
  });

  void t.test(`${name}: changed anywhere, it is masked rightly or refused`, (t) => {
    let [masked, refused] = [0, 0];
    fc.assert(
      fc.property(documents, seed, (document, seed) => {
        const random = randomFrom(seed);
        const text = write(document, random);
        for (let times = 0; times < 4; times += 1) {
          if (agree(shape, mutate(text, random))) masked += 1;
          else refused += 1;
        }
      }),
      { numRuns: 500, seed: 5 },
    );
    t.ok(masked > 200 && refused > 500, `${masked} were masked, ${refused} refused`);
    t.end();
  });
}

function mutate(text: string, random: () => number): string {
  const at = random() % (text.length + 1);
  const to = at + (random() % 6);
  const piece = pieces[random() % pieces.length] ?? '';
  switch (random() % 5) {
    case 0:
      return text.slice(0, at) + piece + text.slice(at);
    case 1:
      return text.slice(0, at) + piece + text.slice(to);
    case 2:
      return text.slice(0, at) + text.slice(to);
    case 3:
      return text.slice(0, at) + text.slice(at, to) + text.slice(at);
    default:
      return text.slice(0, at);
  }
}
