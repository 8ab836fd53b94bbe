/** What documents give, by shape: text → what leaves, or why it is refused and where. */
import type { DocumentForm, DocumentShape } from '../../../src/mask/document/document-mask.js';

type Outcome =
  | {
      readonly body: string;
      readonly records: readonly string[];
      readonly people?: readonly (string | null)[];
    }
  | { readonly unfit: string };

export interface Golden {
  readonly title: string;
  readonly form?: DocumentForm;
  readonly shape: DocumentShape;
  readonly cases: readonly (readonly [text: string, outcome: Outcome])[];
}

/** @param fields path → mask, or undefined where the role does not see it */
function shape(
  fields: Readonly<Record<string, string | undefined>>,
  parts: Partial<DocumentShape> = {},
): DocumentShape {
  const see = new Map<string, string>();
  for (const [path, mask] of Object.entries(fields)) if (mask !== undefined) see.set(path, mask);
  return { records: '$', record: 'id', subject: undefined, ...parts, fields: Object.keys(fields), see };
}

const one = (body: string, key = '1'): Outcome => ({ body, records: [key] });
const receiver = {
  id: 'clear',
  'receiver.name': 'surname',
  'receiver.phone': 'last4',
  'receiver.address': undefined,
  'courier.phone': undefined,
};
const list = { records: '$.data[*]', subject: 'customerId' };

export const golden: readonly Golden[] = [
  {
    title: 'fields that the role does not see, and fields that nobody lists, are removed',
    shape: shape(receiver),
    cases: [
      [
        '{"x":1,"receiver":{"address":"文三路1号","phone":"13812341234","name":"张三","age":3},"id":"1","courier":{"phone":"1"}}',
        one('{"id":"1","receiver":{"name":"张**","phone":"****1234"}}'),
      ],
    ],
  },
  {
    title:
      'an object or array is there where something in it is shown, whatever it holds; otherwise it is not',
    shape: shape({ ...receiver, 'items[*].title': 'clear', 'parcels[*].code': undefined }),
    cases: [
      ['{"id":1}', one('{"id":1}')],
      [
        '{"id":1,"receiver":{},"items":[],"courier":{},"parcels":[]}',
        one('{"id":1,"receiver":{},"items":[]}'),
      ],
      [
        '{"id":1,"receiver":{"address":"x"},"items":[{},{"n":1}]}',
        one('{"id":1,"receiver":{},"items":[{},{}]}'),
      ],
      ['{"id":1,"receiver":null,"items":null,"courier":null}', one('{"id":1,"receiver":null,"items":null}')],
      ['{"id":1,"items":[null,{"title":null}]}', one('{"id":1,"items":[null,{"title":null}]}')],
      ['{"id":1,"courier":"x","parcels":{"a":[]}}', one('{"id":1}')],
      ['{"id":1,"receiver":"x"}', { unfit: 'receiver: not-an-object' }],
      ['{"id":1,"receiver":[{}]}', { unfit: 'receiver: not-an-object' }],
      ['{"id":1,"items":{"title":1}}', { unfit: 'items: not-an-array' }],
      ['{"id":1,"items":[1]}', { unfit: 'items[*]: not-an-object' }],
      ['{"id":1,"items":[{"title":{}}]}', { unfit: 'items[*].title: not-a-value' }],
    ],
  },
  {
    title: 'names come in the order of the catalogue, those of a map in the order of the document',
    shape: shape({ id: 'clear', b: 'clear', a: 'clear', 'labels.*': 'clear' }),
    cases: [
      [
        '{"labels":{"z":1,"10":2,"a":3},"a":4,"b":5,"id":6}',
        one('{"id":6,"b":5,"a":4,"labels":{"z":1,"10":2,"a":3}}', '6'),
      ],
    ],
  },
  {
    title: 'a star stands for the names that are not listed beside it',
    shape: shape({ id: 'clear', 'labels.*': 'clear', 'labels.secret': undefined, 'labels.phone': 'last4' }),
    cases: [
      [
        '{"id":1,"labels":{"a":"b","secret":"s","phone":"13812341234","s\\u0065cret2":1}}',
        one('{"id":1,"labels":{"phone":"****1234","a":"b","secret2":1}}'),
      ],
      ['{"id":1,"labels":{"s\\u0065cret":"s"}}', one('{"id":1,"labels":{}}')],
      ['{"id":1,"labels":{"a":{"secret":"s"}}}', { unfit: 'labels.*: not-a-value' }],
    ],
  },
  {
    title: 'arrays of arrays, maps of objects, names with dots',
    shape: shape({
      id: 'clear',
      'grid[*][*]': 'clear',
      'notes.*.text': 'clear',
      '"a.b"."$c"': 'clear',
      '__proto__.x': 'clear',
    }),
    cases: [
      ['{"id":1,"grid":[[1,"a"],[],null,[null]]}', one('{"id":1,"grid":[[1,"a"],[],null,[null]]}')],
      ['{"id":1,"grid":[1]}', { unfit: 'grid[*]: not-an-array' }],
      [
        '{"id":1,"notes":{"a":{"text":"x","by":"y"},"b":{},"c":null}}',
        one('{"id":1,"notes":{"a":{"text":"x"},"b":{},"c":null}}'),
      ],
      ['{"id":1,"a.b":{"$c":2},"a":{"b":{"$c":3}}}', one('{"id":1,"a.b":{"$c":2}}')],
      ['{"id":1,"__proto__":{"x":1,"y":2},"constructor":{}}', one('{"id":1,"__proto__":{"x":1}}')],
    ],
  },
  {
    title: 'a masked number leaves as text, null as null, and a boolean is not masked',
    shape: shape({ id: 'clear', phone: 'last4', amount: 'bucket(100)', at: 'month', token: 'token(phone)' }),
    cases: [
      ['{"id":1,"phone":13812341234,"amount":168.50}', one('{"id":1,"phone":"****1234","amount":"100–200"}')],
      [
        '{"id":1,"phone":null,"amount":null,"at":null,"token":null}',
        one('{"id":1,"phone":null,"amount":null,"at":null,"token":null}'),
      ],
      ['{"id":1,"amount":-1e2,"at":"2026-11-22T00:00:00Z"}', one('{"id":1,"amount":"***","at":"2026-11"}')],
      ['{"id":1,"token":"13812341234"}', one('{"id":1,"token":"pC3e8_KBxQaD-L4X7l4oHQ"}')],
      ['{"id":1,"phone":true}', { unfit: 'phone: boolean-masked' }],
      ['{"id":1,"amount":false}', { unfit: 'amount: boolean-masked' }],
    ],
  },
  {
    title: 'the mask null shows neither whether a value is there nor what kind it is',
    shape: shape({
      id: 'clear',
      gone: 'null',
      'receiver.gone': 'null',
      'items[*].gone': 'null',
      'labels.*': 'null',
    }),
    cases: [
      ['{"id":1}', one('{"id":1,"gone":null}')],
      ['{"id":1,"gone":"x","receiver":{}}', one('{"id":1,"gone":null,"receiver":{"gone":null}}')],
      [
        '{"id":1,"gone":{"a":[true]},"items":[{},{"gone":[]}]}',
        one('{"id":1,"gone":null,"items":[{"gone":null},{"gone":null}]}'),
      ],
      ['{"id":1,"labels":{"a":{},"b":1}}', one('{"id":1,"gone":null,"labels":{"a":null,"b":null}}')],
      ['{"id":1,"gone":{"a":1,"a":1}}', { unfit: 'gone: duplicate-key' }],
    ],
  },
  {
    title: 'record keys are text or plain whole numbers, wherever they stand and whether shown or not',
    shape: shape(
      { 'meta.id': undefined, 'meta.owner': undefined, status: 'clear' },
      { record: 'meta.id', subject: 'meta.owner' },
    ),
    cases: [
      ['{"status":1,"meta":{"id":"a","owner":7}}', { body: '{"status":1}', records: ['a'], people: ['7'] }],
      [
        '{"meta":{"id":9007199254740993,"owner":null}}',
        { body: '{}', records: ['9007199254740993'], people: [null] },
      ],
      ['{"meta":{"id":-5}}', { body: '{}', records: ['-5'], people: [null] }],
      ['{"meta":{"id":"\\u0061","owner":""}}', { body: '{}', records: ['a'], people: [null] }],
      ['{"status":1}', { unfit: '$: record-key-missing' }],
      ['{"meta":null}', { unfit: '$: record-key-missing' }],
      ['{"meta":{"id":null}}', { unfit: '$: record-key-missing' }],
      ['{"meta":{"id":""}}', { unfit: '$: record-key-missing' }],
      ['{"meta":{"id":1.0}}', { unfit: 'meta.id: key-unfit' }],
      ['{"meta":{"id":1e3}}', { unfit: 'meta.id: key-unfit' }],
      ['{"meta":{"id":-0}}', { unfit: 'meta.id: key-unfit' }],
      ['{"meta":{"id":true}}', { unfit: 'meta.id: key-unfit' }],
      ['{"meta":{"id":[1]}}', { unfit: 'meta.id: key-unfit' }],
      ['{"meta":{"id":1,"owner":{}}}', { unfit: 'meta.owner: key-unfit' }],
      ['{"meta":{"id":1,"owner":1.5}}', { unfit: 'meta.owner: key-unfit' }],
      ['{"meta":7}', { unfit: 'meta: not-an-object' }],
      ['[]', { unfit: '$: not-an-object' }],
    ],
  },
  {
    title: 'one field may be key of record and person, and masked',
    shape: shape({ id: 'last4' }, { subject: 'id' }),
    cases: [
      [
        '{"id":"13812341234"}',
        { body: '{"id":"****1234"}', records: ['13812341234'], people: ['13812341234'] },
      ],
    ],
  },
  {
    title: 'records stand in an array of the document, and last in what leaves',
    shape: shape(
      {
        id: 'clear',
        phone: undefined,
        customerId: undefined,
        '$.total': 'clear',
        '$.next': undefined,
        '$.page.size': 'clear',
      },
      list,
    ),
    cases: [
      [
        '{"data":[{"id":1,"customerId":8,"phone":"1"},{"id":2}],"total":2,"next":"x","more":{},"page":{"size":2,"cursor":"c"}}',
        {
          body: '{"total":2,"page":{"size":2},"data":[{"id":1},{"id":2}]}',
          records: ['1', '2'],
          people: ['8', null],
        },
      ],
      ['{"total":0,"data":[]}', { body: '{"total":0,"data":[]}', records: [] }],
      ['{"data":[ ]}', { body: '{"data":[]}', records: [] }],
      ['{"total":0}', { unfit: '$.data[*]: records-missing' }],
      ['{"data":null}', { unfit: '$.data[*]: not-an-array' }],
      ['{"data":{}}', { unfit: '$.data[*]: not-an-array' }],
      ['{"data":[null]}', { unfit: '$.data[*]: not-an-object' }],
      ['{"data":[[]]}', { unfit: '$.data[*]: not-an-object' }],
      ['[]', { unfit: '$: records-missing' }],
      ['{"total":[1],"data":[]}', { unfit: '$.total: not-a-value' }],
      ['{"data":[],"data":[]}', { unfit: '$: duplicate-key' }],
      [
        '{"data":[{"id":1,"customerId":2,"receiver":{"phone":1,"phone":1}}]}',
        { unfit: '$.data[*]: duplicate-key' },
      ],
    ],
  },
  {
    title: 'records stand deep in the document',
    shape: shape(
      { id: 'clear', '$.result.took': 'clear', '$.result.page.total': 'clear' },
      { records: '$.result.page.rows[*]' },
    ),
    cases: [
      [
        '{"result":{"page":{"rows":[{"id":1}],"total":1},"took":3}}',
        one('{"result":{"took":3,"page":{"total":1,"rows":[{"id":1}]}}}'),
      ],
      ['{"result":{"page":null}}', { unfit: '$.result.page: records-missing' }],
      ['{"result":{}}', { unfit: '$.result.page.rows[*]: records-missing' }],
    ],
  },
  {
    title: 'the document is the array of records, or the record: nothing stands around',
    shape: shape({ id: 'clear', '$.total': 'clear' }, { records: '$[*]' }),
    cases: [
      ['[{"id":1},{"id":2,"x":1}]', { body: '[{"id":1},{"id":2}]', records: ['1', '2'] }],
      ['[]', { body: '[]', records: [] }],
      ['{"id":1}', { unfit: '$[*]: not-an-array' }],
    ],
  },
  {
    title: 'one record stands in the document',
    shape: shape({ id: 'clear', '$.ok': 'clear' }, { records: '$.data' }),
    cases: [
      ['{"data":{"id":1,"x":2},"ok":true}', one('{"ok":true,"data":{"id":1}}')],
      ['{"data":[{"id":1}]}', { unfit: '$.data: not-an-object' }],
      ['{"data":null}', { unfit: '$.data: not-an-object' }],
    ],
  },
  {
    title: 'JSON Lines: one record a line',
    form: 'json-lines',
    shape: shape({ id: 'clear', phone: 'last4', customerId: undefined }, { subject: 'customerId' }),
    cases: [
      [
        '{"id":1,"customerId":5,"phone":"13812341234"}\n{"x":1, "id":2}\r\n',
        { body: '{"id":1,"phone":"****1234"}\n{"id":2}\n', records: ['1', '2'], people: ['5', null] },
      ],
      ['{"id":1}', one('{"id":1}\n')],
      ['', { body: '', records: [] }],
      ['{"id":1}\n\n{"id":2}', { unfit: '$: not-an-object' }],
      ['\n', { unfit: '$: not-an-object' }],
      ['{"id":1} {"id":2}', { unfit: '$: trailing-text' }],
      ['{"id":\n1}', { unfit: '$: syntax' }],
      ['{"id":1,"x":[1,\n2]}\n', { unfit: '$: syntax' }],
      ['[{"id":1}]', { unfit: '$: not-an-object' }],
      ['\ufeff{"id":1}', { unfit: '$: byte-order-mark' }],
    ],
  },
  {
    title: 'CSV: the header names the fields, columns that are not shown are removed',
    form: 'csv',
    shape: shape(
      {
        id: 'clear',
        customerId: undefined,
        'receiver.phone': 'last4',
        '"net.price"': 'clear',
        remark: 'null',
        'items[*].a': 'clear',
      },
      { subject: 'customerId' },
    ),
    cases: [
      [
        'customerId,receiver.phone,secret,id,net.price\r\n5,13812341234,x,1,"1,5"\r\n,,,2,\n"","",,"3","a ""b"""',
        {
          body: 'id,receiver.phone,net.price,remark\r\n1,****1234,"1,5",\r\n2,,,\r\n3,****,"a ""b""",\r\n',
          records: ['1', '2', '3'],
          people: ['5', null, null],
        },
      ],
      ['id,remark\n1,x\n', one('id,remark\r\n1,\r\n')],
      ['id\n"a\r\nb"\n', one('id,remark\r\n"a\r\nb",\r\n', 'a\r\nb')],
      ['id\n"=1+1"', one('id,remark\r\n=1+1,\r\n', '=1+1')],
      ['id,remark\r\n', { body: 'id,remark\r\n', records: [] }],
      ['', { unfit: '$: syntax' }],
      ['remark\nx', { unfit: 'id: record-key-missing' }],
      ['id,x\n,1', { unfit: 'id: record-key-missing' }],
      ['id,x\n"",1', { unfit: 'id: record-key-missing' }],
      ['id,x,x\n1,2,3', { unfit: '$: duplicate-column' }],
      ['id,"id"\n1,2', { unfit: '$: duplicate-column' }],
      ['id,x\n1', { unfit: '$: row-length' }],
      ['id,x\n1,2,3', { unfit: '$: row-length' }],
      ['id,x\n1,2\n\n', { unfit: '$: row-length' }],
      ['id\n"1', { unfit: '$: syntax' }],
      ['id\n"1"2', { unfit: '$: syntax' }],
      ['id\n1"2"', { unfit: '$: syntax' }],
      ['id\r1', { unfit: '$: syntax' }],
      ['\ufeffid\n1', { unfit: '$: byte-order-mark' }],
      ['id\n\0', { unfit: '$: nul-character' }],
    ],
  },
];

/** Shapes that contradict themselves. */
export const contradictory: readonly (readonly [string, DocumentShape, DocumentForm?])[] = [
  ['a value that holds another', shape({ id: 'clear', 'a.b': 'clear', a: 'clear' })],
  ['an array that is an object', shape({ id: 'clear', 'a[*]': 'clear', 'a.b': 'clear' })],
  ['a key in an array', shape({ 'a[*].id': 'clear' }, { record: 'a[*].id' })],
  ['a key that holds others', shape({ 'id.x': 'clear' })],
  ['records below a star', shape({ id: 'clear' }, { records: '$.*[*]' })],
  ['records in arrays of arrays', shape({ id: 'clear' }, { records: '$.a[*].b[*]' })],
  ['records in a record', shape({ id: 'clear' }, { records: 'data[*]' })],
  ['a value where the records are', shape({ id: 'clear', '$.data': 'clear' }, list)],
  ['lines that hold lists', shape({ id: 'clear' }, list), 'json-lines'],
  ['columns that hold lists', shape({ id: 'clear' }, list), 'csv'],
  ['two fields of one column', shape({ id: 'clear', 'a.b': 'clear', '"a.b"': 'clear' }), 'csv'],
  ['a path that is none', shape({ id: 'clear', 'a..b': 'clear' })],
  ['a mask that there is not', shape({ id: 'blurred' })],
];
