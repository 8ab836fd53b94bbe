/** Which values are alike to a role: what it sees of them decides, not how they are written. */
import t from 'tap';
import { masks } from '../../src/mask/masks.js';
import type { CatalogColumn, DataClass, MaskName } from '../../src/policy/model.js';
import { lookedUp } from '../../src/sql/hidden-digits.js';

function alike(dataClass: DataClass, mask: MaskName | undefined, a: string, b: string): boolean {
  const column: CatalogColumn = { name: 'c', class: dataClass, lookup: [] };
  const [one, other] = [a, b].map((value) =>
    lookedUp(column, mask === undefined ? undefined : masks.get(mask), value),
  );
  return one !== undefined && other !== undefined && one.seen === other.seen && one.whole !== other.whole;
}

void t.test('numbers that agree in the digits that the role sees are alike', async (t) => {
  t.ok(alike('phone', 'last4', '13812341234', '13912341234'));
  t.ok(alike('phone', 'middle', '13812341234', '13856781234'));
  t.ok(alike('phone', 'middle', '13812341234', '138 5678 1234'), 'written in another way');
  t.ok(alike('phone', 'last4', '１３８１２３４１２３４', '13912341234'), 'full-width digits');
});

void t.test('numbers that the role can tell apart are not, nor is a number alike to itself', async (t) => {
  t.notOk(alike('phone', 'last4', '13812341234', '13812345678'));
  t.notOk(alike('phone', 'middle', '13812341234', '13912341234'));
  t.notOk(alike('phone', 'last4', '13812341234', '138-1234-1234'), 'the same number');
});

void t.test('where the role sees no digit, the last four count as seen', async (t) => {
  t.ok(alike('phone', undefined, '13812341234', '13912341234'));
  t.notOk(alike('phone', undefined, '13812341234', '13812345678'));
  t.ok(alike('order-number', undefined, 'SF1000001234', 'SF2000001234'));
  t.notOk(alike('order-number', undefined, 'SF1000001234', 'YT2000001234'), 'another carrier');
});

void t.test('names are nobody’s guesses at digits', async (t) => {
  t.notOk(alike('name', 'surname', '张三', '张四'));
  t.equal(lookedUp({ name: 'c', class: 'name', lookup: [] }, masks.get('surname'), '张三'), undefined);
});
