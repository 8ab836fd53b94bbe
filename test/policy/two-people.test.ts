/** A set that shows more takes two people, and nobody is two by typing another name. */
import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import t, { type Test } from 'tap';
import { withClient } from '../../src/demo/databases.js';
import type { DemoToken } from '../../src/demo/issuer.js';
import { PolicyRecord } from '../../src/store/policy-record.js';
import { verified } from '../fault/traffic.js';
import { weir } from '../cli/weir-process.js';
import { freshStore, type Store } from '../log/open-log.js';
import { policiesDirectory, startGateway } from '../support/gateway.js';
import { loginOf } from './logins.js';
import { faultsOf } from './policy-files.js';

const roles = {
  'policy-author': 'may: [propose]',
  'policy-owner': 'may: [propose, approve]',
  'policy-service': 'hours: always\nnetworks: [127.0.0.0/8, "::1"]\nmay: [alerts]',
};

/** A gateway whose files show more than what is in force. */
async function waiting(t: Test) {
  const directory = t.testdir({});
  cpSync(policiesDirectory, directory, { recursive: true });
  for (const [role, rest] of Object.entries(roles)) {
    const who = role.endsWith('service') ? 'services' : 'people';
    writeFileSync(
      path.join(directory, 'roles', `${role}.yaml`),
      `role: ${role}\nabout: changes policies\nowner: security\nfor: ${who}\n${rest}\n`,
    );
  }
  const opened = await startGateway(t, { policies: directory });
  const { config, observed } = opened;
  const home = path.join(directory, 'weir.yaml');
  writeFileSync(home, JSON.stringify(config));
  const last = () => observed.findLast((each) => each.event === 'policy');
  const state = async (wanted: string) => {
    for (const deadline = Date.now() + 60_000; last()?.state !== wanted; await pause(20))
      if (Date.now() > deadline) throw new Error(`the policies are not ${wanted}`);
    return last()!;
  };
  await state('loaded');
  const file = path.join(directory, 'roles/support-agent.yaml');
  const draft = path.join(directory, '.draft');
  writeFileSync(draft, readFileSync(file, 'utf8').replace('receiver_phone: last4', 'receiver_phone: middle'));
  renameSync(draft, file);
  const digest = (await state('waiting')).digest!;
  const post = async (deed: string, who: DemoToken | string, of = digest) => {
    const bearer = typeof who === 'string' ? who : await opened.token(who);
    const answer = await fetch(`${opened.address}/admin/policies/${of}/${deed}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}` },
    });
    const body = (await answer.json()) as Record<string, unknown>;
    return { status: answer.status, ...body };
  };
  return { ...opened, directory, home, digest, post, state };
}

void t.test('by their tokens: one proposes, another approves, and both are on the access log', async (t) => {
  const desk = await waiting(t);
  const { post, digest } = desk;
  const wang: DemoToken = { role: 'policy-author', sub: 'wang.lei' };
  const li: DemoToken = { role: 'policy-owner', sub: 'li.na' };

  t.match(await post('approve', li), {
    status: 409,
    code: 'approval-refused',
    detail: /nobody has proposed/,
  });
  t.match(await post('propose', wang), {
    status: 200,
    digest,
    looser: [/support-agent sees orders.receiver_phone as middle instead of last4/],
  });
  t.match(await post('approve', wang), { status: 403, code: 'not-permitted' }, 'the role may only propose');
  for (const sub of ['wang.lei', 'Wang.Lei'])
    t.match(
      await post('approve', { role: 'policy-owner', sub }),
      { status: 409, detail: /nobody approves a change of their own/ },
      `the same person under another role: ${sub}`,
    );
  t.match(
    await post('approve', { ...li, claims: { act: { sub: 'wang.lei' } } }),
    { status: 403, detail: /somebody else acts through this token/ },
    'the author with a token that speaks for another',
  );
  t.match(await post('approve', { role: 'policy-service', tool: 'ci' }), {
    status: 403,
    code: 'not-permitted',
  });
  t.match(await post('approve', { role: 'support-agent', sub: 'zhao' }), {
    status: 403,
    code: 'not-permitted',
  });
  t.match(await post('approve', li, digest.slice(0, 12)), { status: 400, code: 'query-invalid' });
  t.match(await post('approve', li, 'f'.repeat(64)), { status: 404, code: 'policy-unknown' });
  const used = await desk.token(li);
  t.equal((await fetch(`${desk.address}/admin/policies/${digest}/approve`, { method: 'POST' })).status, 401);
  t.equal((await desk.state('waiting')).digest, digest, 'after all of that it still waits');

  t.match(await post('approve', used), { status: 200, digest, proposedBy: 'wang.lei' });
  await desk.state('loaded');
  t.match(await post('approve', li), { status: 409, detail: /shows and allows no more/ });

  await withClient(desk.store.superuserUrl, async (client) => {
    const { rows } = await client.query<{
      who: string;
      statement: string;
      kind: string;
      error: string | null;
    }>(
      `SELECT a.subject AS who, e.body::json->>'kind' AS kind, e.body::json->>'statement' AS statement, e.body::json->>'error' AS error
         FROM weir.entries AS e JOIN weir.actors AS a USING (actor_id)
        WHERE e.body::json->>'route' LIKE 'POST /admin/policies/:digest/%' ORDER BY e.at`,
    );
    t.match(
      rows
        .filter(({ kind, statement }) => kind === 'admin' && statement.endsWith(digest))
        .map(({ who, statement }) => [who, statement.split(' ')[0]]),
      [
        ['li.na', 'approve'],
        ['wang.lei', 'propose'],
        ['wang.lei', 'approve'],
        ['Wang.Lei', 'approve'],
        ['li.na', 'approve'],
        ['li.na', 'approve'],
        ['li.na', 'approve'],
      ],
    );
    t.ok(rows.filter(({ kind }) => kind === 'refusal').length >= 9, 'and so is each refusal');
    const { rows: approvals } = await client.query(
      'SELECT digest, approved_by, author, issuer FROM weir.policy_approvals',
    );
    t.strictSame(approvals, [
      { digest, approved_by: 'li.na', author: 'wang.lei', issuer: desk.issuer.issuer },
    ]);
  });
  t.same((await verified(desk.store.superuserUrl)).faults, []);
});

void t.test('weir policy propose and approve take a token from a file or the environment', async (t) => {
  const desk = await waiting(t);
  const tokenFile = path.join(desk.directory, 'token');
  const verb = async (deed: string, ...more: string[]) =>
    weir(['policy', deed, desk.digest, '--config', desk.home, '--gateway', desk.address, ...more]);
  writeFileSync(
    tokenFile,
    `${await desk.token({ role: ['policy-owner', 'policy-author'], sub: 'wang.lei' })}\n`,
  );
  t.match(await verb('propose', '--token-file', tokenFile), {
    code: 1,
    err: /several roles.*\[role-required\]/,
  });
  t.match(await verb('propose', '--token-file', tokenFile, '--role', 'policy-author'), {
    code: 0,
    out: new RegExp(
      `is proposed in place of set [0-9a-f]{12}:\n  support-agent sees.*\nit waits.* ${desk.digest}\n$`,
    ),
  });
  t.match(await verb('approve', '--token-file', tokenFile, '--role', 'policy-owner'), {
    code: 1,
    err: /nobody approves a change of their own \[approval-refused\]\n {6}ask a second person/,
  });
  const env = { WEIR_TOKEN: await desk.token({ role: 'policy-owner', sub: 'li.na' }) };
  t.match(
    await weir(
      ['policy', 'approve', desk.digest, '--json', '--config', desk.home, '--gateway', desk.address],
      { env },
    ),
    { code: 0, out: /"proposedBy":"wang.lei"/ },
  );
  await desk.state('loaded');
  t.match(await verb('approve', '--token-file', path.join(desk.directory, 'none')), {
    code: 2,
    err: /cannot be read/,
  });
  t.match(
    await weir(['policy', 'approve', desk.digest, '--config', desk.home, '--gateway', 'http://127.0.0.1:1'], {
      env,
    }),
    {
      code: 1,
      err: /cannot be reached/,
    },
  );
  t.match(await verb('approve'), { code: 2, err: /--role and --gateway go with a token/ });
  t.match(await weir(['policy', 'approve', desk.digest, '--config', desk.home]), {
    code: 2,
    err: /neither a token nor a login/,
  });
  t.match(await weir(['policy', 'approve', desk.digest.slice(0, 12), '--config', desk.home]), {
    code: 2,
    err: /not a whole digest/,
  });
});

void t.test(
  'by their logins of the database: each speaks for itself, and shared ones for nobody',
  async (t) => {
    const desk = await waiting(t);
    const { store, digest } = desk;
    const verb = (deed: string, url: string) =>
      weir(['policy', deed, digest, '--config', desk.home], { env: { WEIR_STORE_OWNER_URL: url } });
    const [wang, li, outsider] = [
      await loginOf(t, store),
      await loginOf(t, store),
      await loginOf(t, store, 'weir_runtime'),
    ];
    for (const url of [store.ownerUrl, store.superuserUrl, outsider.url])
      t.match(await verb('propose', url), { code: 2, err: /not that of one person/ });
    t.match(await verb('approve', li.url), { code: 1, err: /nobody has proposed/ });
    t.match(await verb('propose', wang.url), { code: 0, out: /is proposed/ });
    t.match(await verb('approve', wang.url), { code: 1, err: /nobody approves a change of their own/ });
    t.match(
      await desk.post('approve', { role: 'policy-owner', sub: 'wang.lei' }),
      { status: 409, detail: /known in another way than you/ },
      'a token cannot be told from the login of the same person',
    );
    t.equal((await desk.state('waiting')).digest, digest);
    t.match(await verb('approve', li.url), {
      code: 0,
      out: new RegExp(`proposed by ${wang.name}, is approved`),
    });
    await desk.state('loaded');
  },
);

void t.test('a role for services neither proposes nor approves', async (t) => {
  const robot = `role: robot\nabout: a\nowner: o\nfor: services\nhours: always\nnetworks: [127.0.0.1]\nmay: [propose, approve]\n`;
  t.strictSame(await faultsOf(t, { 'roles/robot.yaml': robot }), [
    'roles/robot.yaml:7:6 a role for services cannot approve — remove approve: two people stand for a set',
    'roles/robot.yaml:7:6 a role for services cannot propose — remove propose: two people stand for a set',
  ]);
});

void t.test('the database holds to two people by itself, whatever a program asks of it', async (t) => {
  const store: Store = await freshStore(t as never);
  const [wang, li] = [await loginOf(t, store), await loginOf(t, store)];
  const pools = [store.runtimeUrl, wang.url, li.url, store.ownerUrl, store.superuserUrl].map(
    (connectionString) => new pg.Pool({ connectionString, max: 1 }),
  );
  for (const pool of pools) pool.on('error', () => undefined);
  const [runtime, asWang, asLi, asOwner, asSuperuser] = pools.map((pool) => new PolicyRecord(pool)) as [
    PolicyRecord,
    PolicyRecord,
    PolicyRecord,
    PolicyRecord,
    PolicyRecord,
  ];
  const [one, two, three] = ['1', '2', '3'].map((digit) => digit.repeat(64)) as [string, string, string];
  for (const digest of [one, two, three]) await runtime.keep(digest, '{}');
  await runtime.change(one, undefined, 'first');
  const replaces = (await runtime.newest())!;
  const login = ({ name: person }: { name: string }) => ({ issuer: null, person });
  const token = (person: string) => ({ issuer: 'https://login.example', person });
  const refused = async (work: Promise<unknown>, what: string) =>
    t.rejects(work, { cause: { code: '42501' } }, what);

  await refused(asWang.propose(two, replaces, login(li)), 'a login that types the name of another');
  await refused(runtime.propose(two, replaces, login(wang)), 'a gateway that types the name of a login');
  await refused(
    runtime.propose(two, replaces, { issuer: null, person: 'weir_runtime' }),
    'a gateway as itself',
  );
  await refused(asOwner.propose(two, replaces, { issuer: null, person: 'weir_owner' }), 'the owner');
  await refused(asSuperuser.propose(two, replaces, { issuer: null, person: 'postgres' }), 'a superuser');
  await asWang.propose(two, replaces, login(wang));
  const [proposal] = await runtime.proposals(two, replaces);
  await refused(asWang.approve(two, replaces, proposal!, login(wang)), 'the same login');
  await refused(asWang.approve(two, replaces, proposal!, login(li)), 'the same login under another name');
  await refused(
    asWang.approve(two, replaces, proposal!, token('li.na')),
    'somebody who is known another way',
  );
  await refused(asLi.approve(three, replaces, proposal!, login(li)), 'another set than was proposed');
  await refused(asLi.approve(two, replaces, { id: 99 }, login(li)), 'a proposal that there is not');
  await refused(
    asLi.approve(two, { ...replaces, number: 2 }, proposal!, login(li)),
    'a later change than it was proposed for',
  );
  await t.rejects(
    pools[2]!.query(
      `INSERT INTO weir.policy_approvals (digest, replaces, change, approved_by) VALUES ($1, $2, 1, $3)`,
      [two, one, li.name],
    ),
    { code: '42501' },
    'an approval of nothing, as versions before wrote them',
  );
  t.notOk(await runtime.isApproved(two, replaces));
  await asLi.approve(two, replaces, proposal!, login(li));
  t.ok(await runtime.isApproved(two, replaces));

  await runtime.propose(three, replaces, token('wang.lei'));
  const [second] = await runtime.proposals(three, replaces);
  await refused(
    runtime.approve(three, replaces, second!, token('Wang.Lei')),
    'the same person in other letters',
  );
  await refused(
    runtime.approve(three, replaces, second!, { issuer: 'https://other.example', person: 'li.na' }),
    'a person of another issuer',
  );
  await runtime.approve(three, replaces, second!, token('li.na'));
  t.ok(await runtime.isApproved(three, replaces));
  const { rows } = await pools[0]!.query('SELECT made_by, author FROM weir.policy_approvals ORDER BY 1');
  t.strictSame(
    rows.sort((a, b) => (a.author < b.author ? -1 : 1)),
    [
      { made_by: li.name, author: wang.name },
      { made_by: 'weir_runtime', author: 'wang.lei' },
    ].sort((a, b) => (a.author < b.author ? -1 : 1)),
  );
  await pools[1]!.query(
    `INSERT INTO weir.policy_proposals (digest, change, person, made_by, at) VALUES ($1, 1, $2, 'somebody', 'epoch')`,
    [two, wang.name],
  );
  const { rows: made } = await pools[0]!.query(
    `SELECT FROM weir.policy_proposals WHERE made_by = 'somebody' OR at < now() - interval '1 day'`,
  );
  t.equal(made.length, 0, 'nobody says under which login or when');
  // Before the database is dropped under them.
  await Promise.all(pools.map((pool) => pool.end()));
});
