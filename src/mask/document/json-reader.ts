/**
 * Reads JSON as RFC 8259 has it, in one pass and strictly: JSON.parse would lose digits of large numbers and
 * take the last of two equal keys without a word. Unsound text is refused with the path that the caller of
 * each step names. The text is read where it stands: what is skipped is never copied.
 */
import { DocumentUnfit, type UnfitReason } from './document-unfit.js';

/** Objects and arrays in one another. */
export const maxDepth = 64;

/** String.prototype.isWellFormed is of ES2024. */
interface WellFormed {
  isWellFormed(): boolean;
}

export function isWellFormed(text: string): boolean {
  return (text as unknown as WellFormed).isWellFormed();
}

/** @throws DocumentUnfit */
export function refuseByteOrderMark(text: string): void {
  if (text.charCodeAt(0) === 0xfeff) throw new DocumentUnfit('byte-order-mark', '$');
}

export class JsonReader {
  protected text = '';
  protected at = 0;
  /** Where the next character stands that needs looking at; before `at`: not looked for yet. */
  #special = -1;

  /** @throws DocumentUnfit */
  protected open(text: string): void {
    refuseByteOrderMark(text);
    this.text = text;
    this.at = 0;
    this.#special = -1;
  }

  /** Nothing of a document is kept. */
  protected close(): void {
    this.text = '';
  }

  /** A place to read on from once more. */
  protected mark(): { readonly at: number; readonly special: number } {
    return { at: this.at, special: this.#special };
  }

  protected rewind({ at, special }: { readonly at: number; readonly special: number }): void {
    this.at = at;
    this.#special = special;
  }

  protected fail(reason: UnfitReason, path: string): never {
    throw new DocumentUnfit(reason, path);
  }

  protected skipSpace(): number {
    let code = this.text.charCodeAt(this.at);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09)
      code = this.text.charCodeAt((this.at += 1));
    return code;
  }

  /** A string or a key, from its opening quote. @returns whether its text is surely as it will be written */
  protected skipString(path: string): boolean {
    const start = this.at + 1;
    const end = this.text.indexOf('"', start);
    if (end === -1) this.fail('syntax', path);
    if (this.#special < start) this.#special = this.#findSpecial(start);
    if (this.#special > end) {
      this.at = end + 1;
      return true;
    }
    this.#skipSpecial(end, path);
    return false;
  }

  /** The text of the string that was skipped last. */
  protected decode(start: number, plain: boolean): string {
    return plain
      ? this.text.slice(start + 1, this.at - 1)
      : (JSON.parse(this.text.slice(start, this.at)) as string);
  }

  protected skipNumber(path: string): void {
    const { text } = this;
    let { at } = this;
    let code = text.charCodeAt(at);
    if (code === 0x2d) code = text.charCodeAt((at += 1));
    if (code === 0x30) code = text.charCodeAt((at += 1));
    else {
      if (!(code >= 0x31 && code <= 0x39)) this.fail('syntax', path);
      do code = text.charCodeAt((at += 1));
      while (code >= 0x30 && code <= 0x39);
    }
    if (code === 0x2e) {
      code = text.charCodeAt((at += 1));
      if (!(code >= 0x30 && code <= 0x39)) this.fail('syntax', path);
      do code = text.charCodeAt((at += 1));
      while (code >= 0x30 && code <= 0x39);
    }
    if (code === 0x65 || code === 0x45) {
      code = text.charCodeAt((at += 1));
      if (code === 0x2b || code === 0x2d) code = text.charCodeAt((at += 1));
      if (!(code >= 0x30 && code <= 0x39)) this.fail('syntax', path);
      do code = text.charCodeAt((at += 1));
      while (code >= 0x30 && code <= 0x39);
    }
    this.at = at;
  }

  /** true, false or null: the word that begins with this character. */
  protected skipWord(code: number, path: string): 'true' | 'false' | 'null' {
    const word = code === 0x74 ? 'true' : code === 0x66 ? 'false' : 'null';
    if (!this.text.startsWith(word, this.at)) this.fail('syntax', path);
    this.at += word.length;
    return word;
  }

  #findSpecial(from: number): number {
    special.lastIndex = from;
    return special.test(this.text) ? special.lastIndex - 1 : Infinity;
  }

  #skipSpecial(firstQuote: number, path: string): void {
    const { text } = this;
    const start = this.at;
    let end = firstQuote;
    while (isEscaped(text, end)) {
      end = text.indexOf('"', end + 1);
      if (end === -1) this.fail('syntax', path);
    }
    this.at = end + 1;
    const written = text.slice(start, this.at);
    if (written.includes('\0')) this.fail('nul-character', path);
    let value: string;
    try {
      value = JSON.parse(written) as string;
    } catch {
      this.fail('syntax', path);
    }
    if (value.includes('\0')) this.fail('nul-character', path);
    // Of the text as well: one half may be escaped and the other not.
    if (!isWellFormed(written) || !isWellFormed(value)) this.fail('lone-surrogate', path);
  }
}

/** What a JSON string must escape, and what may be half of a pair. */
const special = /[\\\u0000-\u001f\ud800-\udfff]/g;

/** An odd number of backslashes stands before it. */
function isEscaped(text: string, quote: number): boolean {
  let before = quote;
  while (text.charCodeAt(before - 1) === 0x5c) before -= 1;
  return (quote - before) % 2 === 1;
}
