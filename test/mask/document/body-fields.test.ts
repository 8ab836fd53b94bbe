import t from 'tap';
import { bodyFields } from '../../../src/mask/document/body-fields.js';
import { DocumentUnfit } from '../../../src/mask/document/document-unfit.js';

function reasonOf(text: string): string {
  try {
    return JSON.stringify(bodyFields(text, listed));
  } catch (thrown) {
    if (!(thrown instanceof DocumentUnfit)) throw thrown;
    return thrown.reason;
  }
}

const listed = ['status', 'note', 'receiver.phone', 'items[*].title', 'tags[*]', 'labels.*', '"a.b"'];

void t.test('a body names the listed fields that it gives a value to, null included', (t) => {
  for (const [text, named] of [
    ['{}', []],
    ['{"note":null,"status":"sent"}', ['status', 'note']],
    ['{"st\\u0061tus":"sent"}', ['status']],
    ['{"receiver":{"phone":1}}', ['receiver.phone']],
    ['{"items":[{"title":"a"},{"title":"b"}],"tags":["x"]}', ['items[*].title', 'tags[*]']],
    ['{"labels":{"x":1,"__proto__":2}}', ['labels.*']],
    ['{"a.b":1}', ['"a.b"']],
  ] as const) {
    t.strictSame(bodyFields(text, listed), { named, unlisted: false }, text);
  }
  t.end();
});

void t.test('it is told where a body gives a value to anything else', (t) => {
  for (const text of [
    '{"other":1}',
    '{"Status":1}',
    '{"__proto__":{"status":1}}',
    '{"status":1,"constructor":null}',
    '{"receiver":null}',
    '{"receiver":{}}',
    '{"receiver":"x"}',
    '{"receiver":{"phone":1,"name":null}}',
    '{"receiver":[{"phone":1}]}',
    '{"items":[]}',
    '{"items":[{"title":"a","price":1}]}',
    '{"items":[{"title":"a"},{}]}',
    '{"items":{"title":"a"}}',
    '{"tags":[["x"]]}',
    '{"status":{"x":1}}',
    '{"status":[]}',
    '{"labels":{"x":{"y":1}}}',
    '{"a":{"b":1}}',
  ]) {
    t.equal(bodyFields(text, listed).unlisted, true, text);
  }
  t.end();
});

void t.test('what a service could read otherwise is refused', (t) => {
  for (const [text, reason] of [
    ['{"status":1,"status":2}', 'duplicate-key'],
    ['{"status":1,"st\\u0061tus":2}', 'duplicate-key'],
    ['{"x":{"y":1,"y":2}}', 'duplicate-key'],
    ['{"status":"\\ud800"}', 'lone-surrogate'],
    ['{"status":"\\u0000"}', 'nul-character'],
    ['{"status":1}{"status":2}', 'trailing-text'],
    ['\ufeff{}', 'byte-order-mark'],
    ["{'status':1}", 'syntax'],
    ['{"status":1 /* x */}', 'syntax'],
    ['{"status":NaN}', 'syntax'],
    ['[{"status":1}]', 'not-an-object'],
    ['null', 'not-an-object'],
    ['', 'not-an-object'],
  ] as const) {
    t.equal(reasonOf(text), reason, JSON.stringify(text));
  }
  t.equal(reasonOf(`{"x":${'['.repeat(100_000)}`), 'too-deep');
  t.end();
});
