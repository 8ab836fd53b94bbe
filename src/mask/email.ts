/**
 * An e-mail address keeps its first character, z***@***, and that only where it is a letter or digit
 * of ASCII with more between it and the @. The domain is not kept: one of somebody's own, or of a
 * small company, names the person as well as the whole address does. White space and width do not count.
 */
import { collated } from './collated.js';
import type { Mask } from './mask.js';
import { firstCharacters, plainText, plainTextSql } from './plain-text.js';

/** No address is longer. */
const maxCharacters = 320;

const small = 'abcdefghijklmnopqrstuvwxyz';
const kept = `${small}0123456789`;

export const email: Mask = {
  name: 'email',
  classes: ['email'],
  example: ['zhangsan@example.com', 'z***@***'],
  sql: collated((text) => {
    const plain = plainTextSql(`left(${text}, ${maxCharacters})`);
    const first = `translate(left(__weir_e, 1), '${small.toUpperCase()}', '${small}')`;
    return (
      `(SELECT CASE WHEN strpos(__weir_e, '@') < 3 OR strpos('${kept}', ${first}) = 0 THEN '***@***' ` +
      `ELSE ${first} || '***@***' END FROM (SELECT ${plain} AS __weir_e OFFSET 0) AS __weir_1 WHERE ${text} IS NOT NULL)`
    );
  }),
  apply(value) {
    if (value === null) return null;
    const plain = plainText(firstCharacters(value, maxCharacters));
    const first = /^[A-Za-z0-9]/u.exec(plain)?.[0];
    return (first === undefined || plain.indexOf('@') < 2 ? '' : first.toLowerCase()) + '***@***';
  },
};
