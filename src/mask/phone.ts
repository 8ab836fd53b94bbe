/**
 * A phone number keeps its last four digits, or, for `middle` and a mainland mobile number, the three
 * in front as well. Only digits are looked at, full-width ones included, so that however a number is
 * punctuated it reads the same. Fewer than seven digits: nothing is kept. Text longer than 64
 * characters is not a phone number: nothing is kept either, and its cost stays bounded.
 */
import type { Mask } from './mask.js';

const maxCharacters = 64;
const minDigits = 7;

/** The only digits that there are here; others (Arabic-Indic, superscript) are punctuation. */
function digitsOf(value: string): string {
  return value
    .replace(/[０-９]/gu, (digit) => String.fromCharCode(digit.charCodeAt(0) - 0xfee0))
    .replace(/[^0-9]/gu, '');
}

/** Takes out every character that is left of the value when its digits are taken out. */
function digitsSql(text: string): string {
  const narrow = `translate(${text}, '０１２３４５６７８９＋', '0123456789+')`;
  return `translate(${narrow}, translate(${narrow}, '0123456789', ''), '')`;
}

const digitSet = `'0123456789'`;

function last4Sql(text: string): string {
  const digits = digitsSql(text);
  // The usual value ends in at least seven plain digits: no need to look at the rest of it.
  return (
    `CASE WHEN length(${text}) > ${maxCharacters} THEN '****' ` +
    `WHEN length(${text}) >= ${minDigits} AND ltrim(right(${text}, ${minDigits}), ${digitSet}) = '' THEN '****' || right(${text}, 4) ` +
    `WHEN length(${digits}) < ${minDigits} THEN '****' ELSE '****' || right(${digits}, 4) END`
  );
}

function lastFour(value: string): string {
  if (Array.from(value).length > maxCharacters) return '****';
  const digits = digitsOf(value);
  return digits.length < minDigits ? '****' : '****' + digits.slice(-4);
}

export const last4: Mask = {
  name: 'last4',
  classes: ['phone'],
  example: ['13812341234', '****1234'],
  sql: (text) => `(${last4Sql(text)})`,
  apply: (value) => (value === null ? null : lastFour(value)),
};

const mobile = /^(?:(?:00)?86)?(1[3-9][0-9])[0-9]{4}([0-9]{4})$/u;
const mobileHeads = ['13', '14', '15', '16', '17', '18', '19'];

/** SQL condition: the text starts with the prefix and then as a mobile number does. */
function headSql(digits: string, prefix: string): string {
  const heads = mobileHeads.map((head) => `'${prefix}${head}'`).join(', ');
  return `left(${digits}, ${prefix.length + 2}) IN (${heads})`;
}

export const middle: Mask = {
  name: 'middle',
  classes: ['phone'],
  example: ['13812341234', '138****1234'],
  sql(text) {
    const digits = digitsSql(text);
    const show = (head: string): string => `${head} || '****' || right(${digits}, 4)`;
    // First the number as it usually stands, eleven plain digits; then the same whatever its punctuation.
    // Eleven digits behind a plus sign are another country's number (+1 415 …).
    return (
      `(CASE WHEN octet_length(${text}) = 11 AND ${text} COLLATE "C" >= '13' AND ${text} COLLATE "C" < '2' ` +
      `AND ltrim(${text}, ${digitSet}) = '' THEN left(${text}, 3) || '****' || right(${text}, 4) ` +
      `WHEN length(${text}) > ${maxCharacters} THEN '****' ELSE CASE length(${digits}) ` +
      `WHEN 11 THEN CASE WHEN ${headSql(digits, '')} AND strpos(translate(${text}, '＋', '+'), '+') = 0 THEN ${show(`left(${digits}, 3)`)} ELSE ${last4Sql(text)} END ` +
      `WHEN 13 THEN CASE WHEN ${headSql(digits, '86')} THEN ${show(`substr(${digits}, 3, 3)`)} ELSE ${last4Sql(text)} END ` +
      `WHEN 15 THEN CASE WHEN ${headSql(digits, '0086')} THEN ${show(`substr(${digits}, 5, 3)`)} ELSE ${last4Sql(text)} END ` +
      `ELSE ${last4Sql(text)} END END)`
    );
  },
  apply(value) {
    if (value === null) return null;
    const parts = Array.from(value).length > maxCharacters ? null : mobile.exec(digitsOf(value));
    if (parts === null) return lastFour(value);
    const foreign = parts[0].length === 11 && /[+＋]/u.test(value);
    return foreign ? lastFour(value) : `${parts[1] ?? ''}****${parts[2] ?? ''}`;
  },
};
