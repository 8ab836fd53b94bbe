/**
 * Keyed digests of record and person keys: 8 bytes of AES-256 over one 16-byte block a key.
 * A block cipher under a secret key is a pseudo-random permutation, so on distinct blocks its output
 * cannot be told from random; the block is injective in the key's text (longer texts: SHA-256 of it, cut to
 * 15 bytes). A plain hash of a number could be tried out by anybody; this cannot without the key, which
 * lives outside the database. One key for each (epoch, table, kind), by HKDF (RFC 5869).
 * Why a cipher and not HMAC: docs/decisions/0004-digests.md.
 */
import { type Cipher, createCipheriv, hash, hkdfSync } from 'node:crypto';

export const digestBytes = 8;
const nobody = '\0'.repeat(digestBytes);
const blockBytes = 16;

/** People are one key space whatever table they appear in, so that a person counts once across tables. */
export const peopleSpace = '*';

type Kind = 'record' | 'person' | 'lookup';
type Keys = readonly (string | null)[];

export class Digester {
  readonly epoch: string;
  readonly #master: Buffer;
  /** By table, then by kind. */
  readonly #spaces = new Map<string, Map<string, KeySpace>>();

  /** @param master 32 secret bytes */
  constructor(master: Buffer, epoch: string) {
    if (master.length !== 32) throw new RangeError('the digest key must be 32 bytes');
    this.#master = master;
    this.epoch = epoch;
  }

  /** @returns the digests one after another, 8 bytes each, in the order of the keys; zero bytes for null */
  digest(table: string, kind: Kind, keys: Keys): Buffer {
    const into = Buffer.allocUnsafe(keys.length * digestBytes);
    this.#space(table, kind).digest([{ keys, into, at: 0 }]);
    return into;
  }

  /**
   * As `digest`, written into a place of its own once they are asked for, and with them all that wait then: a call of the
   * cipher costs as much as dozens of keys.
   */
  later(table: string, kind: Kind, keys: Keys, into: Buffer, at: number): LaterDigests {
    return this.#space(table, kind).later(keys, into, at);
  }

  #space(table: string, kind: Kind): KeySpace {
    let ofTable = this.#spaces.get(table);
    if (ofTable === undefined) this.#spaces.set(table, (ofTable = new Map()));
    let space = ofTable.get(kind);
    if (space === undefined) {
      const purpose = `weir digest v1\0${this.epoch}\0${table}\0${kind}`;
      const key = Buffer.from(hkdfSync('sha256', this.#master, '', purpose, 32));
      ofTable.set(kind, (space = new KeySpace(key)));
    }
    return space;
  }
}

export interface LaterDigests {
  /** From here on they are where they were to be written. */
  make(): void;
}

/** Keys, and where their digests go. */
interface List {
  readonly keys: Keys;
  readonly into: Buffer;
  readonly at: number;
}

/** So many lists wait at the most, also where nobody asks for them. */
const maxWaiting = 256;

class KeySpace {
  readonly #cipher: Cipher;
  #waiting: Later[] = [];

  constructor(key: Buffer) {
    this.#cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  }

  digest(lists: readonly List[]): void {
    let count = 0;
    for (const { keys } of lists) count += keys.length;
    const blocks = Buffer.allocUnsafe(count * blockBytes).fill(0);
    let block = 0;
    for (const { keys } of lists) for (const key of keys) writeBlock(blocks, block++ * blockBytes, key ?? '');
    // ECB without padding: each block by itself, and the cipher keeps no state between calls.
    const encrypted = this.#cipher.update(blocks);
    let from = 0;
    for (const { keys, into, at } of lists) {
      let to = at;
      for (const key of keys) {
        // Byte by byte: for so few, a call into the runtime costs more.
        for (let b = 0; b < digestBytes; b++) into[to + b] = key === null ? 0 : encrypted[from + b]!;
        to += digestBytes;
        from += blockBytes;
      }
    }
  }

  later(keys: Keys, into: Buffer, at: number): Later {
    if (this.#waiting.length >= maxWaiting) this.makeWaiting();
    const later = new Later(this, keys, into, at);
    this.#waiting.push(later);
    return later;
  }

  makeWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.digest(waiting);
    for (const later of waiting) later.isMade = true;
  }
}

class Later implements LaterDigests, List {
  isMade = false;

  constructor(
    private readonly space: KeySpace,
    readonly keys: Keys,
    readonly into: Buffer,
    readonly at: number,
  ) {}

  make(): void {
    if (!this.isMade) this.space.makeWaiting();
  }
}

function writeBlock(blocks: Buffer, offset: number, key: string): void {
  if (key.length < blockBytes && writeAscii(blocks, offset + 1, key)) {
    blocks[offset] = key.length;
    return;
  }
  const length = Buffer.byteLength(key);
  if (length < blockBytes) {
    blocks[offset] = length;
    blocks.write(key, offset + 1);
  } else {
    blocks[offset] = 0xff;
    hash('sha256', key, 'buffer').copy(blocks, offset + 1, 0, blockBytes - 1);
  }
}

/** Nearly every key. @returns false where it holds another character; what was written then is to be written over */
function writeAscii(blocks: Buffer, offset: number, key: string): boolean {
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    if (code > 127) return false;
    blocks[offset + i] = code;
  }
  return true;
}

/** The digests of a list, from one on, as 8-character latin1 texts, zero digests (no person) left out. */
export function digestTexts(list: Buffer, first = 0): string[] {
  const texts: string[] = [];
  for (let at = first * digestBytes; at < list.length; at += digestBytes) {
    const text = String.fromCharCode(
      list[at]!,
      list[at + 1]!,
      list[at + 2]!,
      list[at + 3]!,
      list[at + 4]!,
      list[at + 5]!,
      list[at + 6]!,
      list[at + 7]!,
    );
    if (text !== nobody) texts.push(text);
  }
  return texts;
}
