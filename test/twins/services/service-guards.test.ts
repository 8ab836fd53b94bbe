/** Each guard of the proxy door is needed, and the twin services see that it is: a gateway that lacks it is found out. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { without } from '../guards.js';
import { compareSides } from '../twin-run.js';
import { serviceRoles, type ServiceRole } from './policies.js';
import { serviceGuards } from './service-guards.js';
import { makeServiceTwins } from './service-twins.js';

void t.test('every guard of the list stands where the list says', async (t) => {
  for (const { guard, edits } of serviceGuards) {
    for (const { file, from } of edits) {
      const text = readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');
      t.equal(text.split(from).length, 2, `${guard}: ${file}`);
    }
  }
});

for (const role of Object.keys(serviceRoles) as ServiceRole[]) {
  void t.test(`without any one guard the twin services of ${role} find the difference`, async (t) => {
    const twins = await makeServiceTwins(t, role);
    for (const guard of serviceGuards.filter((each) => each.role === role && each.onDemand !== true)) {
      const open = await without(t, guard);
      const { fault, requests } = await compareSides(twins, { requests: 600, seed: 20_261_122, open });
      t.match(fault, /^the twins answer differently/, `${guard.guard}: found after ${requests} calls`);
    }
  });
}
