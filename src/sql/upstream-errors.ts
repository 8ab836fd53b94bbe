/**
 * What went wrong at the order database, in our words. Its own text (message, DETAIL, HINT, CONTEXT)
 * never goes further than `cause`, and the logger keeps no more of that than the SQLSTATE.
 */
import { WeirError } from '../errors.js';

const down = /^(08|57P0[123]|53300|28|3D000)/;

export function translateUpstream(thrown: unknown): WeirError {
  if (thrown instanceof WeirError) return thrown;
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? String(thrown.code) : '';
  const message = thrown instanceof Error ? thrown.message : '';
  if (code === '57014') return slow(thrown);
  if (code.startsWith('22')) {
    return new WeirError('value-invalid', {
      hint: 'look at the values of the filters and their columns’ types',
      cause: thrown,
    });
  }
  if (message === 'timeout exceeded when trying to connect') return slow(thrown);
  // Node's socket errors (ECONNREFUSED, ECONNRESET, …) and the driver's own "Connection terminated …" carry no SQLSTATE.
  if (
    down.test(code) ||
    /^E[A-Z]+$/.test(code) ||
    /^(Connection terminated|Client has encountered|Client was closed)/.test(message)
  ) {
    return new WeirError('upstream-down', {
      hint: 'nothing was released; try again shortly',
      retryAfterSeconds: 5,
      cause: thrown,
    });
  }
  return new WeirError('upstream-failed', { cause: thrown });
}

export function slow(cause: unknown): WeirError {
  return new WeirError('upstream-slow', {
    hint: 'narrow the read (a pin, a smaller limit) or try again shortly',
    retryAfterSeconds: 5,
    cause,
  });
}
