import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { dumpConfig } from '../../src/config/dump.js';
import { ConfigFaults } from '../../src/config/faults.js';
import { loadConfig, type Environment } from '../../src/config/load.js';
import { decodeKey, postgresUser } from '../../src/config/meaning.js';
import type { Config } from '../../src/config/schema.js';
import {
  defaultAlgorithms,
  defaultClaimPaths,
  defaultTokenTypes,
  supportedAlgorithms,
  type IssuerConfig,
} from '../../src/identity/issuer.js';
import { makePrincipalKey } from '../../src/identity/principal-token.js';

const digestKey = randomBytes(32).toString('base64');
const whole = `
store: {url: 'postgres://weir_runtime:store-secret@db.example/weir'}
orders:
  url: {env: SHOP_URL}
policies: {directory: policies}
identity:
  issuers:
    - {issuer: 'https://id.example', audience: weir, jwks: {url: 'https://id.example/jwks'}}
log: {digestKey: {file: digest.key}}
`;
const shop = { SHOP_URL: 'postgres://weir_reader:orders-secret@shop.example/shop' };

function folderWith(t: Test, text: string): string {
  const folder = t.testdir({ 'weir.yaml': text, 'digest.key': `${digestKey}\n` });
  return folder;
}

function faultsOf(
  t: Test,
  text: string,
  env: Environment = shop,
): { where: string; message: string; hint: string }[] {
  const folder = folderWith(t, text);
  try {
    loadConfig({ file: 'weir.yaml', env, cwd: folder });
  } catch (error) {
    if (error instanceof ConfigFaults) return [...error.faults];
    throw error;
  }
  return [];
}

void t.test('a short file becomes a whole configuration, with safe defaults', async (t) => {
  const folder = folderWith(t, whole);
  const config = loadConfig({ file: 'weir.yaml', env: shop, cwd: folder });
  t.equal(config.http.host, '127.0.0.1');
  t.equal(config.http.port, 8080);
  t.strictSame(config.http.trustedProxies, []);
  t.equal(config.store.url, 'postgres://weir_runtime:store-secret@db.example/weir');
  t.equal(config.orders.url, shop.SHOP_URL, 'a secret named by a variable is read from it');
  t.equal(config.log.digestKey, digestKey, 'a secret in a file is read without its line break');
  t.equal(config.policies.directory, join(folder, 'policies'), 'paths are relative to the file');
  t.equal(config.store.ownerUrl, undefined);
  t.equal(config.logLevel, 'info');
  const issuer = config.identity.issuers[0] as IssuerConfig;
  t.strictSame(issuer.claims, defaultClaimPaths);
  t.strictSame(issuer.algorithms, defaultAlgorithms);
  t.strictSame(issuer.typ, defaultTokenTypes);
});

void t.test('a configuration cannot be changed once it is loaded', async (t) => {
  const config = loadConfig({ file: 'weir.yaml', env: shop, cwd: folderWith(t, whole) });
  t.throws(() => Object.assign(config.http, { port: 1 }), TypeError);
  t.throws(() => (config.identity.issuers as unknown[]).push({}), TypeError);
});

void t.test('every algorithm that identity supports can be configured, and no other', async (t) => {
  const withAlgorithms = (list: readonly string[]) =>
    whole.replace('audience: weir,', `audience: weir, algorithms: [${list.join(', ')}],`);
  t.strictSame(faultsOf(t, withAlgorithms(supportedAlgorithms)), []);
  t.match(faultsOf(t, withAlgorithms(['HS256'])), [
    { where: 'weir.yaml:8:67 identity.issuers[0].algorithms[0]' },
  ]);
  t.match(faultsOf(t, withAlgorithms(['none'])), [{ message: 'is none of the known values' }]);
});

void t.test('the environment wins over the file', async (t) => {
  const folder = folderWith(t, `http: {port: 1}\nlogLevel: debug\n${whole}`);
  const env = {
    ...shop,
    WEIR_HTTP_PORT: '9000',
    WEIR_HOST: '0.0.0.0',
    WEIR_POLICIES: 'elsewhere',
    WEIR_STORE_URL: 'postgres://other@db.example/weir',
    WEIR_LOG_LEVEL: 'warn',
  };
  const config = loadConfig({ file: 'weir.yaml', env, cwd: folder });
  t.equal(config.http.port, 9000);
  t.equal(config.http.host, '0.0.0.0');
  t.equal(config.store.url, env.WEIR_STORE_URL);
  t.equal(config.logLevel, 'warn');
  t.equal(
    config.policies.directory,
    join(folder, 'elsewhere'),
    'a path in the environment is relative to the working folder',
  );
});

void t.test(
  'a variable that overrides a secret makes the reference in the file pointless, not wrong',
  async (t) => {
    t.strictSame(faultsOf(t, whole, { WEIR_ORDERS_URL: shop.SHOP_URL }), []);
  },
);

void t.test('all faults are reported at once, each with its place and what to write', async (t) => {
  const faults = faultsOf(
    t,
    `http: {port: "80", prt: 1}
store:
  url: {env: NOPE}
  poolSize: 0
order:
  url: x
policies: {directory: 5}
identity:
  issuers:
    - issuer: a
      audience: b
      jwks: {}
log:
  digestKey: abc
  zone: Mars/Olympus
logLevel: loud
`,
    { WEIR_HTTP_PROT: '1', WEIR_HOST: '' },
  );
  const told = faults.map(({ where, message }) => `${where}: ${message}`);
  t.strictSame(
    told.sort(),
    [
      'WEIR_HOST: is set but empty',
      'WEIR_HTTP_PROT: there is no such variable',
      'weir.yaml:12:7 identity.issuers[0].jwks: must hold exactly one key',
      'weir.yaml:14:3 log.digestKey: is not base64 of 32 bytes',
      'weir.yaml:15:3 log.zone: is no time zone of the IANA list',
      'weir.yaml:16:1 logLevel: is none of the known values',
      'weir.yaml:1:1 orders.url: is missing and has no default',
      'weir.yaml:1:20 http.prt: there is no such key',
      'weir.yaml:1:8 http.port: must be a whole number',
      'weir.yaml:3:3 store.url: the variable NOPE is not set',
      'weir.yaml:4:3 store.poolSize: must be at least 1',
      'weir.yaml:5:1 order: there is no such key',
      'weir.yaml:7:12 policies.directory: must be text',
    ].sort(),
  );
  t.ok(faults.every(({ hint }) => hint !== ''));
  const hintOf = (where: string) => faults.find((fault) => fault.where === where)?.hint;
  t.match(hintOf('WEIR_HTTP_PROT'), 'WEIR_HTTP_PORT');
  t.match(hintOf('weir.yaml:5:1 order'), 'orders');
  t.match(hintOf('weir.yaml:1:1 orders.url'), 'WEIR_ORDERS_URL');
});

void t.test('numbers in the environment are read strictly', async (t) => {
  for (const text of ['80x', ' 80', '+80', '8e1', '0x50', '80.0', '-1', '080']) {
    t.match(
      faultsOf(t, whole, { ...shop, WEIR_HTTP_PORT: text }),
      [{ where: 'WEIR_HTTP_PORT' }],
      JSON.stringify(text),
    );
  }
  t.match(faultsOf(t, whole, { ...shop, WEIR_HTTP_PORT: '70000' }), [
    { where: 'WEIR_HTTP_PORT', message: 'must be at most 65535' },
  ]);
});

void t.test('nothing is coerced and nothing unknown passes', async (t) => {
  const cases: [text: string, message: string | RegExp][] = [
    ['http: {port: 80.5}', 'must be a whole number'],
    ['http: {port: null}', 'must be a whole number'],
    ['http: {trustedProxies: 10.0.0.1}', 'must be a list'],
    ['http: []', 'must hold keys'],
    ['http: {trustedProxies: [10.0.0.0/33]}', 'is neither an address nor a CIDR block'],
    ['logLevel: yes', 'is none of the known values'],
    ['__proto__: {a: 1}', 'there is no such key'],
    ['http: {port: 1, port: 2}', 'a key stands here twice'],
    ['http: {port: 1', /^this is not YAML/],
  ];
  for (const [text, message] of cases) {
    const faults = faultsOf(t, `${whole}${text}\n`);
    t.match(faults, [{ message }], text);
    t.equal(faults.length, 1, text);
    t.match(faults[0]!.where, /^weir\.yaml:\d+:\d+/, text);
  }
  t.match(faultsOf(t, '- a\n'), [{ message: 'the file does not hold keys with values' }]);
});

void t.test('what a schema cannot say is checked too', async (t) => {
  const cases: [from: string, to: string, where: RegExp][] = [
    ['postgres://weir_runtime:store-secret@db.example/weir', 'mysql://a@b/c', /store\.url$/],
    ['postgres://weir_runtime:store-secret@db.example/weir', 'postgres://db.example/weir', /store\.url$/],
    ["/weir'}", "/weir', ownerUrl: 'postgres://weir_runtime:x@db.example/weir'}", /store\.ownerUrl$/],
    ["url: 'https://id.example/jwks'", "url: 'http://id.example/jwks'", /jwks\.url$/],
    ["url: 'https://id.example/jwks'", "url: 'https://a:b@id.example/jwks'", /jwks\.url$/],
    ['audience: weir,', 'audience: weir, claims: {roles: realm..roles},', /claims\.roles$/],
    ['audience: weir,', 'audience: "",', /audience$/],
  ];
  for (const [from, to, where] of cases) {
    t.match(faultsOf(t, whole.replace(from, to)), [{ where }], to);
  }
});

void t.test('a file that is not there is a fault, and so is a configuration without any file', async (t) => {
  const faults = (file: string | undefined) => {
    try {
      loadConfig({ file, env: {}, cwd: t.testdirName });
    } catch (error) {
      return (error as ConfigFaults).faults;
    }
    return [];
  };
  t.match(faults('nowhere.yaml'), [{ where: 'nowhere.yaml', message: /ENOENT/ }]);
  t.match(faults(undefined), [{ where: 'store.url' }, { where: 'orders.url' }]);
});

void t.test('a fault never repeats what was found, because it may be a password', async (t) => {
  const secret = 'hunter2-hunter2';
  const faults = faultsOf(
    t,
    `${whole.replace('audience: weir', `audience: {a: ${secret}}`)}http: {host: [${secret}], port: ${secret}}\nlogLevel: ${secret}\n`,
    { ...shop, WEIR_DIGEST_KEY: secret, WEIR_STORE_URL: secret, WEIR_HTTP_PORT: secret },
  );
  t.ok(faults.length >= 5);
  t.notMatch(new ConfigFaults(faults).message, secret);
});

void t.test('a dump shows every key and no secret', async (t) => {
  const folder = folderWith(t, whole);
  const env = { ...shop, WEIR_STORE_OWNER_URL: 'postgres://weir_owner:owner-secret@db.example/weir' };
  const text = dumpConfig(loadConfig({ file: 'weir.yaml', env, cwd: folder }));
  for (const secret of ['store-secret', 'orders-secret', 'owner-secret', digestKey]) t.notMatch(text, secret);
  t.match(text, /url: \(set\)\n {2}/);
  t.match(text, 'ownerUrl: (set)');
  t.match(text, 'digestKey: (set)');
  t.match(text, 'statementTimeoutMs: 5000');
  t.match(text, 'url: https://id.example/jwks', 'an address of public keys is no secret');

  // What a dump shows is what was read: with the secrets put back, it loads to the same.
  const again = join(folder, 'again.yaml');
  writeFileSync(again, text.replaceAll('(set)', 'ignored'));
  const overrides = {
    ...env,
    WEIR_STORE_URL: 'postgres://weir_runtime@x/weir',
    WEIR_ORDERS_URL: shop.SHOP_URL,
    WEIR_DIGEST_KEY: digestKey,
  };
  const reloaded = loadConfig({ file: again, env: { ...overrides, SHOP_URL: undefined }, cwd: folder });
  t.equal(dumpConfig(reloaded), text);
});

void t.test('addresses and keys are taken apart as PostgreSQL and openssl write them', async (t) => {
  t.equal(postgresUser('postgres://li%20na:x@h/db'), 'li na');
  t.equal(postgresUser('postgresql:///db?host=/tmp&user=weir'), 'weir');
  t.equal(postgresUser('postgres://%zz@h/db'), undefined);
  t.equal(decodeKey(digestKey)?.toString('base64'), digestKey);
  t.equal(decodeKey(digestKey.slice(1)), undefined);
});

// Does not compile where the two rooms describe an issuer differently.
export const sameIssuer = (config: Config): readonly IssuerConfig[] => config.identity.issuers;

void t.test('keys that sign for services are private JWKs, and the gateway has an address', (t) => {
  const jwk = makePrincipalKey();
  const { d, ...half } = JSON.parse(jwk) as Record<string, string>;
  t.type(d, 'string');
  const withKey = (text: string, more = ', issuer: https://weir.example') =>
    faultsOf(t, `${whole}principal: {keys: [{jwk: '${text}'}]${more}}\n`);
  t.strictSame(withKey(jwk), []);
  t.match(withKey(jwk, ''), [{ where: /principal\.issuer$/, message: 'is missing' }]);
  t.match(withKey(jwk, ', issuer: "https://a:b@weir.example"'), [
    { message: 'is no http address without credentials' },
  ]);
  for (const text of ['abc', 'null', '[]', JSON.stringify(half)])
    t.match(withKey(text), [
      { where: /keys\[0\]\.jwk$/, message: 'is no private JWK', hint: /weir service key/ },
    ]);
  t.end();
});

void t.test('the key of tokens is a key, and another one than that of the digests', (t) => {
  for (const [key, message] of [
    ['abc', 'is not base64 of 32 bytes'],
    [digestKey, 'is the same as log.digestKey'],
  ]) {
    t.match(faultsOf(t, `${whole}masks: {tokenKey: '${key}'}\n`), [{ message }]);
  }
  t.end();
});
