/**
 * The bearer token of a request: from the Authorization header and nowhere else. A token in the query or
 * in a form would end up in histories and logs (RFC 9700 §2.1), so it is not looked for there.
 */
import type { IncomingMessage } from 'node:http';
import { WeirError } from '../../errors.js';

/** @throws WeirError token-missing, token-invalid */
export function bearerToken(request: IncomingMessage): string {
  const header = request.headers.authorization;
  if (header === undefined) {
    throw new WeirError('token-missing', { hint: 'send it as Authorization: Bearer <token>' });
  }
  // Node keeps the first of several and drops the rest; a proxy before us may have checked another one.
  if (timesSent(request, 'authorization') > 1) {
    throw new WeirError('token-invalid', { detail: 'the Authorization header is sent more than once' });
  }
  const scheme = /^bearer(?: +|$)/i.exec(header)?.[0];
  if (scheme === undefined) {
    throw new WeirError('token-missing', {
      detail: 'the Authorization header holds no bearer token',
      hint: 'send it as Authorization: Bearer <token>',
    });
  }
  // Whoever verifies it looks at its form, which is narrower than RFC 6750's.
  return header.slice(scheme.length);
}

/** Node keeps one of several; this counts what was really sent. @param name in lower case */
export function timesSent({ rawHeaders }: IncomingMessage, name: string): number {
  let times = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const header = rawHeaders[at];
    if (header !== undefined && header.length === name.length && header.toLowerCase() === name) times += 1;
  }
  return times;
}
