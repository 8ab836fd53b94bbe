import { readFile } from 'node:fs/promises';
import t from 'tap';
import { postgrestCodes, problemOf } from '../../src/doors/http/problem.js';
import { errorKinds, LimitReached, WeirError, type ErrorCode } from '../../src/errors.js';

void t.test(
  'docs/errors.md lists every code with its status, SQLSTATE and what to do, and no other',
  async (t) => {
    const page = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
    const rows = [
      ...page.matchAll(/^\| `([a-z-]+)` \| (\d{3}) \| ([0-9A-Z]{5}) \| ([^|]+) \| ([^|]+) \|$/gm),
    ];
    t.strictSame(
      rows.map(([, code]) => code),
      Object.keys(errorKinds),
      'the same codes in the same order',
    );
    for (const [, code = '', status, sqlstate, meaning = '', todo = ''] of rows) {
      const kind = errorKinds[code as ErrorCode];
      t.equal(Number(status), kind.status, code);
      t.equal(sqlstate, kind.sqlstate, code);
      t.ok(meaning.trim().length > 10 && todo.trim().length > 10, code);
    }
  },
);

void t.test('docs/errors.md names every code that is PostgREST’s own', async (t) => {
  const page = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const text = page.replaceAll(/\s+/g, ' ');
  for (const [code, own] of Object.entries(postgrestCodes))
    t.ok(text.includes(`\`${own}\` for \`${code}\``), code);
});

void t.test('a header never holds more than its form allows, whatever a role file says', async (t) => {
  const limit = new LimitReached({
    limit: '5 records per day "四"\r\nSet-Cookie: x\\',
    max: 5,
    remaining: -1,
    windowSeconds: 60,
    retryAfterSeconds: -3,
  });
  t.strictSame(problemOf(limit, 'id', 'weir').headers, {
    'content-type': 'application/problem+json',
    'retry-after': '0',
    'ratelimit-policy': '"5 records per day \\"\\"Set-Cookie: x\\\\";q=5;w=60',
    ratelimit: '"5 records per day \\"\\"Set-Cookie: x\\\\";r=0;t=0',
  });
});

void t.test('the cause of a failure is in no part of its problem', async (t) => {
  const error = new WeirError('upstream-failed', { cause: new Error('secret') });
  for (const dialect of ['weir', 'postgrest'] as const)
    t.notMatch(JSON.stringify(problemOf(error, 'id', dialect)), /secret/);
});
