/** Every mask there is, and which of them make sense for which class of data. Unknown names have no mask. */
import type { DataClass, MaskName } from '../policy/model.js';
import { city, district, province } from './address.js';
import { clear } from './clear.js';
import type { Mask } from './mask.js';
import { orderNumber } from './order-number.js';
import { last4, middle } from './phone.js';
import { surname } from './surname.js';

const all: readonly Mask[] = [clear, surname, last4, middle, province, city, district, orderNumber];

export const masks: ReadonlyMap<MaskName, Mask> = new Map(all.map((mask) => [mask.name, mask]));

/** Names of the masks that a column of this class may have, `clear` first. "hidden" is no mask: the column is absent. */
export function masksForClass(dataClass: DataClass): MaskName[] {
  return all.filter((mask) => mask.classes.includes(dataClass)).map((mask) => mask.name);
}
