/** The attacks of RFC 8725 and its relatives: each is a token that must not open the door, and the rule that stops it. */
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { CompactEncrypt } from 'jose';
import t, { type Test } from 'tap';
import { WeirError } from '../../src/errors.js';
import { Desk } from './desk.js';
import { encode, forge, makeKey, signBytes, type ForgeKey } from './token-forge.js';

interface Attack {
  readonly title: string;
  readonly token: (desk: Desk) => string | Promise<string>;
  readonly detail: RegExp;
}

const attacker = makeKey('ES256', 'key-1');
const rsaKey = makeKey('RS256', 'key-1');

/** Same header and claims as a good token, signature by the attacker's means. */
function hmacToken(desk: Desk, secret: string | Buffer): string {
  const input = `${encode(desk.header({ alg: 'HS256' }))}.${encode(desk.claims())}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

function withSignature(token: string, signature: Buffer): string {
  return `${token.slice(0, token.lastIndexOf('.'))}.${signature.toString('base64url')}`;
}

function splice(token: string, part: number, change: (text: string) => string): string {
  return token
    .split('.')
    .map((text, index) => (index === part ? change(text) : text))
    .join('.');
}

const badHeader = (title: string, parts: Record<string, unknown>, detail: RegExp): Attack => ({
  title,
  token: (desk) => desk.token({}, parts),
  detail,
});

const badClaims = (title: string, parts: Record<string, unknown>, detail: RegExp): Attack => ({
  title,
  token: (desk) => desk.token(parts),
  detail,
});

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const half = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex');

const attacks: Attack[] = [
  // Algorithm
  ...['none', 'None', 'NONE', 'nOnE'].flatMap((alg): Attack[] => [
    {
      title: `alg ${alg} without signature`,
      token: (desk) => `${encode(desk.header({ alg }))}.${encode(desk.claims())}.`,
      detail: /not signed/,
    },
    badHeader(`alg ${alg} with a signature`, { alg }, /"alg" is not accepted/),
  ]),
  {
    title: "the public key's PEM as HMAC secret",
    token: (desk) => hmacToken(desk, desk.key.publicKey.export({ format: 'pem', type: 'spki' })),
    detail: /"alg" is not accepted/,
  },
  {
    title: "the public key's JWK bytes as HMAC secret",
    token: (desk) => hmacToken(desk, JSON.stringify(desk.key.jwk)),
    detail: /"alg" is not accepted/,
  },
  {
    title: 'an algorithm that the key is not for, of another family',
    token: (desk) => desk.token({}, { alg: 'RS256' }),
    detail: /not the algorithm of its key/,
  },
  badHeader('alg missing', { alg: undefined }, /"alg" is missing/),
  badHeader('alg a list', { alg: ['ES256'] }, /"alg" is missing or not a string/),
  badHeader('alg in lower case', { alg: 'es256' }, /"alg" is not accepted/),
  ...(
    [
      ['r = s = 0', 0n, 0n],
      ['r = 0', 0n, 1n],
      ['s = 0', 1n, 0n],
      ['r = s = n', order, order],
      ['r = 1, s = n', 1n, order],
    ] as const
  ).map(([title, r, s]): Attack => ({
    title: `ECDSA ${title}`,
    token: (desk) => withSignature(desk.token(), Buffer.concat([half(r), half(s)])),
    detail: /signature does not verify/,
  })),
  {
    title: 'ECDSA signature in DER form',
    token: (desk) => withSignature(desk.token(), Buffer.from('3006020101020101', 'hex')),
    detail: /signature does not verify/,
  },
  {
    title: "signed by the attacker's own key under the issuer's key id",
    token: (desk) => forge(attacker, desk.header(), desk.claims()),
    detail: /signature does not verify/,
  },
  {
    title: 'claims changed after signing',
    token: (desk) => splice(desk.token(), 1, () => encode(desk.claims({ roles: ['security'] }))),
    detail: /signature does not verify/,
  },

  // Header
  badHeader('kid with a path', { kid: '../../../../dev/null' }, /"kid" names no key/),
  badHeader('kid with SQL', { kid: "x' UNION SELECT 'k" }, /"kid" names no key/),
  badHeader('kid with NUL', { kid: 'key-1\0' }, /"kid" names no key/),
  badHeader('kid of a prototype member', { kid: '__proto__' }, /"kid" names no key/),
  badHeader('kid missing', { kid: undefined }, /"kid" is missing/),
  badHeader('kid a number', { kid: 1 }, /"kid" is missing or not a string/),
  badHeader('kid empty', { kid: '' }, /"kid" is missing/),
  badHeader('kid too long', { kid: 'k'.repeat(257) }, /"kid" is too long/),
  {
    title: 'an embedded key that verifies the signature',
    token: (desk) => forge(attacker, desk.header({ jwk: attacker.jwk }), desk.claims()),
    detail: /"jwk" is not accepted/,
  },
  badHeader('an embedded key, even the right one', { jwk: {} }, /"jwk" is not accepted/),
  badHeader('jku', { jku: 'https://evil.example/jwks' }, /"jku" is not accepted/),
  badHeader('x5u', { x5u: 'https://evil.example/cert' }, /"x5u" is not accepted/),
  badHeader('x5c', { x5c: ['MII'] }, /"x5c" is not accepted/),
  badHeader('unknown crit', { crit: ['urn:x'], 'urn:x': 1 }, /"crit" is not accepted/),
  badHeader('known crit', { crit: ['b64'], b64: true }, /"crit" is not accepted/),
  badHeader('b64 false', { b64: false }, /"b64" is not accepted/),
  badHeader('an ID token (typ JWT)', { typ: 'JWT' }, /"typ" is not that of an access token/),
  badHeader('typ missing', { typ: undefined }, /"typ" is not that of an access token/),
  badHeader('typ not a string', { typ: ['at+jwt'] }, /"typ" is not a string/),
  {
    title: 'a header member named twice, once with an escape',
    token: (desk) =>
      forge(desk.key, '{"alg":"ES256","kid":"key-1","typ":"JWT","t\\u0079p":"at+jwt"}', desk.claims()),
    detail: /header names a member twice/,
  },
  {
    title: 'a header that is a list',
    token: (desk) => forge(desk.key, '[]', desk.claims()),
    detail: /header is not a JSON object/,
  },

  // Form
  {
    title: 'an encrypted token (JWE)',
    token: (desk) =>
      new CompactEncrypt(Buffer.from(JSON.stringify(desk.claims())))
        .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: 'key-1', typ: 'at+jwt' })
        .encrypt(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey),
    detail: /three parts/,
  },
  {
    title: 'JSON serialisation',
    token: (desk) => {
      const [head, payload, signature] = desk.token().split('.');
      return JSON.stringify({ protected: head, payload, signature });
    },
    detail: /three parts/,
  },
  {
    title: 'two parts',
    token: (desk) => desk.token().split('.').slice(0, 2).join('.'),
    detail: /three parts/,
  },
  { title: 'four parts', token: (desk) => `${desk.token()}.AAAA`, detail: /three parts/ },
  { title: 'nothing', token: () => '', detail: /three parts/ },
  { title: 'dots', token: () => '..', detail: /not signed/ },
  {
    title: 'an empty header',
    token: (desk) => splice(desk.token(), 0, () => ''),
    detail: /header is not JSON/,
  },
  {
    title: 'an empty payload',
    token: (desk) => forge(desk.key, desk.header(), ''),
    detail: /payload is not JSON/,
  },
  ...([0, 1, 2] as const).flatMap((part): Attack[] => {
    const name = ['header', 'payload', 'signature'][part];
    const changes: [string, (text: string) => string][] = [
      ['white space inside', (text) => `${text.slice(0, 4)} ${text.slice(4)}`],
      ['a line break at the end', (text) => `${text}\n`],
      ['padding', (text) => `${text}${'='.repeat(4 - (text.length % 4 || 2))}`],
      ['an illegal character', (text) => `${text.slice(0, 4)}?${text.slice(4)}`],
      ['a NUL', (text) => `${text}\0`],
    ];
    return changes.map(([title, change]) => ({
      title: `${title} (${name})`,
      token: (desk) => splice(desk.token(), part, change),
      detail: new RegExp(`${name} is not canonical base64url`),
    }));
  }),
  {
    title: 'the alphabet of plain base64',
    token: (desk) => withAlphabet(desk),
    detail: /signature is not canonical base64url/,
  },
  {
    title: 'set bits past the end of the signature',
    token: (desk) => splice(desk.token(), 2, nextInLastPlace),
    detail: /signature is not canonical base64url/,
  },
  {
    title: 'a claim named twice',
    token: (desk) =>
      forge(desk.key, desk.header(), JSON.stringify(desk.claims()).replace('{', '{"sub":"root",')),
    detail: /payload names a member twice/,
  },
  {
    title: 'a nested member named twice',
    token: (desk) =>
      forge(desk.key, desk.header(), JSON.stringify(desk.claims()).replace('{', '{"x":{"a":1,"a":2},')),
    detail: /payload names a member twice/,
  },
  badClaims('more than 8 KB', { filler: 'x'.repeat(8192) }, /longer than 8192 bytes/),
  {
    title: 'deep JSON',
    token: (desk) =>
      forge(
        desk.key,
        desk.header(),
        JSON.stringify(desk.claims()).replace('{', `{"x":${'['.repeat(2000)}${']'.repeat(2000)},`),
      ),
    detail: /payload is nested too deeply/,
  },
  {
    title: 'claims that are not UTF-8',
    token: (desk) => {
      const text = Buffer.from(JSON.stringify(desk.claims({ sub: 'a?' })).replace('a?', 'a\xff'), 'latin1');
      const input = `${encode(desk.header())}.${text.toString('base64url')}`;
      return `${input}.${signBytes('ES256', desk.key.privateKey, input).toString('base64url')}`;
    },
    detail: /payload is not UTF-8/,
  },
  {
    title: 'a byte order mark before the claims',
    token: (desk) => forge(desk.key, desk.header(), `\ufeff${JSON.stringify(desk.claims())}`),
    detail: /payload is not JSON/,
  },
  {
    title: 'claims that are text',
    token: (desk) => forge(desk.key, desk.header(), 'foo'),
    detail: /payload is not JSON/,
  },
  {
    title: 'claims that are null',
    token: (desk) => forge(desk.key, desk.header(), 'null'),
    detail: /not a JSON object/,
  },

  // Claims
  badClaims('exp missing', { exp: undefined }, /"exp" is missing/),
  badClaims('exp a string', { exp: '1999999999' }, /"exp" is not a number/),
  badClaims('exp null', { exp: null }, /"exp" is not a number/),
  badClaims('exp huge', { exp: 1e15 }, /"exp" lies too far ahead/),
  {
    title: 'exp infinite',
    token: (desk) =>
      forge(
        desk.key,
        desk.header(),
        JSON.stringify(desk.claims({ exp: 0 })).replace('"exp":0', '"exp":1e999'),
      ),
    detail: /"exp" is not a number/,
  },
  badClaims('a lifetime of weeks', { iat: 1_700_000_000 }, /valid for too long/),
  badClaims('nbf in the future', { nbf: 4e9 }, /"nbf" lies ahead/),
  badClaims('nbf a string', { nbf: '0' }, /"nbf" is not a number/),
  {
    title: 'iat in the future',
    token: (desk) => desk.token({ iat: desk.clock.seconds + 60 }),
    detail: /"iat" lies ahead/,
  },
  badClaims('iat a string', { iat: 'now' }, /"iat" is not a number/),
  badClaims('aud missing', { aud: undefined }, /"aud" is missing/),
  badClaims('aud empty', { aud: [] }, /"aud" is missing/),
  badClaims('aud a list without ours', { aud: ['crm', 'wei'] }, /"aud" does not name this gateway/),
  badClaims('aud a list with other things in it', { aud: ['weir', 1] }, /"aud" is missing or neither/),
  badClaims('aud that begins with ours', { aud: 'weir-admin' }, /"aud" does not name this gateway/),
  badClaims('aud that ours begins with', { aud: 'we' }, /"aud" does not name this gateway/),
  badClaims('aud in other case', { aud: 'Weir' }, /"aud" does not name this gateway/),
  badClaims('aud an object', { aud: { weir: true } }, /"aud" is missing or neither/),
  badClaims(
    'iss with a trailing slash',
    { iss: 'https://login.shop.example/' },
    /"iss" names no configured issuer/,
  ),
  badClaims('iss in other case', { iss: 'https://LOGIN.shop.example' }, /"iss" names no configured issuer/),
  badClaims('iss missing', { iss: undefined }, /"iss" is missing/),
  badClaims('iss a list', { iss: ['https://login.shop.example'] }, /"iss" is missing or not a string/),
  badClaims('iss of a prototype member', { iss: '__proto__' }, /"iss" names no configured issuer/),
  ...(
    [
      ['zero width space', 'ad\u200bmin'],
      ['right-to-left override', 'nimda\u202e'],
      ['soft hyphen', 'ad\u00admin'],
      ['NUL', 'admin\0'],
      ['line separator', 'admin\u2028'],
      ['half a surrogate pair', 'admin\ud800'],
      ['a space at its end', 'admin '],
      ['an accent that is not composed', 'ade\u0301le'],
    ] as const
  ).map(([title, sub]) => badClaims(`sub with ${title}`, { sub }, /"sub" holds characters/)),
  badClaims('sub empty', { sub: '' }, /"sub" is not a string of 1 to 255/),
  badClaims('sub a number', { sub: 7 }, /"sub" is not a string/),
  badClaims('sub null', { sub: null }, /"sub" is not a string/),
  badClaims('sub too long', { sub: 'x'.repeat(256) }, /"sub" is not a string/),
  badClaims('client_id missing', { client_id: undefined }, /"client_id" is missing/),
  badClaims('act.sub an object', { act: { sub: {} } }, /"act.sub" is not a string/),
  badClaims(
    'act that names nobody',
    { act: { iss: 'https://x.example' } },
    /"act" is there but does not hold/,
  ),
  badClaims('act a string', { act: 'zhao.lei' }, /"act" is there but does not hold/),
  badClaims('act null', { act: null }, /"act" is there but does not hold/),
  badClaims('jti a number', { jti: 1 }, /"jti" is not a string/),
  badClaims('scope a list', { scope: ['orders.read'] }, /"scope" is not a string of scopes/),
  badClaims('scope an object', { scope: { a: 1 } }, /"scope" is not a string of scopes/),
  badClaims('scope with a tab', { scope: 'a\tb' }, /"scope" is not a string of scopes/),
  badClaims('roles an object', { roles: { 0: 'security' } }, /"roles" is neither/),
  badClaims('roles with a number', { roles: ['security', 1] }, /"roles" is neither/),
  badClaims('roles in a list of lists', { roles: [['security']] }, /"roles" is neither/),
  badClaims('roles in an object of a list', { roles: [{ name: 'security' }] }, /"roles" is neither/),
  badClaims('a role with a NUL', { roles: ['support-agent\0'] }, /"roles" is neither/),
  badClaims(
    'a role with a line break in a string',
    { roles: 'support-agent\nsecurity' },
    /"roles" is neither/,
  ),
  badClaims('jti too long', { jti: 'x'.repeat(256) }, /"jti" is not a string of 1 to 255/),
  badClaims('jti with a NUL', { jti: 'issuer\0token-1' }, /"jti" holds characters/),
  badClaims('jti a list', { jti: ['token-1'] }, /"jti" is not a string/),
  badClaims('aud a list in a list', { aud: [['weir']] }, /"aud" is missing or neither/),
  badClaims('aud in another normal form', { aud: 'we\u0131r' }, /"aud" does not name this gateway/),
  badClaims('exp a list', { exp: [4e9] }, /"exp" is not a number/),
  badClaims('exp before iat, which lies ahead', { exp: 1, iat: 4e9 }, /"iat" lies ahead/),
  badClaims('act a list', { act: [{ sub: 'zhao.lei' }] }, /"act" is there but does not hold/),
  badClaims('roles with an empty name', { roles: [''] }, /"roles" is neither/),
  badClaims(
    'roles beyond counting',
    { roles: Array.from({ length: 129 }, (_, i) => `r${i}`) },
    /"roles" is neither/,
  ),
];

/** Tries until the signature needs a character in which the two alphabets differ. */
function withAlphabet(desk: Desk): string {
  for (;;) {
    const token = desk.token();
    const plain = splice(token, 2, (text) => text.replaceAll('-', '+').replaceAll('_', '/'));
    if (plain !== token) return plain;
  }
}

/** 64 bytes leave four unused bits in the last character: the next letter of the alphabet stands for the same bytes. */
function nextInLastPlace(text: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(text.at(-1) ?? '');
  const changed = `${text.slice(0, -1)}${alphabet[last + 1]}`;
  if (!Buffer.from(changed, 'base64url').equals(Buffer.from(text, 'base64url')))
    throw new Error('not the same bytes');
  return changed;
}

async function assertRefused(t: Test, desk: Desk, attack: Attack): Promise<void> {
  const token = await attack.token(desk);
  try {
    await desk.authenticator.authenticate(token);
    t.fail(`${attack.title}: got in`);
  } catch (error) {
    t.ok(error instanceof WeirError, attack.title);
    const { code, message } = error as WeirError;
    t.equal(code, 'token-invalid', attack.title);
    t.match(message, attack.detail, attack.title);
    for (const part of token.split('.'))
      if (part.length > 8) t.notOk(message.includes(part), 'quotes the token');
  }
  t.equal(desk.authenticator.cachedTokens, 0, 'a refused token is not cached');
}

void t.test('every attack is refused by the rule that is meant for it', async (t) => {
  const desk = await Desk.open(t);
  for (const attack of attacks) await t.test(attack.title, (t) => assertRefused(t, desk, attack));
  await t.resolves(desk.authenticator.authenticate(desk.token()), 'and the good token still gets in');
  t.ok(desk.server.fetches <= 1, 'none of this made the gateway ask the key host again');
});

void t.test('an RSA key is no HMAC secret and no PSS key', async (t) => {
  const desk = await Desk.open(t, { key: rsaKey });
  const pem = rsaKey.publicKey.export({ format: 'pem', type: 'spki' });
  const pss: ForgeKey = { ...rsaKey, algorithm: 'PS256' };
  const variants: Attack[] = [
    { title: 'PEM', token: () => hmacToken(desk, pem), detail: /"alg" is not accepted/ },
    {
      title: 'PEM without its last line break',
      token: () => hmacToken(desk, String(pem).trim()),
      detail: /"alg" is not accepted/,
    },
    {
      title: 'DER',
      token: () => hmacToken(desk, rsaKey.publicKey.export({ format: 'der', type: 'spki' })),
      detail: /"alg" is not accepted/,
    },
    {
      title: 'JWK',
      token: () => hmacToken(desk, JSON.stringify(rsaKey.jwk)),
      detail: /"alg" is not accepted/,
    },
    {
      title: 'n',
      token: () => hmacToken(desk, Buffer.from(String(rsaKey.jwk.n), 'base64url')),
      detail: /"alg" is not accepted/,
    },
    {
      title: 'PS256',
      token: () => forge(pss, desk.header({ alg: 'PS256' }), desk.claims()),
      detail: /not the algorithm of its key/,
    },
    {
      title: 'PS256 said to be RS256',
      token: () => forge(pss, desk.header(), desk.claims()),
      detail: /does not verify/,
    },
  ];
  for (const attack of variants) await t.test(attack.title, (t) => assertRefused(t, desk, attack));
});
