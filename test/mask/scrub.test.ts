import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import t from 'tap';
import { personalIn, scrub } from '../../src/mask/scrub.js';
import { anyText } from './values.js';
import { measure, remarks, unseen, type Measure } from './remarks.js';

const percent = (part: number, whole: number): string => ((100 * part) / whole).toFixed(1);
const figures = ({ marked, missed, found, mistaken }: Measure): [recall: string, precision: string] => [
  percent(marked - missed.length, marked),
  percent(found - mistaken.length, found),
];

void t.test(
  'of 500 remarks and more, 99 % of what is personal is found, and docs/masks.md says how much',
  async (t) => {
    const text = await readFile(new URL('../../docs/masks.md', import.meta.url), 'utf8');
    t.ok(remarks.length >= 500);
    t.equal(new Set(remarks.map(({ text }) => text)).size, remarks.length, 'none stands twice');
    const measured = measure(remarks, personalIn);
    t.ok(measured.missed.length / measured.marked <= 0.01, measured.missed.join('\n'));
    for (const [set, result] of [
      [remarks, measured],
      [unseen, measure(unseen, personalIn)],
    ] as const) {
      const [recall, precision] = figures(result);
      const row = `| ${set.length} | ${result.marked} | ${recall} % | ${precision} % |`;
      t.ok(text.includes(row), row);
    }
  },
);

void t.test('a remark reads the same whatever number, and however written, stands in it', async () => {
  const digit = fc.constantFrom(...'0123456789');
  const mobile = fc
    .tuple(fc.constantFrom(...'3456789'), fc.array(digit, { minLength: 9, maxLength: 9 }))
    .map(([second, rest]) => ['1', second, ...rest]);
  const form = fc.constantFrom(
    '0123456789',
    '０１２３４５６７８９',
    '零一二三四五六七八九',
    '〇壹贰叁肆伍陆柒捌玖',
    '⓪①②③④⑤⑥⑦⑧⑨',
  );
  const between = fc.constantFrom('', '', '', ' ', '-', '.', '　', '——', ' - ', '*', '，', '\u200b', '👍');
  fc.assert(
    fc.property(mobile, form, fc.array(between, { minLength: 11, maxLength: 11 }), (number, digits, gaps) => {
      const written = number
        .map((one, at) => Array.from(digits)[Number(one)]! + (at < 10 ? gaps[at]! : ''))
        .join('');
      return scrub.apply(`请打${written}谢谢`) === '请打***谢谢';
    }),
    { numRuns: 3_000 },
  );
});

void t.test('what is not personal stays as it is written, and what is shown stands in the text', async () => {
  fc.assert(
    fc.property(anyText, (text) => {
      let at = 0;
      for (const part of (scrub.apply(text) ?? '').split('***')) {
        const found = text.indexOf(part, at);
        if (found === -1) return text.includes('*');
        at = found + part.length;
      }
      return true;
    }),
    { numRuns: 3_000 },
  );
});

void t.test(
  'text too long for a remark is hidden altogether, and the longest one costs no more than moments',
  async (t) => {
    t.equal(scrub.apply('谢谢'.repeat(1_001)), '***');
    for (const part of [
      '1 ',
      '一',
      '路',
      'a',
      'a ',
      '中',
      '1-',
      'A1 ',
      '@',
      'a@',
      '路1',
      '3栋',
      '12 Ab ',
      'room ',
      '微信',
      '. ',
      '138，中',
      '点',
    ])
      t.ok(scrub.apply(part.repeat(2000 / part.length)) !== null, part);
  },
);
