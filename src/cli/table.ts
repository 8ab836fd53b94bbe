/** Prints rows as a table that fits the terminal, or as JSON. Knows that Chinese characters are two cells wide. */

export interface Column<Row> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** A column that may be cut where the terminal is narrow. */
  readonly shrinks?: boolean;
  text(row: Row): string;
}

const gap = '  ';
const narrowest = 6;

/**
 * @param width cells of the terminal; undefined: nothing is cut
 * @returns lines, each ended by a line break; no trailing spaces
 */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number | undefined,
): string {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ text }) => printable(text(row)))),
  ];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => cellWidth(line[index]!))));
  if (width !== undefined) shrink(widths, columns, width);
  return cells
    .map((line) => {
      const padded = line.map((text, index) =>
        pad(cut(text, widths[index]!), widths[index]!, columns[index]!.align),
      );
      return `${padded.join(gap).trimEnd()}\n`;
    })
    .join('');
}

/** One JSON document a line, so that a long listing can be piped. */
export function formatJsonLines(rows: readonly unknown[]): string {
  return rows
    .map(
      (row) =>
        `${JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}\n`,
    )
    .join('');
}

/** Takes cells from the widest column that may shrink until the table fits or nothing can give any more. */
function shrink(widths: number[], columns: readonly Column<never>[], width: number): void {
  const total = () => widths.reduce((sum, each) => sum + each, 0) + gap.length * (widths.length - 1);
  while (total() > width) {
    let widest = -1;
    columns.forEach((column, index) => {
      if (column.shrinks && widths[index]! > narrowest && (widest < 0 || widths[index]! > widths[widest]!))
        widest = index;
    });
    if (widest < 0) return;
    widths[widest]! -= 1;
  }
}

/** Control characters would let what stands on the log write to the terminal. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{FFFD}');
}

/** Where an entry stands, short enough for a column: eight digits tell writers apart. JSON has it whole. */
export function shortEntry(entry: string): string {
  return entry.replace(/^([0-9a-f]{8})[0-9a-f-]+(?=\/)/, '$1');
}

/** Terminal cells that a text takes. */
export function cellWidth(text: string): number {
  let width = 0;
  for (const character of text)
    width += isWide(character.codePointAt(0)!) ? 2 : /\p{Mn}/u.test(character) ? 0 : 1;
  return width;
}

function cut(text: string, width: number): string {
  if (cellWidth(text) <= width) return text;
  let kept = '';
  for (const character of text) {
    if (cellWidth(kept + character) > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const spaces = ' '.repeat(Math.max(0, width - cellWidth(text)));
  return align === 'left' ? text + spaces : spaces + text;
}

/** East Asian Wide and Fullwidth (UAX 11), as blocks. */
function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  );
}
