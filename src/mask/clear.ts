/** Nothing hidden: the value as the order database holds it. */
import type { Mask } from './mask.js';

export const clear: Mask = {
  name: 'clear',
  classes: ['none', 'order-number', 'name', 'phone', 'address', 'email', 'id-number', 'free-text', 'amount'],
  example: ['13812341234', '13812341234'],
  sql: (text) => text,
  apply: (value) => value,
};
