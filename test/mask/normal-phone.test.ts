/** The form in which phones are compared: one for each number, however it is written. */
import fc from 'fast-check';
import t from 'tap';
import { normalPhone } from '../../src/mask/phone-parts.js';

const forms: Readonly<Record<string, readonly string[]>> = {
  '13812345678': [
    '13812345678',
    '+86 138-1234-5678',
    '＋８６ １３８１２３４５６７８',
    '0086 138 1234 5678',
    '8613812345678',
    '013812345678',
    '手机：138 1234 5678',
    '13812345678转0042',
    '13812345678,0042',
  ],
  '057188881234': ['0571-88881234', '+86 571 8888 1234', '(0571) 88881234', '0571-88881234转802'],
  '01088881234': ['010-88881234', '+86-10-88881234'],
  '+14155550123': ['+1 (415) 555-0123', '0014155550123'],
  '88881234': ['8888-1234'],
  '': [''],
  nobody: ['nobody'],
};

void t.test('every way of writing a number has its one normal form', async (t) => {
  for (const [normal, written] of Object.entries(forms))
    for (const value of written) t.equal(normalPhone(value), normal, value);
});

void t.test('another number never has the same form, and what is normal stays as it is', async () => {
  const mobile = fc
    .tuple(fc.constantFrom(...'3456789'), fc.integer({ min: 0, max: 999_999_999 }))
    .map(([second, rest]) => `1${second}${String(rest).padStart(9, '0')}`);
  const prefix = fc.constantFrom('', '+86', '+86 ', '0086-', '86', '0');
  const sign = fc.constantFrom('', ' ', '-', '.');
  fc.assert(
    fc.property(mobile, mobile, prefix, sign, (one, other, code, between) => {
      const written = `${code}${one.slice(0, 3)}${between}${one.slice(3, 7)}${between}${one.slice(7)}`;
      const normal = normalPhone(written);
      return (
        normal === one && normalPhone(normal) === normal && (one === other || normalPhone(other) !== normal)
      );
    }),
    { numRuns: 3_000 },
  );
});
