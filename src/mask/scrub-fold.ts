/** Text in which what reads alike is written alike, unit by unit, so that places in it are places in the original. */

/** From, up to but not including. UTF-16 units. */
export type Span = readonly [start: number, end: number];

export interface Folded {
  /** Full-width characters narrow, digits of all scripts plain, white space of all kinds a space. */
  readonly text: string;
  /** The same with Chinese numerals as digits too. */
  readonly digits: string;
}

const numerals = new Map(
  ['零〇○', '一幺壹弌', '二贰貳', '三叁參', '四肆', '五伍', '六陆陸', '七柒', '八捌', '九玖'].flatMap(
    (characters, digit) =>
      Array.from(characters, (character): [string, string] => [character, String(digit)]),
  ),
);

export function fold(text: string): Folded {
  let narrow = '';
  for (const character of text) narrow += foldOne(character);
  return { text: narrow, digits: Array.from(narrow, (one) => numerals.get(one) ?? one).join('') };
}

function foldOne(character: string): string {
  if (character < '\x7f') return character < ' ' ? ' ' : character;
  if (/^[\s\u200b-\u200f\u2060\ufe0f\ufeff]$/u.test(character)) return ' ';
  const plain = character.normalize('NFKD');
  // Circled, in brackets, superscript, mathematical: they come apart into a digit.
  const digit = /^\(?([0-9])[).]?$/u.exec(plain)?.[1] ?? digitOf(character);
  if (digit !== undefined) return digit.padEnd(character.length, ' ');
  return /^[!-~]$/u.test(plain) ? plain.padEnd(character.length, ' ') : character;
}

function digitOf(character: string): string | undefined {
  const code = character.codePointAt(0) ?? 0;
  // Black circles and their like are no digits to Unicode.
  if (/^[\u2776-\u277e\u2780-\u2788]$/u.test(character)) return String(((code - 0x2776) % 10) + 1);
  let zero = code;
  // The ten of a script stand together, in order from zero.
  while (/^\p{Nd}$/u.test(String.fromCodePoint(zero))) zero -= 1;
  return zero === code ? undefined : String((code - zero - 1) % 10);
}

/** Every match, or the group of it that is named. */
export function* spansOf(pattern: RegExp, text: string): Generator<Span> {
  for (const match of text.matchAll(pattern)) {
    const [whole, group] = match;
    const start = match.index + (group === undefined ? 0 : whole.lastIndexOf(group));
    yield [start, start + (group ?? whole).length];
  }
}
