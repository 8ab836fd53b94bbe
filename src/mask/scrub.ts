import type { Mask } from './mask.js';
export const scrub: Mask = {
  name: 'scrub',
  classes: ['free-text'],
  example: ['x', '***'],
  sql: undefined,
  onOutput: true,
  apply: (v) => (v === null ? null : '***'),
};
