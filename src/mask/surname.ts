/**
 * A name keeps its surname: the first character, or the first two where they are a compound surname
 * and more follows (欧阳 alone may be a Mr Ou). Names with a middle dot have no such surname, whatever
 * they begin with (司马义·艾买提), and keep the first character. A Latin name keeps its first letter, as a
 * capital. How long the name is does not show. Characters are code points; white space around the name
 * does not count.
 */
import type { Mask } from './mask.js';

const compoundSurnames = `\
欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶 太叔 申屠 公孙 慕容
仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良 漆雕 乐正 宰父 谷梁 拓跋 夹谷 轩辕 令狐
段干 百里 呼延 东郭 南门 羊舌 微生 梁丘 左丘 西门 东里 东宫 南荣 仲长 达奚 褚师 第五 贯丘 哥舒 耶律 完颜 叶赫 纳兰 单于
歐陽 端木 司馬 東方 獨孤 南宮 聞人 諸葛 尉遲 公羊 赫連 澹臺 濮陽 公孫 仲孫 鍾離 長孫 鮮于 閭丘 亓官 巫馬 顓孫 壤駟 樂正
宰父 穀梁 拓跋 夾谷 軒轅 呼延 東郭 南門 西門 東里 達奚 貫丘 單于 納蘭 葉赫`;

const compounds: ReadonlySet<string> = new Set(compoundSurnames.split(/[ \n]/u));

// An object, because jsonb finds a key by binary search and a member of an array one by one.
const compoundsSql = `'${JSON.stringify(Object.fromEntries([...compounds].map((name) => [name, 0])))}'::jsonb`;

const white = ' \t\n\r\u00a0\u3000';
const whiteSql = String.raw`E' \t\n\r\u00A0\u3000'`;

const dots = '·•・‧．･∙⋅';

const capital = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const wide = 'ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ';
/** Letters that are shown as a capital of ASCII. */
const small = capital.toLowerCase() + wide + wide.toLowerCase();

function capitalOf(letter: string): string {
  const at = small.indexOf(letter);
  return letter === '' || at === -1 ? letter : capital.charAt(at % capital.length);
}

function trim(characters: readonly string[]): readonly string[] {
  let start = 0;
  let end = characters.length;
  while (start < end && white.includes(characters[start] ?? '')) start += 1;
  while (end > start && white.includes(characters[end - 1] ?? '')) end -= 1;
  return characters.slice(start, end);
}

/** Nothing to trim, no dots, each character one unit: the usual name, told at once. */
const plainName = /^[\u4e00-\u9fff]{1,16}$/;

export const surname: Mask = {
  name: 'surname',
  classes: ['name'],
  example: ['张三', '张**'],
  sql(text) {
    const compound = (name: string): string => `${compoundsSql} ? left(${name}, 2)`;
    const trimmed = `btrim(${text}, ${whiteSql})`;
    // All white space sorts before the first Chinese character, so most names need no trimming in front.
    const undotted = `translate(${text}, '${dots}', '') = ${text}`;
    return (
      `(translate(CASE WHEN (${text}) COLLATE "C" >= '一' THEN ` +
      `left(${text}, CASE WHEN ${compound(text)} AND length(rtrim(${text}, ${whiteSql})) > 2 AND ${undotted} THEN 2 ELSE 1 END) ` +
      `ELSE left(${trimmed}, CASE WHEN ${compound(trimmed)} AND length(${trimmed}) > 2 AND ${undotted} THEN 2 ELSE 1 END) END, ` +
      `'${small}', '${capital.repeat(3)}') || '**')`
    );
  },
  apply(value) {
    if (value === null) return null;
    if (plainName.test(value))
      return `${value.length > 2 && compounds.has(value.slice(0, 2)) ? value.slice(0, 2) : value.charAt(0)}**`;
    const name = trim(Array.from(value));
    const firstTwo = name.slice(0, 2).join('');
    const dotted = name.some((character) => dots.includes(character));
    return (
      (name.length > 2 && !dotted && compounds.has(firstTwo) ? firstTwo : capitalOf(name[0] ?? '')) + '**'
    );
  },
};
