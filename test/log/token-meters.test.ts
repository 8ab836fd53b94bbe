/** Meters of tokens come and go: those whose token has long expired are dropped, nothing else is, and the log holds all the same. */
import t from 'tap';
import type { Principal } from '../../src/access.js';
import { LimitReached } from '../../src/errors.js';
import { withClient } from '../../src/demo/databases.js';
import { Charges } from '../../src/log/verify-charges.js';
import type { ReadFacts } from '../../src/log/verify-facts.js';
import { Faults } from '../../src/log/verify-faults.js';
import { verifyLog } from '../../src/log/verify.js';
import { chargeOf, nobody } from '../../src/quota/charge.js';
import { DayClock } from '../../src/quota/day-clock.js';
import type { Limit } from '../../src/policy/model.js';
import { decisionFor, freshStore, openLog, person, rowsOf, type OpenedLog, type Store } from './open-log.js';
import { Forger, readEntries, type Mutable } from './verify-sample.js';

const hour = 3_600_000_000;
const limits: Limit[] = [
  { count: 'records', window: 'hour', max: 2, scope: undefined, per: 'token' },
  { count: 'records', window: 'day', max: 50, scope: undefined, per: 'tool' },
];

/** @param hours from now until the gateway takes it no longer */
function token(tokenId: string, hours: number, name = 'li'): Principal {
  return { ...person(name), tokenId, expiresAtMicros: Date.now() * 1000 + hours * hour };
}

let keys = 0;

async function read({ log }: OpenedLog, asking: Principal, records = 1): Promise<string> {
  const actor = await log.directory.identify(asking);
  const rows = rowsOf(
    Array.from({ length: records }, () => String((keys += 5))),
    Array.from({ length: records }, (_, i) => `customer-${i}`),
  );
  return log.record(decisionFor(asking, actor, { limits }), actor, rows).then(
    () => 'released',
    (error: unknown) => (error instanceof LimitReached ? error.limit : String(error)),
  );
}

const ask = (store: Store, text: string): Promise<unknown[][]> =>
  withClient(
    store.superuserUrl,
    async (db) => (await db.query({ text, rowMode: 'array' })).rows as unknown[][],
  );

const kindsLeft = async (store: Store): Promise<unknown> =>
  (
    await ask(
      store,
      `SELECT split_part(key, ':', 1), count(*)::int FROM weir.meters WHERE key NOT LIKE 'writer:%' GROUP BY 1 ORDER BY 1`,
    )
  ).map(([kind, n]) => `${String(kind)} ${String(n)}`);

/** As if what stands there had been entered so many hours earlier. */
const age = (store: Store, hours: number): Promise<unknown> =>
  ask(store, `UPDATE weir.meters SET expires_at = expires_at - ${hours * hour}`);

async function faultsOf({ runtimeUrl }: Store, inHours = 0): Promise<string[]> {
  const nowMicros = Date.now() * 1000 + inHours * hour;
  const { faults } = await verifyLog({ source: { url: runtimeUrl }, nowMicros });
  return faults.filter(({ kind }) => kind !== 'policy').map(({ what }) => what);
}

void t.test('each token that comes takes two away that expired more than two days ago', async (t) => {
  const store = await freshStore(t);
  const gateway = await openLog(t, store.runtimeUrl);
  // Entered by another process, days ago.
  await ask(
    store,
    `INSERT INTO weir.meters (key, expires_at) SELECT 'token:agent ' || n,
            (extract(epoch FROM now()) * 1000000)::int8 - (CASE WHEN n <= 5 THEN 49 ELSE 47 END) * ${hour}
       FROM generate_series(1, 8) AS n`,
  );
  await ask(
    store,
    `INSERT INTO weir.seen SELECT meter_id, 1, 20000 FROM weir.meters WHERE key LIKE 'token:%'`,
  );
  t.equal(await read(gateway, token('one', 1)), 'released');
  t.same(await kindsLeft(store), ['actor 1', 'token 7', 'tool 1'], 'two went, one came');
  for (const name of ['two', 'three']) t.equal(await read(gateway, token(name, 1)), 'released');
  t.same(
    await kindsLeft(store),
    ['actor 1', 'token 6', 'tool 1'],
    'what expired less than two days ago stays',
  );
  for (let n = 0; n < 3; n++) t.match(await read(gateway, token('three', 1)), n === 0 ? 'released' : /token/);
  const [ownerless] = await ask(
    store,
    'SELECT count(*)::int FROM weir.seen WHERE meter_id NOT IN (SELECT meter_id FROM weir.meters)',
  );
  t.same(ownerless, [0], 'the people whom they had met went with them');
  t.same(await faultsOf(store), []);
});

void t.test('however many tokens come, no more meters are kept than tokens are taken', async (t) => {
  const store = await freshStore(t);
  const gateway = await openLog(t, store.runtimeUrl);
  for (let n = 0; n < 30; n++) {
    t.equal(await read(gateway, token(`token-${n}`, 1)), 'released');
    await age(store, 50);
  }
  t.same(await kindsLeft(store), ['actor 1', 'token 1', 'tool 1']);
  t.same(await faultsOf(store, 25), [], 'the log holds without the meters that went');
  t.match(
    (await faultsOf(store)).join('\n'),
    /^it charges the meter of token:support-agent [0-9a-f]{32}, which is not stored/,
    'one that was charged within the day cannot have gone by itself',
  );
});

void t.test(
  'a token that comes again with a later end keeps its meter, and what it has used up',
  async (t) => {
    const store = await freshStore(t);
    const [one, two] = [await openLog(t, store.runtimeUrl), await openLog(t, store.runtimeUrl)];
    t.equal(await read(one, token('again', 1)), 'released');
    await age(store, 60);
    t.equal(await read(two, token('again', 5)), 'released');
    t.equal(await read(one, token('other', 1)), 'released');
    t.equal(await read(one, token('again', 5)), '2 records per hour of this token');
    t.equal(
      await read(two, token('again', 1)),
      '2 records per hour of this token',
      'nor does an earlier end hurt',
    );
    const ends = await ask(
      store,
      `SELECT expires_at > extract(epoch FROM now()) * 1000000 FROM weir.meters WHERE key LIKE 'token:%'`,
    );
    t.same(ends, [[true], [true]]);
    t.same(await faultsOf(store), []);
  },
);

void t.test('a gateway may drop what has expired, and nothing else', async (t) => {
  const store = await freshStore(t);
  const gateway = await openLog(t, store.runtimeUrl);
  await read(gateway, token('here', 1));
  const { rows } = await gateway.pool.query('SELECT weir.drop_expired_meters(1000) AS gone');
  t.same(rows, [{ gone: '0' }]);
  for (const attempt of ['DELETE FROM weir.meters', 'DELETE FROM weir.seen'])
    await t.rejects(gateway.pool.query(attempt), { code: '42501' });
  t.same(await kindsLeft(store), ['actor 1', 'token 1', 'tool 1']);
});

void t.test('a meter that is locked is not waited for', async (t) => {
  const store = await freshStore(t);
  const gateway = await openLog(t, store.runtimeUrl);
  await read(gateway, token('old', 1));
  await age(store, 50);
  await withClient(store.superuserUrl, async (db) => {
    await db.query(`BEGIN; SELECT FROM weir.meters WHERE key LIKE 'token:%' FOR UPDATE`);
    t.equal(await read(gateway, token('new', 1)), 'released');
    await db.query('ROLLBACK');
  });
  t.same(await kindsLeft(store), ['actor 1', 'token 2', 'tool 1']);
});

void t.test(
  'a token whose id is used again long after begins with an empty meter, and the log holds',
  async (t) => {
    const key = `token:agent ${'0f'.repeat(16)}`;
    const start = Date.UTC(2026, 10, 20) * 1000;
    /** @returns what is wrong with reads at these hours that say they are this charge of the token */
    const faultsWith = (...reads: (readonly [hours: number, sequence: number])[]): string[] => {
      const faults = new Faults(10);
      const charges = new Charges(faults, true, 100);
      for (const [i, [hours, sequence]] of reads.entries()) {
        const at = start + hours * hour;
        const read: ReadFacts = {
          part: 0,
          records: 0,
          reveal: false,
          fill: false,
          write: false,
          reserves: 0,
          reserved: 0,
          digests: '',
          meter: 'actor:li',
          sequence: i + 1,
          day: new DayClock('UTC').day(at),
          charge: chargeOf({ queries: 1 }),
          shared: [{ per: 'token', meter: key, sequence, people: nobody }],
          limits: [{ count: 'queries', window: '30d', max: 2, scope: undefined, per: 'token' }],
        };
        const charged = { writer: 'w', number: i + 1, at, position: i, actor: 'li', read };
        charges.take(charged, new DayClock('UTC'), undefined);
      }
      return faults.list().map(({ what }) => what);
    };
    t.same(faultsWith([0, 1], [1, 2], [50, 1], [51, 2]), []);
    t.match(faultsWith([0, 1], [1, 2], [50, 3]), [
      /^it was released although a limit was used up: 2 and 1 more/,
    ]);
    t.match(faultsWith([0, 1], [1, 1]), [
      /it is charge 1 of its meter, but stands after charge 1 \(the meter of the token\)/,
    ]);
    t.match(faultsWith([0, 1], [50, 1], [51, 3]), [/charge 2 cannot be found/]);
  },
);

void t.test('what the meters of tool and token were charged cannot be changed unnoticed', async (t) => {
  const store = await freshStore(t);
  const gateway = await openLog(t, store.runtimeUrl);
  for (const [name, id] of [
    ['li', 'a'],
    ['wang', 'b'],
    ['li', 'a'],
    ['zhao', 'c'],
  ] as const)
    t.equal(await read(gateway, token(id, 1, name)), 'released');
  await gateway.log.close();
  t.same(await faultsOf(store), []);
  const reads = (await readEntries(store)).filter(({ kind }) => kind === 'read');
  const second = reads[1]!;
  const kept = await ask(store, `SELECT body FROM weir.entries WHERE number = ${second.number}`);
  await withClient(store.superuserUrl, async (db) => {
    await db.query('ALTER TABLE weir.entries DISABLE TRIGGER ALL');
    const forger = new Forger(db);
    const name = `${second.writer}/${second.number}`;
    const forgeries: [string, (body: Mutable) => void, RegExp][] = [
      [
        'the tool alone',
        ({ charge }) => charge.shared.pop(),
        /it has a limit per token, and charges no meter of a token/,
      ],
      [
        'neither',
        (body) => {
          delete body.charge.shared;
          body.limits = [];
        },
        /it is charge 3 of its meter, but charge 2 cannot be found before it \(the meter of the tool\)/,
      ],
      [
        'an earlier charge',
        ({ charge }) => (charge.shared[0][1] = 1),
        /stands after charge 1 \(the meter of the tool\)/,
      ],
      [
        "somebody else's token",
        ({ charge }) => (charge.shared[1][0] = reads[0]!.charge!.shared![1]![0]),
        /of its meter, but .* \(the meter of the token\)/,
      ],
      [
        'another tool',
        ({ charge }) => (charge.shared[0][0] = 'tool:support-agent https://issuer.test other'),
        /it charges the meter of another tool/,
      ],
      [
        'people whom the tool had met',
        ({ charge }) => (charge.shared[0][2] = [1]),
        /people that it charges are not those .* \(the meter of the tool\)/,
      ],
      [
        'people whom the token had not',
        ({ charge }) => (charge.shared[1][2] = [0]),
        /people that it charges are not those .* \(the meter of the token\)/,
      ],
      [
        'a limit that was full',
        ({ limits: told }) => (told[1][2] = 1),
        /limit was used up: 1 and 1 more make more than 1 records per day \(the meter of the tool\)/,
      ],
    ];
    for (const [title, edit, told] of forgeries) {
      await forger.change(name, edit);
      t.match((await faultsOf(store)).join('\n'), told, title);
      await forger.run('UPDATE weir.entries SET body = $1 WHERE number = $2', kept[0]![0], second.number);
    }
    t.same(await faultsOf(store), []);
    await db.query(`UPDATE weir.meters SET state = NULL WHERE key LIKE 'tool:%'`);
    t.match(await faultsOf(store), [/^it is charge 4 of tool:.*; the stored meter says only 0 charges$/]);
  });
});
