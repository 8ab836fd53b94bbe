/**
 * A phone number keeps some of its digits: `last4` the last four, `middle` the first three as well where it is a
 * mainland mobile number, `phone` as many as the role file says, seven together at most: {mask: phone, first: 3,
 * last: 4}. First digits are kept of mainland numbers alone, mobile or landline with area code. Which digits are
 * those of the number stands in phone-parts.ts. Fewer than seven: nothing is kept.
 */
import { collated } from './collated.js';
import type { Mask, MaskFamily } from './mask.js';
import { maxCharacters, minDigits, partsOf, withPartsSql } from './phone-parts.js';

/** At least three digits more than are kept at the end; and the first four of a mobile number are few to guess. */
const mostLast = 4;
const mostKept = 7;

/** The number as it usually stands, told at once. */
const plainMobile = /^1[3-9][0-9]{9}$/;

function keep(name: string, mobileFirst: number, landlineFirst: number, last: number): Mask {
  const apply = (value: string | null): string | null => {
    if (value === null) return null;
    if (plainMobile.test(value)) return `${value.slice(0, mobileFirst)}****${value.slice(11 - last)}`;
    const { digits, kind } = partsOf(value);
    const first = kind === 'mobile' ? mobileFirst : kind === 'landline' ? landlineFirst : 0;
    return `${digits.slice(0, first)}****${digits.length < minDigits ? '' : digits.slice(digits.length - last)}`;
  };
  const shown =
    `left(__weir_n, CASE __weir_k WHEN 'M' THEN ${mobileFirst} WHEN 'L' THEN ${landlineFirst} ELSE 0 END) || '****' || ` +
    `CASE WHEN length(__weir_n) < ${minDigits} THEN '' ELSE right(__weir_n, ${last}) END`;
  return {
    name,
    classes: ['phone'],
    example: ['13812341234', apply('13812341234')],
    sql: collated(
      (text) =>
        `CASE WHEN octet_length(${text}) = 11 AND ${text} >= '13' AND ${text} < '2' ` +
        `AND ltrim(${text}, '0123456789') = '' THEN left(${text}, ${mobileFirst}) || '****' || right(${text}, ${last}) ` +
        `WHEN length(${text}) > ${maxCharacters} THEN '****' ` +
        `WHEN ${text} IS NOT NULL THEN ${withPartsSql(text, shown)} END`,
    ),
    apply,
  };
}

export const last4 = keep('last4', 0, 0, 4);
export const middle = keep('middle', 3, 0, 4);

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
  make: (first = 0, last = 0) => keep(`phone(${first},${last})`, first, first, last),
};
