/**
 * Nothing leaks: two order databases that differ only in what a role must not see answer every request of
 * that role byte for byte the same, headers and errors included. `npm run test:twins` sends more of them.
 */
import t from 'tap';
import { compareTwins, makeTwins, twinRoles } from './twin-run.js';

const requestsPerRole = 1_000;

for (const role of Object.keys(twinRoles)) {
  void t.test(`${role}: twins answer the same to ${requestsPerRole} generated requests`, async (t) => {
    const twins = await makeTwins(t, role);
    t.ok(twins.changed > 1000, `${twins.changed} hidden values differ`);
    const { accepted, withRows, fault } = await compareTwins(twins, {
      requests: requestsPerRole,
      seed: 20_261_122,
    });
    t.equal(fault, undefined, 'no request tells the twins apart, none that is forbidden is accepted');
    t.ok(accepted >= requestsPerRole * 0.7, `${accepted} accepted`);
    t.ok(withRows >= accepted * 0.5, `${withRows} gave rows`);
  });
}
