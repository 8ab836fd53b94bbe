import pg from 'pg';
import t from 'tap';
import { WeirError } from '../../src/errors.js';
import type { Observation } from '../../src/observation.js';
import { errorFacts, writeErrorFacts } from '../../src/observe/error-facts.js';
import { createLogger } from '../../src/observe/logger.js';

const phone = '13800138000';

/** As PostgreSQL sends it for a violated constraint or a failed cast: rows quoted wherever there is room. */
function postgresError(): pg.DatabaseError {
  const error = new pg.DatabaseError(`invalid input syntax for type bigint: "${phone}"`, 100, 'error');
  return Object.assign(error, {
    severity: 'ERROR',
    code: '22P02',
    detail: `Failing row contains (1, 张三, ${phone}).`,
    hint: `Perhaps you meant ${phone}`,
    where: `unnamed portal parameter $1 = '${phone}'`,
    internalQuery: `SELECT * FROM orders WHERE phone = '${phone}'`,
    table: 'orders',
    column: phone,
    constraint: phone,
    routine: 'pg_strtoint64_safe',
    query: `SELECT '${phone}'`,
    parameters: [phone],
  });
}

function capture(level: 'trace' | 'info' = 'trace') {
  const lines: string[] = [];
  const observe = createLogger(level, { write: (line) => lines.push(line) });
  return { observe, lines, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

void t.test(
  'an error of PostgreSQL reaches the log as SQLSTATE, severity and routine, and as nothing else',
  async (t) => {
    const { observe, lines, parsed } = capture();
    observe({ event: 'failure', requestId: 'r1', where: 'run', error: postgresError() });
    t.notMatch(lines.join(), phone);
    t.notMatch(lines.join(), '张三');
    t.match(parsed(), [
      {
        level: 50,
        msg: 'failure',
        requestId: 'r1',
        where: 'run',
        error: { name: 'DatabaseError', code: '22P02', severity: 'ERROR', routine: 'pg_strtoint64_safe' },
      },
    ]);
    t.notOk('message' in (parsed()[0]!['error'] as object));
  },
);

void t.test('it stays behind however it is wrapped', async (t) => {
  const cyclic = new Error(phone);
  cyclic.cause = cyclic;
  const wrapped = [
    new WeirError('upstream-failed', { cause: postgresError() }),
    new Error(phone, { cause: postgresError() }),
    new AggregateError([postgresError(), new Error(phone)], phone),
    Object.assign(new Error('x'), { cause: { detail: phone } }),
    Object.assign(new Error('x'), { name: phone, code: phone, syscall: phone }),
    Object.assign(new Error(`${phone}\n    at ${phone} (${phone}:1:1)`), {}),
    cyclic,
    phone,
    { message: phone },
  ];
  for (const error of wrapped) {
    const { observe, lines } = capture();
    observe({ event: 'failure', requestId: undefined, where: 'run', error });
    t.equal(lines.length, 1);
    t.notMatch(lines.join(), phone);
    t.notMatch(writeErrorFacts(error), phone);
  }
});

void t.test(
  'an error of our own keeps its message, its code, its causes and the frames of the stack',
  async (t) => {
    const facts = errorFacts(
      new WeirError('upstream-down', { detail: 'the pool is closed', cause: postgresError() }),
    );
    t.match(facts, {
      name: 'WeirError',
      code: 'upstream-down',
      message: 'the pool is closed',
      causes: [{ name: 'DatabaseError', code: '22P02' }],
    });
    t.match(facts.stack?.[0], /^at .*logger\.test\.ts:\d+:\d+\)?$/);
  },
);

void t.test('a system error says which call failed', async (t) => {
  const error = Object.assign(new Error('connect ECONNREFUSED'), {
    code: 'ECONNREFUSED',
    syscall: 'connect',
    errno: -111,
  });
  t.match(errorFacts(error), { name: 'Error', code: 'ECONNREFUSED', syscall: 'connect' });
  t.match(writeErrorFacts(new WeirError('upstream-down', { cause: error })), 'ECONNREFUSED');
});

void t.test('every observation makes one line, at a level that fits', async (t) => {
  const request = {
    event: 'request',
    requestId: 'r',
    route: 'GET /rest/orders',
    records: 1,
    milliseconds: 2,
  } as const;
  const cases: [Observation, level: number][] = [
    [{ ...request, status: 200, code: undefined }, 20],
    [{ ...request, status: 404, code: 'table-unknown' }, 20],
    [{ ...request, status: 429, code: 'limit-reached' }, 30],
    [{ ...request, status: 503, code: 'log-unavailable' }, 40],
    [{ event: 'batch', requests: 3, milliseconds: 1, exchanges: 2 }, 10],
    [{ event: 'store', state: 'down', reason: 'connection lost' }, 50],
    [{ event: 'store', state: 'up', reason: undefined }, 30],
    [{ event: 'upstream', state: 'down', reason: 'connection lost' }, 50],
    [{ event: 'outcome-unknown', resolvedAs: 'committed' }, 40],
    [{ event: 'flagged', requestId: 'r', actorId: 'a', rules: ['consecutive'] }, 40],
    [{ event: 'policy', state: 'loaded', digest: 'd', faults: 0 }, 30],
    [{ event: 'policy', state: 'rejected', digest: undefined, faults: 2 }, 50],
    [{ event: 'lifecycle', state: 'ready', detail: undefined }, 30],
  ];
  for (const [observation, level] of cases) {
    const { observe, parsed } = capture();
    observe(observation);
    t.match(parsed(), [{ level, service: 'weir', time: /^\d{4}-/ }], JSON.stringify(observation));
  }
  const quiet = capture('info');
  quiet.observe(cases[0]![0]);
  t.strictSame(quiet.lines, [], 'an ordinary request makes no line at info');
});
