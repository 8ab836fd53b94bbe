/** Every mask there is, and which of them make sense for which class of data. Unknown names have no mask. */
import type { DataClass, MaskName } from '../policy/model.js';
import { city, district, province } from './address.js';
import { bucket } from './bucket.js';
import { clear } from './clear.js';
import { email } from './email.js';
import type { Mask, MaskFamily } from './mask.js';
import { month } from './month.js';
import { nothing } from './nothing.js';
import { orderNumber } from './order-number.js';
import { partial } from './partial.js';
import { last4, middle, phone } from './phone.js';
import { scrub } from './scrub.js';
import { surname } from './surname.js';
import { tokens } from './token.js';

const families: readonly MaskFamily[] = [phone, partial, bucket];

/** In the order in which help texts name them. */
const all: readonly (Mask | MaskFamily)[] = [
  clear,
  surname,
  last4,
  middle,
  phone,
  province,
  city,
  district,
  orderNumber,
  email,
  partial,
  month,
  bucket,
  scrub,
  ...tokens,
  nothing,
];

/** Masks without numbers, by name. */
export const masks: ReadonlyMap<MaskName, Mask> = new Map(
  all.flatMap((mask) => ('apply' in mask ? [[mask.name, mask]] : [])),
);

export function familyOf(name: string): MaskFamily | undefined {
  return families.find((family) => family.name === name);
}

export function nameOf(family: MaskFamily, numbers: readonly number[]): MaskName {
  return `${family.name}(${numbers.join(',')})`;
}

/** The mask of a checked policy. @throws Error for a name that no policy check lets pass */
export function maskOf(name: MaskName): Mask {
  const plain = masks.get(name);
  if (plain !== undefined) return plain;
  const [, head = '', numbers = ''] = /^([a-z]+)\(([0-9]+(?:,[0-9]+)*)\)$/.exec(name) ?? [];
  const family = familyOf(head);
  const given = numbers.split(',').map(Number);
  if (family?.parameters.length !== given.length || family.fault(...given) !== undefined)
    throw new Error(`there is no mask ${name}`);
  return family.make(...given);
}

/** Names of the masks that a column of this class may have, `clear` first. "hidden" is no mask: the column is absent. */
export function masksForClass(dataClass: DataClass): string[] {
  return fitting(dataClass).map(({ name }) => name.replace(/\(.*/u, ''));
}

/** The same as a role file writes them, numbers included. */
export function writtenForClass(dataClass: DataClass): string[] {
  return fitting(dataClass).map(writtenOf);
}

/** The mask without numbers that a role file means by this word. */
export function plainMask(word: string, dataClass: DataClass): Mask | undefined {
  return fitting(dataClass).find(
    (mask): mask is Mask => 'apply' in mask && writtenOf(mask).replaceAll('"', '') === word,
  );
}

function fitting(dataClass: DataClass): (Mask | MaskFamily)[] {
  return all.filter((mask) => mask.classes.includes(dataClass));
}

function writtenOf(mask: Mask | MaskFamily): string {
  return mask.written ?? mask.name;
}
