/**
 * A date or a time keeps its year and month, 2026-11. It reads the text that PostgreSQL writes, of
 * which it looks at the first seven characters; what does not begin so (infinity, years of five
 * digits) shows nothing. The month is that in which the time is written: UTC from the order database, as the
 * gateway shows times everywhere; from a service, whatever offset it writes.
 */
import { collated } from './collated.js';
import type { Mask } from './mask.js';

const start = /^[0-9]{4}-(0[1-9]|1[0-2])-/u;

export const month: Mask = {
  name: 'month',
  classes: ['none'],
  example: ['2026-11-22 10:15:00+00', '2026-11'],
  sql: collated(
    (text) =>
      `CASE WHEN translate(left(${text}, 8), '123456789', '000000000') <> '0000-00-' ` +
      `OR substr(${text}, 6, 2) NOT BETWEEN '01' AND '12' THEN '***' ELSE left(${text}, 7) END`,
  ),
  apply: (value) => (value === null ? null : start.test(value) ? value.slice(0, 7) : '***'),
};
