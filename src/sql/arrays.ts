/**
 * Arrays that a filter compares: which types have elements that can be compared, and how a caller writes a list of
 * them (PostgreSQL's own form, `{a,"b,c"}`), read here so that a bad one is refused by the name of its column.
 */
import { scalarType } from './types.js';

/** Of an array of one dimension whose elements compare without fail; undefined: it is none. */
export function elementType(type: string): string | undefined {
  if (!type.endsWith('[]')) return undefined;
  const element = type.slice(0, -2);
  return scalarType(element) === undefined || element.includes('(') ? undefined : element;
}

/** `{a,"b,c","d\"e"}` → its values; undefined: it is no such list. NULL has no place in one. */
export function arrayValues(text: string): readonly string[] | undefined {
  if (text === '{}') return [];
  const list = /^\{(.*)\}$/s.exec(text)?.[1];
  if (list === undefined) return undefined;
  const element = /\s*(?:"((?:[^"\\]|\\.)*)"|([^",{}\\]*[^",{}\\\s]))\s*(,|$)/sy;
  const values: string[] = [];
  for (;;) {
    const match = element.exec(list);
    if (match === null) return undefined;
    const [, quoted, bare, after] = match;
    if (bare?.toUpperCase() === 'NULL') return undefined;
    values.push(bare ?? quoted!.replace(/\\(.)/gs, '$1'));
    if (after === '') return values;
  }
}
