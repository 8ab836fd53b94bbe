/**
 * The byte forms of a meter's state: whole numbers of 7 bits a byte, low bits first, in their
 * shortest form only, and a checksum. Reading refuses whatever writing would not have produced.
 */
import { WeirError } from '../errors.js';

/** A meter row that cannot be what a gateway wrote. The caller learns no more than "internal". */
export function corrupted(what: string): WeirError {
  return new WeirError('internal', { cause: new Error(`the state of a meter is corrupted: ${what}`) });
}

/** Bytes that `writeNumber` needs. */
export function numberLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest /= 128) length++;
  return length;
}

/** @returns the offset after the number */
export function writeNumber(bytes: Buffer, at: number, value: number): number {
  // Bit operations see 32 bits only; bytes and microseconds are wider.
  while (value >= 0x1_0000_0000) {
    bytes[at++] = (value % 128) | 128;
    value = Math.floor(value / 128);
  }
  while (value >= 128) {
    bytes[at++] = (value & 127) | 128;
    value >>>= 7;
  }
  bytes[at++] = value;
  return at;
}

export class StateReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw corrupted('it ends early');
    return byte;
  }

  number(): number {
    let byte = this.byte();
    if (byte < 128) return byte;
    let value = byte & 127;
    for (let scale = 128; ; scale *= 128) {
      byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    if (byte === 0) throw corrupted('a number is not in its shortest form');
    if (!Number.isSafeInteger(value)) throw corrupted('a number is too large');
    return value;
  }

  /** A view, not a copy. */
  bytes(length: number): Buffer {
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw corrupted('it ends early');
    return this.#bytes.subarray(from, this.#at);
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw corrupted('bytes follow its end');
  }
}

/**
 * 32 bits over bytes[from…]. Each step is one-to-one in the word it takes in, so that damage inside
 * one aligned word never goes unseen. Against accidents, not against forgery: that is the log's part.
 */
export function checksum(bytes: Buffer, from: number): number {
  let sum = bytes.length | 0;
  let at = from;
  for (; at + 4 <= bytes.length; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    sum = Math.imul(sum ^ word, 0x9e37_79b1);
    sum ^= sum >>> 15;
  }
  for (; at < bytes.length; at++) {
    sum = Math.imul(sum ^ bytes[at]!, 0x9e37_79b1);
    sum ^= sum >>> 15;
  }
  return sum >>> 0;
}
