/**
 * Which pages may read answers with a browser: those of the origins that the configuration lists, none by
 * default. Tokens travel in a header of their own, so no credentials of the browser's are ever asked for.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Every header of an answer that a page has a use for. */
const exposed = [
  'content-range',
  'preference-applied',
  'ratelimit',
  'ratelimit-policy',
  'retry-after',
  'weir-cut',
  'weir-request-id',
].join(', ');

const requestHeaders = [
  'accept',
  'accept-profile',
  'authorization',
  'content-type',
  'prefer',
  'range',
  'range-unit',
  'weir-reason',
  'weir-role',
  'weir-ticket',
  'x-client-info',
  'x-http-method-override',
].join(', ');

/** What an OPTIONS request is told; the same for every address of the door. */
export const doorMethods = 'GET, HEAD, OPTIONS, POST';

/** A hook that goes before admission, so that refusals can be read as well. */
export function crossOrigin(origins: readonly string[]) {
  const allowed = new Set(origins);
  return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    void reply.header('vary', 'origin');
    const { origin } = request.headers;
    if (origin !== undefined && allowed.has(origin)) {
      void reply.headers({
        'access-control-allow-origin': origin,
        'access-control-expose-headers': exposed,
      });
      if (request.method === 'OPTIONS') {
        void reply.headers({
          'access-control-allow-methods': doorMethods,
          'access-control-allow-headers': requestHeaders,
          'access-control-max-age': '600',
        });
      }
    }
    done();
  };
}
