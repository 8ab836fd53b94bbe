/**
 * The demo's own token issuer: one ES256 key, made at the first start and kept beside the demo's
 * databases, and tokens in the shape of RFC 9068. Its key id says what it is, and a gateway that was
 * not started as a demo refuses to load it.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT, type JWK } from 'jose';
import { systemClock, type Clock } from '../clock.js';
import { demoKeyPrefix } from '../identity/demo-key.js';

export interface DemoToken {
  readonly role: string | readonly string[];
  /** The person. Undefined: the tool's own token, which names nobody. */
  readonly sub?: string | undefined;
  readonly name?: string | undefined;
  /** Space separated. */
  readonly scope?: string | undefined;
  /** Default one hour. */
  readonly ttlSeconds?: number | undefined;
  /** client_id; default "weir-demo-tool". */
  readonly tool?: string | undefined;
  /** Further claims, e.g. {region: "华东"}; cannot replace the ones above. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

export interface DemoIssuer {
  readonly issuer: string;
  readonly audience: string;
  /** Public keys, for the authenticator. */
  readonly jwksFile: string;
  mint(token: DemoToken): Promise<string>;
}

const algorithm = 'ES256';
const issuer = 'https://issuer.demo.weir.invalid';
const audience = 'weir-demo';

/**
 * Opens the issuer that lives in the directory, making it where there is none. Any number of processes may
 * do so at once (the demo and `weir token`): all end up with the same key.
 */
export async function openDemoIssuer(directory: string, clock: Clock = systemClock): Promise<DemoIssuer> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const keyFile = join(directory, 'signing-key.json');
  const jwksFile = join(directory, 'jwks.json');
  const jwk = (await readKey(keyFile)) ?? (await createKey(keyFile));
  await publish(jwksFile, jwk);
  const key = await importJWK(jwk, algorithm);
  return {
    issuer,
    audience,
    jwksFile,
    async mint({ role, sub, name, scope, ttlSeconds = 3600, tool = 'weir-demo-tool', claims = {} }) {
      const now = Math.floor(clock.nowMicros() / 1_000_000);
      const own = { client_id: tool, roles: typeof role === 'string' ? [role] : role, name, scope };
      // Undefined members vanish in JSON, so that an absent name stays absent.
      return new SignJWT({ ...claims, ...own })
        .setProtectedHeader({ alg: algorithm, kid: jwk.kid ?? '', typ: 'at+jwt' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(sub ?? tool)
        .setJti(randomUUID())
        .setIssuedAt(now)
        .setExpirationTime(now + ttlSeconds)
        .sign(key);
    },
  };
}

async function readKey(path: string): Promise<JWK | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as JWK;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function createKey(path: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(privateKey);
  const thumbprint = await calculateJwkThumbprint(jwk);
  const whole: JWK = {
    ...jwk,
    kid: `${demoKeyPrefix}${thumbprint.slice(0, 12)}`,
    alg: algorithm,
    use: 'sig',
  };
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, JSON.stringify(whole), { mode: 0o600, flag: 'wx', flush: true });
  try {
    // A link, unlike a rename, fails where another process was first; and no reader ever sees half a key.
    await link(draft, path);
    return whole;
  } catch (error) {
    const first = await readKey(path);
    if (first === undefined) throw error;
    return first;
  } finally {
    await rm(draft, { force: true });
  }
}

async function publish(path: string, { kty, crv, x, y, kid, alg, use }: JWK): Promise<void> {
  const text = `${JSON.stringify({ keys: [{ kty, crv, x, y, kid, alg, use }] }, null, 2)}\n`;
  const current = await readFile(path, 'utf8').catch(() => undefined);
  if (current === text) return;
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, text, { mode: 0o644 });
  await rename(draft, path);
}
