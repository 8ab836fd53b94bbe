/**
 * A token stands for a value without telling it: the same value of the same class gives the same token
 * in every table, so that tables can be joined and customers counted. HMAC-SHA-256 under a key that only
 * the gateway has, 128 bits of it; without the key nobody can go back or try values out, with it anybody
 * can, so the key never goes into SQL and the mask is computed on output alone.
 *
 * What is written in two ways gives one token where that is plain: a phone in its normal form, e-mail addresses in
 * small letters, characters that do not show left out, those of one meaning (full-width, ligatures) as one, white
 * space as one space and none around.
 */
import { createHmac } from 'node:crypto';
import type { DataClass } from '../policy/model.js';
import type { Mask } from './mask.js';
import { normalPhone } from './phone-parts.js';

const classes = [
  'order-number',
  'name',
  'phone',
  'address',
  'email',
  'id-number',
] as const satisfies DataClass[];

/** The key of the documented examples. */
export const documentedKey = Buffer.alloc(32, 'weir');

export const tokens: readonly Mask[] = classes.map((dataClass) => ({
  name: `token(${dataClass})`,
  written: 'token',
  classes: [dataClass],
  example: ['WR2611220001234', tokenOf('WR2611220001234', dataClass, documentedKey)],
  sql: undefined,
  apply(value, keys) {
    if (value === null) return null;
    // The start-up check lets no policy through that needs a key where there is none.
    if (keys?.token === undefined) throw new Error('a token was asked for and there is no masks.tokenKey');
    return tokenOf(value, dataClass, keys.token);
  },
}));

export function isToken(name: string): boolean {
  return name.startsWith('token(');
}

function tokenOf(value: string, dataClass: DataClass, key: Buffer): string {
  const text = `weir token v1\0${dataClass}\0${plainForm(value, dataClass)}`;
  return createHmac('sha256', key).update(text).digest().subarray(0, 16).toString('base64url');
}

function plainForm(value: string, dataClass: DataClass): string {
  if (dataClass === 'phone') {
    const normal = normalPhone(value);
    if (normal !== value) return normal;
  }
  const plain = value
    .normalize('NFKC')
    .replace(/[\p{Cf}\p{Variation_Selector}]/gu, '')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return dataClass === 'email' ? plain.toLowerCase() : plain;
}
