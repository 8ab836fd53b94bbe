/**
 * The look-ups of one person's last hour, to notice somebody who tries out hidden digits: values that look the
 * same to the role (`alike`) and are not the same (`whole`). Holds 32 bits of keyed digests and a time, nothing
 * clear, and lives in the meter's row: what one process has seen, all of them know. Pure.
 */
import type { StateReader } from './state-bytes.js';
import { corrupted, numberLength, writeNumber } from './state-bytes.js';

/** One value looked up. Both are taken from keyed digests (log/look-ups.ts). */
export interface Guess {
  /** Of what the role can see of the value. */
  readonly alike: number;
  /** Of the value itself. */
  readonly whole: number;
}

/** So many different values that look the same, within the hour, are guessing. */
export const guessesRefused = 3;
/** Different values remembered at the most; whoever asks for more in an hour is refused as well. */
export const maxRemembered = 1_000;
const spanSeconds = 3_600;
const digestLength = 4;

interface Remembered extends Guess {
  /** When it was looked up last. */
  readonly second: number;
}

export class Guesses {
  /** Oldest first. */
  #remembered: Remembered[] = [];

  static decode(reader: StateReader): Guesses {
    const guesses = new Guesses();
    const count = reader.number();
    if (count === 0 || count > maxRemembered) throw corrupted('it remembers too many look-ups, or none');
    let second = 0;
    for (let i = 0; i < count; i++) {
      second += reader.number();
      const digests = reader.bytes(2 * digestLength);
      guesses.#remembered.push({
        second,
        alike: digests.readUInt32LE(0),
        whole: digests.readUInt32LE(digestLength),
      });
    }
    return guesses;
  }

  get size(): number {
    return this.#remembered.length;
  }

  encodedLength(): number {
    // Seconds are told by their distance, and none is longer than the first.
    const first = this.#remembered[0]?.second ?? 0;
    return numberLength(this.size) + this.size * (numberLength(first) + 2 * digestLength);
  }

  encode(bytes: Buffer, from: number): number {
    let at = writeNumber(bytes, from, this.size);
    let before = 0;
    for (const { second, alike, whole } of this.#remembered) {
      at = writeNumber(bytes, at, second - before);
      at = bytes.writeUInt32LE(alike, at);
      at = bytes.writeUInt32LE(whole, at);
      before = second;
    }
    return at;
  }

  /** @returns how many different values look the same as one of these, these included; maxRemembered + 1 or more where there are too many to tell */
  count(asked: readonly Guess[], second: number): number {
    if (asked.length === 0) return 0;
    const groups = new Map<number, Set<number>>();
    for (const { alike, whole } of asked) add(groups, alike, whole);
    let all = 0;
    for (const { second: last, alike, whole } of this.#remembered) {
      if (last <= second - spanSeconds) continue;
      all++;
      groups.get(alike)?.add(whole);
    }
    const most = Math.max(...[...groups.values()].map(({ size }) => size));
    return all + asked.length > maxRemembered ? Math.max(most, all + asked.length) : most;
  }

  /** Forgets what is older than an hour. @param second not before that of the last call */
  remember(asked: readonly Guess[], second: number): void {
    const again = new Set(asked.map(nameOf));
    this.#remembered = this.#remembered.filter(
      (guess) => guess.second > second - spanSeconds && !again.has(nameOf(guess)),
    );
    const fresh = new Map(asked.map((guess) => [nameOf(guess), guess]));
    for (const { alike, whole } of fresh.values()) this.#remembered.push({ alike, whole, second });
  }
}

function add(groups: Map<number, Set<number>>, alike: number, whole: number): void {
  const group = groups.get(alike);
  if (group === undefined) groups.set(alike, new Set([whole]));
  else group.add(whole);
}

function nameOf({ alike, whole }: Guess): string {
  return `${alike} ${whole}`;
}
