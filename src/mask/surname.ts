/**
 * A name keeps its surname: the first character, or the first two where they are a compound surname
 * and more follows (欧阳 alone may be a Mr Ou). Names with a middle dot have no such surname, whatever
 * they begin with (司马义·艾买提), and keep the first character. A Latin name keeps its first letter, as a
 * capital without accents. How long the name is does not show, nor what stands around it: white space, digits,
 * signs. What begins with neither a Chinese nor a Latin nor a Korean letter keeps nothing. Characters are
 * code points.
 */
import { collated } from './collated.js';
import type { Mask } from './mask.js';
import { firstCharacters, narrow, plainText, plainTextSql, sqlText } from './plain-text.js';

const compoundSurnames = `\
欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶 太叔 申屠 公孙 慕容
仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良 漆雕 乐正 宰父 谷梁 拓跋 夹谷 轩辕 令狐
段干 百里 呼延 东郭 南门 羊舌 微生 梁丘 左丘 西门 东里 东宫 南荣 仲长 达奚 褚师 第五 贯丘 哥舒 耶律 完颜 叶赫 纳兰 单于
歐陽 端木 司馬 東方 獨孤 南宮 聞人 諸葛 尉遲 公羊 赫連 澹臺 濮陽 公孫 仲孫 鍾離 長孫 鮮于 閭丘 亓官 巫馬 顓孫 壤駟 樂正
宰父 穀梁 拓跋 夾谷 軒轅 呼延 東郭 南門 西門 東里 達奚 貫丘 單于 納蘭 葉赫`;

const compounds: ReadonlySet<string> = new Set(compoundSurnames.split(/[ \n]/u));

// An object, because jsonb finds a key by binary search and a member of an array one by one.
const compoundsSql = `'${JSON.stringify(Object.fromEntries([...compounds].map((name) => [name, 0])))}'::jsonb`;

/** Nobody's name is longer; of what is, no more is looked at. */
const maxCharacters = 64;

/** Between the parts of names that have no Chinese surname. */
const dots = '·•・‧．･∙⋅.●-‐‑‒–—―_ㆍ᛫';

/** What may stand around a name and is no part of it. */
const around = `${narrow.replace(/[A-Za-z]/gu, '')}${dots}、。，：；！？《》〈〉「」『』【】〔〕“”‘’…￥*★☆♥❤`;

/** Latin letters, each as what is shown of it. */
const capitals = lettersByCapital();
const letters = [...capitals.keys()].join('');
const shownLetters = [...capitals.values()].join('');

function lettersByCapital(): ReadonlyMap<string, string> {
  const found = new Map(Array.from('ØøĐđŁłÆæŒœ', (letter, at) => [letter, 'OODDLLAAOO'.charAt(at)]));
  for (let code = 0x61; code < 0x1f00; code = code === 0x24f ? 0x1e00 : code + 1) {
    const letter = String.fromCharCode(code);
    const base = letter.normalize('NFD').charAt(0).toUpperCase();
    if (letter !== base && /^[A-Z]$/u.test(base)) found.set(letter, base);
  }
  return found;
}

/** Chinese and Korean. */
const scripts = [
  ['㐀', '\u4dbf'],
  ['一', '\u9fff'],
  ['가', '힣'],
  ['\u{20000}', '\u{323af}'],
] as const;

/** Nothing to leave out, no dots, each character one unit: the usual name, told at once. */
const plainName = /^[\u4e00-\u9fff]{1,16}$/;

export const surname: Mask = {
  name: 'surname',
  classes: ['name'],
  example: ['张三', '张**'],
  sql: collated((text) => {
    const name = `btrim(${plainTextSql(`left(${text}, ${maxCharacters})`)}, ${sqlText(around)})`;
    const first = `translate(left(__weir_n, 1), '${letters}', '${shownLetters}')`;
    const within = (from: string, to: string): string => `__weir_f BETWEEN '${from}' AND '${to}'`;
    const inScripts = scripts.map(([from, to]) => within(from, to)).join(' OR ');
    const two =
      `${compoundsSql} ? left(__weir_n, 2) AND length(__weir_n) > 2 ` +
      `AND translate(__weir_n, ${sqlText(dots)}, '') = __weir_n`;
    // The usual name, two to four Chinese characters, is told at once.
    const chinese = (character: string): string => `${character} BETWEEN '一' AND '\u9fff'`;
    const usual =
      `octet_length(${text}) <= 12 AND length(${text}) <= 4 AND ${chinese(`left(${text}, 1)`)} AND ${chinese(`substr(${text}, 2, 1)`)} ` +
      `AND ${chinese(`right(${text}, 1)`)} AND (length(${text}) < 4 OR ${chinese(`substr(${text}, 3, 1)`)})`;
    return (
      `CASE WHEN ${usual} THEN left(${text}, CASE WHEN length(${text}) > 2 AND ${compoundsSql} ? left(${text}, 2) THEN 2 ELSE 1 END) || '**' ` +
      `WHEN ${text} IS NOT NULL THEN (SELECT CASE WHEN ${inScripts} THEN left(__weir_n, CASE WHEN ${two} THEN 2 ELSE 1 END) ` +
      `WHEN ${within('A', 'Z')} THEN __weir_f ELSE '' END || '**' ` +
      `FROM (SELECT __weir_n, ${first} AS __weir_f FROM (SELECT ${name} AS __weir_n OFFSET 0) AS __weir_1 OFFSET 0) AS __weir_2) END`
    );
  }),
  apply(value) {
    if (value === null) return null;
    if (plainName.test(value))
      return `${value.length > 2 && compounds.has(value.slice(0, 2)) ? value.slice(0, 2) : value.charAt(0)}**`;
    const name = withoutAround(Array.from(plainText(firstCharacters(value, maxCharacters))));
    const [first = ''] = name;
    if (!scripts.some(([from, to]) => isBetween(first, from, to))) {
      const letter = capitals.get(first) ?? first;
      return `${/^[A-Z]$/u.test(letter) ? letter : ''}**`;
    }
    const firstTwo = name.slice(0, 2).join('');
    const dotted = name.some((character) => dots.includes(character));
    return `${name.length > 2 && !dotted && compounds.has(firstTwo) ? firstTwo : first}**`;
  },
};

function withoutAround(characters: readonly string[]): readonly string[] {
  let start = 0;
  let end = characters.length;
  while (start < end && around.includes(characters[start] ?? '')) start += 1;
  while (end > start && around.includes(characters[end - 1] ?? '')) end -= 1;
  return characters.slice(start, end);
}

function isBetween(character: string, from: string, to: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return code >= (from.codePointAt(0) ?? 0) && code <= (to.codePointAt(0) ?? 0);
}
