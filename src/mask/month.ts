/**
 * A date or a time keeps its year and month, 2026-11. It reads the text that PostgreSQL writes, of
 * which it looks at the first seven characters; what does not begin so (infinity, years of five
 * digits) shows nothing. Times with a zone are read in UTC, as the gateway shows them everywhere.
 */
import type { Mask } from './mask.js';

const start = /^[0-9]{4}-(0[1-9]|1[0-2])-/u;

export const month: Mask = {
  name: 'month',
  classes: ['none'],
  example: ['2026-11-22 10:15:00+00', '2026-11'],
  sql: (text) =>
    `CASE WHEN translate(left(${text}, 8), '123456789', '000000000') <> '0000-00-' ` +
    `OR (substr(${text}, 6, 2)) COLLATE "C" NOT BETWEEN '01' AND '12' THEN '***' ELSE left(${text}, 7) END`,
  apply: (value) => (value === null ? null : start.test(value) ? value.slice(0, 7) : '***'),
};
