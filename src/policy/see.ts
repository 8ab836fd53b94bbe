/**
 * One line under `see:` of a role file: how one column is shown. A word (last4), or a mapping for masks
 * that take numbers ({mask: phone, first: 3, last: 4}). A mask that does not suit the column's class, or
 * that would keep too much, is refused, since it would show what it was meant to hide.
 */
import { Type } from '@sinclair/typebox';
import type { MaskParameter } from '../mask/mask.js';
import { familyOf, masksForClass, nameOf, plainMask, writtenForClass } from '../mask/masks.js';
import { either, nearest, quote } from '../spelling.js';
import type { DraftColumn } from './catalog.js';
import type { MaskName } from './model.js';
import type { Partly } from './shape.js';
import type { Complain, Path } from './source.js';

const expects = 'a mask, for example clear, or hidden';
const most = 1_000_000_000;
const count = (what: string) =>
  Type.Integer({ minimum: 0, maximum: most, expects: `how many ${what} to keep` });

type NumberedMask = { mask: string } & { [name in MaskParameter]?: number };

export const maskEntry = Type.Unsafe<string | NumberedMask>({
  type: ['string', 'object'],
  expects,
  if: { type: 'string' },
  then: {},
  else: Type.Object(
    {
      mask: Type.String({ expects }),
      first: Type.Optional(count('characters in front')),
      last: Type.Optional(count('characters at the end')),
      width: Type.Optional(
        Type.Integer({ minimum: 1, maximum: most, expects: 'a whole number, for example 100' }),
      ),
    },
    { additionalProperties: false, expects },
  ),
});

/** @returns undefined where the column is hidden, or the line was refused */
export function readMask(
  entry: NonNullable<Partly<string | NumberedMask>>,
  column: DraftColumn,
  path: Path,
  complain: Complain,
): MaskName | undefined {
  const { mask, ...numbers } = typeof entry === 'string' ? { mask: entry } : entry;
  if (mask === undefined || mask === 'hidden' || column.class === undefined) return undefined;
  const given = Object.keys(numbers) as MaskParameter[];
  const names = [...masksForClass(column.class), 'hidden'];
  const written = [...writtenForClass(column.class), 'hidden'];
  const plain = plainMask(mask, column.class);
  if (plain !== undefined) {
    if (given.length === 0) return plain.name;
    complain([...path, given[0]!], 'key', `the mask ${mask} takes no ${given[0]!}`, `write ${mask}`);
    return undefined;
  }
  const family = familyOf(mask);
  if (family === undefined || !family.classes.includes(column.class)) {
    const message = `mask ${quote(mask)} does not suit ${column.name}, which is of class ${column.class}`;
    const meant = written[names.indexOf(nearest(mask, names) ?? '')];
    complain(path, 'value', message, `write ${meant ?? either(written)}`);
    return undefined;
  }
  const stray = given.find((name) => !family.parameters.includes(name));
  if (stray !== undefined) {
    complain([...path, stray], 'key', `the mask ${mask} takes no ${stray}`, `write ${family.written}`);
    return undefined;
  }
  // A number that is there and undefined was refused already.
  if (given.some((name) => numbers[name] === undefined)) return undefined;
  const values = family.parameters.map((name) => numbers[name] ?? 0);
  const fault = family.fault(...values);
  if (fault === undefined) return nameOf(family, values);
  complain(path, 'value', `${fault} (${column.name})`, `write ${family.written}`);
  return undefined;
}
