/** `weir token`: a token of the demo's issuer on standard output, and nothing else, so that $(…) can take it. */
import { existsSync } from 'node:fs';
import { openDemoIssuer } from '../demo/issuer.js';
import { CliError, exitCodes, type CliContext } from './context.js';
import { demoConfigFile, demoDirectory, demoIssuerDirectory } from './find-config.js';

export interface TokenOptions {
  readonly role: readonly string[];
  readonly sub: string;
  readonly scope?: readonly string[];
  /** Seconds. */
  readonly ttl: number;
  readonly tool: string;
  readonly claim?: Readonly<Record<string, string>>;
}

const ownClaims = ['iss', 'aud', 'sub', 'exp', 'iat', 'nbf', 'jti', 'roles', 'scope', 'client_id'];

/** @throws CliError where no demo was ever started in the data directory */
export async function token(context: CliContext, options: TokenOptions): Promise<number> {
  const directory = demoDirectory(context);
  if (!existsSync(demoConfigFile(directory))) {
    throw new CliError(
      'there is no demo whose issuer could sign',
      'run npm start once, in this folder or with the same WEIR_DATA_DIR; tokens for production come from your own issuer',
    );
  }
  for (const name of Object.keys(options.claim ?? {})) {
    if (ownClaims.includes(name)) {
      throw new CliError(
        `--claim cannot set ${name}`,
        'use --role, --sub, --scope, --ttl or --tool for these',
      );
    }
  }
  const issuer = await openDemoIssuer(demoIssuerDirectory(directory));
  const minted = await issuer.mint({
    role: options.role,
    sub: options.sub,
    scope: options.scope?.join(' '),
    ttlSeconds: options.ttl,
    tool: options.tool,
    claims: options.claim,
  });
  context.io.out(`${minted}\n`);
  return exitCodes.ok;
}
