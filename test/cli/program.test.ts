import { randomBytes } from 'node:crypto';
import { cpSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { openSecrets } from '../../src/cli/demo-files.js';
import { openDemoIssuer } from '../../src/demo/issuer.js';
import { version } from '../../src/version.js';
import { weir } from './weir-process.js';

const policies = fileURLToPath(new URL('../../policies', import.meta.url));
const verbs = [
  ['start'],
  ['demo'],
  ['migrate'],
  ['config'],
  ['policy', 'check'],
  ['policy', 'test'],
  ['policy', 'show'],
  ['policy', 'drift'],
  ['policy', 'diff'],
  ['policy', 'schema'],
  ['policy', 'propose'],
  ['policy', 'approve'],
  ['token'],
  ['service', 'key'],
  ['service', 'check'],
  ['log', 'verify'],
  ['log', 'show'],
  ['revoke'],
  ['why'],
  ['grants'],
  ['alerts'],
];

const sound = (digestKey = randomBytes(32).toString('base64'), jwks = "url: 'https://id.example/jwks'") => `
store: {url: 'postgres://weir_runtime:hunter2@127.0.0.1:1/weir'}
orders: {url: 'postgres://weir_reader:hunter2@127.0.0.1:1/shop'}
policies: {directory: '${policies}'}
identity: {issuers: [{issuer: 'https://id.example', audience: weir, jwks: {${jwks}}}]}
log: {digestKey: ${digestKey}}
`;

function folder(t: Test, text = sound()): string {
  return t.testdir({ 'weir.yaml': text });
}

void t.test('every verb explains itself, with an example', async (t) => {
  for (const verb of verbs) {
    const { code, out, err } = await weir([...verb, '--help']);
    t.equal(code, 0, verb.join(' '));
    t.match(out, `Usage: weir ${verb.join(' ')}`);
    t.match(out, /\nExample:\n {2}\$ /);
    t.equal(err, '');
  }
  t.match(await weir(['--version']), { code: 0, out: `${version}\n` });
});

/** The verbs below a verb, as its help lists them. */
async function verbsBelow(...verb: string[]): Promise<string[][]> {
  const { out } = await weir([...verb, '--help'], { columns: 80 });
  const [, listed = ''] = /\nCommands:\n([^]*?)(\n\n|$)/.exec(out) ?? [];
  const names = [...listed.matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name!);
  return names.filter((name) => name !== 'help').map((name) => [...verb, name]);
}

void t.test('the tree of verbs: those above, each told in lines of 80 columns at the most', async (t) => {
  const found: string[][] = [];
  for (const verb of await verbsBelow()) {
    const below = await verbsBelow(...verb);
    found.push(...(below.length > 0 ? below : [verb]));
    for (const each of [verb, ...below]) {
      const { out } = await weir([...each, '--help'], { columns: 80 });
      // An example is for copying, so it stays whole.
      const long = out.split('\n').filter((line) => line.length > 80 && !line.startsWith('  $ '));
      t.same(long, [], each.join(' '));
    }
  }
  const sorted = (list: string[][]): string[] => list.map((verb) => verb.join(' ')).sort();
  t.same(sorted(found), sorted(verbs));
});

const withoutJson = new Set(['start', 'demo', 'migrate', 'policy schema', 'token', 'service key', 'grants']);

void t.test(
  'every verb that lists or judges has --json; those that serve, write or print one thing do not',
  async (t) => {
    for (const verb of verbs) {
      const { out } = await weir([...verb, '--help']);
      t.equal(/^ +--json\b/m.test(out), !withoutJson.has(verb.join(' ')), verb.join(' '));
    }
  },
);

void t.test('wrong usage is told, with where to look, and ends with 2', async (t) => {
  const cases: [args: string[], err: RegExp][] = [
    [[], /Usage: weir/],
    [['strat'], /unknown command 'strat'\n\(Did you mean start\?\)/],
    [['token', '--role', 'analyst'], /required option '--sub <person>'/],
    [['token', '--role', 'analyst', '--sub', 'li.na', '--ttl', '5'], /a number and a unit/],
    [['token', '--role', 'analyst', '--sub', 'li.na', '--claim', 'x'], /name=value/],
    [['log', 'show', '--limit', '-1'], /whole number/],
    [['alerts', '--nope'], /unknown option '--nope'/],
  ];
  for (const [args, err] of cases) {
    const ended = await weir(args);
    t.match(ended, { code: 2, out: '', err }, args.join(' '));
  }
});

void t.test('a verb without any configuration says where it looked', async (t) => {
  const cwd = t.testdir({});
  for (const verb of [
    ['migrate'],
    ['config'],
    ['policy', 'check'],
    ['log', 'verify'],
    ['log', 'show'],
    ['revoke', '--list'],
    ['alerts'],
  ]) {
    t.match(
      await weir(verb, { cwd }),
      { code: 2, err: /no configuration[^]*WEIR_CONFIG[^]*npm start/ },
      verb.join(' '),
    );
  }
  t.match(await weir(['start'], { cwd }), { code: 2, err: /no configuration[^]*weir demo/ });
});

void t.test(
  '--config goes before WEIR_CONFIG, that before ./weir.yaml, that before what the demo wrote',
  async (t) => {
    const named = (port: number) => `http: {port: ${port}}\n${sound()}`;
    const cwd = t.testdir({
      'option.yaml': named(1),
      'variable.yaml': named(2),
      '.weir': { 'weir.yaml': named(4) },
    });
    const portOf = async (args: string[], env: Record<string, string> = {}) =>
      Number(/port: (\d+)/.exec((await weir(['config', '--dump', ...args], { cwd, env })).out)?.[1]);
    t.equal(await portOf([]), 4);
    t.match(
      await weir(['start'], { cwd }),
      { code: 2, err: /no configuration/ },
      'weir start does not take the demo',
    );
    writeFileSync(join(cwd, 'weir.yaml'), named(3));
    t.equal(await portOf([]), 3);
    t.equal(await portOf([], { WEIR_CONFIG: 'variable.yaml' }), 2);
    t.equal(await portOf(['--config', 'option.yaml'], { WEIR_CONFIG: 'variable.yaml' }), 1);
  },
);

void t.test('config --check tells every fault, --dump no secret', async (t) => {
  t.match(await weir(['config', '--check'], { cwd: folder(t) }), { code: 0, out: /sound/ });
  const dump = await weir(['config', '--dump'], { cwd: folder(t) });
  t.equal(dump.code, 0);
  t.notMatch(dump.out, 'hunter2');
  t.match(
    dump.out,
    /^http:\n {2}host: 127\.0\.0\.1\n/,
    'in the order of the manual, whatever the order of the file',
  );
  const bad = { cwd: folder(t, `http: {prt: 1}\nlogLevel: loud\n${sound()}`), env: { WEIR_HTTP_PORT: 'x' } };
  const told = await weir(['config', '--check'], bad);
  t.match(told, { code: 2, out: '', err: /3 faults[^]*WEIR_HTTP_PORT[^]*weir\.yaml:1:8 http\.prt/ });
  const json = await weir(['config', '--check', '--json'], bad);
  t.equal(json.code, 2);
  t.match(JSON.parse(json.out), { sound: false, faults: [{ where: 'WEIR_HTTP_PORT' }, {}, {}] });
});

void t.test('policy check names file, line and column as they open from here, and ends with 1', async (t) => {
  t.match(await weir(['policy', 'check', '--dir', policies]), {
    code: 0,
    out: /^policies: 6 roles, no faults/,
  });
  const cwd = t.testdir({ p: {} });
  cpSync(policies, join(cwd, 'p'), { recursive: true });
  const file = join(cwd, 'p', 'roles', 'analyst.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('region: clear', 'regoin: clear'));
  const found = await weir(['policy', 'check', '--dir', 'p'], { cwd });
  t.match(found, { code: 1, out: /^p\/roles\/analyst\.yaml:\d+:\d+ .*regoin.* — .*region/ });
  const json = await weir(['policy', 'check', '--dir', 'p', '--json'], { cwd });
  t.match(JSON.parse(json.out), { sound: false, faults: [{ file: 'p/roles/analyst.yaml' }] });
});

void t.test(
  'policy check says which roles need a key that the configuration at hand does not have',
  async (t) => {
    const cwd = folder(t);
    cpSync(policies, join(cwd, 'p'), { recursive: true });
    const file = join(cwd, 'p', 'roles', 'support-agent.yaml');
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('receiver_name: surname # 张**', 'receiver_name: token'),
    );
    const check = (...more: string[]) => weir(['policy', 'check', '--dir', 'p', ...more], { cwd });
    t.match(await check(), {
      code: 1,
      out: /^p\/roles\/support-agent\.yaml:\d+:\d+ role support-agent sees orders\.receiver_name as token, and masks\.tokenKey is not configured — make a key/,
    });
    const key = randomBytes(32).toString('base64');
    writeFileSync(join(cwd, 'weir.yaml'), `${sound()}masks: {tokenKey: ${key}}\n`);
    t.match(await check(), { code: 0, out: /no faults/ });
    writeFileSync(join(cwd, 'weir.yaml'), 'http: {prt: 1}\n');
    t.match(
      await check(),
      { code: 0, out: /no faults/ },
      'a configuration that nobody named is not its business',
    );
    t.match(await check('--config', 'weir.yaml'), { code: 2, err: /http\.prt/ });
  },
);

void t.test(
  'a token needs a demo; it is printed alone, and its claims cannot be forged over the options',
  async (t) => {
    const cwd = t.testdir({});
    const args = ['token', '--role', 'support-agent', '--sub', 'li.na'];
    t.match(await weir(args, { cwd }), { code: 2, out: '', err: /no demo[^]*npm start/ });
    const data = t.testdir({ 'weir.yaml': sound() });
    const env = { WEIR_DATA_DIR: data };
    const more = [
      '--role',
      'analyst',
      '--scope',
      'orders.read',
      '--scope',
      'orders.export',
      '--ttl',
      '5m',
      '--claim',
      'region=华东',
    ];
    const { code, out } = await weir([...args, ...more], { cwd, env });
    t.equal(code, 0);
    t.match(out, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const claims = JSON.parse(Buffer.from(out.split('.')[1]!, 'base64url').toString()) as Record<
      string,
      unknown
    >;
    t.match(claims, {
      sub: 'li.na',
      roles: ['support-agent', 'analyst'],
      scope: 'orders.read orders.export',
      client_id: 'weir-cli',
      region: '华东',
    });
    t.equal((claims['exp'] as number) - (claims['iat'] as number), 300);
    for (const claim of ['sub', 'roles', 'exp', 'iss']) {
      t.match(await weir([...args, '--claim', `${claim}=x`], { cwd, env }), { code: 2, out: '' }, claim);
    }
  },
);

void t.test('weir start refuses the keys of a demo', async (t) => {
  const data = t.testdir({});
  const { digestKey, tokenKey } = await openSecrets(data);
  const withKey = folder(t, sound(digestKey));
  t.match(await weir(['start'], { cwd: withKey }), { code: 2, err: /log\.digestKey is a demo's key/ });
  const withTokens = folder(t, `${sound()}masks: {tokenKey: ${tokenKey}}\n`);
  t.match(await weir(['start'], { cwd: withTokens }), { code: 2, err: /masks\.tokenKey is a demo's key/ });

  const { jwksFile } = await openDemoIssuer(t.testdir({}));
  const jwks = readFileSync(jwksFile, 'utf8');
  const withIssuer = t.testdir({ 'jwks.json': jwks, 'weir.yaml': sound(undefined, 'file: jwks.json') });
  t.match(await weir(['start'], { cwd: withIssuer }), {
    code: 2,
    err: /issuers\[0\]\.jwks holds a demo's key/,
  });
});

void t.test('the demo keeps its secrets to itself, and makes them once', async (t) => {
  const data = t.testdir({});
  const first = await openSecrets(data);
  t.strictSame(await openSecrets(data), first);
  t.equal(statSync(join(data, 'secrets.json')).mode & 0o777, 0o600);
  t.equal(new Set(Object.values(first)).size, 9, 'no two are the same');
});

void t.test('a database that is not there is told by name, with the key to mend, and no stack', async (t) => {
  const cwd = folder(t);
  const cases: [verb: string[], err: RegExp][] = [
    [['log', 'verify'], /gateway's own database cannot be used \(ECONNREFUSED\)[^]*store\.url/],
    [['alerts'], /gateway's own database cannot be used \(ECONNREFUSED\)[^]*store\.url/],
    [['revoke', '--list'], /gateway's own database cannot be used \(ECONNREFUSED\)[^]*store\.url/],
    [['policy', 'check', '--database'], /the order database cannot be used \(ECONNREFUSED\)[^]*orders\.url/],
    [['start'], /one of the two databases cannot be used \(ECONNREFUSED\)/],
  ];
  for (const [verb, err] of cases) {
    const ended = await weir(verb, { cwd, env: { WEIR_LOG_LEVEL: 'silent' } });
    t.match(ended, { code: 1, err }, verb.join(' '));
    t.notMatch(ended.err, /hunter2| at .*:\d+:\d+/);
  }
  t.match(await weir(['migrate'], { cwd }), { code: 2, err: /WEIR_STORE_OWNER_URL/ });
  const env = { WEIR_STORE_OWNER_URL: 'postgres://weir_owner:hunter2@127.0.0.1:1/weir' };
  t.match(await weir(['migrate'], { cwd, env }), { code: 1, err: /ECONNREFUSED[^]*store\.ownerUrl/ });
});

void t.test('times that are none are refused before anything is read', async (t) => {
  const cwd = folder(t);
  t.match(await weir(['alerts', '--from', 'yesterday'], { cwd }), { code: 2, err: /--from is no time/ });
  t.match(await weir(['log', 'verify', '--from', '2026-02-30'], { cwd }), {
    code: 2,
    err: /--from is no time/,
  });
  t.match(await weir(['alerts', '--from', '1h', '--to', '2h'], { cwd }), { code: 2, err: /not before/ });
});

void t.test('a demo that had no key for tokens makes one, and keeps what it had', async (t) => {
  const data = t.testdir({ 'secrets.json': JSON.stringify({ digestKey: 'kept', ownerPassword: 'kept' }) });
  const secrets = await openSecrets(data);
  t.match(secrets, {
    digestKey: 'kept',
    ownerPassword: 'kept',
    tokenKey: /^d2Vpci1kZW1vL/,
    principalKey: /"weir-demo-/,
  });
  t.strictSame(await openSecrets(data), secrets, 'once');
});

void t.test('weir revoke does one thing, says what is missing, and writes as the owner only', async (t) => {
  const cwd = folder(t);
  const owner = { WEIR_STORE_OWNER_URL: 'postgres://weir_owner:hunter2@127.0.0.1:1/weir' };
  const cases: [args: string[], err: RegExp][] = [
    [[], /one thing at a time[^]*--person, --tool, --jti, --lift or --list/],
    [['--person', 'li.na', '--tool', 'crm', '--reason', 'x'], /one thing at a time/],
    [['--list', '--lift', '1'], /one thing at a time/],
    [['--person', 'li.na'], /no reason[^]*--reason/],
    [['--person', 'li.na', '--reason', ' '], /no reason/],
    [['--person', ' ', '--reason', 'x'], /--person is not 1 to 255 characters/],
    [
      ['--person', 'li.na', '--reason', 'x', '--issuer', 'https://nobody'],
      /names no configured issuer[^]*id\.example/,
    ],
    [['--person', 'li.na', '--reason', 'x', '--until', 'soon'], /--until is no time/],
    [['--person', 'li.na', '--reason', 'x', '--until', '2020-01-01'], /lies in the past/],
    [['--lift', '1', '--reason', 'x', '--until', '8h'], /--until does not go with --lift/],
    [['--lift', 'one', '--reason', 'x'], /whole number/],
    [['--list', '--reason', 'x'], /--reason does not go with --list/],
    [['--person', 'li.na', '--reason', 'x'], /the role that owns the tables[^]*WEIR_STORE_OWNER_URL/],
  ];
  for (const [args, err] of cases)
    t.match(await weir(['revoke', ...args], { cwd }), { code: 2, out: '', err }, args.join(' '));
  t.match(await weir(['revoke', '--person', 'li.na', '--reason', 'x'], { cwd, env: owner }), {
    code: 1,
    err: /gateway's own database cannot be used \(ECONNREFUSED\)[^]*store\.ownerUrl/,
  });
});
