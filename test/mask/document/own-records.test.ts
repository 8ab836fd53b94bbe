/** Row filters in the masker: whose a record is, is known before it is read, and what is left out leaves no trace. */
import t from 'tap';
import fc from 'fast-check';
import { documentMask, type DocumentForm } from '../../../src/mask/document/document-mask.js';

const fields = ['id', 'place.no', 'name', 'tags[*]', '$.total'];
const see = new Map(fields.filter((field) => field !== 'place.no').map((field) => [field, 'clear']));
const keys = { token: undefined };

function maskBy(form: DocumentForm, records: string, only: readonly string[] | undefined) {
  return documentMask(form, { records, record: 'id', subject: undefined, fields, see, only }, keys);
}

void t.test('generated documents: own records come out as if there were no others', (t) => {
  const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('\n', '"\\', '蓝', '😀', ''));
  const own = fc.record({
    id: fc.nat(),
    place: fc.constant({ no: 'HZ"1蓝' }),
    name: text,
    tags: fc.array(text, { maxLength: 3 }),
  });
  const stranger = fc.record(
    {
      id: fc.anything(),
      place: fc.oneof(fc.record({ no: fc.anything() }), fc.anything()),
      name: fc.anything(),
      tags: fc.anything(),
      [' odd "name" ']: text,
    },
    { requiredKeys: [] },
  );
  const escaped = (json: string) =>
    json.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const filtered = maskBy('json', '$.data[*]', ['place.no']);
  const plain = maskBy('json', '$.data[*]', undefined);
  const lines = maskBy('json-lines', '$', ['place.no']);
  fc.assert(
    fc.property(fc.array(fc.oneof(own, stranger), { maxLength: 8 }), fc.boolean(), (mixed, isEscaped) => {
      // As JSON says it: what cannot be said in it is not there.
      const all = (JSON.parse(JSON.stringify(mixed)) as { place?: { no?: unknown } | null }[]).filter(
        (each) => typeof each === 'object' && !JSON.stringify(each).includes('\\u0000'),
      );
      const kept = all.filter((each) => each.place?.no === 'HZ"1蓝' && !Array.isArray(each.place));
      const write = (data: unknown): string => {
        const json = JSON.stringify({ total: 1, data });
        return isEscaped ? escaped(json) : json;
      };
      const { left, ...masked } = filtered(write(all), ['HZ"1蓝']);
      t.strictSame(masked, plain(write(kept)));
      t.equal(left?.all, all.length - kept.length);
      const text = all.map((each) => `${JSON.stringify(each)}\n`).join('');
      t.strictSame(lines(text, ['HZ"1蓝']).records, masked.records);
    }),
    { seed: 20_261_122, numRuns: 300 },
  );
  t.end();
});

void t.test('who is not told what is his gets nothing', (t) => {
  const text = '{"total":1,"data":[{"id":1,"place":{"no":"a"}}]}';
  const mask = maskBy('json', '$.data[*]', ['place.no', 'name']);
  t.same(mask(text).records, []);
  t.same(mask(text, ['a', undefined]).records, []);
  t.same(mask(text, ['a', '']).records, [], 'every one of them must hold');
  t.same(mask(text.replace('}}', '},"name":""}'), ['a', '']).records, ['{"id":1,"name":""}']);
  const one = maskBy('json', '$', ['place.no']);
  t.match(one('{"id":1,"place":{"no":"b"}}', ['a']), { records: [], left: { all: 1, others: 1 } });
  t.match(one('{"id":1}', ['a']), { records: [], left: { all: 1, others: 0 } });
  const table = documentMask(
    'csv',
    { records: '$', record: 'id', subject: undefined, fields: ['id', 'no'], see, only: ['no'] },
    keys,
  );
  t.same(table('no,id\na,1\n"a",2\nb,3\n,4\n"",5\n', ['a']).records, ['1', '2']);
  t.same(table('no,id\na,1\n').records, []);
  t.same(table('no,id\n,4\n"",5\n', ['']).records, ['5'], 'an empty field is no value, "" is one');
  t.end();
});

void t.test('what cannot be read at all is refused, whoever’s it is', (t) => {
  const mask = maskBy('json', '$.data[*]', ['place.no']);
  for (const other of ['{"place":{"no":1,"no":2}}', '{"x":tru}', '{"x":"\\ud800"}', '[', '7'])
    t.throws(
      () => mask(`{"data":[{"id":1,"place":{"no":"a"}},${other}]}`, ['a']),
      { name: 'DocumentUnfit' },
      other,
    );
  t.same(
    mask('{"data":[{"id":1,"place":{"no":"a"}}]}', ['a']).records,
    ['{"id":1}'],
    'and leaves nothing behind',
  );
  t.end();
});
