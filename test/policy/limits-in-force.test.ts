import t from 'tap';
import { limitsInForce } from '../../src/policy/limits-in-force.js';
import { parseRate, rateHint } from '../../src/policy/limit-text.js';
import type { Count, Limit, Window } from '../../src/policy/model.js';

const limit = (count: Count, max: number, window: Window, scope?: string): Limit => ({
  count,
  max,
  window,
  scope,
});

void t.test('without scopes the limits without scope are in force', async (t) => {
  const limits = [
    limit('records', 500, 'day'),
    limit('records', 20000, 'day', 'orders.export'),
    limit('queries', 60, 'minute'),
  ];
  t.strictSame(limitsInForce({ limits }, []), [limits[0], limits[2]]);
  t.strictSame(
    limitsInForce({ limits }, ['orders.exports', 'orders']),
    [limits[0], limits[2]],
    'a scope is compared whole',
  );
});

void t.test(
  'a limit whose scope the token carries replaces the one without, larger or smaller',
  async (t) => {
    const larger = [limit('records', 500, 'day'), limit('records', 20000, 'day', 'orders.export')];
    t.strictSame(limitsInForce({ limits: larger }, ['orders.export']), [larger[1]]);
    const smaller = [limit('records', 5, 'day', 'trainee'), limit('records', 500, 'day')];
    t.strictSame(limitsInForce({ limits: smaller }, ['trainee']), [smaller[0]]);
  },
);

void t.test('of several scopes that the token carries the largest limit applies', async (t) => {
  const limits = [
    limit('records', 500, 'day'),
    limit('records', 20000, 'day', 'a'),
    limit('records', 3000, 'day', 'b'),
  ];
  t.strictSame(limitsInForce({ limits }, ['a', 'b']), [limits[1]]);
  t.strictSame(limitsInForce({ limits: [...limits].reverse() }, ['b', 'a']), [limits[1]]);
  t.strictSame(limitsInForce({ limits }, ['b']), [limits[2]]);
});

void t.test('a scope replaces nothing in another window or of another count', async (t) => {
  const limits = [
    limit('records', 500, 'day'),
    limit('records', 900, 'hour', 'a'),
    limit('people', 50, 'day', 'a'),
  ];
  t.strictSame(limitsInForce({ limits }, ['a']), limits);
  t.strictSame(limitsInForce({ limits }, []), [limits[0]]);
});

void t.test('a limit is a whole number from 1 and one of four windows, written one way', async (t) => {
  t.strictSame(parseRate('500 per day'), { max: 500, window: 'day' });
  t.strictSame(parseRate('1 per 30d'), { max: 1, window: '30d' });
  t.strictSame(parseRate('999999999 per minute'), { max: 999_999_999, window: 'minute' });
  for (const text of [
    '500/d',
    '0 per day',
    '01 per day',
    '1000000000 per day',
    '5 per days',
    ' 5 per day',
    '5 per day ',
    '5  per day',
    '5 PER DAY',
    '-5 per day',
    '5.5 per day',
    '',
  ]) {
    t.equal(parseRate(text), undefined, JSON.stringify(text));
  }
});

void t.test('the hint for a limit says what was most likely meant', async (t) => {
  const hints: readonly [string, string][] = [
    ['500/d', 'write 500 per day'],
    ['500 / hour', 'write 500 per hour'],
    ['500 per days', 'write 500 per day'],
    ['20,000 per day', 'write 20000 per day'],
    ['20_000 a day', 'write 20000 per day'],
    ['60/min', 'write 60 per minute'],
    ['60/m', 'write 60 per minute'],
    ['60 每分钟', 'write 60 per minute'],
    ['500/天', 'write 500 per day'],
    ['9 per 30 days', 'write 9 per 30d'],
    ['9 per month', 'write 9 per 30d'],
    ['500 per dya', 'write 500 per day'],
    ['500', 'write 500 per minute, hour, day or 30d'],
  ];
  for (const [text, hint] of hints) t.equal(rateHint(text), hint, text);
  const plain =
    'write a whole number from 1 and a window, like 500 per day; windows are minute, hour, day, 30d';
  for (const text of [
    '500 per week',
    'many',
    '0 per day',
    '',
    '-1 per day',
    '5.5 per day',
    '9'.repeat(300),
  ]) {
    t.equal(rateHint(text), plain, text);
  }
});

void t.test('a token lowers its limits, and cannot raise one', async (t) => {
  const daily = { count: 'records', window: 'day', max: 100, scope: undefined } as const;
  const lowered = (max: number) =>
    limitsInForce({ limits: [daily] }, [], [{ count: 'records', window: 'day', max }]);
  t.strictSame(lowered(10), [{ ...daily, max: 10 }]);
  t.strictSame(lowered(100), [daily]);
  t.strictSame(lowered(1_000), [daily]);
  const other = { count: 'records', window: 'hour', max: 5 } as const;
  t.strictSame(limitsInForce({ limits: [daily] }, [], [other]), [daily, { ...other, scope: undefined }]);
  const scoped = { ...daily, max: 500, scope: 'export' };
  t.strictSame(
    limitsInForce({ limits: [daily, scoped] }, ['export'], [{ count: 'records', window: 'day', max: 200 }]),
    [{ ...daily, max: 200 }],
  );
});

void t.test('an observed limit stands beside the others, whatever they are', async (t) => {
  const daily = { count: 'records', window: 'day', max: 100, scope: undefined } as const;
  const observed = { ...daily, max: 10, observe: true } as const;
  t.strictSame(limitsInForce({ limits: [daily, observed] }, []), [daily, observed]);
  t.strictSame(limitsInForce({ limits: [observed, { ...daily, scope: 'a' }] }, ['a']), [
    observed,
    { ...daily, scope: 'a' },
  ]);
});

void t.test('limits of a person, a tool and a token stand beside one another', async (t) => {
  const daily = { count: 'records', window: 'day', scope: undefined } as const;
  const own = { ...daily, max: 500 };
  const ofTool = { ...daily, max: 5_000, per: 'tool' } as const;
  const ofToken = { ...daily, max: 50, per: 'token' } as const;
  t.strictSame(limitsInForce({ limits: [own, ofTool, ofToken] }, []), [own, ofTool, ofToken]);
  const scoped = { ...ofTool, max: 9_000, scope: 'export' };
  t.strictSame(
    limitsInForce({ limits: [own, ofTool, ofToken, scoped] }, ['export']),
    [own, scoped, ofToken],
    'a scope replaces the limit of the same meter alone',
  );
  const claim = [{ count: 'records', window: 'day', max: 10 } as const];
  t.strictSame(
    limitsInForce({ limits: [own, ofTool, ofToken] }, [], claim),
    [{ ...own, max: 10 }, ofTool, ofToken],
    "a token lowers its person's limits, and not what others share",
  );
});
