/**
 * What a role can see of a value that it looks up, for the rule against guessing: values that agree in it and
 * are not the same differ only in digits which the role does not see. Where it sees no digit at all (the
 * column is hidden, or masked to a surname) any two numbers would be alike and the rule would stop all work;
 * there the last four digits count as seen, as on a parcel. Pure.
 */
import type { LookedUp } from '../access.js';
import type { Mask } from '../mask/mask.js';
import { normalPhone } from '../mask/phone-parts.js';
import type { CatalogColumn } from '../policy/model.js';

/** @returns undefined where the value holds no digit: nothing can be guessed then */
export function lookedUp(
  { name, class: dataClass }: CatalogColumn,
  mask: Mask | undefined,
  value: string,
): LookedUp | undefined {
  // A phone number is the same however it is written.
  const phone = dataClass === 'phone';
  const narrow = (phone ? normalPhone(value) : value).replace(/[０-９]/g, (digit) =>
    String.fromCharCode(digit.charCodeAt(0) - 0xfee0),
  );
  const digits = narrow.replace(/[^0-9]/g, '');
  if (digits === '') return undefined;
  // A mask without an SQL form (a token, scrubbed text) may need keys, and leaves nothing of the digits.
  const masked = (mask?.sql === undefined ? undefined : mask.apply(phone ? narrow : value)) ?? '';
  const shown = /[0-9]/.test(masked) ? masked : digits.slice(-4);
  if (phone) return { column: name, phone, seen: shown, whole: digits };
  // Elsewhere the text around the digits tells values apart.
  return { column: name, phone: false, seen: `${shown}\0${narrow.replace(/[0-9]/g, '#')}`, whole: narrow };
}
