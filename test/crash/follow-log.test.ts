/** The crash rounds' own reading of the log: it agrees with a sound log, and tells each way of being unsound. */
import pg from 'pg';
import t, { type Test } from 'tap';
import { decisionFor, freshStore, openLog, perDay, person, rowsOf } from '../log/open-log.js';
import { LogFollower } from './follow-log.js';

async function soundLog(t: Test) {
  const store = await freshStore(t);
  const { log } = await openLog(t, store.runtimeUrl);
  const actor = await log.directory.identify(person('li'));
  const read = (keys: string[], people: string[]) =>
    log.record(
      decisionFor(person('li'), actor, { limits: [perDay('records', 100)] }),
      actor,
      rowsOf(keys, people),
    );
  await read(['1', '2', '3'], ['a', 'b', 'a']);
  await read(['4'], ['b']);
  await read(['5', '6'], ['c', 'a']);
  const tamper = async (statement: string): Promise<void> => {
    const admin = new pg.Client(store.superuserUrl);
    await admin.connect();
    await admin.query('SET session_replication_role = replica');
    await admin.query(
      `ALTER TABLE weir.entries DISABLE TRIGGER ALL; ALTER TABLE weir.read_digests DISABLE TRIGGER ALL; ${statement}`,
    );
    await admin.end();
  };
  return { follower: new LogFollower(store.superuserUrl), read, tamper };
}

void t.test('a sound log raises nothing, read at once or piece by piece', async (t) => {
  const { follower, read } = await soundLog(t);
  const first = await follower.readNews();
  t.same(first.faults, []);
  t.equal(first.entries.length, 4);
  await read(['7'], ['d']);
  const second = await follower.readNews();
  t.same(second.faults, []);
  t.equal(second.entries.length, 1);
});

const unsound: readonly (readonly [what: string, statement: string, told: RegExp])[] = [
  ['an entry is missing', 'DELETE FROM weir.entries WHERE number = 3', /a gap/],
  [
    'an entry went after it was read',
    'DELETE FROM weir.entries WHERE number = 4',
    /stands at charge 3, its last entry at 2/,
  ],
  ['a list of digests is missing', 'DELETE FROM weir.read_digests WHERE number = 2', /lists other records/],
  [
    'a charge is smaller than the meter',
    `UPDATE weir.entries SET body = replace(body, '"records":3,"people"', '"records":2,"people"') WHERE number = 2`,
    /holds 6 records today, its entries 5/,
  ],
  [
    'a meter lost a charge',
    `UPDATE weir.meters SET state = NULL WHERE key LIKE 'actor:%'`,
    /stands at charge 0/,
  ],
  [
    'a person was not counted',
    `UPDATE weir.entries SET body = replace(body, '"people":[2]', '"people":[1]') WHERE number = 2`,
    /charges 1 people, but shows 2/,
  ],
];

for (const [what, statement, told] of unsound) {
  void t.test(`it is told when ${what}`, async (t) => {
    const { follower, tamper } = await soundLog(t);
    await tamper(statement);
    const { faults } = await follower.readNews();
    t.ok(
      faults.some((fault) => told.test(fault)),
      faults.join('\n') || 'nothing was told',
    );
  });
}

void t.test('it is told when entries go that were there at the last look', async (t) => {
  const { follower, tamper } = await soundLog(t);
  t.same((await follower.readNews()).faults, []);
  await tamper('DELETE FROM weir.entries WHERE number = 4');
  t.match((await follower.readNews()).faults, [/the log holds 3 entries, 4 were read/]);
});
