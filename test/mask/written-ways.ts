/**
 * Values as people and machines write them, made from a grammar that knows nothing of the masks: the same thing
 * in many ways. Each generator takes what is to stay the same and gives ways of writing it.
 */
import fc from 'fast-check';
import { provinces } from '../../src/mask/division-tree.js';

export const digit = fc.constantFrom(...'0123456789');
export const digitsOf = (least: number, most = least): fc.Arbitrary<string> =>
  fc.string({ unit: digit, minLength: least, maxLength: most });

/** What nobody sees. */
export const invisible = fc.constantFrom(
  ...['\u200b', '\u200c', '\u200d', '\u200e', '\u200f', '\u202a', '\u202c', '\u2060', '\u2066', '\u2069'],
  ...['\ufeff', '\u00ad', '\ufe0f', '\u0007', '\u001f', '\u007f', '\u0085'],
);
export const space = fc.constantFrom(
  ...[' ', '  ', '\u00a0', '\u3000', '\t', '\n', '\r\n', '\u2003', '\u2009', '\u202f', '\u205f', '\u1680'],
);
export const little = fc.oneof(
  { arbitrary: fc.constant(''), weight: 5 },
  { arbitrary: space, weight: 1 },
  { arbitrary: invisible, weight: 1 },
);

/** Something of every character: combining marks, other scripts' digits, astral planes, controls. */
export const odd = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom(
        ...Array.from(
          '٠١٢٣٩०१२²³①⑴❶𝟙𝟚０９ＡｚⅣ㊀〇零一二三壹é\u0301\u0302ÅﬁßİıǅΩЖ가あアｱ𠮷𪜀𰻞𫝀龥㐀豈⼀👨‍👩‍👧🇨🇳�＠@％%\'"\\$`',
        ),
      ),
      fc.constantFrom(...Array.from('张欧阳司马省市区县旗州盟路号室0123456789-+()（）·.,，:： \t\n')),
      invisible,
      space,
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    ),
    maxLength: 24,
  })
  .map((text) => text.replaceAll('\0', ''));

/** Now and then as long as a column holds. */
export const long = fc
  .tuple(odd, fc.constantFrom(63, 64, 65, 127, 128, 129, 255, 256, 257, 320, 321, 2_000, 70_000))
  .map(([text, length]) =>
    Array.from((text || 'x').repeat(length))
      .slice(0, length)
      .join(''),
  );

export function widened(text: string): string {
  return text.replace(/[!-~]/gu, (one) => String.fromCharCode(one.charCodeAt(0) + 0xfee0));
}

const wideOrNot = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(text, fc.integer({ min: 0, max: 9 })).map(([one, at]) => (at < 2 ? widened(one) : one));

const labels = fc.constantFrom(
  ...[
    '',
    '',
    '',
    '',
    '电话：',
    '手机:',
    'Tel: ',
    'tel.',
    'Phone ',
    'Mobile：',
    '联系电话',
    '收货电话 ',
    '(',
    '☎',
    '手机号码为',
    '李女士 ',
  ],
);
const extensions = fc.constantFrom(
  ...[
    '',
    '',
    '',
    '',
    '转5678',
    ' 转 802',
    '-5678',
    ',5678',
    '，5678',
    ' ext. 8',
    ' ext 8021',
    'x12',
    '#5678',
    '分机8',
    '分机：802',
  ],
  ...[
    '/13900001111',
    ' 13900001111',
    '、13900001111',
    '或13900001111',
    ';0571-88880000',
    '\n13900001111',
    '（李）',
    ' 家里',
    '备用15900002222',
  ],
);
const sign = fc.constantFrom('', '', ' ', '-', '.', '－', '—', '·', '\u00a0', '\u200b');

/** Mobile number of the mainland: three first digits, four hidden, four last. */
export function mobileWays(first: string, hidden: string, last: string): fc.Arbitrary<string> {
  const code = fc.constantFrom(
    '',
    '',
    '',
    '+86',
    '+86 ',
    '86',
    '86-',
    '0086',
    '0086 ',
    '(+86)',
    '+86-',
    '+86 0',
    '0',
  );
  const grouping = fc.constantFrom<number[]>([3, 7], [3, 7], [3], [7], [], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const whole = first + hidden + last;
  return wideOrNot(
    fc
      .tuple(labels, code, grouping, sign, extensions, little)
      .map(([label, front, groups, between, back, end]) => {
        const body = Array.from(whole, (one, at) => (groups.includes(at) ? between : '') + one).join('');
        return label + front + body + back + end;
      }),
  );
}

/** Landline: area code, the local number. */
export function landlineWays(area: string, local: string): fc.Arbitrary<string> {
  const front = fc.constantFrom(
    ...[
      `${area}-`,
      `${area} `,
      area,
      `(${area})`,
      `（${area}）`,
      `+86 ${area.slice(1)} `,
      `+86-${area.slice(1)}-`,
    ],
    ...[`0086-${area.slice(1)}-`, `86-${area.slice(1)}-`, `+86 (0)${area.slice(1)}-`, `${area}—`],
  );
  return wideOrNot(
    fc
      .tuple(labels, front, extensions, little)
      .map(([label, start, back, end]) => label + start + local + back + end),
  );
}

/** A number of another country. */
export function foreignWays(code: string, number: string): fc.Arbitrary<string> {
  const groups = fc.constantFrom(sign, fc.constant('')).chain((one) => one);
  const back = fc.constantFrom('', '', ' ext 8', 'x12', '转8', '#4', '/+85251234567');
  return wideOrNot(
    fc
      .tuple(labels, fc.constantFrom('+', '00', '(+'), groups, groups, back)
      .map(([label, plus, one, two, end]) => {
        const body = `${number.slice(0, -4)}${two}${number.slice(-4)}`;
        return `${label}${plus}${code}${plus === '(+' ? ')' : ''}${one}${body}${end}`;
      }),
  );
}

const givens = fc.string({
  unit: fc.constantFrom(...Array.from('伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀兰霞平刚桂英𠮷𪜀㐀')),
  minLength: 1,
  maxLength: 4,
});
const titles = fc.constantFrom(
  '',
  '',
  '',
  '先生',
  '女士',
  '小姐',
  '老师',
  ' 收',
  '(本人)',
  '13812341234',
  '😀',
  ' 电话13812341234',
  '🎉🎉',
);
const around = fc.constantFrom(
  '',
  '',
  '',
  ' ',
  '\u3000',
  '(',
  '【',
  '"',
  '\u200b',
  '\u202e',
  '*',
  '1',
  '\ufeff',
  '- ',
);

export const singleSurname = fc.constantFrom(...Array.from('张王李赵欧司上诸尉東張陳𠮷'));
export const compoundSurname = fc.constantFrom(
  '欧阳',
  '司马',
  '上官',
  '诸葛',
  '尉迟',
  '皇甫',
  '夏侯',
  '令狐',
  '歐陽',
  '諸葛',
  '单于',
);

/** Somebody of this surname. */
export function chineseNames(surname: string): fc.Arbitrary<string> {
  const joined = fc.constantFrom('', '', '', ' ', '\u3000', '\u200b', '\u00a0');
  return fc
    .tuple(around, joined, givens, joined, titles, little)
    .map(
      ([front, gap, given, second, title, end]) =>
        front + Array.from(surname).join(second) + gap + given + title + end,
    );
}

/** Somebody whose name has parts with dots between. */
export function dottedNames(first: string): fc.Arbitrary<string> {
  const dot = fc.constantFrom('·', '•', '・', '‧', '．', '･', '∙', '⋅', '.', ' · ', '-');
  return fc
    .tuple(around, givens, dot, givens, titles)
    .map(([front, rest, between, second, title]) => front + first + rest + between + second + title);
}

export function latinNames(letter: string): fc.Arbitrary<string> {
  const accented: Readonly<Record<string, readonly string[]>> = {
    e: ['é', 'e\u0301', 'É', 'E\u0301', 'ệ'],
    a: ['å', 'Ä', 'a\u030a'],
  };
  const first = fc.constantFrom(letter, letter.toUpperCase(), widened(letter), ...(accented[letter] ?? []));
  const rest = fc.constantFrom(
    'ohn Smith',
    'MITH, John',
    '. R. R. Tolkien',
    "'Brien",
    'mile',
    '',
    '. Wang',
    'LI Ming 先生',
    '-12',
  );
  return fc.tuple(around, first, rest, little).map((parts) => parts.join(''));
}

export const divisions: readonly (readonly string[])[] = [...provinces].flatMap(([province, cities]) =>
  [...cities].flatMap(([city, districts]) => {
    const above = city === province ? [province] : [province, city];
    return [above, ...districts.map((district) => [...above, district])];
  }),
);

export const streets = fc.oneof(
  fc.constantFrom(
    ...[
      '文三路12号',
      '朝阳路88号',
      '鼓楼街3号',
      '幸福小区3幢402室',
      '中山市场路1号',
      '人民路',
      '高新区天府三街199号',
      '',
      'No. 12 Wensan Rd',
    ],
    ...[
      '五常街道西溪诚园5-2-1201',
      '李四 13812341234',
      '（放门口）',
      '某村3组',
      '兵团路8号',
      '新华书店旁',
      '红旗大街',
      '和平里',
    ],
  ),
  odd,
);

/** How people begin: the province in full, shortened or left out, a municipality said twice. */
function beginnings([province = '', city = '']: readonly string[]): readonly string[] {
  if (province.endsWith('市')) return [province, province, province + province, `${province}市辖区`];
  const short = province.replace(/(?:省|壮族自治区|回族自治区|维吾尔自治区|自治区)$/u, '');
  return [province + city, province + city, short + city, city];
}

/** An address in this place, with its district. */
export function addressWays(parts: readonly string[]): fc.Arbitrary<string> {
  const label = fc.constantFrom(
    '',
    '',
    '',
    '',
    '地址：',
    '收货地址:',
    '310012 ',
    '中国',
    '中国 ',
    '【',
    '送到',
  );
  const between = fc.constantFrom(
    '',
    '',
    ' ',
    '\u3000',
    '-',
    '/',
    ',',
    '，',
    '\u00a0',
    '\u200b',
    '|',
    '>',
    '·',
    '\t',
  );
  const begin = fc.constantFrom(...beginnings(parts));
  const district = parts.at(-1) ?? '';
  const [province = ''] = parts;
  return fc
    .tuple(label, begin, between, between, between, streets)
    .map(([front, start, one, two, three, street]) => {
      const spaced = start.startsWith(province) ? province + one + start.slice(province.length) : start;
      return front + spaced + two + district + three + street;
    });
}
