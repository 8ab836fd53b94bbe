/**
 * A number keeps its first and last characters, however it is punctuated: six of them at most, and at most a
 * third of it, or none. For numbers that are not phones; names, phones, addresses and e-mail addresses have masks
 * that know what in them is telling. Characters are code points.
 */
import { bareNumber, withBareNumberSql } from './bare-number.js';
import { collated } from './collated.js';
import type { Mask, MaskFamily } from './mask.js';

const mostKept = 6;
/** What is kept is at most one part of so many. */
const share = 3;

export const partial: MaskFamily = {
  name: 'partial',
  classes: ['order-number', 'id-number'],
  parameters: ['first', 'last'],
  written: '{mask: partial, first: 2, last: 4}',
  fault(first = 0, last = 0) {
    if (first + last === 0) return 'partial has to be told how many characters to keep, first or last';
    return first + last > mostKept
      ? `first and last together keep ${first + last} characters, more than ${mostKept}`
      : undefined;
  },
  make(first = 0, last = 0): Mask {
    const least = share * (first + last);
    const documented = '330106199001011234';
    const apply: Mask['apply'] = (value) => {
      if (value === null) return null;
      const characters = bareNumber(value);
      if (characters.length < least) return '***';
      const end = characters.slice(characters.length - last);
      return `${characters.slice(0, first).join('')}***${end.join('')}`;
    };
    return {
      name: `partial(${first},${last})`,
      classes: partial.classes,
      example: [documented, apply(documented)],
      sql: collated((text) =>
        withBareNumberSql(
          text,
          `CASE WHEN length(__weir_b) < ${least} THEN '***' ` +
            `ELSE left(__weir_b, ${first}) || '***' || right(__weir_b, ${last}) END`,
        ),
      ),
      apply,
    };
  },
};
