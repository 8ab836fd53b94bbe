/**
 * `npm run test:masks -- [--values 100000] [--seed 1]`
 *
 * So many generated values through both forms of every mask, in a database of every setting; and so many pairs of values that agree in
 * what is kept. Ends with 1 where forms differ or something leaks.
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { maskOf } from '../../src/mask/masks.js';
import { differences, openPlace, places, valuesOf } from './agreement.js';
import { alike } from './alike.js';

const { values } = parseArgs({
  options: { values: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
});
const count = Number(values.values);
const seed = Number(values.seed);
if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(seed))
  throw new RangeError('--values and --seed take whole numbers');

const batch = 5_000;
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const endings: (() => unknown)[] = [];
const t = { teardown: (work: () => unknown) => void endings.unshift(work) };

try {
  for (const [at, place] of places.entries()) {
    const client = await openPlace(t, place);
    const found: string[] = [];
    for (let from = 0; from < count; from += batch)
      found.push(
        ...(await differences(
          client,
          place,
          valuesOf(seed + 1_000 * at + from, Math.min(batch, count - from)),
        )),
      );
    say(`${place.about}: ${count} values, ${found.length} for which the forms differ`);
    for (const line of found.slice(0, 10)) say(`  ${line}`);
    if (found.length > 0) process.exitCode = 1;
  }
  for (const { about, masks, pair } of alike) {
    const wrong = new Set<string>();
    for (const { one, other, shown } of fc.sample(pair, { seed, numRuns: count }))
      for (const [at, name] of masks.entries())
        for (const value of [one, other])
          if (maskOf(name).apply(value) !== shown[at])
            wrong.add(`${name} of ${JSON.stringify(value)}, not ${shown[at]}`);
    say(`${about}: ${count} pairs, ${wrong.size} values that read otherwise`);
    for (const line of [...wrong].slice(0, 10)) say(`  ${line}`);
    if (wrong.size > 0) process.exitCode = 1;
  }
} finally {
  for (const end of endings) await end();
}
