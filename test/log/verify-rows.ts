/** Rows of entries as the verifier finds them in its receive buffer. */
import type { EntryRow, Id } from '../../src/log/verify-copy.js';

interface Entry {
  readonly writer: string;
  readonly number: number;
  readonly at: number;
  readonly actor?: string | undefined;
  readonly flags?: unknown;
}

export const idOf = (text: string): Id => ({ text, ascii: Buffer.from(text) });

/** Something else stands before and after it. */
export function rowOf(entry: Entry, text = JSON.stringify(entry)): EntryRow {
  const { writer, number, at, actor, flags } = entry;
  const body = Buffer.from(text);
  const bytes = Buffer.concat([Buffer.from('{"v":1'), body, Buffer.from('"}],0123456789')]);
  const start = 6;
  const end = start + body.length;
  return {
    writer: idOf(writer),
    number,
    at,
    actor: actor === undefined ? null : idOf(actor),
    flagged: flags !== undefined,
    bytes,
    start,
    end,
  };
}
