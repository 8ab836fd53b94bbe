/** The test of one role's twins, for the files that share the roles between them. */
import type t from 'tap';
import { compareTwins, makeTwins } from './twin-run.js';

const requestsPerRole = 1_000;

export function twinsAnswerAlike(root: typeof t, roles: readonly string[]): void {
  for (const role of roles) {
    void root.test(`${role}: twins answer the same to ${requestsPerRole} generated requests`, async (t) => {
      const twins = await makeTwins(t, role);
      t.ok(twins.changed > 1000, `${twins.changed} hidden values differ`);
      const { accepted, withRows, fault } = await compareTwins(twins, {
        requests: requestsPerRole,
        seed: 20_261_122,
      });
      if (fault !== undefined) t.comment(fault);
      t.equal(fault, undefined, 'no request tells the twins apart, none that is forbidden is accepted');
      t.ok(accepted >= requestsPerRole * 0.7, `${accepted} accepted`);
      t.ok(withRows >= accepted * 0.5, `${withRows} gave rows`);
    });
  }
}
