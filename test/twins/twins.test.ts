/**
 * Nothing leaks: two order databases that differ only in what a role must not see answer every request of
 * that role byte for byte the same, headers and errors included. `npm run test:twins` sends more of them.
 */
import t from 'tap';
import { twinsAnswerAlike } from './answer-alike.js';
import { twinRoles } from './twin-run.js';

/** Those that scroll through lists have a file of their own, so that the two can run side by side. */
const listRoles = ['analyst', 'lister'];

twinsAnswerAlike(
  t,
  Object.keys(twinRoles).filter((role) => !listRoles.includes(role)),
);
