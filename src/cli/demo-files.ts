/**
 * What the demo keeps in its folder (.weir): passwords and keys, made once; the configuration, written at
 * each start; PostgreSQL; the issuer. Files with secrets are readable by their owner alone, and are there
 * whole or not at all.
 */
import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { demoKeyMarker } from '../config/meaning.js';
import { demoKeyPrefix } from '../identity/demo-key.js';
import { makePrincipalKey } from '../identity/principal-token.js';
import { demoConfigFile } from './find-config.js';

export interface DemoSecrets {
  readonly superuserPassword: string;
  readonly ownerPassword: string;
  readonly runtimePassword: string;
  readonly readerPassword: string;
  /** Of the order service's own login. */
  readonly servicePassword: string;
  /** What staff tools present to the order service itself. */
  readonly toolToken: string;
  readonly digestKey: string;
  readonly tokenKey: string;
  readonly principalKey: string;
}

export const postgresDirectory = (directory: string) => join(directory, 'postgres');
const secretsFile = (directory: string) => join(directory, 'secrets.json');

/** The demo's secrets, made where there are none. Only the holder of the folder calls it. */
export async function openSecrets(directory: string): Promise<DemoSecrets> {
  const file = secretsFile(directory);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  const marker = Buffer.from(demoKeyMarker);
  const key = () => Buffer.concat([marker, randomBytes(32 - marker.length)]).toString('base64');
  const kept = text === undefined ? {} : (JSON.parse(text) as Partial<DemoSecrets>);
  const password = () => randomBytes(18).toString('base64url');
  const made: DemoSecrets = {
    superuserPassword: password(),
    ownerPassword: password(),
    runtimePassword: password(),
    readerPassword: password(),
    servicePassword: password(),
    toolToken: password(),
    digestKey: key(),
    tokenKey: key(),
    principalKey: demoPrincipalKey(),
    // An earlier version may have had fewer.
    ...kept,
  };
  if (Object.keys(made).length === Object.keys(kept).length) return made;
  await writeWhole(file, `${JSON.stringify(made, null, 2)}\n`);
  return made;
}

function demoPrincipalKey(): string {
  return makePrincipalKey('EdDSA', demoKeyPrefix);
}

/** Everything that the demo made there, and nothing else that may lie beside it. */
export async function removeDemoFiles(directory: string): Promise<void> {
  // Secrets last: databases without them cannot be opened, and a removal that was cut short can be repeated.
  for (const name of ['postgres', 'issuer', 'weir.yaml', 'secrets.json']) {
    await rm(join(directory, name), { recursive: true, force: true });
  }
}

export interface DemoSettings {
  readonly secrets: DemoSecrets;
  readonly storeUrl: string;
  readonly storeOwnerUrl: string;
  readonly ordersUrl: string;
  readonly issuer: { readonly issuer: string; readonly audience: string; readonly jwksFile: string };
  readonly policies: string;
  /** Service of the catalogue → base URL. */
  readonly services: Readonly<Record<string, string>>;
}

/** The demo's configuration, as the file that every other verb reads. */
export function writeDemoConfig(settings: DemoSettings): string {
  const { secrets, issuer } = settings;
  const text = stringify(
    {
      store: { url: settings.storeUrl, ownerUrl: settings.storeOwnerUrl },
      orders: { url: settings.ordersUrl },
      // One person tries the demo out: nobody is there to approve.
      policies: { directory: settings.policies, approval: 'off' },
      identity: {
        issuers: [{ issuer: issuer.issuer, audience: issuer.audience, jwks: { file: issuer.jwksFile } }],
      },
      log: { digestKey: secrets.digestKey },
      masks: { tokenKey: secrets.tokenKey },
      services: {
        urls: Object.entries(settings.services).map(([service, url]) => ({ service, url })),
      },
      principal: { issuer: 'https://weir.demo.weir.invalid', keys: [{ jwk: secrets.principalKey }] },
    },
    { lineWidth: 0 },
  );
  return `# Written by weir demo at each start, with the demo's own keys; weir start refuses them.\n${text}`;
}

export async function saveDemoConfig(directory: string, text: string): Promise<void> {
  await writeWhole(demoConfigFile(directory), text);
}

async function writeWhole(file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}.draft`;
  await writeFile(draft, text, { mode: 0o600, flush: true });
  await rename(draft, file);
}
