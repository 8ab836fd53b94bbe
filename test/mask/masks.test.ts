import t from 'tap';
import { maskOf, masks, masksForClass } from '../../src/mask/masks.js';
import { everyMask } from './both-forms.js';

void t.test('each class has the masks that suit it, clear first', async (t) => {
  t.strictSame(masksForClass('none'), ['clear', 'month', 'bucket', 'null']);
  t.strictSame(masksForClass('order-number'), ['clear', 'order-number', 'partial', 'token', 'null']);
  t.strictSame(masksForClass('name'), ['clear', 'surname', 'token', 'null']);
  t.strictSame(masksForClass('phone'), ['clear', 'last4', 'middle', 'phone', 'token', 'null']);
  t.strictSame(masksForClass('address'), ['clear', 'province', 'city', 'district', 'token', 'null']);
  t.strictSame(masksForClass('email'), ['clear', 'email', 'token', 'null']);
  t.strictSame(masksForClass('id-number'), ['clear', 'partial', 'token', 'null']);
  t.strictSame(masksForClass('free-text'), ['clear', 'scrub', 'null']);
  t.strictSame(masksForClass('amount'), ['clear', 'bucket', 'null']);
});

void t.test('what a mask or its family says of itself is sound', async (t) => {
  for (const { name, classes } of everyMask) t.equal(maskOf(name).name, name, `${classes.join()} ${name}`);
  for (const name of [
    'phone',
    'phone()',
    'phone(3)',
    'phone(3,5)',
    'phone(3,4,5)',
    'bucket(9)',
    'partial(0,0)',
    'last4(4)',
    'hidden',
  ])
    t.throws(() => maskOf(name), name);
});

void t.test('the register knows each mask by its own name, and "hidden" is none', async (t) => {
  for (const [name, mask] of masks) t.equal(mask.name, name);
  t.notOk(masks.has('hidden' as 'clear'));
});
