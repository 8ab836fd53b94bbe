/**
 * What went to a service: writes and filled requests, as entries of their own. The records that their answers show
 * are charged with them, once; a limit that has no room for these refuses the write, not its answer.
 */
import t from 'tap';
import type { Decision, MaskedRows, Sent } from '../../src/access.js';
import { LimitReached } from '../../src/errors.js';
import { verifyLog } from '../../src/log/verify.js';
import { withClient } from '../../src/demo/databases.js';
import type { Limit } from '../../src/policy/model.js';
import { PolicyRecord } from '../../src/store/policy-record.js';
import { freshStore, openLog, perDay, person, rowsOf, type Store } from './open-log.js';
import {
  Forger,
  policyContent,
  policyDigest,
  readEntries,
  sampleDecision,
  type Mutable,
} from './verify-sample.js';

const enough = [perDay('records', 3), perDay('people', 3), perDay('fills', 3)];
const one = { records: 1, people: 1 };
const write: Sent = { as: 'write', service: 'fulfilment', body: ['status', 'note'], reserves: one };
const fill: Sent = { as: 'fill', service: 'telephony', body: [], reserves: { records: 0, people: 0 } };

/** As services/masked-answer.ts makes them. */
function rowsToWrite(keys: readonly string[]): MaskedRows {
  const rows = { width: 0, values: keys.map(() => []), recordKeys: keys, part: 0, last: false };
  return { ...rows, subjectKeys: keys.map(() => null) } as unknown as MaskedRows;
}

async function openDesk(t: Parameters<typeof freshStore>[0], limits: readonly Limit[] = enough) {
  const store = await freshStore(t);
  const { log, pool } = await openLog(t, store.runtimeUrl);
  await new PolicyRecord(pool).keep(policyDigest, policyContent);
  const li = await log.directory.identify(person('li'));
  const decide = (more: Partial<Decision>): Decision => ({
    ...sampleDecision('li', li, { limits }),
    ...more,
  });
  return {
    store,
    writes: (key: string, sent = write) =>
      log.record(decide({ sent, personal: false, columns: [] }), li, rowsToWrite([key])),
    answers: (keys: readonly string[], people: readonly (string | null)[], reserved = 1) =>
      log.record(decide({ reserved }), li, rowsOf(keys, people, 1, true)),
    fills: (keys: readonly string[], sent = fill) =>
      log.record(
        decide({ sent }),
        li,
        rowsOf(
          keys,
          keys.map(() => 'a'),
        ),
      ),
    reads: (key: string, subject: string) => log.record(decide({}), li, rowsOf([key], [subject])),
  };
}

const verified = async ({ runtimeUrl }: Store): Promise<readonly string[]> =>
  (await verifyLog({ source: { url: runtimeUrl } })).faults.map(({ kind, what }) => `${kind}: ${what}`);

/** Of what left, in order: kind and amounts without bytes. */
async function charges(store: Store): Promise<unknown[]> {
  const entries = (await readEntries(store)).filter(({ charge }) => charge !== undefined);
  return entries.map(({ kind, charge }) => {
    const { bytes: _, ...amounts } = charge!.amounts;
    return [kind, amounts];
  });
}

void t.test(
  'the record of an answer is charged with the write, and its person with the answer',
  async (t) => {
    const desk = await openDesk(t);
    await desk.writes('1');
    await desk.answers(['1'], ['a']);
    await desk.writes('2');
    // The service had nothing to say; what was charged stays charged.
    await desk.answers([], []);
    t.same(await charges(desk.store), [
      ['write', { queries: 1, records: 1 }],
      ['read', { people: [1] }],
      ['write', { queries: 1, records: 1 }],
      ['read', {}],
    ]);
    const [written, answer] = (await readEntries(desk.store)).filter(({ charge }) => charge !== undefined);
    t.match(written, {
      kind: 'write',
      write: {
        service: 'fulfilment',
        table: 'orders',
        body: ['status', 'note'],
        records: 1,
        reserves: 1,
        last: false,
      },
      read: undefined,
    });
    t.match(answer, { kind: 'read', read: { records: 1, reserved: 1, part: 1 } });
    t.same(await verified(desk.store), []);
  },
);

void t.test('an answer with more records than were reserved pays for the others', async (t) => {
  const desk = await openDesk(t);
  await desk.writes('1');
  await desk.answers(['1', '2'], ['a', 'b']);
  t.same((await charges(desk.store)).slice(-1), [['read', { records: 1, people: [2] }]]);
  t.same(await verified(desk.store), []);
});

void t.test('a write is refused where its answer would not fit, and never its answer', async (t) => {
  const desk = await openDesk(t);
  await desk.reads('7', 'a');
  // Ten at once, and room for two: the answer to each that passed fits.
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, (_, i) => desk.writes(String(i))));
  const made = outcomes.filter(({ status }) => status === 'fulfilled');
  t.equal(made.length, 2);
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') continue;
    t.type(outcome.reason, LimitReached);
    t.match(outcome.reason, { limit: '3 records per day' });
  }
  for (const key of ['8', '9']) await desk.answers([key], [key]);
  t.same(await verified(desk.store), []);
});

void t.test('a write is refused where a person more would be one too many, known or not', async (t) => {
  const desk = await openDesk(t, [perDay('records', 3), perDay('people', 1)]);
  await desk.reads('7', 'a');
  const refused = await desk.writes('1').catch((error: unknown) => error);
  t.match(refused, { limit: '1 people per day' });
  t.same(await verified(desk.store), []);
});

void t.test(
  'what is filled in names the service; what is not found is not sent and reserves nothing',
  async (t) => {
    const desk = await openDesk(t);
    await desk.fills(['1'], { ...fill, reserves: one });
    await desk.answers(['c-1'], [null]);
    await desk.fills([], { ...fill, reserves: one });
    t.same(await charges(desk.store), [
      ['fill', { queries: 1, records: 2, people: [1], fills: 1 }],
      ['read', {}],
      ['fill', { queries: 1 }],
    ]);
    const entries = (await readEntries(desk.store)).filter(({ fill: filled }) => filled !== undefined);
    t.match(entries, [
      { fill: { service: 'telephony', records: 1, reserves: 1, last: false } },
      { fill: { service: 'telephony', records: 0, last: true } },
    ]);
    t.same(await verified(desk.store), []);
  },
);

void t.test('found or not, a filled request is refused alike where its answer would not fit', async (t) => {
  const desk = await openDesk(t);
  for (const key of ['1', '2', '3']) await desk.fills([key]);
  for (const keys of [['4'], []]) {
    const refused = await desk.fills(keys, { ...fill, reserves: one }).catch((error: unknown) => error);
    t.type(refused, LimitReached);
  }
});

void t.test('logs from before there were these kinds verify', async (t) => {
  const desk = await openDesk(t);
  await desk.fills(['1']);
  await desk.writes('2', { ...write, reserves: { records: 0, people: 0 } });
  await desk.answers(['2'], ['b'], 0);
  const entries = await readEntries(desk.store);
  await withClient(desk.store.superuserUrl, async (db) => {
    const forger = new Forger(db);
    await forger.run('ALTER TABLE weir.entries DISABLE TRIGGER ALL');
    for (const { writer, number, kind } of entries) {
      if (kind === 'fill' || kind === 'write') await forger.change(`${writer}/${number}`, intoOldForm);
    }
  });
  const old = (await readEntries(desk.store)).filter(({ charge }) => charge !== undefined);
  t.match(old, [
    { kind: 'read', read: { fill: 'telephony' } },
    { kind: 'read', statement: /^write / },
    { kind: 'read' },
  ]);
  t.same(await verified(desk.store), []);
});

/** A filled request and a write as reads, told by `read.fill` and by the statement. */
function intoOldForm(body: Mutable): void {
  const { kind, write: written, fill: filled, charge, limits: told } = body;
  const { service, body: fields, table, see = {}, ...records } = written ?? filled;
  for (const member of ['kind', 'write', 'fill', 'charge', 'limits']) delete body[member];
  body.statement = `${kind} ${body.statement}${fields === undefined ? '' : ` body ${fields.join(', ')}`}`;
  body.kind = 'read';
  body.read = { table, see, ...records, ...(filled === undefined ? {} : { fill: service }) };
  body.charge = charge;
  body.limits = told;
}

const forgeries: readonly [what: string, entry: 0 | 1, edit: (body: Mutable) => void, fault: RegExp][] = [
  [
    'a write that charges nothing for its answer',
    0,
    (b) => delete b.charge.amounts.records,
    /counts other records/,
  ],
  ['a write that charges more', 0, (b) => (b.charge.amounts.records = 2), /counts other records/],
  ['a write that counts people', 0, (b) => (b.charge.amounts.people = [1]), /more people than records/],
  ['a write of several records', 0, (b) => (b.write.records = 2), /write.records/],
  ['a write without its service', 0, (b) => delete b.write.service, /write.service/],
  ['a write that names no fields', 0, (b) => delete b.write.body, /write.body/],
  ['a write that shows columns', 0, (b) => (b.write.see = {}), /member that no write has/],
  ['a write that reserves nothing in words', 0, (b) => (b.write.reserves = 0), /write.reserves/],
  ['a write said to be a read', 0, (b) => (b.kind = 'read'), /"read" is missing/],
  [
    'an answer that has more paid for than was',
    1,
    (b) => ((b.read.reserved = 2), delete b.charge.amounts.records),
    /more records as charged before than were/,
  ],
  ['an answer with more paid for than it shows', 1, (b) => (b.read.reserved = 3), /read.reserved/],
  ['an answer that has nothing paid for', 1, (b) => delete b.read.reserved, /counts other records/],
];

for (const [what, which, edit, fault] of forgeries) {
  void t.test(`found out: ${what}`, async (t) => {
    const desk = await openDesk(t);
    await desk.writes('1');
    await desk.answers(['1', '2'], ['a', 'b']);
    const entry = (await readEntries(desk.store)).filter(({ charge }) => charge !== undefined)[which]!;
    await withClient(desk.store.superuserUrl, async (db) => {
      const forger = new Forger(db);
      await forger.run('ALTER TABLE weir.entries DISABLE TRIGGER ALL');
      await forger.change(`${entry.writer}/${entry.number}`, edit);
    });
    t.match((await verified(desk.store)).join('\n'), fault);
  });
}
