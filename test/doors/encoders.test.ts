import fc from 'fast-check';
import t from 'tap';
import type { ReleasedColumn } from '../../src/access.js';
import { csvEncoder } from '../../src/doors/rest/csv.js';
import { jsonEncoder, type Encoder } from '../../src/doors/rest/json.js';

type Row = (string | null)[];

const column = (name: string, json: ReleasedColumn['json']): ReleasedColumn => ({
  name,
  mask: 'clear',
  json,
});
const kinds = [column('n', 'number'), column('s', 'string'), column('b', 'boolean'), column('v', 'verbatim')];

function whole(encoder: Encoder, ...chunks: Row[][]): string {
  const parts = chunks.map((values, index) => encoder.encode({ values, last: index === chunks.length - 1 }));
  return encoder.head + parts.join('') + encoder.tail;
}

void t.test('each kind of column is written as PostgreSQL writes it in JSON', async (t) => {
  const rows: Row[] = [
    ['9007199254740993.10', '张**', 't', '{"a":[1, null]}'],
    ['-1', '', 'f', '"x"'],
    ['1e+20', 'a"b\\c\n\u2028\u0000', 'true', 'null'],
    [null, null, null, null],
  ];
  t.equal(
    whole(jsonEncoder(kinds), rows),
    '[{"n":9007199254740993.10,"s":"张**","b":true,"v":{"a":[1, null]}},\n' +
      ' {"n":-1,"s":"","b":false,"v":"x"},\n' +
      ' {"n":1e+20,"s":"a\\"b\\\\c\\n\u2028\\u0000","b":true,"v":null},\n' +
      ' {"n":null,"s":null,"b":null,"v":null}]',
  );
});

void t.test('what is a number in PostgreSQL and none in JSON goes out as text', async (t) => {
  const text = whole(jsonEncoder([column('n', 'number')]), [['NaN'], ['Infinity'], ['-Infinity']]);
  t.strictSame(JSON.parse(text), [{ n: 'NaN' }, { n: 'Infinity' }, { n: '-Infinity' }]);
});

void t.test('no rows are an empty array, and a header line', async (t) => {
  t.equal(whole(jsonEncoder(kinds), []), '[]');
  t.equal(whole(csvEncoder(kinds), []), 'n,s,b,v\r\n');
});

void t.test('JSON reads the same however the rows are cut into chunks', async () => {
  const columns = [column('order_id', 'string'), column('say "hi"', 'string'), column('__proto__', 'string')];
  const value = fc.option(fc.string({ unit: 'grapheme' }));
  const chunks = fc.array(
    fc.array(
      fc.tuple(value, value, value).map((row): Row => row),
      { maxLength: 5 },
    ),
    { minLength: 1 },
  );
  fc.assert(
    fc.property(chunks, (cut) => {
      const read = JSON.parse(whole(jsonEncoder(columns), ...cut)) as Record<string, string | null>[];
      const back = read.map((row) =>
        columns.map(({ name }) => Object.getOwnPropertyDescriptor(row, name)?.value as unknown),
      );
      return JSON.stringify(back) === JSON.stringify(cut.flat());
    }),
  );
});

void t.test('CSV gives back every text, and keeps NULL and the empty text apart', async (t) => {
  const columns = [column('a', 'string'), column('b, "c"', 'string')];
  t.equal(
    whole(
      csvEncoder(columns),
      [['x', null]],
      [
        ['', '=1+1'],
        ['a"b', '1\r\n2,'],
      ],
    ),
    'a,"b, ""c"""\r\nx,\r\n"",=1+1\r\n"a""b","1\r\n2,"\r\n',
  );
  const value = fc.option(fc.string({ unit: fc.constantFrom('a', '"', ',', '\r', '\n', '张', ' ', '=') }));
  fc.assert(
    fc.property(fc.array(fc.tuple(value, value).map((row): Row => row)), (rows) => {
      const [, ...back] = parseCsv(whole(csvEncoder(columns), rows));
      return JSON.stringify(back) === JSON.stringify(rows);
    }),
  );
});

/** RFC 4180, with NULL for an empty field without quotes: written apart from the encoder, to hold it to the form. */
function parseCsv(text: string): Row[] {
  const rows: Row[] = [];
  let row: Row = [];
  let at = 0;
  while (at < text.length) {
    const match = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)/y;
    match.lastIndex = at;
    const found = match.exec(text);
    if (found === null) throw new Error('not CSV');
    const [all, field = '', end] = found;
    at += all.length;
    row.push(field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field === '' ? null : field);
    if (end === '\r\n') {
      rows.push(row);
      row = [];
    }
  }
  return rows;
}
