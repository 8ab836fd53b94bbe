/**
 * What a filter, an order or a select names: a column, or what lies below one (`data->address->>city`). Pure: what it
 * says about a name says nothing about the order database.
 */
import type { PathStep } from '../../access.js';
import { WeirError } from '../../errors.js';
import { isName, isOwnName, queryInvalid } from '../http/query-text.js';

const maxSteps = 10;

export interface Place {
  readonly column: string;
  readonly path?: readonly PathStep[];
}

/** Nothing of what was sent is repeated here: what is no name may be a value in the wrong place. */
export const nameShape = 'write the name alone, without schema, quotes or functions: letters, digits and _';
const pathShape = 'write data->address->>city or data->lines->0: members by name, places in lists by number';

/** What no catalogue can hold. A well-formed name is left to the policy, which says the same of hidden and of unknown ones. */
export function refuseUnknown(table: string, column: string): void {
  if (!isName(column)) throw new WeirError('column-unknown', { hint: nameShape });
  if (isOwnName(column))
    throw new WeirError('column-unknown', { detail: `column ${table}.${column} does not exist` });
}

/** @throws WeirError column-unknown, query-invalid */
export function placeNamed(table: string, text: string): Place {
  if (!text.includes('->')) {
    refuseUnknown(table, text);
    return { column: text };
  }
  const [column = '', ...steps] = text.split(/(->>?)/);
  refuseUnknown(table, column);
  const path: PathStep[] = [];
  for (let at = 0; at < steps.length; at += 2) {
    const asText = steps[at] === '->>';
    const key = steps[at + 1] ?? '';
    const last = at + 2 === steps.length;
    if (!/^[\p{L}\p{N}_ -]{1,63}$/u.test(key) || (asText && !last) || path.length === maxSteps)
      throw queryInvalid(`the path below ${column} cannot be followed`, pathShape);
    path.push({ key: /^-?[0-9]{1,9}$/.test(key) ? Number(key) : key, text: asText });
  }
  return { column, path };
}

/** As PostgREST calls it: by the last member's name. */
export function nameOfPlace({ column, path = [] }: Place): string {
  return path.reduce((name, { key }) => (typeof key === 'string' ? key : name), column);
}
