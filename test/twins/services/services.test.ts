/**
 * Nothing leaks through the proxy door: two services that differ only in hidden values, in fields that nobody
 * lists, in their headers and in how they write JSON, or in whatever records of other warehouses there are, give byte for byte the same answers, headers and failures
 * included. `npm run test:twins` sends more.
 */
import t from 'tap';
import { compareSides } from '../twin-run.js';
import { serviceRoles, type ServiceRole } from './policies.js';
import { makeServiceTwins } from './service-twins.js';

/** Of the packer each call is answered among those of others: fewer say as much. */
const requestsOf: Readonly<Record<ServiceRole, number>> = { agent: 2_500, clerk: 2_500, packer: 1_200 };

for (const role of Object.keys(serviceRoles) as ServiceRole[]) {
  const requests = requestsOf[role];
  void t.test(`${role}: twin services answer the same to ${requests} generated calls`, async (t) => {
    const twins = await makeServiceTwins(t, role);
    const { accepted, withRows, fault } = await compareSides(twins, { requests, seed: 20_261_122 });
    t.equal(fault, undefined, 'no call tells the twins apart, none that is forbidden is accepted');
    t.ok(accepted >= requests * 0.6, `${accepted} accepted`);
    t.ok(withRows >= accepted * 0.5, `${withRows} gave records`);
  });
}
