/**
 * The gateway is killed around the moment at which a write or a filled request leaves for its service: whatever
 * reached the service is on the log, decided before it came; whatever a client got is there too; no limit is overrun.
 */
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { Random } from '../../src/demo/dataset/random.js';
import { verifyLog } from '../../src/log/verify.js';
import { checkArrivals } from './check-arrivals.js';
import { checkHarvest } from './check-harvest.js';
import { inflict, type FaultKind } from './faults.js';
import { LogFollower } from './follow-log.js';
import { Load, type Crew, type Harvest } from './load.js';
import { recover } from './round.js';
import { openSite, zone } from './site.js';

const seed = 20_261_122;
const clients = 8;
const clerks: Crew = [
  ['clerk', false],
  ['clerk', false],
  ['clerk', true],
];
const kills: readonly FaultKind[] = [
  'kill a gateway as COMMIT is answered',
  'kill a gateway as a write reaches its service',
  'kill a gateway',
  'kill a gateway as it sends COMMIT',
  'kill a gateway as it gets the answer to a write',
];

const site = await openSite({ gateways: 1, orders: 400 });
t.teardown(() => site.close(false));

void t.test('killed again and again, what was sent is on the log', async (t) => {
  t.same(await recover(site, Date.now() + 60_000), [], 'it comes up');
  const random = new Random(seed, 0, 21);
  const harvest: Harvest[] = [];
  for (const [round, kind] of kills.entries()) {
    const load = new Load(site, `k${round}`, seed + round, clients, clerks);
    const { length: before } = site.service.arrivals;
    const enough = before + random.between(6, 15);
    await until(() => site.service.arrivals.length >= enough, 'the clerks are at work');
    let killed = false;
    await until(async () => (killed ||= await inflict(site, { kind, atMs: 0, desk: 0, lastsMs: 0 })), kind);
    t.ok(killed, kind);
    t.same(await recover(site, Date.now() + 60_000), [], 'and it serves again by itself');
    await load.stop();
    harvest.push(...load.harvest);
  }
  // A last read through each writer settles what was unknown.
  await recover(site, Date.now() + 60_000);

  const news = await new LogFollower(site.storeUrl).readNews();
  const arrivals = site.service.arrivals.splice(0);
  t.same(news.faults, []);
  t.same(checkArrivals(arrivals, harvest, news, site.digester, zone), []);
  t.same(checkHarvest(harvest, news, site.digester, zone).faults, []);
  t.same((await verifyLog({ source: { url: site.storeUrl } })).faults, []);
  for (const method of ['PATCH', 'POST'])
    t.ok(arrivals.filter((one) => one.method === method).length > 0, `${method} reached the service`);
});

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`it never came to this: ${what}`);
    await delay(10);
  }
}
