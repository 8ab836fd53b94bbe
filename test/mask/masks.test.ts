import t from 'tap';
import { masks, masksForClass } from '../../src/mask/masks.js';

void t.test('each class has the masks that suit it, clear first', async (t) => {
  t.strictSame(masksForClass('none'), ['clear']);
  t.strictSame(masksForClass('order-number'), ['clear', 'order-number']);
  t.strictSame(masksForClass('name'), ['clear', 'surname']);
  t.strictSame(masksForClass('phone'), ['clear', 'last4', 'middle']);
  t.strictSame(masksForClass('address'), ['clear', 'province', 'city', 'district']);
  for (const plain of ['email', 'id-number', 'free-text', 'amount'] as const)
    t.strictSame(masksForClass(plain), ['clear']);
});

void t.test('the register knows each mask by its own name, and "hidden" is none', async (t) => {
  for (const [name, mask] of masks) t.equal(mask.name, name);
  t.notOk(masks.has('hidden' as 'clear'));
});
