import t from 'tap';
import { readFilter } from '../../src/doors/admin/alerts.js';
import { WeirError } from '../../src/errors.js';
import { openServer } from './open-server.js';

void t.test('alerts are listed once the corridor has authorised and recorded the look', async (t) => {
  const { ask, corridor, alertFilters } = await openServer(t);
  const response = await ask('/admin/alerts?limit=5');
  t.equal(response.status, 200);
  t.strictSame(await response.json(), { alerts: [{ rule: 'recordsPerRead', value: 200 }] });
  t.match(corridor.administered, [
    { permission: 'alerts', asked: { door: 'admin', route: 'GET /admin/alerts' } },
  ]);
  t.match(alertFilters, [{ limit: 5 }]);

  corridor.permit = () => Promise.reject(new WeirError('not-permitted'));
  t.equal((await ask('/admin/alerts')).status, 403);
  t.equal(alertFilters.length, 1, 'nothing is looked up for somebody who may not see it');
});

void t.test('times are taken with their offset, to the microsecond', async (t) => {
  const noon = Date.UTC(2026, 10, 22, 12) * 1000;
  t.strictSame(readFilter(''), { sinceMicros: undefined, untilMicros: undefined, limit: 100 });
  t.equal(readFilter('since=2026-11-22T12:00:00Z').sinceMicros, noon);
  t.equal(readFilter('since=2026-11-22T20:00:00%2B08:00').sinceMicros, noon);
  t.equal(readFilter('since=2026-11-22T20:00:00+08:00').sinceMicros, noon, 'a plus sign that nobody encoded');
  t.equal(readFilter('until=2026-11-22T07:00:00.000123-05:00').untilMicros, noon + 123);
});

void t.test('what is no time, no number or no parameter is refused', async (t) => {
  for (const query of [
    ...['since=yesterday', 'since=2026-11-22', 'since=2026-11-22T12:00:00', 'since=2026-02-30T12:00:00Z'],
    ...[
      'until=2026-13-01T00:00:00Z',
      'until=2026-11-22T25:00:00Z',
      'since=',
      'since=2026-11-22T12:00:00%2B99:99',
    ],
    ...[
      'limit=0',
      'limit=1001',
      'limit=-1',
      'limit=1e2',
      'limit=',
      'limit=1&limit=2',
      'since',
      'person=wang',
      '%zz=1',
    ],
  ]) {
    t.throws(() => readFilter(query), { code: 'query-invalid' }, query);
  }
});
