/** The written remarks: one a line, what is personal in ⟦ ⟧. */
import { readFileSync } from 'node:fs';
import type { Span } from '../../src/mask/scrub-fold.js';

export interface Remark {
  readonly text: string;
  /** What a person marked. */
  readonly personal: readonly Span[];
}

/** The set that the rules were written with. */
export const remarks = read('remarks.txt');

/** Written after the rules, which were not changed for it. */
export const unseen = read('remarks-unseen.txt');

function read(file: string): readonly Remark[] {
  const lines = readFileSync(new URL(file, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n');
  return lines.map((line) => {
    const personal: Span[] = [];
    let text = '';
    for (const [, before = '', inside] of line.matchAll(/([^⟦]*)(?:⟦([^⟧]*)⟧|$)/gu)) {
      text += before;
      if (inside === undefined) continue;
      personal.push([text.length, text.length + inside.length]);
      text += inside;
    }
    return { text, personal };
  });
}

export interface Measure {
  readonly marked: number;
  /** Marked, and something of it still to be read. */
  readonly missed: readonly string[];
  readonly found: number;
  /** Found, and nothing in it is marked. */
  readonly mistaken: readonly string[];
}

export function measure(set: readonly Remark[], personalIn: (text: string) => readonly Span[]): Measure {
  const missed: string[] = [];
  const mistaken: string[] = [];
  let marked = 0;
  let found = 0;
  for (const { text, personal } of set) {
    const spans = personalIn(text);
    marked += personal.length;
    found += spans.length;
    for (const [start, end] of personal) {
      // Punctuation that is left says nothing.
      const left = Array.from({ length: end - start }, (_, at) => start + at).filter(
        (at) => /[\p{L}\p{N}]/u.test(text.charAt(at)) && !spans.some(([from, to]) => at >= from && at < to),
      );
      if (left.length > 0) missed.push(text);
    }
    for (const [from, to] of spans)
      if (!personal.some(([start, end]) => start < to && from < end))
        mistaken.push(`${text}: ${text.slice(from, to)}`);
  }
  return { marked, missed, found, mistaken };
}
