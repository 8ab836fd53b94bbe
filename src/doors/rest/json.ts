/**
 * Released rows → PostgREST's JSON: one array of objects, members in the order of the columns. Writes text,
 * one string a chunk; keys are escaped once a read. Changes no value: how a value is to look was decided
 * in the masked relation.
 */
import type { ReleasedColumn, ReleasedRows } from '../../access.js';

export interface Encoder {
  readonly contentType: string;
  readonly head: string;
  readonly tail: string;
  /** Chunks in order; each call continues where the last one stopped. */
  encode(rows: ReleasedRows): string;
}

type Writer = (value: string) => string;

const writers: Readonly<Record<ReleasedColumn['json'], Writer>> = {
  string: quoted,
  // PostgreSQL's numbers are JSON numbers digit for digit, but for NaN and the infinities.
  number: (value) => (/^-?[0-9]/.test(value) ? value : JSON.stringify(value)),
  boolean: (value) => (value.startsWith('t') ? 'true' : 'false'),
  verbatim: (value) => value,
};

/** As JSON.stringify, which takes its time where there is nothing to escape, as in nearly every value. */
function quoted(value: string): string {
  return escaped.test(value) ? JSON.stringify(value) : `"${value}"`;
}

/** Halves of a pair too: JSON.stringify escapes one that stands alone. */
const escaped = /["\\\u0000-\u001f\ud800-\udfff]/;

/** @param stripped members that are null are left out */
export function jsonEncoder(columns: readonly ReleasedColumn[], stripped = false): Encoder {
  const names = columns.map(({ name, as }) => `${JSON.stringify(as ?? name)}:`);
  const keys = names.map((name, index) => (index === 0 ? '{' : ',') + name);
  const write = columns.map(({ json }) => writers[json]);
  const width = columns.length;
  const strippedRow = (row: readonly (string | null)[]): string => {
    const members = names.flatMap((name, index) => {
      const value = row[index];
      // Of type jsonb there is a null that is not SQL's.
      if (value == null || (value === 'null' && columns[index]?.json === 'verbatim')) return [];
      return [name + (write[index] as Writer)(value)];
    });
    return `{${members.join(',')}}`;
  };
  let first = true;
  return {
    contentType: `application/${stripped ? 'vnd.pgrst.array+json; nulls=stripped' : 'json'}; charset=utf-8`,
    head: '[',
    tail: ']',
    encode({ values }) {
      let text = '';
      for (const row of values) {
        if (first) first = false;
        else text += ',\n ';
        if (stripped) {
          text += strippedRow(row);
          continue;
        }
        for (let index = 0; index < width; index += 1) {
          const value = row[index];
          text += keys[index];
          text += value == null ? 'null' : (write[index] as Writer)(value);
        }
        text += width === 0 ? '{}' : '}';
      }
      return text;
    },
  };
}

/** The one row of an answer that has one, as PostgREST's single object. */
export function objectEncoder(columns: readonly ReleasedColumn[], stripped = false): Encoder {
  const { encode } = jsonEncoder(columns, stripped);
  const contentType = `application/vnd.pgrst.object+json${stripped ? '; nulls=stripped' : ''}; charset=utf-8`;
  return { contentType, head: '', tail: '', encode };
}
