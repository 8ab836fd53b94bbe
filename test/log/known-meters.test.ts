/**
 * Batches of one exchange: decided by what this process knows of the meters, and committed only where that still
 * holds. On a real PostgreSQL, with other processes in between and a network that delivers late.
 */
import fc from 'fast-check';
import pg from 'pg';
import t from 'tap';
import type { MaskedRows } from '../../src/access.js';
import { LimitReached } from '../../src/errors.js';
import type { EntryBody } from '../../src/log/entry.js';
import { KnownMeters } from '../../src/log/known-meters.js';
import { verifyLog } from '../../src/log/verify.js';
import { Meter } from '../../src/quota/meter.js';
import { Relay } from '../fault/relay.js';
import {
  decisionFor,
  freshStore,
  openLog,
  perDay,
  person,
  rowsOf,
  type OpenedLog,
  type ReadOptions,
  type Store,
} from './open-log.js';

async function entriesOf({ superuserUrl }: Store): Promise<EntryBody[]> {
  const client = new pg.Client(superuserUrl);
  await client.connect();
  const { rows } = await client.query<{ body: string }>('SELECT body FROM weir.entries ORDER BY at, writer');
  await client.end();
  return rows.map(({ body }) => JSON.parse(body) as EntryBody);
}

async function faultsOf({ runtimeUrl }: Store) {
  const { faults } = await verifyLog({ source: { url: runtimeUrl } });
  return faults.filter(({ kind }) => kind !== 'policy');
}

/** Exchanges of each batch so far. */
function exchangesOf({ observed }: OpenedLog): number[] {
  return observed.flatMap((one) => (one.event === 'batch' ? [one.exchanges] : []));
}

let keys = 0;

async function read(
  { log }: OpenedLog,
  name: string,
  people: readonly string[],
  options: ReadOptions = {},
): Promise<unknown> {
  const actor = await log.directory.identify(person(name));
  const rows: MaskedRows = rowsOf(
    people.map(() => String((keys += 7))),
    people,
  );
  return log.record(decisionFor(person(name), actor, options), actor, rows);
}

/** So often that this process knows the meter. */
async function becomeKnown(opened: OpenedLog, name: string, options: ReadOptions = {}): Promise<void> {
  for (let i = 0; i < 3; i++) await read(opened, name, [`${name} ${i}`], options);
}

void t.test(
  'once the meters are known a batch is one exchange, and the log is what it always is',
  async (t) => {
    const store = await freshStore(t);
    const opened = await openLog(t, store.runtimeUrl);
    for (let i = 0; i < 6; i++)
      await Promise.all([
        read(opened, 'li', ['a', `li ${i}`]),
        read(opened, 'wang', ['a', 'b', `wang ${i}`]),
      ]);
    const exchanges = exchangesOf(opened);
    t.same(exchanges.slice(-2), [1, 1], exchanges.join(' '));
    t.equal(exchanges[1], 2, 'the first of them asked');
    const charges = (await entriesOf(store)).flatMap(({ charge }) => (charge === undefined ? [] : [charge]));
    const own = charges.filter(({ meter }) => meter === charges[0]!.meter);
    t.same(
      own.map(({ sequence, amounts }) => [sequence, (amounts['people'] as number[])[0]]),
      [1, 2, 3, 4, 5, 6].map((sequence) => [sequence, sequence === 1 ? own[0]!.amounts['records'] : 1]),
      'everybody is new once',
    );
    t.same(await faultsOf(store), []);
  },
);

void t.test(
  'what another process has charged meanwhile counts: no limit is overrun, and nothing is charged twice',
  async (t) => {
    const store = await freshStore(t);
    const [one, two] = [await openLog(t, store.runtimeUrl), await openLog(t, store.runtimeUrl)];
    const options = { limits: [perDay('records', 12)] };
    await becomeKnown(one, 'li', options);
    await becomeKnown(one, 'wang');
    await read(one, 'li', ['x'], options);
    t.equal(exchangesOf(one).at(-1), 1, 'known');
    for (let i = 0; i < 4; i++) await read(two, 'li', [`other ${i}`], options);
    const before = exchangesOf(one).length;
    await Promise.all([read(one, 'li', ['y', 'other 1'], options), read(one, 'wang', ['z'])]);
    t.same(exchangesOf(one).slice(before), [2], 'found out, and decided anew under the locks');
    await read(one, 'li', ['v', 'w'], options);
    await t.rejects(read(one, 'li', ['u'], options), LimitReached);
    await t.rejects(read(two, 'li', ['u'], options), LimitReached);
    const charged = (await entriesOf(store)).filter(({ charge, actor }) => charge && actor !== undefined);
    t.equal(charged.length, 3 + 3 + 1 + 4 + 2 + 1);
    t.same(await faultsOf(store), []);
  },
);

void t.test('a refusal is decided by the state that is checked, and on the log', async (t) => {
  const store = await freshStore(t);
  const opened = await openLog(t, store.runtimeUrl);
  const options = { limits: [perDay('people', 3)] };
  await becomeKnown(opened, 'li', options);
  await read(opened, 'li', ['li 0'], options);
  await t.rejects(read(opened, 'li', ['somebody new'], options), LimitReached);
  t.same(exchangesOf(opened).slice(-2), [1, 1]);
  // A limit that another process has been told is higher there: by what this one knows it is used up, and it is not.
  const other = await openLog(t, store.runtimeUrl);
  await read(other, 'li', ['somebody new'], { limits: [perDay('people', 9)] });
  await read(opened, 'li', ['somebody new'], options);
  t.same(exchangesOf(opened).at(-1), 2, 'not refused for somebody whom the meter has met meanwhile');
  const last = (await entriesOf(store)).filter(({ kind }) => kind === 'refusal');
  t.equal(last.length, 1);
  t.same(await faultsOf(store), []);
});

void t.test('people of earlier days are known as such', async (t) => {
  const store = await freshStore(t);
  // Whatever the time, the second of these zones is a day or two ahead of the first.
  await read(await openLog(t, store.runtimeUrl, { zone: 'Pacific/Pago_Pago' }), 'li', ['a', 'b']);
  const { day } = (await entriesOf(store)).at(-1)!.charge!;
  const opened = await openLog(t, store.runtimeUrl, { zone: 'Pacific/Kiritimati' });
  await becomeKnown(opened, 'li');
  await read(opened, 'li', ['a', 'b', 'c']);
  t.equal(exchangesOf(opened).at(-1), 1);
  const { charge } = (await entriesOf(store)).at(-1)!;
  t.ok(charge!.day > day);
  t.same(charge!.amounts['people'], [1, [day, 2]]);
});

void t.test('whom a meter met long ago is new again, and found out by the key', async (t) => {
  const store = await freshStore(t);
  const first = await openLog(t, store.runtimeUrl);
  await read(first, 'li', ['a', 'b']);
  await first.log.close();
  // As if that had been 40 days ago: nobody of then counts in the meter any more, and the rows are still there.
  const admin = new pg.Client(store.superuserUrl);
  await admin.connect();
  await admin.query('UPDATE weir.seen SET day = day - 40');
  await admin.query("UPDATE weir.meters SET state = NULL WHERE key LIKE 'actor:%'");
  await admin.end();
  const opened = await openLog(t, store.runtimeUrl);
  await becomeKnown(opened, 'li');
  await read(opened, 'li', ['c']);
  t.equal(exchangesOf(opened).at(-1), 1, 'known');
  await read(opened, 'li', ['a', 'd']);
  t.equal(exchangesOf(opened).at(-1), 2, 'refused by the key, and decided anew');
  t.same((await entriesOf(store)).at(-1)!.charge!.amounts['people'], [2]);
  await read(opened, 'li', ['a', 'd']);
  t.same((await entriesOf(store)).at(-1)!.charge!.amounts['people'], undefined, 'seen today');
});

void t.test(
  'a meter that somebody else holds is waited for briefly, then asked for like any other',
  async (t) => {
    const store = await freshStore(t);
    const opened = await openLog(t, store.runtimeUrl);
    await becomeKnown(opened, 'li');
    await becomeKnown(opened, 'wang');
    const { meterId } = await opened.log.directory.identify(person('li'));
    const holder = new pg.Client(store.superuserUrl);
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM weir.meters WHERE meter_id = $1 FOR UPDATE', [meterId]);
    const waiting = read(opened, 'li', ['x']);
    for (let i = 0; i < 5; i++) await read(opened, 'wang', [`x ${i}`]);
    await holder.query('COMMIT');
    await holder.end();
    await waiting;
    t.same(await faultsOf(store), []);
  },
);

void t.test(
  'what the network delivers after its outcome was settled is not committed any more',
  async (t) => {
    const store = await freshStore(t);
    const relay = await Relay.open(t, Number(new URL(store.runtimeUrl).port));
    const url = relay.through(store.runtimeUrl);
    const opened = await openLog(t, store.runtimeUrl, {
      connection: { url, connectTimeoutMs: 1000, exchangeTimeoutMs: 300, lockTimeoutMs: 20 },
      deadlineMs: 400,
    });
    await becomeKnown(opened, 'li');
    await read(opened, 'li', ['x']);
    t.equal(exchangesOf(opened).at(-1), 1);
    relay.holdBack();
    await t.rejects(read(opened, 'li', ['late']), { code: 'log-unavailable' }, 'its caller hears in time');
    const settled = () =>
      opened.observed.some((one) => one.event === 'outcome-unknown' && one.resolvedAs === 'not-committed');
    for (let i = 0; i < 100 && !settled(); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    t.ok(settled(), 'asked over another connection, where it is not committed');
    const reads = async () => (await entriesOf(store)).filter(({ kind }) => kind === 'read').length;
    const before = await reads();
    relay.pass();
    // Its own row is free: had it been taken, the server would have run all of it by now.
    await new Promise((resolve) => setTimeout(resolve, 500));
    t.equal(await reads(), before, 'it came, and was refused');
    await read(opened, 'li', ['y']);
    await becomeKnown(opened, 'li');
    await read(opened, 'li', ['z']);
    t.equal(exchangesOf(opened).at(-1), 1, 'and goes on');
    t.same(await faultsOf(store), []);
  },
);

void t.test('a meter that others charge as well has to be found unchanged more and more often', async (t) => {
  const known = new KnownMeters();
  const meter = Meter.empty();
  const state = (n: number) => Buffer.from(`state number ${n}`);
  const met = () => new Map([['somebody', 1]]);
  known.committed(1, meter, state(0), undefined);
  t.same(known.worthKnowing([1, 2], 5), [1], 'at first nothing speaks against it');
  for (const needed of [1, 2, 4, 8]) {
    known.locked(1, state(-1));
    known.committed(1, meter, state(0), undefined);
    for (let found = 0; found < needed; found++) {
      t.same(known.worthKnowing([1], 5), [], `${found} of ${needed}`);
      t.equal(known.locked(1, state(0)), undefined);
      known.committed(1, meter, state(0), undefined);
    }
    t.same(known.worthKnowing([1], 5), [1]);
  }
  known.committed(1, meter, state(1), met());
  t.equal(known.take([1, 2]), undefined, 'all or none');
  t.same(known.locked(1, state(1)), met(), 'found as it was left, its people are still known');
  known.committed(1, meter, state(2), met());
  t.same([...known.take([1])!.keys()], [1]);
  t.equal(known.take([1]), undefined, 'taken once');
});

void t.test('whoever has met thousands is asked about by name', async (t) => {
  const known = new KnownMeters();
  const thousands = new Map(Array.from({ length: 10_000 }, (_, i) => [String(i), 1]));
  known.committed(1, Meter.empty(), Buffer.from('state'), thousands);
  t.equal(known.take([1]), undefined);
  for (let i = 0; i < 100; i++) known.locked(1, Buffer.from('state'));
  t.same(known.worthKnowing([1], 1), []);
});

void t.test(
  'whoever decides, and by whatever it knows, no limit is overrun and the log verifies',
  async (t) => {
    const store = await freshStore(t);
    const logs = [await openLog(t, store.runtimeUrl), await openLog(t, store.runtimeUrl, { writers: 2 })];
    const options = { limits: [perDay('records', 200), perDay('people', 40)] };
    const steps = fc.record({
      /** Tools mostly stay with one gateway. */
      changes: fc.nat(19).map((n) => n === 0),
      people: fc.array(
        fc.nat(60).map((n) => `customer ${n}`),
        { maxLength: 3 },
      ),
      alone: fc.boolean(),
    });
    const told = { released: 0, refused: 0 };
    for (const name of ['li', 'wang', 'zhao']) {
      let at = 0;
      const underWay: Promise<void>[] = [];
      for (const { changes, people, alone } of fc.sample(steps, { numRuns: 250, seed: 11 })) {
        if (alone) await Promise.all(underWay.splice(0));
        if (changes) at = 1 - at;
        underWay.push(
          read(logs[at]!, name, people, options).then(
            () => void told.released++,
            (error: unknown) => {
              if (!(error instanceof LimitReached)) throw error;
              told.refused++;
            },
          ),
        );
      }
      await Promise.all(underWay);
    }
    const exchanges = logs.flatMap(exchangesOf);
    const once = exchanges.filter((n) => n === 1).length;
    t.ok(once > 20 && once < exchanges.length - 20, `${once} of ${exchanges.length} in one`);
    t.ok(told.released > 200 && told.refused > 100, JSON.stringify(told));
    const used = new Map<string, { records: number; people: number; sequence: number }>();
    for (const { charge } of await entriesOf(store)) {
      if (charge === undefined) continue;
      const { meter, sequence, amounts } = charge;
      const so = used.get(meter) ?? { records: 0, people: 0, sequence: 0 };
      t.equal(sequence, so.sequence + 1);
      const [fresh = 0] = (amounts['people'] ?? []) as number[];
      used.set(meter, {
        records: so.records + Number(amounts['records'] ?? 0),
        people: so.people + fresh,
        sequence,
      });
    }
    for (const { records, people } of used.values())
      t.ok(records <= 200 && people <= 40 && (people === 40 || records > 197), `${records} of ${people}`);
    t.same(await faultsOf(store), []);
  },
);
