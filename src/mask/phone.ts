/**
 * A phone number keeps its last four digits, or, for `middle` and a mainland mobile number, the three
 * in front as well. Only digits are looked at, full-width ones included, so that however a number is
 * punctuated it reads the same. Fewer than seven digits: nothing is kept. Text longer than 64
 * characters is not a phone number: nothing is kept either, and its cost stays bounded.
 */
import type { Mask } from './mask.js';

export const maxCharacters = 64;
export const minDigits = 7;

/** The only digits that there are here; others (Arabic-Indic, superscript) are punctuation. */
export function digitsOf(value: string): string {
  return value
    .replace(/[０-９]/gu, (digit) => String.fromCharCode(digit.charCodeAt(0) - 0xfee0))
    .replace(/[^0-9]/gu, '');
}

/**
 * The digits of the text as __weir_d, for an expression over them; OFFSET 0 keeps the planner from
 * working them out at each mention. What is taken out of the text: every character that is left of it
 * when its digits are taken out.
 */
export function withDigits(text: string, expression: string): string {
  const narrow = `translate(${text}, '０１２３４５６７８９', '0123456789')`;
  const digits = `translate(${narrow}, translate(${narrow}, '0123456789', ''), '')`;
  return `(SELECT ${expression} FROM (SELECT ${digits} AS __weir_d OFFSET 0) AS __weir_phone)`;
}

/** Nothing but plain digits, enough of them and not too many: the usual number, told at once. */
const plainDigits = new RegExp(`^[0-9]{${minDigits},${maxCharacters}}$`);

function lastFour(value: string): string {
  if (plainDigits.test(value)) return '****' + value.slice(-4);
  if (Array.from(value).length > maxCharacters) return '****';
  const digits = digitsOf(value);
  return digits.length < minDigits ? '****' : '****' + digits.slice(-4);
}

const lastFourSql = `'****' || CASE WHEN length(__weir_d) < ${minDigits} THEN '' ELSE right(__weir_d, 4) END`;

export const last4: Mask = {
  name: 'last4',
  classes: ['phone'],
  example: ['13812341234', '****1234'],
  sql(text) {
    // The usual value ends in at least seven plain digits: no need to look at the rest of it.
    return (
      `CASE WHEN octet_length(${text}) BETWEEN ${minDigits} AND ${maxCharacters} ` +
      `AND ltrim(right(${text}, ${minDigits}), '0123456789') = '' THEN '****' || right(${text}, 4) ` +
      `WHEN length(${text}) > ${maxCharacters} THEN '****' ELSE ${withDigits(text, lastFourSql)} END`
    );
  },
  apply: (value) => (value === null ? null : lastFour(value)),
};

const mobile = /^(?:(?:00)?86)?(1[3-9][0-9])[0-9]{4}([0-9]{4})$/u;

const plainMobile = /^1[3-9][0-9]{9}$/;

/** SQL condition: the digits are this prefix and a mobile number. */
function mobileSql(prefix: string): string {
  const heads = ['13', '14', '15', '16', '17', '18', '19'].map((head) => `'${prefix}${head}'`);
  const length = prefix.length;
  return `length(__weir_d) = ${length + 11} AND left(__weir_d, ${length + 2}) IN (${heads.join(', ')})`;
}

export const middle: Mask = {
  name: 'middle',
  classes: ['phone'],
  example: ['13812341234', '138****1234'],
  sql(text) {
    // Eleven digits behind a plus sign are another country's number (+1 415 …).
    const domestic = `strpos(translate(${text}, '＋', '+'), '+') = 0`;
    const anyForm =
      `CASE WHEN ${mobileSql('')} AND ${domestic} OR ${mobileSql('86')} OR ${mobileSql('0086')} ` +
      `THEN left(right(__weir_d, 11), 3) || '****' || right(__weir_d, 4) ELSE ${lastFourSql} END`;
    // The number as it usually stands, eleven plain digits, goes first because it is cheap to tell.
    return (
      `CASE WHEN octet_length(${text}) = 11 AND (${text}) COLLATE "C" >= '13' AND (${text}) COLLATE "C" < '2' ` +
      `AND ltrim(${text}, '0123456789') = '' THEN left(${text}, 3) || '****' || right(${text}, 4) ` +
      `WHEN length(${text}) > ${maxCharacters} THEN '****' ELSE ${withDigits(text, anyForm)} END`
    );
  },
  apply(value) {
    if (value === null) return null;
    if (plainMobile.test(value)) return `${value.slice(0, 3)}****${value.slice(7)}`;
    const parts = Array.from(value).length > maxCharacters ? null : mobile.exec(digitsOf(value));
    if (parts === null) return lastFour(value);
    const foreign = parts[0].length === 11 && /[+＋]/u.test(value);
    return foreign ? lastFour(value) : `${parts[1] ?? ''}****${parts[2] ?? ''}`;
  },
};
