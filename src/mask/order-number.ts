/**
 * An order number keeps its last four characters, whatever its length and however it is punctuated. Below
 * eight characters they would be half of the number or more, so nothing is kept. Characters are code points.
 */
import { bareNumber, withBareNumberSql } from './bare-number.js';
import { collated } from './collated.js';
import type { Mask } from './mask.js';

export const orderNumber: Mask = {
  name: 'order-number',
  classes: ['order-number'],
  example: ['WR2611220001234', '****1234'],
  sql: collated((text) =>
    withBareNumberSql(text, `'****' || CASE WHEN length(__weir_b) < 8 THEN '' ELSE right(__weir_b, 4) END`),
  ),
  apply(value) {
    if (value === null) return null;
    const characters = bareNumber(value);
    return '****' + (characters.length < 8 ? '' : characters.slice(-4).join(''));
  },
};
