/** A policy set is shared by every request and must not change under one: a change is a new set. Pure. */

/** Freezes a value and all that it holds; maps and sets refuse to be changed from then on. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (value instanceof Map || value instanceof Set) {
    for (const change of ['set', 'add', 'delete', 'clear']) {
      if (change in value) Object.defineProperty(value, change, { value: refuse });
    }
    Object.freeze(value);
    for (const [key, inner] of value.entries()) {
      deepFreeze(key);
      deepFreeze(inner);
    }
    return value;
  }
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
  return value;
}

function refuse(): never {
  throw new TypeError('a policy set cannot be changed');
}
