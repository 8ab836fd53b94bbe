import { createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import t from 'tap';
import { defaultAlgorithms } from '../../src/identity/issuer.js';
import { vetKeySet } from '../../src/identity/jwks.js';
import { vetKey } from '../../src/identity/key-vetting.js';
import { makeKey } from './token-forge.js';

const rules = { algorithms: defaultAlgorithms, allowDemoKeys: false };
const rsa = makeKey('RS256', 'rsa');
const ec = makeKey('ES256', 'ec');
const ed = makeKey('EdDSA', 'ed');

const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
const short = generateKeyPairSync('rsa', { modulusLength: 2040 }).publicKey.export({ format: 'jwk' });
const secp256k1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' });

const bad: [string, unknown, RegExp][] = [
  ['null', null, /not an object/],
  ['a list', [], /not an object/],
  ['RSA of 1024 bits', { ...weak, kid: 'k', alg: 'RS256' }, /less than 2048 bits/],
  ['RSA of 2040 bits', { ...short, kid: 'k' }, /less than 2048 bits/],
  [
    'a short RSA modulus with zeros before it',
    {
      ...weak,
      kid: 'k',
      n: Buffer.concat([Buffer.alloc(128), Buffer.from(String(weak.n), 'base64url')]).toString('base64url'),
    },
    /less than 2048 bits/,
  ],
  ['RSA with exponent 1', { ...rsa.jwk, e: 'AQ' }, /exponent/],
  ['RSA with an even exponent', { ...rsa.jwk, e: 'AQAA' }, /exponent/],
  ['RSA with exponent 0', { ...rsa.jwk, e: 'AA' }, /exponent/],
  ['RSA with a huge exponent', { ...rsa.jwk, e: 'A'.repeat(400) }, /too long/],
  ['RSA with a huge modulus', { ...rsa.jwk, n: 'AQAB'.repeat(1000) }, /too long/],
  ['RSA without n', { ...rsa.jwk, n: undefined }, /malformed n or e/],
  ['RSA with padding', { ...rsa.jwk, e: 'AQAB=' }, /malformed n or e/],
  ['a shared secret', { kty: 'oct', k: 'AAECAwQFBgcICQoLDA0ODw', kid: 'k', alg: 'HS256' }, /shared secret/],
  ['a private EC key', { ...ec.privateKey.export({ format: 'jwk' }), kid: 'k' }, /private key/],
  ['a private RSA key', { ...rsa.privateKey.export({ format: 'jwk' }), kid: 'k' }, /private key/],
  ['a key for encryption', { ...ec.jwk, use: 'enc' }, /not for signatures/],
  ['a use that is no string', { ...ec.jwk, use: ['sig'] }, /not for signatures/],
  ['key_ops without verify', { ...ec.jwk, key_ops: ['encrypt'] }, /key_ops/],
  ['key_ops that are no list', { ...ec.jwk, key_ops: 'verify' }, /key_ops/],
  ['no kid', { ...ec.jwk, kid: undefined }, /no usable kid/],
  ['a kid that is a number', { ...ec.jwk, kid: 1 }, /no usable kid/],
  ['a kid that is too long', { ...ec.jwk, kid: 'k'.repeat(257) }, /no usable kid/],
  ['alg of another curve', { ...ec.jwk, alg: 'ES384' }, /algorithm that is not accepted/],
  ['alg of another type', { ...ec.jwk, alg: 'RS256' }, /algorithm that is not accepted/],
  ['alg HS256', { ...rsa.jwk, alg: 'HS256' }, /algorithm that is not accepted/],
  ['alg none', { ...rsa.jwk, alg: 'none' }, /algorithm that is not accepted/],
  ['alg that is not configured', { ...rsa.jwk, alg: 'RS512' }, /algorithm that is not accepted/],
  ['alg that is no string', { ...rsa.jwk, alg: 256 }, /algorithm that is not accepted/],
  ['another curve', { ...secp256k1, kid: 'k' }, /type or curve/],
  ['another type', { ...ec.jwk, kty: 'RSA' }, /malformed n or e/],
  ['a point off its curve', { ...ec.jwk, y: ec.jwk.x }, /cannot be imported/],
  ['a point of another curve', { ...ec.jwk, crv: 'P-384', alg: 'ES384' }, /cannot be imported/],
  ['EC without y', { ...ec.jwk, y: undefined }, /malformed y/],
  ['EC without x', { ...ec.jwk, x: undefined }, /malformed x/],
  ['Ed25519 that is too short', { ...ed.jwk, x: 'AAAA' }, /cannot be imported/],
  ['a demo key', { ...ec.jwk, kid: 'weir-demo-1' }, /demo key/],
];

void t.test('bad keys are refused, each with its reason', async (t) => {
  for (const [title, jwk, reason] of bad) {
    const vetted = await vetKey(jwk, rules);
    t.match('refused' in vetted ? vetted.refused : 'accepted', reason, title);
  }
});

void t.test('good keys get one algorithm each', async (t) => {
  const cases: [unknown, string][] = [
    [rsa.jwk, 'RS256'],
    [{ ...rsa.jwk, alg: undefined, use: undefined, key_ops: ['verify'] }, 'RS256'],
    [{ ...rsa.jwk, alg: 'PS256' }, 'PS256'],
    [{ ...ec.jwk, alg: undefined }, 'ES256'],
    [{ ...makeKey('ES384', 'ec').jwk, alg: undefined }, 'ES384'],
    [{ ...ed.jwk, alg: undefined }, 'EdDSA'],
  ];
  for (const [jwk, algorithm] of cases) t.match(await vetKey(jwk, rules), { accepted: { algorithm } });
  const reversed = { ...rules, algorithms: ['PS256', 'RS256'] };
  t.match(await vetKey({ ...rsa.jwk, alg: undefined }, reversed), { accepted: { algorithm: 'PS256' } });
  t.ok(createPublicKey({ key: rsa.jwk as JsonWebKey, format: 'jwk' }));
});

void t.test('a bad key leaves the good ones of its set in force', async (t) => {
  const keys = [{ ...ec.jwk, use: 'enc', kid: 'enc' }, rsa.jwk, 7];
  const set = await vetKeySet(Buffer.from(JSON.stringify({ keys })), rules, 100);
  t.same([...set.keys.keys()], ['rsa']);
  t.same(set.remarks, ['key 1 is not for signatures (use)', 'key 3 is not an object']);
});

void t.test('of two keys with one id neither is used', async (t) => {
  for (const twin of [makeKey('ES256', 'ec').jwk, { ...rsa.jwk, kid: 'ec' }, { ...ec.jwk, use: 'enc' }]) {
    const set = await vetKeySet(Buffer.from(JSON.stringify({ keys: [ec.jwk, twin, ed.jwk] })), rules, 100);
    t.same([...set.keys.keys()], ['ed']);
    t.match(set.remarks.join(), /has the kid of another key/);
  }
});
