/** One shape with every kind of path, for the property tests. */
import type { DocumentShape } from '../../../src/mask/document/document-mask.js';

export const recordFields = [
  'id',
  'customerId',
  'status',
  'amount',
  'paid',
  'createdAt',
  'remark',
  'receiver.name',
  'receiver.phone',
  'receiver.address',
  'receiver.email',
  'items[*].title',
  'items[*].price',
  'items[*].serial',
  'tags[*]',
  'grid[*][*]',
  'labels.*',
  'labels.secret',
  'notes.*.text',
  'notes.*.author',
  'notes.internal.text',
  '"a.b".c',
  'secrets.code',
] as const;

export const see: ReadonlyMap<string, string> = new Map([
  ['id', 'clear'],
  ['status', 'clear'],
  ['amount', 'bucket(50)'],
  ['paid', 'clear'],
  ['createdAt', 'month'],
  ['remark', 'null'],
  ['receiver.name', 'surname'],
  ['receiver.phone', 'last4'],
  ['receiver.address', 'city'],
  ['items[*].title', 'clear'],
  ['items[*].price', 'clear'],
  ['tags[*]', 'clear'],
  ['grid[*][*]', 'clear'],
  ['labels.*', 'clear'],
  ['notes.*.text', 'clear'],
  ['"a.b".c', 'clear'],
  ['$.total', 'clear'],
  ['$.page.next', 'clear'],
  ['$.warnings[*]', 'clear'],
]);

export const listShape: DocumentShape = {
  records: '$.result.data[*]',
  record: 'id',
  subject: 'customerId',
  fields: [...recordFields, '$.total', '$.page.next', '$.page.cursor', '$.warnings[*]', '$.result.took'],
  see,
};

export const recordShape: DocumentShape = {
  records: '$',
  record: 'id',
  subject: 'customerId',
  fields: recordFields,
  see: new Map([...see].filter(([path]) => !path.startsWith('$'))),
};
