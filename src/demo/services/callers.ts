/**
 * Who may call a service of the demo: the staff tools, which all hold one token, and the gateway that the service
 * was told to trust, by the header in which it signs who asks. A header of anybody else's is refused.
 */
import { createRemoteJWKSet, jwtVerify, type JWTVerifyGetKey } from 'jose';
import type { IncomingHttpHeaders } from 'node:http';
import { principalHeader, principalTyp } from '../../identity/principal-token.js';

export interface TrustedGateway {
  /** The `iss` of what it signs. */
  readonly issuer: string;
  /** Where its public keys are. */
  readonly jwksUrl: string;
}

export class Callers {
  readonly #service: string;
  readonly #toolToken: string;
  #trusted: { readonly issuer: string; readonly keys: JWTVerifyGetKey } | undefined;

  /** @param service the `aud` of headers that are meant for it */
  constructor(service: string, toolToken: string) {
    this.#service = service;
    this.#toolToken = toolToken;
  }

  trust({ issuer, jwksUrl }: TrustedGateway): void {
    this.#trusted = { issuer, keys: createRemoteJWKSet(new URL(jwksUrl)) };
  }

  async may({ authorization, [principalHeader]: principal }: IncomingHttpHeaders): Promise<boolean> {
    if (typeof principal !== 'string') return authorization === `Bearer ${this.#toolToken}`;
    if (this.#trusted === undefined) return false;
    const { issuer, keys } = this.#trusted;
    return jwtVerify(principal, keys, { issuer, audience: this.#service, typ: principalTyp }).then(
      () => true,
      () => false,
    );
  }
}
