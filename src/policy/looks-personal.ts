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
    matches: (value) => /(?<!\d)1[3-9]\d{9}(?!\d)/.test(value.replace(/[\s-]/g, '')),
  },
];

/** @returns what most of the values look like; undefined: like nothing personal */
export function likenessOf(values: readonly string[]): Likeness | undefined {
  for (const { class: dataClass, share, distinct, matches } of rules) {
    const alike = values.filter((value) => value.length <= 500 && matches(value.trim()));
    if (alike.length < values.length * share || new Set(alike).size < distinct) continue;
    return { class: dataClass, like: alike.length, of: values.length };
  }
  return undefined;
}

function isPhone(value: string): boolean {
  const digits = value.replace(/^\+/, '').replace(/[\s-]/g, '');
  return /^(86|0086)?1[3-9]\d{9}$/.test(digits) || /^0\d{2,3}-\d{7,8}$/.test(value);
}

function isAddress(value: string): boolean {
  if (value.length < 8 || !/[路街道巷弄镇乡村号室幢栋]/.test(value)) return false;
  for (let start = 0; start < Math.min(value.length, 12); start++) {
    for (let length = 3; length <= longestDivision; length++) {
      if (divisions.has(value.slice(start, start + length))) return true;
    }
  }
  return false;
}

function isName(value: string): boolean {
  return /^\p{Script=Han}{2,4}$/u.test(value) && surnames.includes(value[0]!);
}
