/**
 * What of JSON is taken and what is refused. Each text stands once where it is shown and once where it is
 * removed: what nobody will see is read as strictly.
 */
import t from 'tap';
import { documentMask } from '../../../src/mask/document/document-mask.js';
import { DocumentUnfit, type UnfitReason } from '../../../src/mask/document/document-unfit.js';

const shape = {
  records: '$',
  record: 'id',
  subject: undefined,
  fields: ['id', 'v', 'map.*'],
  see: new Map([
    ['id', 'clear'],
    ['v', 'clear'],
    ['map.*', 'clear'],
  ]),
};
/** As a title: texts hold control characters. */
const title = (text: string, rest = ''): string =>
  text.slice(0, 40).replace(/[^!-~]/gu, (one) => `<${one.codePointAt(0)?.toString(16) ?? ''}>`) + rest;

const mask = documentMask('json', shape, { token: undefined });

function refusalOf(text: string): string {
  try {
    return `masked: ${mask(text).records.join()}`;
  } catch (thrown) {
    if (!(thrown instanceof DocumentUnfit)) throw thrown;
    return thrown.reason;
  }
}

/** A value as written → as it leaves. */
const sound: readonly (readonly [string, string])[] = [
  ['0', '0'],
  ['-0', '-0'],
  ['-0.0', '-0.0'],
  ['1E+2', '1E+2'],
  ['1e400', '1e400'],
  ['-1.5e-10', '-1.5e-10'],
  ['12345678901234567890.123456789', '12345678901234567890.123456789'],
  ['0.1000', '0.1000'],
  ['true', 'true'],
  ['false', 'false'],
  ['null', 'null'],
  ['""', '""'],
  ['"\\/"', '"/"'],
  ['"/"', '"/"'],
  ['"\\u0061"', '"a"'],
  ['"\\u00e9é"', '"éé"'],
  ['"\\n\\t\\b\\f\\r"', '"\\n\\t\\b\\f\\r"'],
  ['"\\u000a"', '"\\n"'],
  ['"\\u0001\\u001F"', '"\\u0001\\u001f"'],
  ['"\\u007f\u007f"', '"\u007f\u007f"'],
  ['"\\u2028\u2029"', '"\u2028\u2029"'],
  ['"\\ud83d\\ude00😀"', '"😀😀"'],
  ['"\\\\"', '"\\\\"'],
  ['"\\\\\\""', '"\\\\\\""'],
  ['"\\\\\\\\"', '"\\\\\\\\"'],
  ['"a\\"b"', '"a\\"b"'],
  ['"\\uFEFF\ufeff"', '"\ufeff\ufeff"'],
  ['"</script>"', '"</script>"'],
  ['"{\\"id\\":1}"', '"{\\"id\\":1}"'],
  [' \t\r\n1 \t\r\n', '1'],
];

const unsound: readonly (readonly [string, UnfitReason])[] = [
  ['', 'syntax'],
  ['01', 'syntax'],
  ['00', 'syntax'],
  ['-', 'syntax'],
  ['+1', 'syntax'],
  ['.5', 'syntax'],
  ['1.', 'syntax'],
  ['1.e3', 'syntax'],
  ['1e', 'syntax'],
  ['1e+', 'syntax'],
  ['0x10', 'syntax'],
  ['1_000', 'syntax'],
  ['1 2', 'syntax'],
  ['--1', 'syntax'],
  ['-a', 'syntax'],
  ['Infinity', 'syntax'],
  ['-Infinity', 'syntax'],
  ['NaN', 'syntax'],
  ['１', 'syntax'],
  ['undefined', 'syntax'],
  ['nul', 'syntax'],
  ['nulll', 'syntax'],
  ['True', 'syntax'],
  ['TRUE', 'syntax'],
  ['truefalse', 'syntax'],
  ["'a'", 'syntax'],
  ['`a`', 'syntax'],
  ['a', 'syntax'],
  ['"', 'syntax'],
  ['"a', 'syntax'],
  ['"\\"', 'syntax'],
  ['"\\\\\\"', 'syntax'],
  ['"a\nb"', 'syntax'],
  ['"a\tb"', 'syntax'],
  ['"\u0001"', 'syntax'],
  ['"\u001f"', 'syntax'],
  ['"\\a"', 'syntax'],
  ['"\\x41"', 'syntax'],
  ['"\\\'"', 'syntax'],
  ['"\\u12"', 'syntax'],
  ['"\\u12g4"', 'syntax'],
  ['"\\U0061"', 'syntax'],
  ['"\\0"', 'syntax'],
  ['"\\\n"', 'syntax'],
  ['"a" "b"', 'syntax'],
  ['/* a */ 1', 'syntax'],
  ['1 // a', 'syntax'],
  ['# a\n1', 'syntax'],
  ['\u00a01', 'syntax'],
  ['\u000b1', 'syntax'],
  ['\u000c1', 'syntax'],
  ['\ufeff1', 'syntax'],
  ['1,', 'syntax'],
  [',1', 'syntax'],
  ['1]', 'syntax'],
  [':', 'syntax'],
  ['"\\u0000"', 'nul-character'],
  ['"a\\u0000b"', 'nul-character'],
  ['"\0"', 'nul-character'],
  ['"\\ud800"', 'lone-surrogate'],
  ['"\\udc00\\ud800"', 'lone-surrogate'],
  ['"\\ud83d\\u0041"', 'lone-surrogate'],
  ['"\\ud83d\ude00"', 'lone-surrogate'],
  ['"\ud800"', 'lone-surrogate'],
  ['"\udc00a"', 'lone-surrogate'],
];

/** In an object or array, hidden: these fit no plain value. */
const unsoundWithin: readonly (readonly [string, UnfitReason])[] = [
  ['{', 'syntax'],
  ['[', 'syntax'],
  ['[1', 'syntax'],
  ['[1,]', 'syntax'],
  ['[,1]', 'syntax'],
  ['[1 2]', 'syntax'],
  ['[1}', 'syntax'],
  ['{]', 'syntax'],
  ['{"a"}', 'syntax'],
  ['{"a":}', 'syntax'],
  ['{"a":1,}', 'syntax'],
  ['{,"a":1}', 'syntax'],
  ['{"a" 1}', 'syntax'],
  ['{"a"::1}', 'syntax'],
  ['{a:1}', 'syntax'],
  ["{'a':1}", 'syntax'],
  ['{1:1}', 'syntax'],
  ['{null:1}', 'syntax'],
  ['{"a":1 "b":2}', 'syntax'],
  ['{"a":1;"b":2}', 'syntax'],
  ['{"a\nb":1}', 'syntax'],
  ['{"a":1,"a":1}', 'duplicate-key'],
  ['{"a":1,"b":2,"a":3}', 'duplicate-key'],
  ['{"a":1,"\\u0061":2}', 'duplicate-key'],
  ['{"\\u0061":1,"a":2}', 'duplicate-key'],
  ['{"":1,"":2}', 'duplicate-key'],
  ['{"__proto__":1,"__proto__":2}', 'duplicate-key'],
  ['{"😀":1,"\\ud83d\\ude00":2}', 'duplicate-key'],
  ['{"x":{"y":[{"a":1,"a":2}]}}', 'duplicate-key'],
  ['[[{"a":1,"a":2}]]', 'duplicate-key'],
  ['{"\\u0000":1}', 'nul-character'],
  ['{"\\udc00":1}', 'lone-surrogate'],
  ['['.repeat(64) + ']'.repeat(64), 'too-deep'],
  ['{"a":'.repeat(64) + '1' + '}'.repeat(64), 'too-deep'],
  ['['.repeat(200_000), 'too-deep'],
];

void t.test('sound values leave in one canonical way, numbers as they are written', (t) => {
  for (const [written, leaving] of sound) {
    t.strictSame(mask(`{"id":1,"v":${written}}`).records, [`{"id":1,"v":${leaving}}`], title(written));
    t.strictSame(mask(`{"id":1,"hidden":${written}}`).records, ['{"id":1}'], title(written, ', removed'));
    t.strictSame(
      mask(`{"id":1,"hidden":[{"a":${written}}]}`).records,
      ['{"id":1}'],
      title(written, ', removed within'),
    );
  }
  t.end();
});

void t.test('unsound values are refused, shown or removed', (t) => {
  for (const [written, reason] of unsound) {
    t.equal(refusalOf(`{"id":1,"v":${written}}`), reason, title(written));
    t.equal(refusalOf(`{"id":1,"hidden":${written}}`), reason, title(written, ', removed'));
    t.equal(
      refusalOf(`{"id":1,"hidden":{"a":[${written === '' ? '1,' : written}]}}`),
      expectedWithin(written, reason),
      title(written, ', removed within'),
    );
    t.equal(refusalOf(`{"id":1,"map":{"k":${written}}}`), reason, title(written, ', in a map'));
  }
  t.end();
});

/** A comma more or less is sound in an array of the right form; nothing else is. */
function expectedWithin(written: string, reason: UnfitReason): string {
  return written === '1]' ? 'syntax' : reason;
}

void t.test('unsound objects and arrays are refused where they are removed', (t) => {
  for (const [written, reason] of unsoundWithin) {
    t.equal(refusalOf(`{"id":1,"hidden":${written}}`), reason, title(written));
    t.equal(refusalOf(`{"id":1,"hidden":[0,${written}]}`), reason, title(written, ', in an array'));
  }
  t.end();
});

void t.test('around the document there is white space and nothing else', (t) => {
  t.strictSame(mask(' \n{"id":1}\r\n\t').records, ['{"id":1}']);
  for (const [text, reason] of [
    ['', 'not-an-object'],
    [' ', 'not-an-object'],
    ['null', 'not-an-object'],
    ['[]', 'not-an-object'],
    ['"a"', 'not-an-object'],
    ['\ufeff{"id":1}', 'byte-order-mark'],
    ['{"id":1}{"id":2}', 'trailing-text'],
    ['{"id":1},', 'trailing-text'],
    ['{"id":1}\n\n1', 'trailing-text'],
    ['{"id":1}\0', 'trailing-text'],
    ['{"id":1}\u00a0', 'trailing-text'],
    ['{"id":1', 'syntax'],
    ['{"id":1,"id":1}', 'duplicate-key'],
    ['{"id":1,"i\\u0064":1}', 'duplicate-key'],
    ['{"id":1,"map":{"a":1,"a":1}}', 'duplicate-key'],
    ['{"id":1,"map":{"a":1,"a"', 'syntax'],
  ] as const) {
    t.equal(refusalOf(text), reason, title(text));
  }
  t.end();
});

void t.test('a key is found twice however many there are, and whatever stood there before', (t) => {
  const many = Array.from({ length: 1_000 }, (_, at) => `"k${at}":0`);
  for (let round = 0; round < 3; round += 1) {
    t.equal(refusalOf(`{"id":1,"hidden":{${many.join()}}}`), 'masked: {"id":1}');
    t.equal(refusalOf(`{"id":1,"hidden":{${many.join()},"k${round * 400}":1}}`), 'duplicate-key');
    t.equal(refusalOf(`{"id":1,"hidden":{${many.toReversed().join()},"k999":1}}`), 'duplicate-key');
    const long = 'x'.repeat(500);
    t.equal(refusalOf(`{"id":1,"hidden":{"${long}":1,"${long}":1}}`), 'duplicate-key');
    t.equal(refusalOf(`{"id":1,"hidden":[{"${long}":1},{"${long}":1}]}`), 'masked: {"id":1}');
  }
  t.end();
});

void t.test('more places than are remembered are read as well', (t) => {
  const wide = (value: string): string =>
    Array.from({ length: 900 }, (_, at) => `"p${at}":{"a":${value}}`).join();
  for (let round = 0; round < 3; round += 1) {
    t.equal(refusalOf(`{"id":1,${wide('{"b":[[1]]}')}}`), 'masked: {"id":1}');
    t.equal(refusalOf(`{"id":1,${wide('1')},"p":{"a":{"b":1,"b":1}}}`), 'duplicate-key');
  }
  t.end();
});
