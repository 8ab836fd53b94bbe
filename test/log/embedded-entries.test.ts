/** Entries of reads with rows of other tables inside: what they say, what is found in them, and what falsified ones are told by. */
import t from 'tap';
import type { Decision, EmbeddedTable, MaskedRows } from '../../src/access.js';
import { LimitReached } from '../../src/errors.js';
import { Digester } from '../../src/log/digest.js';
import type { Actor } from '../../src/log/directory.js';
import type { EntryBody } from '../../src/log/entry.js';
import { readEntry } from '../../src/log/read-entry.js';
import { showLog, type ShowFilter } from '../../src/log/show.js';
import { PolicyRecord } from '../../src/store/policy-record.js';
import { withClient } from '../../src/demo/databases.js';
import { freshStore, openLog, perDay, person, rowsOf, testKey, type ReadOptions } from './open-log.js';
import {
  Forger,
  policyContent,
  policyDigest,
  readEntries,
  sampleDecision,
  verify,
  type Mutable,
} from './verify-sample.js';

const inside = (table: string, personal: boolean): EmbeddedTable => ({
  table,
  columns: [{ name: personal ? 'name' : 'title', mask: 'clear', json: 'string' }],
  personal,
});
const also = [inside('order_items', false), inside('customers', true), inside('shipments', true)];

type Keys = readonly (readonly [record: string, person: string | null])[];

function rowsWith(own: Keys, ...keys: Keys[]): MaskedRows {
  const rows = rowsOf(
    own.map(([record]) => record),
    own.map(([, who]) => who),
  );
  const embedded = keys.map((rowsInside, i) => ({
    table: also[i]!.table,
    recordKeys: rowsInside.map(([record]) => record),
    subjectKeys: rowsInside.map(([, who]) => who),
  }));
  return { ...rows, embedded };
}

async function opened(t: Parameters<typeof freshStore>[0]) {
  const store = await freshStore(t);
  const { log, pool, observed } = await openLog(t, store.runtimeUrl);
  await new PolicyRecord(pool).keep(policyDigest, policyContent);
  const li = await log.directory.identify(person('li'));
  const decide = (actor: Actor, options: ReadOptions = {}): Decision => ({
    ...sampleDecision('li', actor, options),
    also,
  });
  return { store, log, pool, observed, li, decide };
}

const amounts = (entry: EntryBody | undefined) => entry!.charge!.amounts;

void t.test('each table’s rows are named, and charged where they are personal', async (t) => {
  const { store, log, li, decide } = await opened(t);
  const order = rowsWith(
    [['1', 'z']],
    [
      ['11', 'z'],
      ['12', 'y'],
    ],
    [['7', 'a']],
    [
      ['5', 'b'],
      ['6', null],
    ],
  );
  await log.record(decide(li, { personal: false }), li, order);
  await log.record(decide(li, { personal: true }), li, order);
  await log.record(decide(li, { personal: false }), li, rowsWith([['1', 'z']], [['11', 'x']], [], []));
  await log.record(decide(li), li, rowsWith([], [], [], []));
  await log.close();
  const reads = (await readEntries(store)).filter(({ kind }) => kind === 'read');
  t.same(reads[0]!.read!.also, [
    ['order_items', { title: 'clear' }, 2, false],
    ['customers', { name: 'clear' }, 1, true],
    ['shipments', { name: 'clear' }, 2, true],
  ]);
  t.equal(reads[0]!.read!.records, 1);
  t.match(
    amounts(reads[0]),
    { records: 3, people: [2] },
    'the order and its lines are free, and show nobody',
  );
  t.match(amounts(reads[1]), { records: 4, people: [1] }, 'whoever it is about is new');
  t.same(Object.keys(amounts(reads[2])), ['queries', 'bytes']);
  t.equal(reads[2]!.read!.consecutive, 0, 'adjacent lines tell nothing');
  t.equal(reads[3]!.read!.digests, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  t.match(await verify(store), { ok: true, records: 6 + 6 + 2, lists: 3 });
});

void t.test('adjacent keys of personal embedded rows count', async (t) => {
  const { store, log, li, decide } = await opened(t);
  const customers: Keys = [
    ['1', 'a'],
    ['2', 'b'],
    ['3', 'c'],
  ];
  const options = { bulk: { consecutive: 3, recordsPerRead: 4, peoplePerRead: 3 } };
  await log.record(decide(li, options), li, rowsWith([['9', 'a']], [], customers, []));
  await log.close();
  const [read] = (await readEntries(store)).filter(({ kind }) => kind === 'read');
  t.equal(read!.read!.consecutive, 3);
  t.same(read!.flags, [
    ['recordsPerRead', 4, 4],
    ['peoplePerRead', 3, 3],
    ['consecutive', 3, 3],
  ]);
  t.match(await verify(store), { ok: true });
});

void t.test('people met by another process are no new people inside the rows either', async (t) => {
  const { store, log, li, decide } = await opened(t);
  await log.record(decide(li, { personal: false }), li, rowsWith([['1', 'z']], [], [['7', 'a']], []));
  const other = await openLog(t, store.runtimeUrl);
  await other.log.record(decide(li, { personal: false }), li, rowsWith([['1', 'z']], [], [['7', 'a']], []));
  const reads = (await readEntries(store)).filter(({ kind }) => kind === 'read');
  t.same(
    reads.map((read) => amounts(read).people),
    [[1], undefined],
  );
  t.match(await verify(store), { ok: true });
});

void t.test('a limit counts the rows of every personal table', async (t) => {
  const { store, log, li, decide } = await opened(t);
  const limits = [perDay('records', 4)];
  const three = rowsWith(
    [['1', 'z']],
    [
      ['11', 'z'],
      ['12', 'z'],
    ],
    [['7', 'a']],
    [['5', 'b']],
  );
  await log.record(decide(li, { limits }), li, three);
  await t.rejects(log.record(decide(li, { limits }), li, three), LimitReached);
  await log.record(
    decide(li, { limits }),
    li,
    rowsWith(
      [['1', 'z']],
      [
        ['11', 'z'],
        ['12', 'z'],
      ],
      [],
      [],
    ),
  );
  t.match(await verify(store), { ok: true });
});

void t.test('embedded rows that nobody decided on are not recorded as something else', async (t) => {
  const { log, li, decide } = await opened(t);
  const whole = rowsWith([['1', 'z']], [], [['7', 'a']], []);
  for (const embedded of [undefined, [], whole.embedded!.slice(0, 2), [...whole.embedded!].reverse()])
    await t.rejects(log.record(decide(li), li, { ...whole, embedded } as MaskedRows), { code: 'internal' });
});

void t.test('a record is found in its own table only, a person in each', async (t) => {
  const { log, pool, li, decide } = await opened(t);
  await log.record(
    decide(li),
    li,
    rowsWith(
      [['1', 'z']],
      [['11', 'z']],
      [['7', 'a']],
      [
        ['5', 'b'],
        ['6', null],
      ],
    ),
  );
  await log.record(sampleDecision('li', li, {}), li, rowsOf(['7'], ['y']));
  const digester = new Digester(testKey, 'e1');
  const found = async (filter: ShowFilter): Promise<number> => {
    let n = 0;
    for await (const { kind } of showLog(pool, [digester], filter)) if (kind === 'read') n++;
    return n;
  };
  const record = (table: string, key: string) => found({ record: { table, key } });
  t.equal(await record('orders', '1'), 1);
  t.equal(await record('customers', '7'), 1);
  t.equal(await record('orders', '7'), 1, 'the other read');
  t.equal(await record('shipments', '6'), 1);
  t.equal(await record('shipments', '7'), 0);
  for (const who of ['z', 'a', 'b', 'y']) t.equal(await found({ subject: who }), 1, who);
  t.equal(await found({ subject: 'a', record: { table: 'shipments', key: '5' } }), 1);
  t.same([await found({ table: 'orders' }), await found({ table: 'shipments' })], [2, 1]);
  t.equal(await found({ table: 'name' }), 0);
  for await (const shown of showLog(pool, [digester], { table: 'shipments' })) {
    t.match(shown, {
      table: 'orders',
      records: 1,
      also: [{ table: 'order_items' }, { records: 1 }, { records: 2 }],
    });
  }
});

void t.test('entries that were falsified are named', async (t) => {
  const { store, log, li, decide } = await opened(t);
  await log.record(
    decide(li, { personal: false }),
    li,
    rowsWith(
      [['1', 'z']],
      [
        ['11', 'z'],
        ['12', 'y'],
      ],
      [['7', 'a']],
      [
        ['5', 'b'],
        ['6', null],
      ],
    ),
  );
  await log.record(decide(li), li, rowsWith([['2', 'z']], [], [['8', 'c']], []));
  await log.close();
  const entries = await readEntries(store);
  const [read] = entries.filter(({ kind }) => kind === 'read');
  const name = `${read!.writer}/${read!.number}`;
  const whole = JSON.stringify(read);
  await withClient(store.superuserUrl, async (db) => {
    await db.query('ALTER TABLE weir.entries DISABLE TRIGGER ALL');
    const forger = new Forger(db);
    const faultOf = async (edit: (body: Mutable) => void) => {
      await forger.change(name, edit);
      const { faults } = await verify(store);
      await forger.change(name, (body) => {
        for (const key of Object.keys(body)) delete body[key];
        Object.assign(body, JSON.parse(whole));
      });
      return faults.find(({ entry }) => entry === name)?.what;
    };
    const changes: [string, RegExp, (body: Mutable) => void][] = [
      ['a row less', /another number of records/, (body) => body.read.also[0][2]--],
      [
        'a row of another table',
        /are not those of its digest list|other records/,
        (body) => {
          body.read.also[1][2]++;
          body.read.also[2][2]--;
          body.charge.amounts.people = [1];
        },
      ],
      ['a table less', /another number of records|counts other records/, (body) => body.read.also.pop()],
      ['none at all', /"read.consecutive"|counts other records/, (body) => delete body.read.also],
      ['free rows', /counts other records/, (body) => (body.read.also[2][3] = false)],
      ['charged rows', /counts other records/, (body) => (body.read.also[0][3] = true)],
      ['fewer records', /counts other records/, (body) => body.charge.amounts.records--],
      ['fewer people', /not those of its digest list/, (body) => (body.charge.amounts.people = [1])],
      [
        'people of another table',
        /not those of its digest list|counts other records/,
        (body) => {
          [body.read.also[0][3], body.read.also[2][3]] = [true, false];
        },
      ],
      ['an empty list of tables', /"read.also"/, (body) => (body.read.also = [])],
      ['a table without name', /"read.also"/, (body) => (body.read.also[0][0] = '')],
      ['a fifth member', /"read.also"/, (body) => body.read.also[0].push(1)],
      ['a form that is none', /"read.also"/, (body) => (body.read.also[0][1] = { title: 1 })],
      ['half a row', /"read.also"/, (body) => (body.read.also[0][2] = 1.5)],
      ['a reveal beside it', /"read.reveal"/, (body) => (body.read.reveal = 'phone')],
      ['more adjacent than there are', /"read.consecutive"/, (body) => (body.read.consecutive = 7)],
    ];
    for (const [title, what, edit] of changes) t.match(await faultOf(edit), what, title);
    t.match(await verify(store), { ok: true }, 'put back, it holds');
  });
});

void t.test('an entry without embedded tables is written as it ever was', async (t) => {
  const { store, log, li } = await opened(t);
  await log.record(sampleDecision('li', li, {}), li, rowsOf(['1'], ['a']));
  await log.close();
  const [read] = (await readEntries(store)).filter(({ kind }) => kind === 'read');
  t.same(Object.keys(read!.read!), [
    'table',
    'see',
    'part',
    'last',
    'records',
    'digests',
    'epoch',
    'consecutive',
  ]);
  t.type(readEntry(JSON.stringify(read)), 'object');
});
