/** The claim weir_limits: read to the letter, or the token is refused. */
import t from 'tap';
import { readLimitsClaim } from '../../src/identity/limits-claim.js';

void t.test('limits of a token are read by count and window', async (t) => {
  t.same(readLimitsClaim({ records: '100 per day', people: ['0 per hour', '5 per 30d'] }), [
    { count: 'records', window: 'day', max: 100 },
    { count: 'people', window: 'hour', max: 0 },
    { count: 'people', window: '30d', max: 5 },
  ]);
  t.same(readLimitsClaim({}), []);
});

void t.test('one that cannot be read refuses the token, by the name of the claim', async (t) => {
  for (const claim of [
    null,
    '100 per day',
    ['100 per day'],
    { record: '100 per day' },
    { constructor: '1 per day' },
    { records: 100 },
    { records: '100/day' },
    { records: ' 100 per day' },
    { records: '-1 per day' },
    { records: '1e3 per day' },
    { records: '1000000000 per day' },
    { records: Array(5).fill('1 per day') },
  ])
    t.throws(
      () => readLimitsClaim(claim),
      { code: 'token-invalid', message: /"weir_limits"/ },
      JSON.stringify(claim),
    );
});
