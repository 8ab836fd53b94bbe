/**
 * An order number keeps its last four characters, whatever its length. Below eight characters they
 * would be half of the number or more, so nothing is kept. Characters are code points.
 */
import type { Mask } from './mask.js';

export const orderNumber: Mask = {
  name: 'order-number',
  classes: ['order-number'],
  example: ['WR2611220001234', '****1234'],
  sql: (text) => `('****' || CASE WHEN length(${text}) < 8 THEN '' ELSE right(${text}, 4) END)`,
  apply(value) {
    if (value === null) return null;
    const characters = Array.from(value);
    return '****' + (characters.length < 8 ? '' : characters.slice(-4).join(''));
  },
};
