import t from 'tap';
import { cellWidth, formatJsonLines, formatTable, shortEntry, type Column } from '../../src/cli/table.js';

interface Row {
  readonly who: string;
  readonly count: number;
}
const columns: Column<Row>[] = [
  { title: 'who', shrinks: true, text: ({ who }) => who },
  { title: 'count', align: 'right', text: ({ count }) => String(count) },
];

void t.test('columns line up, also where Chinese names take two cells a character', async (t) => {
  const lines = formatTable(
    columns,
    [
      { who: '欧阳娜娜', count: 7 },
      { who: 'li.na', count: 1200 },
    ],
    undefined,
  );
  t.equal(lines, 'who       count\n欧阳娜娜      7\nli.na      1200\n');
  t.equal(cellWidth('欧阳ab'), 6);
});

void t.test('a narrow terminal cuts the columns that may be cut, and no others', async (t) => {
  const rows = [{ who: '上海市浦东新区世纪大道', count: 12345 }];
  const lines = formatTable(columns, rows, 16).split('\n');
  t.ok(lines.every((line) => cellWidth(line) <= 16));
  t.match(lines[1], /^上海市浦… {2}12345$/);
  t.match(formatTable(columns, rows, 3).split('\n')[1], '12345', 'a column that must be whole stays whole');
});

void t.test('what stands on the log cannot write to the terminal', async (t) => {
  const text = formatTable(columns, [{ who: '\u001b[2Jgone\n\u202eevil', count: 1 }], undefined);
  t.notMatch(text, /[\u001b\u202e]/);
  t.equal(text.split('\n').length, 3);
});

void t.test('JSON comes one document a line, with whole numbers of any size', async (t) => {
  t.equal(formatJsonLines([{ a: 1 }, { b: 2n ** 60n }]), '{"a":1}\n{"b":"1152921504606846976"}\n');
  t.equal(formatJsonLines([]), '');
});

void t.test('an entry is named short enough for a column', async (t) => {
  t.equal(shortEntry('c218bdc1-02e7-48bc-abed-4fd5cdb1c099/17'), 'c218bdc1/17');
  t.equal(shortEntry('writer/17'), 'writer/17');
});
