/** Ten gateway processes on one database, and one person at all of them at once: the limit holds, and is not held too early. */
import t, { type Test } from 'tap';
import { verifyLog } from '../../src/log/verify.js';
import { Client, type Reply } from '../crash/client.js';
import { LogFollower } from '../crash/follow-log.js';
import { recover } from '../crash/round.js';
import { openSite } from '../crash/site.js';
import { limitsOf, type RoleLimit, type RoleName } from '../crash/staff.js';

const processes = 10;
const clientsEach = 3;
/** A client stops when it was refused so often in a row: its person has nothing left. */
const refusalsInARow = 4;
const pageRows = 7;

const site = await openSite({ gateways: processes, orders: 1_500, store: { commitDeadlineMs: 10_000 } });
t.teardown(() => site.close(false));
const client = new Client();
t.teardown(() => client.close());

interface Answered extends Reply {
  readonly gateway: string;
  readonly milliseconds: number;
}

/** The person reads at every process at once until nothing more comes. @param pathOf of the nth request */
async function hammer(person: string, role: RoleName, pathOf: (n: number) => string): Promise<Answered[]> {
  const token = await site.token({ person, role, region: site.samples[0]!.region, scope: undefined });
  const answers: Answered[] = [];
  let asked = 0;
  const work = async (name: string, address: string): Promise<void> => {
    let refused = 0;
    while (refused < refusalsInARow) {
      const started = Date.now();
      const path = pathOf(asked++);
      const reply = await client.ask({
        address,
        path,
        token,
        format: 'json',
        patienceMs: 20_000,
        leaveAfterBytes: undefined,
      });
      answers.push({ ...reply, gateway: name, milliseconds: Date.now() - started });
      refused = reply.status === 200 ? 0 : refused + 1;
    }
  };
  await Promise.all(
    site.desks.flatMap(({ gateway }) =>
      Array.from({ length: clientsEach }, () => work(gateway.name, gateway.address!)),
    ),
  );
  return answers;
}

function limitOf(role: RoleName, count: RoleLimit['count']): number {
  return limitsOf[role].find((limit) => limit.count === count)!.max;
}

/** Everybody was served and nobody waited long; nothing but the limit refused anything. */
function checkFairness(t: Test, answers: readonly Answered[]): void {
  t.same(
    [...new Set(answers.map(({ status }) => status))].sort(),
    [200, 429],
    'released or refused by the limit, nothing else',
  );
  const slowest = Math.max(...answers.map(({ milliseconds }) => milliseconds));
  t.ok(slowest < 10_000, `the slowest answer took ${slowest} ms`);
  t.equal(new Set(answers.map(({ gateway }) => gateway)).size, processes, 'every process answered');
}

void t.test('ten processes come up on one database', async (t) => {
  t.same(await recover(site, Date.now() + 60_000), []);
});

void t.test('one person at ten processes gets exactly as many queries a minute as allowed', async (t) => {
  const answers = await hammer(
    'q',
    'analyst',
    () => '/rest/order_items?select=item_id,customer_id,sku&limit=3',
  );
  t.equal(answers.filter(({ status }) => status === 200).length, limitOf('analyst', 'queries'));
  checkFairness(t, answers);
});

void t.test('records a minute: never over the limit, and less than a page below it', async (t) => {
  const path = `/rest/orders?select=order_id,customer_id,receiver_name&order=order_id&limit=${pageRows}`;
  const answers = await hammer('r', 'warehouse', () => path);
  const records = answers.reduce((sum, { rows }) => sum + rows.length, 0);
  const max = limitOf('warehouse', 'records');
  t.ok(records <= max && records > max - pageRows, `${records} of ${max} records`);
  checkFairness(t, answers);
});

void t.test('people a day: never over the limit, and less than a page below it', async (t) => {
  const answers = await hammer(
    'p',
    'warehouse',
    (n) =>
      `/rest/orders?select=order_id,customer_id,receiver_name&order=order_id&limit=${pageRows}&offset=${(n * pageRows) % 1_400}`,
  );
  const people = new Set(answers.flatMap(({ rows }) => rows.map(([, person]) => person))).size;
  const max = limitOf('warehouse', 'people');
  t.ok(people <= max && people > max - pageRows, `${people} of ${max} people`);
  checkFairness(t, answers);
});

void t.test('the log of all ten holds together', async (t) => {
  const { faults, entries } = await new LogFollower(site.storeUrl).readNews();
  t.same(faults, []);
  t.ok(entries.length > 0);
  const verification = await verifyLog({ source: { url: site.storeUrl } });
  t.same(verification.faults, []);
  t.ok(verification.writers >= processes);
});
