/** What most identity tests stand on: one issuer with real keys behind a real key host, and its authenticator. */
import { Authenticator, type AuthenticatorOptions } from '../../src/identity/authenticator.js';
import {
  defaultAlgorithms,
  defaultClaimPaths,
  defaultTokenTypes,
  type IssuerConfig,
} from '../../src/identity/issuer.js';
import { JwksServer } from './jwks-server.js';
import { MovingClock } from './moving-clock.js';
import { forge, makeKey, type ForgeKey } from './token-forge.js';

export const issuerName = 'https://login.shop.example';
export const audience = 'weir';

export function issuerConfig(jwks: IssuerConfig['jwks'], parts: Partial<IssuerConfig> = {}): IssuerConfig {
  return {
    issuer: issuerName,
    jwks,
    audience,
    algorithms: defaultAlgorithms,
    typ: defaultTokenTypes,
    claims: defaultClaimPaths,
    ...parts,
  };
}

export class Desk {
  readonly clock = new MovingClock();

  readonly authenticator: Authenticator;

  private constructor(
    readonly server: JwksServer,
    readonly key: ForgeKey,
    options: Partial<AuthenticatorOptions>,
    issuer: Partial<IssuerConfig>,
  ) {
    const issuers = [issuerConfig({ url: server.url }, issuer)];
    this.authenticator = new Authenticator({ issuers, clock: this.clock, ...options });
  }

  static async open(
    t: { teardown(fn: () => unknown): void },
    parts: { options?: Partial<AuthenticatorOptions>; issuer?: Partial<IssuerConfig>; key?: ForgeKey } = {},
  ): Promise<Desk> {
    const key = parts.key ?? makeKey('ES256', 'key-1');
    const desk = new Desk(await JwksServer.open(key.jwk), key, parts.options ?? {}, parts.issuer ?? {});
    t.teardown(async () => {
      desk.authenticator.close();
      await desk.server.close();
    });
    return desk;
  }

  header(parts: Record<string, unknown> = {}): Record<string, unknown> {
    return { alg: this.key.algorithm, kid: this.key.kid, typ: 'at+jwt', ...parts };
  }

  /** The claims of a good token. A part that is undefined takes its claim away. */
  claims(parts: Record<string, unknown> = {}): Record<string, unknown> {
    const now = this.clock.seconds;
    return {
      iss: issuerName,
      aud: audience,
      sub: 'li.na',
      client_id: 'crm',
      jti: 'token-1',
      iat: now,
      exp: now + 600,
      roles: ['support-agent'],
      scope: 'orders.read orders.export',
      ...parts,
    };
  }

  token(claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}): string {
    return forge(this.key, this.header(header), this.claims(claims));
  }
}
