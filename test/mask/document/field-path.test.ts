import t from 'tap';
import { formatFieldPath, parseFieldPath } from '../../../src/mask/document/field-path.js';

void t.test('a path is read and written in one way', (t) => {
  for (const [text, steps] of [
    ['id', 'id'],
    ['receiver.phone', 'receiver phone'],
    ['items[*].title', 'items [] title'],
    ['grid[*][*]', 'grid [] []'],
    ['labels.*', 'labels {}'],
    ['*.x', '{} x'],
    ['"a.b".c', 'a.b c'],
    ['"$x"', '$x'],
    ['价格.元', '价格 元'],
    ['a-b_c:d', 'a-b_c:d'],
    ['"say \\"hi\\""', 'say "hi"'],
  ] as const) {
    const path = parseFieldPath(text);
    const read = path?.steps.map((step) =>
      step.kind === 'name' ? step.name : step.kind === 'names' ? '{}' : '[]',
    );
    t.equal(read?.join(' '), steps, text);
    t.equal(path?.fromDocument, false);
    t.equal(path && formatFieldPath(path), text);
  }
  for (const text of ['$', '$.total', '$[*]', '$.data[*]', '$.a."b.c"[*].d']) {
    const path = parseFieldPath(text);
    t.equal(path?.fromDocument, true);
    t.equal(path && formatFieldPath(path), text);
  }
  t.equal(
    formatFieldPath(parseFieldPath('"id"."a\\u002eb"')!),
    'id."a.b"',
    'quotes that are not needed are left out',
  );
  t.end();
});

void t.test('what is no path is told apart', (t) => {
  for (const text of [
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    'a[0]',
    'a[]',
    'a[*',
    '[*]',
    '[*].a',
    'a[*]b',
    'a b',
    '*a',
    'a*',
    '$a',
    '$.',
    '$..a',
    '"a',
    '"a"b',
    '""',
    '"\\x"',
    'a"b"',
    '"a\nb"',
    'a.$b',
  ]) {
    t.equal(parseFieldPath(text), undefined, JSON.stringify(text));
  }
  t.end();
});
