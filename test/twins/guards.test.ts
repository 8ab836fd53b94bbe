/**
 * Each guard is needed, and the twins see that it is: a gateway that lacks it is found out. Here those of one
 * role; `npm run test:twins -- --guards` takes out all of them.
 */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { guards, without } from './guards.js';
import { compareTwins, makeTwins, twinRoles } from './twin-run.js';

const role = 'support-agent';

void t.test('every guard of the list stands where the list says', async (t) => {
  for (const { guard, role, edits } of guards) {
    t.ok(role in twinRoles, guard);
    for (const { file, from } of edits) {
      const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
      t.equal(text.split(from).length, 2, `${guard}: ${file}`);
    }
  }
});

void t.test(`without any one guard the twins of ${role} find the difference`, async (t) => {
  const twins = await makeTwins(t, role);
  for (const guard of guards.filter((each) => each.role === role)) {
    const open = await without(t, guard);
    const { fault, requests } = await compareTwins(twins, { requests: 1_250, seed: 20_261_122, open });
    t.ok(fault, `${guard.guard}: found after ${requests} requests`);
  }
});
