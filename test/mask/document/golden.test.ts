import t from 'tap';
import { documentMask } from '../../../src/mask/document/document-mask.js';
import { DocumentUnfit } from '../../../src/mask/document/document-unfit.js';
import { documentedKey } from '../../../src/mask/token.js';
import { contradictory, golden } from './golden-cases.js';

const keys = { token: documentedKey };

for (const { title, form = 'json', shape, cases } of golden) {
  void t.test(title, (t) => {
    const mask = documentMask(form, shape, keys);
    // Twice: what is remembered of one document must not show in the next.
    for (const [text, expected] of [...cases, ...cases]) {
      let outcome;
      try {
        const { frame, records, recordKeys, subjectKeys } = mask(text);
        t.equal(frame.length, records.length + 1);
        const body = frame.map((part, at) => part + (records[at] ?? '')).join('');
        const people = 'people' in expected ? { people: subjectKeys } : {};
        outcome = { body, records: recordKeys, ...people };
      } catch (thrown) {
        if (!(thrown instanceof DocumentUnfit)) throw thrown;
        outcome = { unfit: `${thrown.path}: ${thrown.reason}` };
      }
      t.strictSame(outcome, expected, JSON.stringify(text.slice(0, 60)));
    }
    t.end();
  });
}

void t.test('a shape that contradicts itself is not compiled', (t) => {
  for (const [title, shape, form = 'json'] of contradictory) {
    t.throws(() => documentMask(form, shape, keys), title);
  }
  t.end();
});

void t.test('a refusal names places of the catalogue and nothing of the document', (t) => {
  const shape = {
    records: '$.data[*]',
    record: 'id',
    subject: undefined,
    fields: ['id', 'receiver.phone', 'labels.*', '$.total'],
    see: new Map([
      ['id', 'clear'],
      ['receiver.phone', 'last4'],
      ['labels.*', 'clear'],
    ]),
  };
  const mask = documentMask('json', shape, keys);
  const listed = ['$', '$.data[*]', '$.total', 'id', 'receiver', 'receiver.phone', 'labels', 'labels.*'];
  const value = '"SECRET13812341234"';
  const sound = `{"SECRETa":${value},"total":1,"data":[{"SECRETb":{"SECRETc":[${value}]},"id":${value},"receiver":{"phone":${value},"SECRETd":${value}},"labels":{"SECRETe":${value}}}]}`;
  let refused = 0;
  for (let at = 0; at < sound.length; at += 1) {
    for (const text of [
      sound.slice(0, at),
      `${sound.slice(0, at)}{${sound.slice(at)}`,
      sound.slice(0, at) + sound.slice(at + 1),
    ]) {
      try {
        mask(text);
      } catch (thrown) {
        if (!(thrown instanceof DocumentUnfit)) throw thrown;
        refused += 1;
        if (!listed.includes(thrown.path) || /SECRET|138/.test(thrown.message)) t.fail(thrown.message);
      }
    }
  }
  t.ok(refused > 200, `${refused} were refused`);
  t.end();
});
