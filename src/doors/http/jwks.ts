/**
 * `GET /.well-known/jwks.json`, open: the public keys with which services verify who asks (Weir-Principal). The
 * same for everybody and small, so caches may keep it; not for long, since a key that is withdrawn must go.
 */
import type { AddRoutes } from './server.js';

const maxAgeSeconds = 300;

/** @param jwks a JWK set (RFC 7517), as JSON */
export function jwksRoute(path: string, jwks: string): AddRoutes {
  const body = Buffer.from(jwks);
  return (app) =>
    app.get(path, { config: { open: true } }, async (_request, reply) =>
      reply
        .header('cache-control', `public, max-age=${maxAgeSeconds}`)
        .header('content-type', 'application/jwk-set+json')
        .send(body),
    );
}
