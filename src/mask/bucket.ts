/**
 * A number keeps the range it lies in: 100–200 for a width of 100, the lower end included. Below zero
 * the same mirrored, so -150 gives -200–-100. Only whole digits count, what stands behind the point
 * does not; what is no plain number of at most fifteen whole digits (NaN, 1e+20) shows nothing. The
 * output is text.
 */
import { collated } from './collated.js';
import type { Mask, MaskFamily } from './mask.js';

const maxDigits = 15;
const narrowest = 10;
const widest = 1_000_000_000;

export const bucket: MaskFamily = {
  name: 'bucket',
  classes: ['none', 'amount'],
  parameters: ['width'],
  written: '{mask: bucket, width: 100}',
  fault: (width = 0) =>
    width >= narrowest && width <= widest
      ? undefined
      : `the width of a bucket is a whole number from ${narrowest} to ${widest}`,
  make(width = 0): Mask {
    const low = Math.floor(168 / width) * width;
    return {
      name: `bucket(${width})`,
      classes: bucket.classes,
      example: ['168.50', `${low}–${low + width}`],
      sql: collated(
        (text) =>
          `(SELECT CASE WHEN __weir_w = '' OR length(__weir_w) > ${maxDigits} OR ltrim(__weir_w, '0123456789') <> '' ` +
          `OR rtrim(ltrim(ltrim(${text}, '-'), '0123456789'), '0123456789') NOT IN ('', '.') ` +
          `THEN '***' ELSE (SELECT CASE WHEN starts_with(${text}, '-') AND translate(${text}, '-.0', '') <> '' ` +
          `THEN (-__weir_l - ${width})::text || '–' || (-__weir_l)::text ` +
          `ELSE __weir_l::text || '–' || (__weir_l + ${width})::text END ` +
          `FROM (SELECT __weir_w::bigint / ${width} * ${width} AS __weir_l OFFSET 0) AS __weir_2) END ` +
          `FROM (SELECT CASE WHEN starts_with(${text}, '-') THEN substr(split_part(${text}, '.', 1), 2) ` +
          `ELSE split_part(${text}, '.', 1) END AS __weir_w OFFSET 0) AS __weir_1 WHERE ${text} IS NOT NULL)`,
      ),
      apply(value) {
        if (value === null) return null;
        const [, sign, digits] = number.exec(value) ?? [];
        if (digits === undefined) return '***';
        const below = (BigInt(digits) / BigInt(width)) * BigInt(width);
        const above = below + BigInt(width);
        return sign === '-' && /[1-9]/.test(value) ? `${-above}–${-below}` : `${below}–${above}`;
      },
    };
  },
};

const number = new RegExp(`^(-?)([0-9]{1,${maxDigits}})(?:\\.[0-9]*)?$`, 'u');
