/**
 * An e-mail address keeps its first character, z***@***, and that only where it is a letter or digit
 * of ASCII with more between it and the @. The domain is not kept: one of somebody's own, or of a
 * small company, names the person as well as the whole address does.
 */
import type { Mask } from './mask.js';

const small = 'abcdefghijklmnopqrstuvwxyz';
const kept = `${small}0123456789`;

export const email: Mask = {
  name: 'email',
  classes: ['email'],
  example: ['zhangsan@example.com', 'z***@***'],
  sql(text) {
    const first = `translate(left(${text}, 1), '${small.toUpperCase()}', '${small}')`;
    return (
      `CASE WHEN strpos(${text}, '@') < 3 OR strpos('${kept}', ${first}) = 0 THEN '***@***' ` +
      `ELSE ${first} || '***@***' END`
    );
  },
  apply(value) {
    if (value === null) return null;
    const first = /^[A-Za-z0-9]/u.exec(value)?.[0];
    return (first === undefined || value.indexOf('@') < 2 ? '' : first.toLowerCase()) + '***@***';
  },
};
