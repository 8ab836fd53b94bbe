/**
 * Does a column look as if it held phones, addresses, names, e-mail addresses or id numbers? Pure: values come
 * in, a class and two counts go out. Made to be wrong on the safe side: a person then reads the column's name.
 */
import { provinces } from '../mask/division-tree.js';
import type { DataClass } from './model.js';

export interface Likeness {
  readonly class: DataClass;
  /** How many of the values look so. */
  readonly like: number;
  readonly of: number;
}

/** As one or a few hundred of the population bear them, in the order of their number. */
const surnames =
  '王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫雷龙史陶贺毛段郝顾龚邵万覃武钱戴严欧莫孔向常';

/** Of two characters, each of which may be in no list of one. */
const longSurnames = new Set(
  [...'欧阳司马上官诸葛司徒东方独孤南宫万俟闻人夏侯尉迟公孙慕容令狐宇文长孙皇甫轩辕司空端木'].flatMap(
    (_, i, all) => (i % 2 === 0 ? [`${all[i]}${all[i + 1]}`] : []),
  ),
);

/** In Latin letters: surnames as they are spelled in China, and given names that are common where English is spoken. */
const latinNames = new Set(
  (
    'wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he lin gao luo zheng liang xie song tang han feng deng cao peng zeng xiao tian dong pan yuan cai jiang yu du ye cheng wei su lu ding ren yao shen zhong cui tan fan liao shi jin jia xia fu fang zou xiong bai meng qin qiu hou ' +
    'james john robert michael william david richard joseph thomas charles daniel matthew anthony mark paul mary patricia jennifer linda elizabeth barbara susan jessica sarah karen emma anna maria peter kevin brian george amy laura alice'
  ).split(' '),
);

const divisions = new Set(
  [...provinces].flatMap(([province, cities]) =>
    [province, ...[...cities].flatMap(([city, districts]) => [city, ...districts])].filter(
      (name) => name.length > 2,
    ),
  ),
);
const longestDivision = Math.max(...[...divisions].map((name) => name.length));

interface Rule {
  readonly class: DataClass;
  /** Of all values, so that a stray one does not count. */
  readonly share: number;
  /** Words of a list repeat, people do not. */
  readonly distinct: number;
  readonly matches: (value: string) => boolean;
}

const rules: readonly Rule[] = [
  {
    class: 'id-number',
    share: 0.02,
    distinct: 3,
    matches: (value) => /^\d{6}(19|20)\d{9}[\dXx]$/.test(value),
  },
  { class: 'email', share: 0.02, distinct: 3, matches: (value) => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value) },
  { class: 'phone', share: 0.02, distinct: 3, matches: isPhone },
  { class: 'address', share: 0.05, distinct: 3, matches: isAddress },
  { class: 'name', share: 0.5, distinct: 20, matches: isName },
  {
    class: 'free-text',
    share: 0.005,
    distinct: 3,
    matches: (value) =>
      /(?<!\d)1[3-9]\d{9}(?!\d)/.test(value.replace(/[\s-]/g, '')) ||
      /(?<!\d)0[1-9]\d{1,2}[\s-]\d{7,8}(?!\d)/.test(value),
  },
];

/** @returns what most of the values look like; undefined: like nothing personal */
export function likenessOf(values: readonly string[]): Likeness | undefined {
  for (const { class: dataClass, share, distinct, matches } of rules) {
    const alike = values.filter((value) => value.length <= 500 && matches(value.normalize('NFKC').trim()));
    if (alike.length < values.length * share || new Set(alike).size < distinct) continue;
    return { class: dataClass, like: alike.length, of: values.length };
  }
  return undefined;
}

function isPhone(value: string): boolean {
  const dialled = value.replace(/\s*(?:转|ext\.?|x|,)\s*\d{1,6}$/i, '');
  const plain = dialled.replace(/[\s().·/-]/g, '');
  if (/^(?:\+?86|0086)?1[3-9]\d{9}$/.test(plain)) return true;
  // Other countries with their plus; land lines with their zero, or behind the country's code.
  if (/^\+[1-9]\d{7,14}$/.test(plain) || (/^860?[1-9]\d{8,10}$/.test(plain) && /\D/.test(dialled)))
    return true;
  return /^\(?0[1-9]\d{1,2}\)?[\s-]?\d{7,8}(?:-\d{1,6})?$/.test(dialled);
}

function isAddress(value: string): boolean {
  if (isLatinAddress(value)) return true;
  if (value.length < 8 || !/[路街道巷弄镇乡村号室幢栋]/.test(value)) return false;
  if (/[路街道巷弄镇乡村].*\d\s*[号弄幢栋室]/.test(value)) return true;
  for (let start = 0; start < Math.min(value.length, 12); start++) {
    for (let length = 3; length <= longestDivision; length++) {
      if (divisions.has(value.slice(start, start + length))) return true;
    }
  }
  return false;
}

/** Two words of an address, and a number. */
function isLatinAddress(value: string): boolean {
  const words = value.match(
    /\b(?:road|rd|street|st|avenue|ave|lane|district|building|bldg|room|rm|floor|unit|city|province)\b/gi,
  );
  return (
    value.length >= 12 && /\d/.test(value) && new Set(words?.map((word) => word.toLowerCase())).size >= 2
  );
}

function isName(value: string): boolean {
  // 阿卜杜拉·买买提
  if (/^\p{Script=Han}{2,8}[·•.]\p{Script=Han}{2,8}$/u.test(value)) return true;
  if (/^\p{Script=Han}{2,4}$/u.test(value))
    return surnames.includes(value[0]!) || longSurnames.has(value.slice(0, 2));
  const words = value.split(/[\s,]+/);
  if (words.length < 2 || words.length > 4 || !words.every((word) => /^\p{Lu}[\p{L}.'-]*$/u.test(word)))
    return false;
  return [words[0]!, words.at(-1)!].some((word) => latinNames.has(word.toLowerCase()));
}
