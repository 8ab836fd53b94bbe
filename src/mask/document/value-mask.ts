/** A mask as a document needs it: a value's text in, JSON text out. */
import type { MaskName } from '../../policy/model.js';
import type { MaskKeys } from '../mask.js';
import { maskOf } from '../masks.js';

export interface ValueMask {
  readonly clear: boolean;
  /** The mask `null`: whatever stands there, and where nothing does. */
  readonly constant: boolean;
  readonly apply: (value: string) => string | null;
}

/** @throws Error for a name that no policy check lets pass */
export function valueMask(name: MaskName, keys: MaskKeys): ValueMask {
  const mask = maskOf(name);
  return {
    clear: mask.name === 'clear',
    constant: mask.name === 'null',
    apply: (value) => mask.apply(value, keys),
  };
}

const mustEscape = /["\\\u0000-\u001f\ud800-\udfff]/;

/** As JSON.stringify writes it. */
export function jsonText(value: string | null): string {
  if (value === null) return 'null';
  return mustEscape.test(value) ? JSON.stringify(value) : `"${value}"`;
}
