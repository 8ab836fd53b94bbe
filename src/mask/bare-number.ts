/**
 * A number of an order or of a document, as it is compared: without white space, hyphens and the like, which
 * people put in and leave out. Text of more than 128 characters is none.
 */
import { firstCharacters, plainText, plainTextSql } from './plain-text.js';

const maxCharacters = 128;
const hyphens = '-‐‑‒–—―_';
const hyphen = new RegExp(`[${hyphens}]`, 'gu');

/** In code points; empty where it is none. */
export function bareNumber(value: string): readonly string[] {
  if (firstCharacters(value, maxCharacters) !== value) return [];
  return Array.from(plainText(value).replace(hyphen, ''));
}

/** `expression` over __weir_b, which is the same. NULL stays NULL. */
export function withBareNumberSql(text: string, expression: string): string {
  const bare = `CASE WHEN length(${text}) > ${maxCharacters} THEN '' ELSE ${plainTextSql(text, { without: hyphens })} END`;
  return `(SELECT ${expression} FROM (SELECT ${bare} AS __weir_b OFFSET 0) AS __weir_1)`;
}
