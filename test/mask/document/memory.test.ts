/** What a masker remembers between documents is bounded, and nothing of a document is among it. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { documentMask } from '../../../src/mask/document/document-mask.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const shape = {
  records: '$',
  record: 'id',
  subject: undefined,
  fields: ['id', 'note', 'labels.*'],
  see: new Map([
    ['note', 'clear'],
    ['labels.*', 'clear'],
  ]),
};

function heapMegabytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1e6;
}

void t.test('names and places that are always new do not pile up', (t) => {
  const mask = documentMask('json', shape, { token: undefined });
  const before = heapMegabytes();
  for (let round = 0; round < 2_000; round += 1) {
    const names = Array.from({ length: 40 }, (_, at) => `"n${round * 40 + at}":{"a":[{"b":1}]}`);
    const labels = Array.from({ length: 40 }, (_, at) => `"l${round * 40 + at}":1`);
    mask(`{"id":1,${names.join()},"known":{${names.join()}},"labels":{${labels.join()}}}`);
  }
  const other = documentMask('json', shape, { token: undefined });
  const many = (name: string, count: number, value: string): string =>
    Array.from({ length: count }, (_, at) => `"${name}${at}":${value}`).join();
  for (let round = 0; round < 100; round += 1)
    other(`{"id":1,"t${round}":{${many('u', 100, `{${many('v', 4, '{"w":1}')}}`)}}}`);
  const grown = heapMegabytes() - before;
  t.ok(grown < 20, `${grown} MB`);
  for (const each of [mask, other]) t.equal(each('{"id":1}').records[0], '{}');
  t.end();
});

void t.test('a document is let go, whether it was masked or refused', (t) => {
  const masks = Array.from({ length: 20 }, () => documentMask('json', shape, { token: undefined }));
  const before = heapMegabytes();
  for (const [at, mask] of masks.entries()) {
    const long = 'x'.repeat(3_000_000);
    // A name that is shown, one that is new, one that is too long to be remembered.
    const start = `{"note":"a text of some length","unlisted-name-${at}":"${long}","${'y'.repeat(100)}":1,"id":"${at}`;
    if (at % 2 === 0) mask(`${start}"}`);
    else t.throws(() => mask(start));
  }
  const grown = heapMegabytes() - before;
  t.ok(grown < 15, `${grown} MB`);
  t.equal(masks.length, 20);
  t.end();
});
