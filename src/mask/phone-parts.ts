/**
 * The parts of a phone number as people write it. The digits are those of the number itself: its label, its
 * country code (+86, 86, 0086), a 0 dialled in front of a mobile number, an extension, the digits behind a
 * privacy number and a second number do not count. Only digits are looked at, full-width ones included
 * (Arabic-Indic, superscript and the like are signs), so that however a number is punctuated it reads the same.
 * Text of more than 64 characters is no phone number, and its cost stays bounded.
 */
import { plainText, plainTextSql, sqlText } from './plain-text.js';

export const maxCharacters = 64;
export const minDigits = 7;
const mobileDigits = 11;
const longestLandline = 12;
const serviceDigits = 10;

export interface Parts {
  /** Those of the number, as they are dialled at home. */
  readonly digits: string;
  readonly kind: 'mobile' | 'landline' | 'foreign' | 'other';
}

/** Behind the first digit, one of these begins an extension or another number. */
const letters = 'abcdefghijklmnopqrstuvwxyz';
const cuts = `|${letters}${letters.toUpperCase()}转轉分机機内內线線接按拨或和又及备備号號+#,;/\\、`;
const cut = new RegExp(`[${cuts.replace('\\', '\\\\')}]`, 'u');
/** All that is left of a number like 1.38e+10 when its digits are taken out: these are not the digits of a phone. */
const scientific = ['', '-'].flatMap((sign) =>
  ['', '.'].flatMap((point) => ['e', 'E', 'e+', 'E+', 'e-', 'E-'].map((power) => sign + point + power)),
);

const none: Parts = { digits: '', kind: 'other' };

export function partsOf(value: string): Parts {
  if (value.length > maxCharacters && Array.from(value).length > maxCharacters) return none;
  // A character a unit, so that places are counted as in SQL.
  const text = plainText(value, ' ').replace(/[\u{10000}-\u{10ffff}]/gu, ' ');
  const start = text.search(/[0-9+]/u);
  if (start === -1 || scientific.includes(text.replace(/[0-9]/gu, ''))) return none;
  const main = text.charAt(start) + (text.slice(start + 1).split(cut, 1)[0] ?? '');
  const all = digitsOf(main);
  const number = digitsOf(withoutExtension(main));
  const code = codeLength(all, number, main.startsWith('+'));
  if (code === -1) return { digits: all, kind: 'foreign' };
  const mobile = mobileIn(all.slice(code));
  if (mobile !== undefined) return { digits: mobile, kind: 'mobile' };
  return landlineIn(number.slice(code), code > 0);
}

/** A group of seven digits and more ends a mainland number, wherever it stands behind the country and area code. */
function withoutExtension(main: string): string {
  const from = main.startsWith('+') ? 5 : main.startsWith('0086') ? 6 : main.startsWith('0') ? 4 : 0;
  const group = /[0-9]{7,}/u.exec(main.slice(from));
  return group === null ? main : main.slice(0, from + group.index + group[0].length);
}

function digitsOf(text: string): string {
  return text.replace(/[^0-9]/gu, '');
}

/** Digits of the country code: 0 where there is none, -1 where it is another country's. */
function codeLength(all: string, number: string, plus: boolean): number {
  if (all.startsWith('0086')) return 4;
  if (plus && all.startsWith('86')) return 2;
  if (plus || all.startsWith('00')) return -1;
  const mobile = /^861[3-9]/u.test(all) && all.length >= mobileDigits + 2;
  return mobile || (number.startsWith('86') && number.length >= longestLandline) ? 2 : 0;
}

function mobileIn(digits: string): string | undefined {
  const [, mobile] = /^0?(1[3-9][0-9]{9})/u.exec(digits) ?? [];
  return mobile;
}

function landlineIn(digits: string, coded: boolean): Parts {
  if (/^[48]00/u.test(digits)) return { digits: digits.slice(0, serviceDigits), kind: 'other' };
  const national =
    coded && !digits.startsWith('0') && digits.length >= mobileDigits - 1 ? `0${digits}` : digits;
  if (!national.startsWith('0') || national.length < mobileDigits) return { digits: national, kind: 'other' };
  const short = /^0[12]/u.test(national);
  return { digits: national.slice(0, short ? mobileDigits : longestLandline), kind: 'landline' };
}

/**
 * One way of writing for each number, to compare by: mainland numbers as they are dialled at home, with no country
 * code and without signs (13812345678, 057188881234), those of other countries with + and code (+14155550123), any
 * other by its digits. What holds no digit, or is too long for a phone, stays as it is.
 */
export function normalPhone(value: string): string {
  const { digits, kind } = partsOf(value);
  if (digits === '') return value;
  return kind === 'foreign' ? `+${digits.replace(/^00/u, '')}` : digits;
}

/** What is left of the text when its digits are taken out is taken out of the text. */
function digitsSql(text: string): string {
  return `translate(${text}, translate(${text}, '0123456789', ''), '')`;
}

function startsMobile(digits: string): string {
  return `(left(${digits}, 1) = '1' AND substr(${digits}, 2, 1) >= '3')`;
}

/**
 * The same in SQL: `expression` over __weir_n, the digits, and __weir_k, the kind: M mobile, L landline, '' others.
 * OFFSET 0 keeps the planner from working a part out at each mention.
 */
export function withPartsSql(text: string, expression: string): string {
  const stages: readonly string[] = [
    `SELECT ${plainTextSql(text, { space: ' ' })} AS __weir_t`,
    `SELECT __weir_t, ltrim(__weir_t, translate(__weir_t, '0123456789+', '')) AS __weir_s`,
    `SELECT CASE WHEN translate(__weir_t, '0123456789', '') IN (${scientific.map(sqlText).join(', ')}) THEN '' ` +
      `ELSE left(__weir_s, 1) || split_part(translate(substr(__weir_s, 2), ${sqlText(cuts)}, '${'|'.repeat(Array.from(cuts).length)}'), '|', 1) END AS __weir_m`,
    `SELECT __weir_m, CASE WHEN left(__weir_m, 1) = '+' THEN 5 WHEN left(__weir_m, 4) = '0086' THEN 6 ` +
      `WHEN left(__weir_m, 1) = '0' THEN 4 ELSE 0 END AS __weir_o`,
    // __weir_r begins with the long group, where there is one.
    `SELECT __weir_m, ${digitsSql('__weir_m')} AS __weir_a, substr(__weir_m, __weir_o + ` +
      `nullif(strpos(translate(substr(__weir_m, __weir_o + 1), '123456789', '000000000'), '0000000'), 0)) AS __weir_r`,
    `SELECT __weir_a, left(__weir_m, 1) = '+' AS __weir_plus, ` +
      `${digitsSql(`left(__weir_m, length(__weir_m) - coalesce(length(ltrim(__weir_r, '0123456789')), 0))`)} AS __weir_d`,
    `SELECT __weir_a, __weir_d, CASE WHEN left(__weir_a, 4) = '0086' THEN 4 WHEN __weir_plus AND left(__weir_a, 2) = '86' THEN 2 ` +
      `WHEN __weir_plus OR left(__weir_a, 2) = '00' THEN -1 ` +
      `WHEN left(__weir_a, 2) = '86' AND ${startsMobile('substr(__weir_a, 3)')} AND length(__weir_a) >= ${mobileDigits + 2} ` +
      `OR left(__weir_d, 2) = '86' AND length(__weir_d) >= ${longestLandline} THEN 2 ELSE 0 END AS __weir_c`,
    `SELECT __weir_c, CASE WHEN __weir_c >= 0 THEN substr(__weir_d, __weir_c + 1) ELSE __weir_a END AS __weir_d, ` +
      `CASE WHEN __weir_c >= 0 THEN CASE WHEN left(substr(__weir_a, __weir_c + 1), 1) = '0' THEN substr(__weir_a, __weir_c + 2) ` +
      `ELSE substr(__weir_a, __weir_c + 1) END END AS __weir_a`,
    `SELECT CASE WHEN __weir_c < 0 THEN __weir_d ` +
      `WHEN ${startsMobile('__weir_a')} AND length(__weir_a) >= ${mobileDigits} THEN left(__weir_a, ${mobileDigits}) ` +
      `WHEN left(__weir_d, 3) IN ('400', '800') THEN left(__weir_d, ${serviceDigits}) ` +
      `WHEN __weir_c > 0 AND left(__weir_d, 1) <> '0' AND length(__weir_d) >= ${mobileDigits - 1} THEN '0' || __weir_d ` +
      `ELSE __weir_d END AS __weir_n, __weir_c < 0 AS __weir_f`,
    `SELECT CASE WHEN __weir_f OR left(__weir_n, 1) <> '0' OR length(__weir_n) < ${mobileDigits} THEN __weir_n ` +
      `WHEN left(__weir_n, 2) IN ('01', '02') THEN left(__weir_n, ${mobileDigits}) ELSE left(__weir_n, ${longestLandline}) END AS __weir_n, ` +
      `CASE WHEN __weir_f OR length(__weir_n) < ${mobileDigits} THEN '' WHEN left(__weir_n, 1) = '0' THEN 'L' ` +
      `WHEN length(__weir_n) = ${mobileDigits} AND ${startsMobile('__weir_n')} THEN 'M' ELSE '' END AS __weir_k`,
  ];
  const parts = stages.reduce((inner, stage, at) =>
    at === 0 ? stage : `${stage} FROM (${inner} OFFSET 0) AS __weir_${at}`,
  );
  return `(SELECT ${expression} FROM (${parts} OFFSET 0) AS __weir_phone)`;
}
