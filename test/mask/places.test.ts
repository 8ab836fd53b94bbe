import t from 'tap';
import { differences, openPlace, places, valuesOf } from './agreement.js';

/** `npm run test:masks` asks about hundreds of thousands. */
const count = 300;

for (const [at, place] of places.entries()) {
  void t.test(
    `both forms of every mask give the same where the order database has ${place.about}`,
    async (t) => {
      const client = await openPlace(t, place);
      t.strictSame((await differences(client, place, valuesOf(at + 1, count))).slice(0, 20), []);
    },
  );
}
