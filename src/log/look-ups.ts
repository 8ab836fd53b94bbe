/**
 * Values that were looked up, as digests under the log's key: what the role can see of each, and each itself.
 * What is kept of them is in quota/guesses.ts. After a change of epoch the digests are others, so that
 * the rule begins anew.
 */
import type { LookedUp } from '../access.js';
import type { Guess } from '../quota/guesses.js';
import { digestBytes, peopleSpace, type Digester } from './digest.js';

export function guessesOf(
  lookedUp: readonly LookedUp[],
  table: string,
  digester: Digester,
): readonly Guess[] {
  if (lookedUp.length === 0) return none;
  const texts = lookedUp.flatMap(({ column, phone, seen, whole }) => {
    // A phone number is the same secret in whichever table it is tried.
    const space = phone ? 'phone' : `${table}.${column}`;
    return [`${space}\0seen\0${seen}`, `${space}\0whole\0${whole}`];
  });
  const digests = digester.digest(peopleSpace, 'lookup', texts);
  return lookedUp.map((_, i) => ({
    alike: digests.readUInt32LE(2 * i * digestBytes),
    whole: digests.readUInt32LE((2 * i + 1) * digestBytes),
  }));
}

const none: readonly Guess[] = Object.freeze([]);
