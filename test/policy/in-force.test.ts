import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import t, { type Test } from 'tap';
import type { Observation } from '../../src/observation.js';
import { withClient } from '../../src/demo/databases.js';
import { PolicyRecord } from '../../src/store/policy-record.js';
import { PoliciesInForce, type ChangeRecord } from '../../src/policy/in-force.js';
import { loadPolicies } from '../../src/policy/load.js';
import { weir } from '../cli/weir-process.js';
import { freshStore } from '../log/open-log.js';
import { loginOf } from './logins.js';
import { agent, writeSet } from './policy-files.js';
import { policiesDirectory, startGateway, type OpenedGateway } from '../support/gateway.js';

type PolicyEvent = Extract<Observation, { event: 'policy' }>;

interface Desk extends OpenedGateway {
  readonly directory: string;
  /** Configuration file. */
  readonly home: string;
  /** Changes one place of a role file. */
  edit(file: string, from: string, to: string): void;
  /** Waits until the newest policy event is of this state. */
  state(state: PolicyEvent['state']): Promise<PolicyEvent>;
  weir(...args: string[]): ReturnType<typeof weir>;
  phone(): Promise<unknown>;
  readyz(): Promise<{ status: number; body: { reasons: string[]; warnings?: string[] } }>;
}

async function open(t: Test, options: Parameters<typeof startGateway>[1] = {}): Promise<Desk> {
  const directory = options.policies ?? t.testdir({});
  if (options.policies === undefined) cpSync(policiesDirectory, directory, { recursive: true });
  const opened = await startGateway(t, { ...options, policies: directory });
  const { config, store, observed } = opened;
  const home = path.join(directory, 'weir.yaml');
  writeFileSync(home, JSON.stringify({ ...config, store: { ...config.store, ownerUrl: store.ownerUrl } }));
  const { rows } = await withClient(opened.ordersUrl, (client) =>
    client.query<{ order_no: string; region: string }>('SELECT order_no, region FROM shop.orders LIMIT 1'),
  );
  const [order] = rows;
  return {
    ...opened,
    directory,
    home,
    edit(file, from, to) {
      const name = path.join(directory, file);
      const text = readFileSync(name, 'utf8');
      if (!text.includes(from)) throw new Error(`${from} does not stand in ${file}`);
      // As a careful editor does: a file that is half there would be told as faulty for a moment.
      const draft = path.join(directory, '.draft');
      writeFileSync(
        draft,
        text.replace(from, () => to),
      );
      renameSync(draft, name);
    },
    async state(state) {
      const deadline = Date.now() + 60_000;
      for (;;) {
        const last = observed.findLast((each) => each.event === 'policy');
        if (last?.state === state) return last;
        if (Date.now() > deadline) throw new Error(`the policies are ${last?.state} and not ${state}`);
        await pause(20);
      }
    },
    weir: (...args) => weir([...args, '--config', home], { cwd: directory }),
    async phone() {
      const who = { role: 'support-agent', sub: 'li.na', claims: { region: order!.region } };
      const answer = await opened.get(`/rest/orders?order_no=eq.${order!.order_no}`, who as never);
      const told = (await answer.json()) as { receiver_phone?: string }[];
      return Array.isArray(told) ? told[0]?.receiver_phone : told;
    },
    async readyz() {
      const answer = await fetch(`${opened.address}/readyz`);
      return { status: answer.status, body: (await answer.json()) as never };
    },
  };
}

const agentFile = 'roles/support-agent.yaml';

// One gateway for all of these: what each leaves behind is no looser than what it found.
void t.test('a change of files is taken up while the gateway runs', async (t) => {
  const desk = await open(t);
  const first = await desk.state('loaded');

  await t.test('a faulty file leaves the old set, and shows everywhere but in unreadiness', async (t) => {
    desk.edit(agentFile, 'receiver_phone: last4', 'recieiver_phone: last4');
    const { details, faults } = await desk.state('rejected');
    t.equal(faults, 1);
    t.match(details, [/^roles\/support-agent\.yaml:\d+:7 unknown column "recieiver_phone"$/]);
    t.match(await desk.phone(), /^\*{4}\d{4}$/);
    t.match(await desk.readyz(), {
      status: 200,
      body: {
        reasons: [],
        warnings: [/^policies: the newest files are faulty \(roles\/support-agent\.yaml:\d+:7\)/],
      },
    });
    t.match(await (await fetch(`${desk.address}/metrics`)).text(), /^weir_policy_rejected 1$/m);
    desk.edit(agentFile, 'recieiver_phone: last4', 'receiver_phone: last4');
    await desk.state('loaded');
    t.strictSame((await desk.readyz()).body, { status: 'ready', reasons: [] });
    t.match(await (await fetch(`${desk.address}/metrics`)).text(), /^weir_policy_rejected 0$/m);
  });

  await t.test('files that vanish leave the old set, and those that come back count again', async (t) => {
    const [here, away] = [path.join(desk.directory, 'roles'), path.join(desk.directory, '.away')];
    renameSync(here, away);
    t.match((await desk.state('rejected')).details?.join(), /the directory cannot be read \(ENOENT\)/);
    t.match(await desk.phone(), /^\*{4}\d{4}$/);
    renameSync(away, here);
    await desk.state('loaded');
    t.strictSame((await desk.readyz()).body.warnings, undefined);
  });

  await t.test('a set that does not fit the order database is faulty as well', async (t) => {
    desk.edit('catalog.yaml', 'remark: free-text', 'remark: free-text\n      remarks: free-text');
    t.match((await desk.state('rejected')).details, [
      /^catalog\.yaml:\d+:7 shop\.orders has no column "remarks"$/,
    ]);
    desk.edit('catalog.yaml', '\n      remarks: free-text', '');
    await desk.state('loaded');
  });

  await t.test(
    'what shows less is in force from the next request on, and entries name the set',
    async (t) => {
      t.match(await desk.phone(), /^\*{4}\d{4}$/);
      desk.observed.length = 0;
      desk.edit(agentFile, 'receiver_phone: last4', 'receiver_phone: hidden');
      const { digest } = await desk.state('loaded');
      t.not(digest, first.digest);
      t.equal(await desk.phone(), undefined);
      const { out } = await desk.weir('log', 'show', '--json', '--limit', '1');
      const [entries, changes] = await withClient(desk.store.runtimeUrl, async (client) => [
        await client.query(
          `SELECT body::json->>'policy' AS policy FROM weir.entries WHERE writer || '/' || number = $1`,
          [(JSON.parse(out) as { entry: string }).entry],
        ),
        await client.query(
          'SELECT number::int, digest, replaces, reason FROM weir.policy_changes ORDER BY 1',
        ),
      ]);
      t.strictSame(entries!.rows, [{ policy: digest }]);
      t.strictSame(changes!.rows, [
        { number: 1, digest: first.digest, replaces: null, reason: 'first' },
        { number: 2, digest, replaces: first.digest, reason: 'tighter' },
      ]);
    },
  );

  await t.test('a lower limit holds from the next request on, over what was used before', async (t) => {
    await desk.phone();
    desk.observed.length = 0;
    desk.edit(agentFile, 'queries: 60 per minute', 'queries: [60 per minute, 2 per day]');
    await desk.state('loaded');
    t.match(await desk.phone(), { code: '53400', message: /2 queries per day/ });
  });
});

void t.test('what shows more waits for a second person, over a restart as well', async (t) => {
  const desk = await open(t);
  const first = await desk.state('loaded');
  desk.edit(agentFile, 'receiver_phone: last4', 'receiver_phone: middle');
  const { digest, details } = await desk.state('waiting');
  t.match(details, [
    /^roles\/support-agent\.yaml:\d+:23 support-agent sees orders\.receiver_phone as middle instead of last4$/,
  ]);
  t.match(await desk.phone(), /^\*{4}\d{4}$/);
  t.match(await desk.readyz(), { status: 200, body: { warnings: [/waits for approval/] } });
  t.match(await (await fetch(`${desk.address}/metrics`)).text(), /^weir_policy_waiting 1$/m);

  const again = await open(t, { policies: desk.directory, store: desk.store });
  t.equal((await again.state('waiting')).digest, digest);
  t.match(await again.phone(), /^\*{4}\d{4}$/, 'the set before is served out of the record');

  t.match(await desk.weir('policy', 'diff', '--dir', desk.directory), {
    code: 1,
    out: /support-agent\.yaml:\d+:23 support-agent sees .* instead of last4 — write last4\n1 thing gets looser.*\n  weir policy propose [0-9a-f]{64}\n/,
  });
  const [author, second] = [await loginOf(t, desk.store), await loginOf(t, desk.store)];
  const vouch = (deed: string, url: string) =>
    weir(['policy', deed, digest!, '--config', desk.home], { env: { WEIR_STORE_OWNER_URL: url } });
  t.match(await vouch('propose', author.url), { code: 0, out: /is proposed in place of/ });
  t.equal((await desk.state('waiting')).digest, digest);
  t.match(await vouch('approve', second.url), {
    code: 0,
    out: /is approved in place of set [0-9a-f]{12}:\n {2}support-agent sees/,
  });
  for (const each of [desk, again]) {
    await each.state('loaded');
    t.match(await each.phone(), /^1\d{2}\*{4}\d{4}$/);
  }
  t.match(await desk.weir('policy', 'diff', '--dir', desk.directory), {
    code: 0,
    out: /nothing has changed/,
  });

  await t.test('and an approval counts once: what was tightened since waits again', async (t) => {
    desk.edit(agentFile, 'receiver_phone: middle', 'receiver_phone: last4');
    for (let last; last?.digest !== first.digest;) last = await desk.state('loaded').finally(() => pause(20));
    desk.edit(agentFile, 'receiver_phone: last4', 'receiver_phone: middle');
    t.equal((await desk.state('waiting')).digest, digest);
    t.match(await desk.phone(), /^\*{4}\d{4}$/);
  });
});

void t.test('without approval, what shows more is in force at once', async (t) => {
  const desk = await open(t, {
    config: (config) => ({ ...config, policies: { ...config.policies, approval: 'off' } }),
  });
  desk.observed.length = 0;
  desk.edit(agentFile, 'receiver_phone: last4', 'receiver_phone: middle');
  await desk.state('loaded');
  t.match(await desk.phone(), /^1\d{2}\*{4}\d{4}$/);
});

void t.test('a file counts when it is whole, however slowly it is written', async (t) => {
  const directory = await writeSet(t);
  const observed: Observation[] = [];
  const kept = new Map<string, string>();
  let changes: { number: number; digest: string }[] = [];
  const record: ChangeRecord = {
    newest: async () => changes.at(-1),
    keep: async (digest, content) => void kept.set(digest, content),
    contentOf: async (digest) => kept.get(digest),
    change: async (digest) => ((changes = [...changes, { number: changes.length + 1, digest }]), true),
    isApproved: async () => false,
  };
  const policies = await PoliciesInForce.open(
    {
      directory,
      approval: 'required',
      record,
      fit: async () => new Map(),
      observe: (observation) => observed.push(observation),
      everyMs: 1_000,
    },
    { loaded: await loadPolicies(directory), live: new Map() },
  );
  await policies.check();
  t.equal(changes.length, 1);
  const name = path.join(directory, 'roles', 'agent.yaml');
  // Sound as far as it goes, and tighter: reads would be refused for a moment, and the change kept.
  for (const part of [agent.replace(/^ {6}receiver_phone: last4\n/m, ''), '', agent.slice(0, 90)]) {
    writeFileSync(name, part);
    void policies.check();
    await pause(30);
  }
  writeFileSync(name, agent.replace('per_request: 50', 'per_request: 40'));
  await policies.check();
  t.equal(policies.served.loaded.set.roles.get('agent')?.perRequest, 40);
  t.equal(changes.length, 2, 'nothing in between was in force');
  t.strictSame(
    observed.map((each) => (each.event === 'policy' ? each.state : each.event)),
    ['lifecycle', 'loaded', 'loaded'],
  );
  await policies.close();
});

void t.test(
  'of two gateways that begin at once one is told to look again, and nobody changes what was recorded',
  async (t) => {
    const store = await freshStore(t as never);
    const pools = [store.runtimeUrl, store.ownerUrl].map(
      (connectionString) => new pg.Pool({ connectionString }),
    );
    for (const pool of pools) pool.on('error', () => undefined);
    const runtime = new PolicyRecord(pools[0]!);
    const [one, two] = ['1'.repeat(64), '2'.repeat(64)];
    for (const digest of [one, two]) await runtime.keep(digest, '{}');
    t.ok(await runtime.change(one, undefined, 'first'));
    t.notOk(await runtime.change(two, undefined, 'first'));
    for (const table of ['policy_changes', 'policy_proposals', 'policy_approvals']) {
      await t.rejects(pools[1]!.query(`DELETE FROM weir.${table}`), { code: '42501' }, table);
      await t.rejects(pools[1]!.query(`TRUNCATE weir.${table} CASCADE`), { code: '42501' }, table);
    }
    // Before the database is dropped under them.
    await Promise.all(pools.map((pool) => pool.end()));
  },
);
