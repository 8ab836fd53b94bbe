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

export class Digester {
  readonly epoch: string;
  readonly #master: Buffer;
  /** By table, then by kind. */
  readonly #ciphers = new Map<string, Map<string, Cipher>>();

  /** @param master 32 secret bytes */
  constructor(master: Buffer, epoch: string) {
    if (master.length !== 32) throw new RangeError('the digest key must be 32 bytes');
    this.#master = master;
    this.epoch = epoch;
  }

  /** @returns the digests one after another, 8 bytes each, in the order of the keys; zero bytes for null */
  digest(table: string, kind: 'record' | 'person' | 'lookup', keys: readonly (string | null)[]): Buffer {
    const blocks = Buffer.allocUnsafe(keys.length * blockBytes).fill(0);
    for (let i = 0; i < keys.length; i++) writeBlock(blocks, i * blockBytes, keys[i] ?? '');
    // ECB without padding: each block by itself, and the cipher keeps no state between calls.
    const encrypted = this.#cipher(table, kind).update(blocks);
    const digests = Buffer.allocUnsafe(keys.length * digestBytes);
    for (let i = 0; i < keys.length; i++) {
      const from = i * blockBytes;
      const to = i * digestBytes;
      // Byte by byte: for so few, a call into the runtime costs more.
      if (keys[i] === null) for (let b = 0; b < digestBytes; b++) digests[to + b] = 0;
      else for (let b = 0; b < digestBytes; b++) digests[to + b] = encrypted[from + b]!;
    }
    return digests;
  }

  #cipher(table: string, kind: string): Cipher {
    let ofTable = this.#ciphers.get(table);
    if (ofTable === undefined) this.#ciphers.set(table, (ofTable = new Map()));
    let cipher = ofTable.get(kind);
    if (cipher === undefined) {
      const purpose = `weir digest v1\0${this.epoch}\0${table}\0${kind}`;
      const key = Buffer.from(hkdfSync('sha256', this.#master, '', purpose, 32));
      cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
      ofTable.set(kind, cipher);
    }
    return cipher;
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

/** The digests of a list as 8-character latin1 texts, zero digests (no person) left out. */
export function digestTexts(list: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at < list.length; at += digestBytes) {
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
