/** As twins.test.ts, for the roles that scroll through lists. */
import t from 'tap';
import { twinsAnswerAlike } from './answer-alike.js';

twinsAnswerAlike(t, ['analyst', 'lister']);
