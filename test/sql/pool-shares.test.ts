/** A role's share of the pool: turns in order, refused in time, and nothing is lost when a share changes. */
import t from 'tap';
import { PoolShares } from '../../src/sql/pool-shares.js';

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

void t.test('a role holds so many connections, and others have theirs', async (t) => {
  const shares = new PoolShares(8, 60_000);
  const reports = { role: 'reports', percent: 25 };
  const [first, second] = [await shares.enter(reports), await shares.enter(reports)];
  const order: string[] = [];
  const wait = (name: string) =>
    shares.enter(reports).then((leave) => {
      order.push(name);
      return leave;
    });
  const [third, fourth] = [wait('third'), wait('fourth')];
  for (let i = 0; i < 6; i++) await shares.enter({ role: 'desk', percent: undefined });
  await soon();
  t.same(order, [], 'the share is used up');
  first();
  const leaveThird = await third;
  await soon();
  t.same(order, ['third'], 'one leaves, one comes');
  second();
  leaveThird();
  await fourth;
  t.same(order, ['third', 'fourth']);
});

void t.test('who waits too long is refused, and takes no turn from others', async (t) => {
  const shares = new PoolShares(4, 20);
  const leave = await shares.enter({ role: 'a', percent: 25 });
  await t.rejects(shares.enter({ role: 'a', percent: 25 }), {
    code: 'concurrency-reached',
    retryAfterSeconds: 1,
  });
  leave();
  (await shares.enter({ role: 'a', percent: 25 }))();
});

void t.test('a share that shrinks holds for those who come next', async (t) => {
  const shares = new PoolShares(4, 20);
  const held = [];
  for (let i = 0; i < 3; i++) held.push(await shares.enter({ role: 'a', percent: 75 }));
  const late = shares.enter({ role: 'a', percent: 25 });
  held[0]!();
  await t.rejects(late, { code: 'concurrency-reached' }, 'two are still there');
  held[1]!();
  held[2]!();
  await shares.enter({ role: 'a', percent: 25 });
  await t.rejects(shares.enter({ role: 'a', percent: 25 }));
});

void t.test('a role that may have the whole pool waits where everybody does', async () => {
  const shares = new PoolShares(2, 20);
  for (let i = 0; i < 9; i++) await shares.enter({ role: 'a', percent: 100 });
});
