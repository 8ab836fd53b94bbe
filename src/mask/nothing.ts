/**
 * `null`: the column is there and always empty, for tools that break where a column is missing.
 * Not even whether the value was there shows.
 */
import type { Mask } from './mask.js';

export const nothing: Mask = {
  name: 'null',
  // A bare null is no value in YAML.
  written: '"null"',
  classes: ['none', 'order-number', 'name', 'phone', 'address', 'email', 'id-number', 'free-text', 'amount'],
  example: ['13812341234', null],
  sql: () => 'NULL::text',
  apply: () => null,
};
