/**
 * What a schema cannot say: addresses that parse, keys of the right length, roles that differ. Looks only
 * at values whose form the schema has accepted; anything else already has its fault.
 */
import { isIP } from 'node:net';
import type { ConfigFault } from './faults.js';
import type { ConfigSource, KeyPath } from './source.js';

/** Each key that a demo makes begins with these bytes, so that `weir start` can tell it and refuse. */
export const demoKeyMarker = 'weir-demo-';

export function checkMeaning(source: ConfigSource): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const fault = (path: KeyPath, message: string, hint: string) =>
    faults.push({ where: source.where(path), message, hint });
  const text = (path: KeyPath) => {
    const value = source.get(path);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };

  for (const path of [
    ['store', 'url'],
    ['store', 'ownerUrl'],
    ['orders', 'url'],
  ]) {
    const value = text(path);
    if (value !== undefined && postgresUser(value) === undefined) {
      fault(
        path,
        'is no PostgreSQL address with a user',
        'write postgres://user:password@host:5432/database',
      );
    }
  }
  const runtime = postgresUser(text(['store', 'url']));
  if (runtime !== undefined && runtime === postgresUser(text(['store', 'ownerUrl']))) {
    const hint = 'use two roles: the owner migrates, the runtime role may only INSERT and SELECT';
    fault(['store', 'ownerUrl'], 'has the same user as store.url', hint);
  }

  const keys = [
    ['log', 'digestKey'],
    ['masks', 'tokenKey'],
  ];
  for (const path of keys) {
    const key = text(path);
    if (key !== undefined && decodeKey(key) === undefined)
      fault(path, 'is not base64 of 32 bytes', 'make one with: openssl rand -base64 32');
  }
  const [digestKey, tokenKey] = keys.map(text);
  if (tokenKey !== undefined && tokenKey === digestKey)
    fault(
      ['masks', 'tokenKey'],
      'is the same as log.digestKey',
      'make another with: openssl rand -base64 32',
    );
  const zone = text(['log', 'zone']);
  if (zone !== undefined && !isTimeZone(zone)) {
    fault(['log', 'zone'], 'is no time zone of the IANA list', 'write a name such as Asia/Shanghai or UTC');
  }

  const issuerPath = ['principal', 'issuer'];
  const gateway = text(issuerPath);
  if (gateway !== undefined && !isAddress(gateway))
    fault(
      issuerPath,
      'is no http address without credentials',
      'write the one at which services reach the gateway, such as https://weir.example.com',
    );
  const principalKeys = source.get(['principal', 'keys']);
  if (Array.isArray(principalKeys)) {
    if (principalKeys.length > 0 && source.get(issuerPath) === undefined)
      fault(issuerPath, 'is missing', 'write the address at which services reach the gateway');
    principalKeys.forEach((_, index) => {
      const path = ['principal', 'keys', index, 'jwk'];
      const key = text(path);
      if (key !== undefined && !isPrivateJwk(key))
        fault(path, 'is no private JWK', 'make one with: weir service key');
    });
  }

  const proxies = source.get(['http', 'trustedProxies']);
  if (Array.isArray(proxies)) {
    proxies.forEach((proxy: unknown, index) => {
      if (typeof proxy === 'string' && proxy !== '' && !isAddressBlock(proxy)) {
        const hint = 'write an address or a block, such as 10.0.0.7 or 10.0.0.0/8';
        fault(['http', 'trustedProxies', index], 'is neither an address nor a CIDR block', hint);
      }
    });
  }

  const issuers = source.get(['identity', 'issuers']);
  if (Array.isArray(issuers)) {
    const seen = new Set<string>();
    issuers.forEach((_, index) => {
      const name = text(['identity', 'issuers', index, 'issuer']);
      if (name !== undefined && seen.has(name)) {
        fault(['identity', 'issuers', index, 'issuer'], 'stands in the list twice', 'keep one of the two');
      }
      if (name !== undefined) seen.add(name);
      const url = text(['identity', 'issuers', index, 'jwks', 'url']);
      if (url !== undefined && !isSafeUrl(url)) {
        const hint =
          'keys that come over plain http can be swapped on the way; write https://… without a user';
        fault(['identity', 'issuers', index, 'jwks', 'url'], 'is no https address without credentials', hint);
      }
      for (const claim of ['person', 'displayName', 'tool', 'roles', 'scope', 'act']) {
        const path = text(['identity', 'issuers', index, 'claims', claim]);
        if (path === undefined || path.includes('://') || !path.split('.').includes('')) continue;
        const hint = 'write names joined by single dots, such as realm_access.roles';
        fault(['identity', 'issuers', index, 'claims', claim], 'is no claim path', hint);
      }
    });
  }
  return faults;
}

/** @returns the 32 bytes of a key, undefined where the text is no such key */
export function decodeKey(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === 32 ? bytes : undefined;
}

/** The user that a PostgreSQL address names. */
export function postgresUser(address: string | undefined): string | undefined {
  if (address === undefined || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') return undefined;
  // libpq also takes the user as a parameter, which a socket address needs.
  const user = url.username === '' ? url.searchParams.get('user') : decode(url.username);
  return user === null || user === '' ? undefined : user;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function isAddressBlock(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** Of its form only: whether it is a key that can sign is for identity/ to say. */
function isPrivateJwk(text: string): boolean {
  try {
    const jwk = JSON.parse(text) as Record<string, unknown> | null;
    return typeof jwk?.['kty'] === 'string' && typeof jwk['d'] === 'string';
  } catch {
    return false;
  }
}

function isAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return ['http:', 'https:'].includes(protocol) && username === '' && password === '';
}

function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return false;
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  return url.protocol === 'https:' || (url.protocol === 'http:' && loopback);
}
