/**
 * A phone number keeps as many of its first and last digits as the role file says, seven together at
 * most: {mask: phone, first: 3, last: 4}. The digits are those of the number itself: its country code
 * (+86, 86, 0086), a 0 dialled in front of a mobile number, an extension, the four digits behind a
 * privacy number and a second number do not count. The first digits are kept of mainland numbers alone,
 * mobile or landline with area code; of all others only the last. Fewer than seven digits, or text of
 * more than 64 characters: nothing is kept.
 */
import type { Mask, MaskFamily } from './mask.js';
import { digitsOf, maxCharacters, minDigits, withDigits } from './phone.js';

/** At least three digits more than are kept at the end; and the first four of a mobile number are few to guess. */
const mostLast = 4;
const mostKept = 7;

const labels = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ :：.联系方式电话手机固定座机号码';
/** What comes behind one of these is an extension or another number. */
const cuts = '转轉分xX#＃,，;；/、|eEpPwW';

interface Parts {
  readonly digits: string;
  /** A mobile number, or a landline with its area code. */
  readonly mainland: boolean;
  /** Written with the code of another country, by + or 00. */
  readonly foreign: boolean;
}

function partsOf(value: string): Parts {
  if (Array.from(value).length > maxCharacters) return { digits: '', mainland: false, foreign: false };
  let start = 0;
  while (start < value.length && labels.includes(value.charAt(start))) start += 1;
  const main = value.slice(start).split(new RegExp(`[${cuts}]`, 'u'), 1)[0] ?? '';
  const all = digitsOf(main);
  const plus = /[+＋]/u.test(main);
  const coded = all.startsWith('0086') || (plus && all.startsWith('86'));
  if (!coded && (plus || all.startsWith('00'))) return { digits: all, mainland: false, foreign: true };
  const national = coded ? all.slice(plus && !all.startsWith('00') ? 2 : 4) : all;
  const digits = withoutPrefix(national, coded);
  const length = mainlandLength(digits);
  return { digits: length === 0 ? digits : digits.slice(0, length), mainland: length > 0, foreign: false };
}

function withoutPrefix(digits: string, coded: boolean): string {
  if (/^861[3-9]/u.test(digits) && digits.length >= 13) return digits.slice(2);
  if (/^01[3-9]/u.test(digits) && digits.length >= 12) return digits.slice(1);
  return coded && !/^(0|1[3-9])/u.test(digits) ? `0${digits}` : digits;
}

/** How many digits the number has, or 0 where it is neither mobile nor a landline with area code. */
function mainlandLength(digits: string): number {
  if (digits.length < 11) return 0;
  if (/^(1[3-9]|0[12])/u.test(digits)) return 11;
  return /^0[3-9]/u.test(digits) ? 12 : 0;
}

/** The digits of a mainland number, however it is written. */
export function mainlandDigits(value: string): string | undefined {
  const { digits, mainland } = partsOf(value);
  return mainland ? digits : undefined;
}

/**
 * One way of writing for each number, to compare by: mainland numbers as they are dialled at home, with no country
 * code and without signs (13812345678, 057188881234), those of other countries with + and code (+14155550123), any
 * other by its digits. What holds no digit, or is too long for a phone, stays as it is.
 */
export function normalPhone(value: string): string {
  const { digits, foreign } = partsOf(value);
  if (digits === '') return value;
  return foreign ? `+${digits.replace(/^00/u, '')}` : digits;
}

const national =
  `CASE WHEN left(__weir_d, 4) = '0086' THEN substr(__weir_d, 5) ` +
  `WHEN __weir_plus AND left(__weir_d, 2) = '86' THEN substr(__weir_d, 3) ` +
  `WHEN __weir_plus OR left(__weir_d, 2) = '00' THEN NULL ELSE __weir_d END`;
const prefixed =
  `CASE WHEN length(__weir_a) >= 13 AND left(__weir_a, 3) = '861' AND substr(__weir_a, 4, 1) >= '3' THEN substr(__weir_a, 3) ` +
  `WHEN length(__weir_a) >= 12 AND left(__weir_a, 2) = '01' AND substr(__weir_a, 3, 1) >= '3' THEN substr(__weir_a, 2) ` +
  `WHEN (left(__weir_d, 4) = '0086' OR __weir_plus) AND left(__weir_a, 1) <> '0' ` +
  `AND NOT (left(__weir_a, 1) = '1' AND substr(__weir_a, 2, 1) >= '3') THEN '0' || __weir_a ELSE __weir_a END`;
const mainland =
  `CASE WHEN __weir_n IS NULL OR length(__weir_n) < 11 THEN 0 ` +
  `WHEN left(__weir_n, 1) = '1' AND substr(__weir_n, 2, 1) >= '3' OR left(__weir_n, 2) IN ('01', '02') THEN 11 ` +
  `WHEN left(__weir_n, 1) = '0' AND substr(__weir_n, 2, 1) >= '3' THEN 12 ELSE 0 END`;

export const phone: MaskFamily = {
  name: 'phone',
  classes: ['phone'],
  parameters: ['first', 'last'],
  written: '{mask: phone, first: 3, last: 4}',
  fault(first = 0, last = 0) {
    if (first + last === 0) return 'phone has to be told how many digits to keep, first or last';
    if (last > mostLast) return `last keeps ${last} digits, more than ${mostLast}`;
    return first + last > mostKept
      ? `first and last together keep ${first + last} digits of a phone, more than ${mostKept}`
      : undefined;
  },
  make(first = 0, last = 0): Mask {
    const shown =
      `CASE WHEN __weir_l > 0 THEN left(__weir_n, ${first}) || '****' || right(left(__weir_n, __weir_l), ${last}) ` +
      `WHEN length(coalesce(__weir_n, __weir_d)) < ${minDigits} THEN '****' ` +
      `ELSE '****' || right(coalesce(__weir_n, __weir_d), ${last}) END`;
    const apply: Mask['apply'] = (value) => {
      if (value === null) return null;
      const { digits, mainland } = partsOf(value);
      const end = digits.length < minDigits ? '' : digits.slice(digits.length - last);
      return `${mainland ? digits.slice(0, first) : ''}****${end}`;
    };
    return {
      name: `phone(${first},${last})`,
      classes: phone.classes,
      example: ['+86 138-1234-1234', apply('13812341234')],
      sql(text) {
        const main = `split_part(translate(ltrim(${text}, '${labels}'), '${cuts}', '${'|'.repeat(cuts.length)}'), '|', 1)`;
        // __weir_m the number without label and extension, _d its digits, _a those without the country's, _n as dialled at home.
        return (
          `CASE WHEN octet_length(${text}) = 11 AND (${text}) COLLATE "C" >= '13' AND (${text}) COLLATE "C" < '2' ` +
          `AND ltrim(${text}, '0123456789') = '' THEN left(${text}, ${first}) || '****' || right(${text}, ${last}) ` +
          `WHEN length(${text}) > ${maxCharacters} THEN '****' ` +
          `WHEN ${text} IS NOT NULL THEN (SELECT ${shown} FROM (SELECT __weir_d, __weir_n, ${mainland} AS __weir_l ` +
          `FROM (SELECT __weir_d, ${prefixed} AS __weir_n FROM (SELECT __weir_d, __weir_plus, ${national} AS __weir_a ` +
          `FROM (SELECT strpos(translate(__weir_m, '＋', '+'), '+') > 0 AS __weir_plus, ` +
          `${withDigits('__weir_m', '__weir_d')} AS __weir_d FROM (SELECT ${main} AS __weir_m OFFSET 0) AS __weir_1 ` +
          `OFFSET 0) AS __weir_2 OFFSET 0) AS __weir_3 OFFSET 0) AS __weir_4 OFFSET 0) AS __weir_5) END`
        );
      },
      apply,
    };
  },
};
