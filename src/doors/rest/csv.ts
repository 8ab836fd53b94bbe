/**
 * Released rows → CSV as RFC 4180 has it: a header line, CRLF, quotes where needed. NULL is an empty field,
 * the empty text is "". Values go out as they are: a spreadsheet may take one that begins with = for a
 * formula (docs/rest.md says so), and altering it would make the file say what the database does not.
 */
import type { ReleasedColumn } from '../../access.js';
import type { Encoder } from './json.js';

export function csvEncoder(columns: readonly ReleasedColumn[]): Encoder {
  const width = columns.length;
  return {
    contentType: 'text/csv; charset=utf-8',
    head: columns.map(({ name, as }) => field(as ?? name)).join(',') + '\r\n',
    tail: '',
    encode({ values }) {
      let text = '';
      for (const row of values) {
        for (let index = 0; index < width; index += 1) {
          const value = row[index];
          if (index > 0) text += ',';
          if (value != null) text += field(value);
        }
        text += '\r\n';
      }
      return text;
    },
  };
}

function field(value: string): string {
  return value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
