/**
 * What makes no difference to a reader makes none to a mask: white space of all kinds, characters that do
 * not show (zero-width, marks of direction, variation selectors, controls) are left out, full-width letters,
 * digits and signs are written narrow. Both forms of the masks begin with it.
 */

type Ranges = readonly (readonly [from: number, to: number])[];

const whiteRanges: Ranges = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0x85, 0x85],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
];
const hiddenRanges: Ranges = [
  [0x01, 0x08],
  [0x0e, 0x1f],
  [0x7f, 0x84],
  [0x86, 0x9f],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180e],
  [0x200b, 0x200f],
  [0x202a, 0x202e],
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff9, 0xfffb],
];

function charactersFrom(from: number, to: number): string {
  return Array.from({ length: to - from + 1 }, (_, at) => String.fromCodePoint(from + at)).join('');
}

function charactersOf(ranges: Ranges): string {
  return ranges.map(([from, to]) => charactersFrom(from, to)).join('');
}

const white = charactersOf(whiteRanges);
/** White space, and what does not show; all of the basic plane. */
export const unseen = white + charactersOf(hiddenRanges);
export const narrow = charactersFrom(0x21, 0x7e);
export const wide = charactersFrom(0xff01, 0xff5e);

const remarkable = new RegExp(`[${literalInClass(unseen)}${wide[0] ?? ''}-${wide.at(-1) ?? ''}]`, 'gu');

function literalInClass(characters: string): string {
  return Array.from(characters, (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`).join('');
}

/** Of at most so many code points. */
export function firstCharacters(value: string, most: number): string {
  if (value.length <= most) return value;
  return Array.from(value.slice(0, 2 * most))
    .slice(0, most)
    .join('');
}

/** @param space what white space becomes */
export function plainText(value: string, space = ''): string {
  return value.replace(remarkable, (one) => {
    const code = one.charCodeAt(0);
    if (code > 0xff00 && code <= 0xff5e) return String.fromCharCode(code - 0xfee0);
    return white.includes(one) ? space : '';
  });
}

/** A constant of SQL, whatever standard_conforming_strings says. */
export function sqlText(text: string): string {
  const escaped = Array.from(text, (one) => {
    const code = one.codePointAt(0) ?? 0;
    if (one === "'" || one === '\\') return `\\${one === "'" ? 'u0027' : one}`;
    return unseen.includes(one) ? `\\u${code.toString(16).padStart(4, '0')}` : one;
  });
  return `E'${escaped.join('')}'`;
}

/** The same of a text expression; `without` are characters, in their narrow form, that are left out as well. */
export function plainTextSql(text: string, { space = '', without = '' } = {}): string {
  const mapped = Array.from(wide, (one, at) => [one, narrow.charAt(at)] as const);
  if (space !== '') mapped.push(...Array.from(white, (one) => [one, space] as const));
  const kept = mapped.filter(([, to]) => !without.includes(to));
  const keptFrom = kept.map(([from]) => from).join('');
  // What is mapped goes first; of the rest nothing is left.
  const dropped = Array.from(wide + unseen + without).filter((one) => !keptFrom.includes(one));
  const translated = (ascii: boolean): string => {
    const concerned = (one: string): boolean => !ascii || one < '\u0080';
    const pairs = kept.filter(([from]) => concerned(from));
    const from = pairs.map(([one]) => one).join('') + dropped.filter(concerned).join('');
    return `translate(${text}, ${sqlText(from)}, ${sqlText(pairs.map(([, to]) => to).join(''))})`;
  };
  // Each character is looked for in the list, one by one: a short list where a short one will do.
  return `CASE WHEN octet_length(${text}) = length(${text}) THEN ${translated(true)} ELSE ${translated(false)} END`;
}
