/**
 * The connection of a writer fails at each moment around COMMIT: what its caller hears agrees with the log,
 * the numbers have no gap, and the next read is recorded. Also without a meter in the batch, where nothing but
 * the writer's own row tells that the old transaction is over.
 */
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { WeirError } from '../../src/errors.js';
import { decisionFor, freshStore, openLog, person, rowsOf } from '../log/open-log.js';
import { LogFollower } from './follow-log.js';
import { FaultyLink, type CommitTrap } from './link.js';

const li = person('li');
const traps: readonly CommitTrap[] = [
  { moment: 'before', then: 'cut' },
  { moment: 'between', then: 'cut' },
  { moment: 'sent', then: 'cut' },
  { moment: 'answered', then: 'cut' },
  { moment: 'before', then: 'late', milliseconds: 400 },
  { moment: 'between', then: 'late', milliseconds: 400 },
  // Longer than the server waits for an idle transaction, and than the gateway waits for an answer.
  { moment: 'between', then: 'late', milliseconds: 1_500 },
  { moment: 'answered', then: 'silent', milliseconds: 1_500 },
];

async function openBehindLink(t: Test) {
  const store = await freshStore(t);
  const url = new URL(store.runtimeUrl);
  const link = await FaultyLink.open(Number(url.port));
  t.teardown(() => link.close());
  url.port = String(link.port);
  const { log, observed } = await openLog(t, url.href, {
    connection: { url: url.href, connectTimeoutMs: 1_000, exchangeTimeoutMs: 1_000, lockTimeoutMs: 20 },
    deadlineMs: 5_000,
  });
  const actor = await log.directory.identify(li);
  const read = (key: string) =>
    log.record(decisionFor(li, actor), actor, rowsOf([key], [`person of ${key}`]));
  const { request } = decisionFor(li, actor);
  const refuse = (id: string) =>
    log.recordRefusal({ ...request, id }, actor, new WeirError('pin-required'), {});
  return { read, refuse, link, observed, follower: new LogFollower(store.superuserUrl) };
}

/** Until it succeeds: for a while after a fault the answer is 503. */
async function atLast<T>(work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 8_000;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(25);
    }
  }
}

for (const trap of traps) {
  const { moment, then, milliseconds } = trap;
  const title = `${moment} COMMIT, ${then}${milliseconds === undefined ? '' : ` for ${milliseconds} ms`}`;

  void t.test(`a read is told as it is on the log: ${title}`, async (t) => {
    const { read, link, observed, follower } = await openBehindLink(t);
    const sprung = link.atNextCommit(trap, 5_000);
    const [outcome] = await Promise.allSettled([read('1')]);
    t.ok(await sprung);
    const next = await atLast(() => read('2'));
    const { entries, faults } = await follower.readNews();
    t.same(faults, []);
    const first = entries.filter(({ body }) => body.kind === 'read' && body.number < next.number);
    t.ok(first.length <= 1, 'it is there once at the most');
    if (outcome.status === 'fulfilled')
      t.equal(outcome.value.number, first[0]?.body.number, 'what was released is on the log');
    t.equal(
      observed.filter(({ event }) => event === 'outcome-unknown').length,
      1,
      'the writer asked what had become of it',
    );
  });

  void t.test(`a refusal, which charges nobody, is told as it is on the log: ${title}`, async (t) => {
    const { read, refuse, link, follower } = await openBehindLink(t);
    const sprung = link.atNextCommit(trap, 5_000);
    const [outcome] = await Promise.allSettled([refuse('refused')]);
    t.ok(await sprung);
    await atLast(() => read('2'));
    const { entries, faults } = await follower.readNews();
    t.same(faults, []);
    const first = entries.filter(({ body }) => body.request === 'refused');
    t.ok(first.length <= 1, 'it is there once at the most');
    if (outcome.status === 'fulfilled') t.equal(first.length, 1);
  });
}
