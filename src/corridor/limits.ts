/** Limits that refuse, and limits that are only watched (`observe: yes`). Pure. */
import type { Limit } from '../policy/model.js';

/** The same list as was given where nothing is watched: the log keeps its text. */
export function enforced(limits: readonly Limit[]): readonly Limit[] {
  return limits.some(isObserved) ? limits.filter((limit) => !isObserved(limit)) : limits;
}

export function watched(limits: readonly Limit[]): readonly Limit[] {
  return limits.some(isObserved) ? limits.filter(isObserved) : none;
}

const none: readonly Limit[] = Object.freeze([]);

function isObserved({ observe }: Limit): boolean {
  return observe === true;
}
