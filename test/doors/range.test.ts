import t from 'tap';
import { chooseFormat, readPreferences } from '../../src/doors/rest/preferences.js';
import { contentRange, parseRange, rangeStatus } from '../../src/doors/rest/range.js';

void t.test('the Range header is read as PostgREST reads it', async (t) => {
  t.strictSame(parseRange('0-24', 'items'), { offset: 0, limit: 25 });
  t.strictSame(parseRange('10-', undefined), { offset: 10, limit: undefined });
  t.strictSame(parseRange(' 5-5 ', undefined), { offset: 5, limit: 1 });
  t.equal(parseRange(undefined, 'items'), undefined);
});

void t.test('a range in another unit, or in none that is known, is ignored', async (t) => {
  for (const header of ['bytes=0-99', 'a-b', '-5', '0-1,3-4', ''])
    t.equal(parseRange(header, undefined), undefined, header);
  t.equal(parseRange('0-24', 'bytes'), undefined);
});

void t.test('a range that runs backwards or out of bounds is refused', async (t) => {
  for (const header of ['5-2', '0-99999999999', '99999999999-']) {
    t.throws(() => parseRange(header, undefined), { code: 'range-unsatisfiable' }, header);
  }
});

void t.test('Content-Range names the rows that were sent, and their number where it is known', async (t) => {
  t.equal(contentRange(0, 20, undefined), '0-19/*');
  t.equal(contentRange(0, 20, 3573), '0-19/3573');
  t.equal(contentRange(40, 1, 41), '40-40/41');
  t.equal(contentRange(0, 0, undefined), '*/*');
  t.equal(contentRange(0, 0, 0), '*/0');
});

void t.test('a part of a known whole is 206, everything else 200', async (t) => {
  t.equal(rangeStatus(20, undefined), 200);
  t.equal(rangeStatus(20, 20), 200);
  t.equal(rangeStatus(20, 3573), 206);
  t.equal(rangeStatus(0, 0), 200);
});

void t.test('the Accept header chooses JSON or CSV by its weights', async (t) => {
  const json = [
    undefined,
    '',
    '*/*',
    'application/json',
    'application/*',
    'text/html, */*;q=0.1',
    'text/csv;q=0.5, application/json',
  ];
  const odd = [
    'application/vnd.pgrst.object+json;q=0.9, application/json',
    'application/vnd.pgrst.array+json',
    'APPLICATION/JSON; charset=utf-8',
    '*/*, text/csv;q=0.2',
  ];
  for (const accept of [...json, ...odd]) t.equal(chooseFormat(accept), 'json', accept ?? '(none)');
  for (const accept of [
    'text/csv',
    'text/*',
    'text/csv, */*;q=0.1',
    'application/json;q=0, */*',
    'text/csv;q=1.0,application/json;q=0.9',
  ]) {
    t.equal(chooseFormat(accept), 'csv', accept);
  }
  for (const accept of [
    'application/vnd.pgrst.object+json',
    'application/vnd.pgrst.object, text/csv;q=0.5',
    '*/*;q=0.1, application/vnd.pgrst.object+json',
  ]) {
    t.equal(chooseFormat(accept), 'object', accept);
  }
  t.equal(chooseFormat('application/vnd.pgrst.array+json;nulls=stripped'), 'stripped');
  t.equal(chooseFormat('application/vnd.pgrst.object+json; nulls=stripped'), 'strippedObject');
});

void t.test('a media type that cannot be made is refused', async (t) => {
  const accepts = [
    'application/vnd.pgrst.object+json;nulls=kept',
    'application/json;nulls=stripped',
    'application/vnd.pgrst.plan+json',
    'text/html',
    'application/json;q=0',
    'application/geo+json',
    'x',
    ';;',
    'application/json;q=2',
  ];
  for (const accept of accepts)
    t.throws(() => chooseFormat(accept), { code: 'media-type-unsupported' }, accept);
});

void t.test('a count is wanted where a preference says so, in any of its three forms', async (t) => {
  for (const prefer of [
    'count=exact',
    'return=minimal, count=planned',
    'count=estimated; x',
    'Count = "exact"',
  ]) {
    t.ok(readPreferences(prefer).count, prefer);
  }
  for (const prefer of [
    undefined,
    '',
    'count=none',
    'discount=exact',
    'return=representation',
    'count=exactly',
  ]) {
    t.notOk(readPreferences(prefer).count, prefer ?? '(none)');
  }
});

void t.test(
  'a preference that is not known is passed over, or refused where that is asked for',
  async (t) => {
    t.same(readPreferences('timezone=Asia/Shanghai, foo'), { count: false, applied: [] });
    t.same(readPreferences('handling=lenient, foo'), { count: false, applied: ['handling=lenient'] });
    t.same(readPreferences('handling=strict, count=planned, return=minimal, max-affected=5'), {
      count: true,
      applied: ['handling=strict', 'count=exact'],
    });
    for (const other of ['foo', 'timezone=Asia/Shanghai', 'count=all', 'params=multiple-objects'])
      t.throws(() => readPreferences(`${other}, handling=strict`), { code: 'query-invalid' }, other);
    t.throws(() => readPreferences('params=single-object'), { code: 'query-invalid' });
  },
);
