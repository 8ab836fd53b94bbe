/**
 * Free text loses what says who somebody is and where: phones and other long numbers, e-mail addresses
 * and accounts, codes, birthdays, addresses from the street down. Each is replaced by ***; its kind and length do not show.
 * It finds what is written in digits of any width, in Chinese numerals, with anything between the digits.
 * Names are not looked for. It hides too much rather than too little, and cannot be perfect: recall and
 * precision on a written set stand in docs/masks.md. Computed on output alone, for it is too dear for SQL
 * and cannot be written there without patterns.
 */
import type { Mask } from './mask.js';
import { accountsIn } from './scrub-accounts.js';
import { addressesIn } from './scrub-addresses.js';
import { codesIn } from './scrub-codes.js';
import { fold, type Span } from './scrub-fold.js';
import { numbersIn } from './scrub-numbers.js';

/** UTF-16 units. Nobody writes a remark that long; what is longer is hidden altogether, so that the cost stays bounded. */
const maxLength = 2000;

/** Where the text holds something personal: in order, apart from one another. Exported for the measure of recall. */
export function personalIn(text: string): readonly Span[] {
  const folded = fold(text);
  const found = [...numbersIn(folded), ...accountsIn(folded), ...codesIn(folded), ...addressesIn(folded)];
  const merged: [number, number][] = [];
  for (const [start, end] of found.sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    // Between two parts of one thing stands punctuation at most.
    if (last !== undefined && !/[\p{L}\p{N}]/u.test(text.slice(last[1], start)) && start - last[1] <= 2)
      last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

export const scrub: Mask = {
  name: 'scrub',
  classes: ['free-text'],
  example: ['周末送，请打 138-1234-1234', '周末送，请打 ***'],
  sql: undefined,
  apply(value) {
    if (value === null) return null;
    if (value.length > maxLength) return '***';
    let shown = '';
    let at = 0;
    for (const [start, end] of personalIn(value)) {
      shown += `${value.slice(at, start)}***`;
      at = end;
    }
    return shown + value.slice(at);
  },
};
