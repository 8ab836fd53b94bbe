/** Values that agree in what a mask keeps give identical text, however they are written: nothing leaks by form. */
import fc from 'fast-check';
import t from 'tap';
import { maskOf } from '../../src/mask/masks.js';
import { alike } from './alike.js';

for (const { about, masks, pair } of alike) {
  void t.test(`${about} read the same under ${masks.join(', ')}`, async () => {
    fc.assert(
      fc.property(pair, ({ one, other, shown }) => {
        for (const [at, name] of masks.entries()) {
          for (const value of [one, other]) {
            const given = maskOf(name).apply(value);
            if (given !== shown[at])
              throw new Error(`${name} of ${JSON.stringify(value)}: ${given}, not ${shown[at]}`);
          }
        }
      }),
      { numRuns: 1_000, seed: 20_261_122 },
    );
  });
}
