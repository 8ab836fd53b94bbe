/** `weir demo` as people meet it: the process itself, its folder, its signals. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { endLeftover } from '../../src/demo/cluster.js';
import { findPostmaster } from '../../src/demo/postgres-process.js';
import { commandsOf, paste, tableOf } from './documented.js';
import { weir, weirProcess, type WeirProcess } from './weir-process.js';

t.setTimeout(300_000);

const ready = /^weir ready on (http:\/\/127\.0\.0\.1:\d+)/m;
const directory = await mkdtemp(join(tmpdir(), 'weir-demo-'));
const env = { WEIR_DATA_DIR: directory, WEIR_HTTP_PORT: '0' };
const data = () => {
  const moved = join(directory, 'postgres', 'moved-to');
  const home = existsSync(moved)
    ? (JSON.parse(readFileSync(moved, 'utf8')) as { home: string }).home
    : join(directory, 'postgres');
  return join(home, 'data');
};
t.teardown(async () => {
  await endLeftover(data());
  await rm(directory, { recursive: true, force: true });
});

async function ask(address: string, path: string, role: string, ...claims: string[]): Promise<Response> {
  const token = await weir(['token', '--role', role, '--sub', 'li.na', ...claims], { env });
  const headers = { authorization: `Bearer ${token.out.trim()}`, 'weir-reason': 'call' };
  return fetch(`${address}${path}`, { headers });
}

/** The pasted line of the REST door, taken apart. */
function sample(banner: string): { path: string; region: string } {
  const [, region = '', path = ''] =
    /region=(\S+)\)" -H 'Weir-Reason: call' 'http:\/\/[^/]+(\/rest\/[^']+)'/.exec(banner) ?? [];
  return { path, region };
}

async function stop(process: WeirProcess, signal: NodeJS.Signals): Promise<number | null> {
  process.child.kill(signal);
  return (await process.ended).code;
}

/** Against the demo at the address. */
async function pasteAll(t: Test, address: string): Promise<void> {
  const run = async (command: string): Promise<string> => {
    const { code, out, err } = await paste(command, address, { ...env, TOKEN: token });
    t.equal(code, 0, `${command}${code === 0 ? '' : `: ${out}${err}`}`);
    return out;
  };
  const claims = ['--claim', 'region=华东'];
  const agent = ['token', '--role', 'support-agent', '--sub', 'li.na', ...claims];
  const token = (await weir(agent, { env })).out.trim();
  const [install, start, order, shipment, ...log] = commandsOf('README.md') as [
    string,
    string,
    string,
    string,
  ];
  t.same([install, start], ['npm ci', 'npm start'], 'which is how this demo came about');

  const [first = [], ...rows] = tableOf('README.md', 'One order, three roles');
  t.same(first, ['', 'support-agent', 'warehouse', 'analyst']);
  const [seen] = JSON.parse(await run(order)) as [Record<string, unknown>];
  const key = String(seen['order_id']);
  const answerOf = async (role: string, ...claims: string[]) =>
    ((await (await ask(address, `/rest/orders?order_id=eq.${key}`, role, ...claims)).json()) as unknown[])[0];
  const answers = [seen, await answerOf('warehouse', '--claim', 'warehouse=HZ1'), await answerOf('analyst')];
  for (const [names = '', ...cells] of rows) {
    if (names === 'how it is found') continue;
    cells.forEach((cell, role) => {
      const values = names.split(', ').map((name) => (answers[role] as Record<string, unknown>)[name]);
      const shown = values.filter((value) => value !== undefined).join(', ');
      // The row of two columns tells what the analyst sees; the others have one of them or none.
      if (cell !== '' || names === 'order_no') t.equal(shown, cell, `${first[role + 1]} sees ${names}`);
    });
  }
  for (const refused of [
    'receiver_phone=like.138*',
    'order=receiver_phone',
    'order=created_at.desc&limit=200',
  ])
    t.equal((await ask(address, `/rest/orders?${refused}`, 'support-agent', ...claims)).status, 403, refused);
  t.match(JSON.parse(await run(shipment)), { receiver: { phone: /^\*{4}\d{4}$/ } });

  const [show = '', verify = '', alerts = '', ...others] = log;
  t.same(others, []);
  t.match(show, `--record orders/${key} `.trim(), 'the record of that very order');
  t.match(await run(show), /li\.na .*support-agent/);
  t.match(await run(verify), /the log holds/);
  t.match(await run(alerts), /no read was flagged/);
  t.match(await run(`${show} --door rest --json`), /"door":"rest"/);

  const [again, parcels = '', call = ''] = commandsOf('docs/demo.md');
  t.equal(again, shipment);
  const { data } = JSON.parse(await run(parcels)) as { data: { warehouse: string }[] };
  t.same(new Set(data.map(({ warehouse }) => warehouse)), new Set(['HZ1']), 'parcels of the own warehouse');
  t.match(JSON.parse(await run(call)), { callId: String, status: 'ringing' });
  t.match(await run(`${show} --door proxy`), /li\.na/, 'whom it rang is on the log');
  for (const read of commandsOf('docs/rest.md')) t.ok(Array.isArray(JSON.parse(await run(read))));
}

void t.test(
  'a demo makes everything it needs, says how to use it, and takes all of it down again',
  async (t) => {
    const demo = weirProcess(t, ['demo'], env);
    const [, address = ''] = await demo.says(ready);

    const answer = async () => ask(address, path, 'support-agent', '--claim', `region=${region}`);
    const { path, region } = sample((await demo.says(/[^]*/))[0]);
    const response = await answer();
    t.equal(response.status, 200, 'the line of the banner works');
    const [order] = (await response.json()) as [Record<string, string>];
    t.match(order, { receiver_name: /^.+\*\*$/, receiver_phone: /^\*{4}\d{4}$/, address: /\*{3}$/ });
    t.equal((await ask(address, '/admin/alerts', 'security')).status, 200);
    t.equal((await fetch(`${address}/readyz`)).status, 200);

    const banner = (await demo.says(/^weir ready/m)).input;
    const [, toolToken = '', direct = ''] = /Bearer (\S+)' '(http:\S+\/shipments\/\d+)'/.exec(banner) ?? [];
    const fromService = () => fetch(direct, { headers: { authorization: `Bearer ${toolToken}` } });
    t.match(await (await fromService()).json(), { receiver: { phone: String, idCardNo: String } });

    for (const file of ['weir.yaml', 'secrets.json']) {
      t.equal(statSync(join(directory, file)).mode & 0o777, 0o600, `${file} is for its owner alone`);
    }
    t.match(await weir(['config', '--check'], { env }), { code: 0 }, 'other verbs find what it wrote');
    t.match(await weir(['policy', 'check', '--database'], { env }), {
      code: 0,
      out: /fit the order database/,
    });
    t.match(await weir(['alerts'], { env }), { code: 0, out: /no read was flagged/ });

    await t.test('what README and docs give to paste does what they say', (t) => pasteAll(t, address));

    t.match(await weir(['demo'], { env }), { code: 2, err: /another demo lives in/ }, 'one folder, one demo');

    t.ok(await findPostmaster(data()));
    t.equal(await stop(demo, 'SIGINT'), 0);
    t.equal(await findPostmaster(data()), undefined, 'PostgreSQL has stopped with it');
    await t.rejects(fromService(), 'and so have the services');
    const { out, err } = await demo.ended;
    t.match(
      out.trimEnd().split('\n').at(-1),
      /^weir ready on .* \(demo\)$/,
      'its last line says that it is ready',
    );
    for (const role of ['support-agent', 'warehouse', 'logistics', 'analyst', 'security'])
      t.match(out, new RegExp(`^  ${role} `, 'm'));
    t.equal(err, 'weir: stopping; requests in work are finished first (once more stops at once)\n');
  },
);

void t.test('after SIGKILL the next start goes on by itself, with the same data and keys', async (t) => {
  const killed = weirProcess(t, ['demo'], env);
  const [, first = ''] = await killed.says(ready);
  const { path, region } = sample((await killed.says(/[^]*/))[0]);
  const token = (
    await weir(['token', '--role', 'support-agent', '--sub', 'li.na', '--claim', `region=${region}`], { env })
  ).out.trim();
  const headers = { authorization: `Bearer ${token}`, 'weir-reason': 'call' };
  const before = await (await fetch(`${first}${path}`, { headers })).text();
  await stop(killed, 'SIGKILL');
  const orphan = await findPostmaster(data());
  t.ok(orphan, 'PostgreSQL is left behind');

  const demo = weirProcess(t, ['demo'], env);
  const [, address = ''] = await demo.says(ready);
  const again = await fetch(`${address}${path}`, { headers });
  t.equal(await again.text(), before, 'the token of before still opens the same order');
  t.not(await findPostmaster(data()), orphan);

  // The database alone dies: the gateway refuses until it is back, and goes on.
  process.kill((await findPostmaster(data()))!, 'SIGKILL');
  await demo.says(/PostgreSQL has ended; starting it again/);
  const deadline = Date.now() + 60_000;
  let status = 0;
  while (status !== 200 && Date.now() < deadline)
    status = (await fetch(`${address}${path}`, { headers })).status;
  t.equal(status, 200);
  t.equal(await stop(demo, 'SIGTERM'), 0);
  t.equal(await findPostmaster(data()), undefined);
});

void t.test('a port that is taken is told before anything is made', async (t) => {
  const server = createServer();
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const ended = await weir(['demo'], { env: { ...env, WEIR_HTTP_PORT: String(port) } });
  t.match(ended, { code: 2, err: /port \d+ on 127\.0\.0\.1 is taken[^]*WEIR_HTTP_PORT/ });
  t.equal(await findPostmaster(data()), undefined);
});

void t.test('what is wrong with the environment is told before anything is made', async (t) => {
  t.match(await weir(['demo'], { env: { ...env, WEIR_HTTP_PROT: '1' } }), {
    code: 2,
    err: /did you mean WEIR_HTTP_PORT/,
  });
  t.match(await weir(['demo'], { env: { ...env, WEIR_POLICIES: t.testdir({}) } }), {
    code: 2,
    err: /policy files have faults/,
  });
  const production = {
    ...env,
    WEIR_STORE_URL: 'postgres://production/weir',
    WEIR_HOST: 'no.such.host.invalid',
  };
  t.match(
    await weir(['demo'], { env: production }),
    { code: 2, err: /it ignores WEIR_STORE_URL[^]*cannot listen on http\.host/ },
    "production's databases are left alone",
  );
});

void t.test('--reset throws away what demos made, and nothing that lies beside it', async (t) => {
  const other = t.testdir({ 'mine.txt': 'mine', 'secrets.json': '{}', issuer: { a: '' }, 'weir.yaml': '' });
  const ended = await weir(['demo', '--reset'], {
    env: { ...env, WEIR_DATA_DIR: other, WEIR_HOST: 'no.such.host.invalid' },
  });
  t.match(ended, { code: 2, out: /threw away what earlier demos made/ });
  t.equal(readFileSync(join(other, 'mine.txt'), 'utf8'), 'mine');
  t.notOk(existsSync(join(other, 'issuer', 'a')));
  t.match(
    JSON.parse(readFileSync(join(other, 'secrets.json'), 'utf8')),
    { digestKey: /^d2Vpci1kZW1vL/ },
    'its key is marked',
  );
});
