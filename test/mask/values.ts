/** Values that masks meet: the usual ones, damaged ones, and anything that text may hold. */
import fc from 'fast-check';
import { otherStarts, provinces } from '../../src/mask/division-tree.js';

/** Any text without NUL: astral, combining and control characters included. */
export const anyText = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.string({
      unit: fc.constantFrom(
        ...Array.from('　 \t\n\r\u00a0\u200b\ufeff１９０9１-+＋()转·é\u0301𠮷😀张欧阳市区县州省'),
      ),
      maxLength: 30,
    }),
  )
  .map((text) => text.replaceAll('\0', ''));

const given = fc.constantFrom(...Array.from('伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀兰霞平刚桂英𠮷'));
const surnames = fc.constantFrom(
  '张',
  '王',
  '欧',
  '欧阳',
  '司马',
  '诸葛',
  '諸葛',
  '万俟',
  '东方',
  '公孙',
  '尉迟',
  'O',
  'É',
  'é',
  '阿',
);
const padding = fc.constantFrom('', '', '', ' ', '　', '\t', '\u00a0 ', '\n', '\u200b');

export const names = fc
  .tuple(padding, surnames, fc.constantFrom('', ' ', '·'), fc.string({ unit: given, maxLength: 5 }), padding)
  .map((parts) => parts.join(''));

const digits = (least: number, most: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: least, maxLength: most });

function wide(text: string): string {
  return text.replace(/[0-9]/g, (digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0));
}

export const phones = fc
  .tuple(
    fc.constantFrom(
      '',
      '',
      '',
      '+86',
      '86',
      '0086',
      '＋86',
      '+',
      '+1',
      '0',
      '00',
      'Tel: ',
      '电话：',
      '+86 0',
    ),
    fc.oneof(
      digits(9, 9).map((rest) => `13${rest}`),
      digits(10, 10).map((rest) => `1${rest}`),
      digits(0, 20),
      digits(7, 8).map((rest) => `0571-${rest}`),
      digits(6, 9).map((rest) => `10-${rest}`),
      digits(6, 9).map((rest) => `021${rest}`),
      digits(55, 70),
    ),
    fc.constantFrom('', '', ' ', '-', ' ext. 8', '转12', '-4321', ',567', '分机8', '٣', '²', '\u0301'),
    fc.constantFrom('', '', '', ' ', '-', '　', '.', '😀'),
    fc.boolean(),
    fc.nat(12),
  )
  .map(([prefix, number, ending, between, isWide, at]) => {
    const text = prefix + number.slice(0, at) + between + number.slice(at) + ending;
    return isWide ? wide(text) : text;
  });

export const divisions: readonly (readonly string[])[] = [...provinces].flatMap(([province, cities]) =>
  [...cities].flatMap(([city, districts]) => {
    const above = city === province ? [province] : [province, city];
    return [above, ...districts.map((district) => [...above, district])];
  }),
);

const streets = fc.oneof(
  fc.constantFrom(
    '文三路12号',
    '幸福小区3幢',
    '张三路12号',
    '城区中学路',
    '市场路1号',
    '县前街',
    '区府路',
    '州桥',
    '盟重省',
    '',
  ),
  anyText,
);
const between = fc.constantFrom(
  '',
  '',
  '',
  '',
  ' ',
  '　',
  '市辖区',
  '县',
  '省',
  '省直辖县级行政区划',
  '自治区直辖县级行政区划',
  '-',
  '\t',
  '上海市',
  '重庆市',
);

/** One place in the text changed: a character dropped, doubled, moved or swapped for another. */
function damaged(text: string, kind: number, at: number, other: string): string {
  const characters = Array.from(text);
  const place = characters.length === 0 ? 0 : at % characters.length;
  const here = characters[place] ?? '';
  const replacement = [[], [here, here], [other], [other, here], [' ', here]][kind % 5] ?? [];
  return [...characters.slice(0, place), ...replacement, ...characters.slice(place + 1)].join('');
}

export const addresses = fc
  .tuple(
    fc.constantFrom(...divisions),
    between,
    between,
    streets,
    fc.nat(9),
    fc.nat(14),
    fc.constantFrom(...'省市区县旗盟州 a'),
    fc.nat(9),
  )
  .map(([parts, first, second, street, kind, at, other, form]) => {
    const [province = '', city = '', district = ''] = parts;
    const again = form === 0 ? province : '';
    const text =
      form === 1
        ? province + district + street
        : province + again + first + city + second + district + street;
    return kind < 5 && form > 4 ? damaged(text, kind, at, other) : text;
  });

/** Addresses that leave out the province, shorten it, or leave out the city above one of county rank. */
export const shortAddresses = fc
  .tuple(fc.constantFrom(...otherStarts), between, fc.nat(3), streets)
  .map(([[start, [province = '', city = '', ofCounty]], gap, at, street]) => {
    const districts = ofCounty === undefined ? (provinces.get(province)?.get(city) ?? []) : [];
    return start + gap + (districts[at] ?? '') + street;
  });

const digit = fc.constantFrom(...'0123456789');
const number = (least: number, most: number) => fc.string({ unit: digit, minLength: least, maxLength: most });

export const emails = fc
  .tuple(
    fc.constantFrom('', 'z', 'Z', '9', 'é', ' ', '𠮷', '_', 'İ', 'ı'),
    fc.string({ maxLength: 6 }),
    fc.constantFrom('@', '@', '@', '＠', '', '@@'),
    fc.constantFrom('163.com', 'qq.com', 'example.org', ''),
  )
  .map((parts) => parts.join('').replaceAll('\0', ''));

export const moments = fc
  .tuple(
    fc.oneof(number(4, 4), number(0, 6), fc.constantFrom('infinity', '-infinity', '0044', '２０２６')),
    fc.constantFrom('-', '-', '-', '/', ''),
    fc.oneof(fc.constantFrom('01', '09', '10', '12', '13', '00'), number(0, 3)),
    fc.constantFrom('-22', '-22 10:15:00+00', '-22T10:15:00.5Z', '-22 BC', '', '-', 'é'),
  )
  .map((parts) => parts.join(''));

export const numbers = fc
  .tuple(
    fc.constantFrom('', '', '', '-', '--', '+', ' '),
    fc.oneof(number(1, 6), number(0, 18), fc.constantFrom('0', '00100', 'NaN', 'Infinity', '1e', '１００')),
    fc.constantFrom('', '', '.', '.50', '.999', '..5', '.5.', '.5e3', 'e+20', '-'),
  )
  .map((parts) => parts.join(''));
