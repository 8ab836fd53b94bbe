/** What `weir start` and `weir demo` share: start, say why not, wait for a signal, drain. */
import type { Config } from '../config/schema.js';
import { StartRefused, type Gateway } from '../gateway.js';
import { formatFaults, PolicyFaults } from '../policy/faults.js';
import { CliError, exitCodes, type CliContext, type StopSignals } from './context.js';
import { databaseFault } from './database-fault.js';

export type Origin = 'file' | 'demo';

/**
 * @returns the address that it answers at
 * @throws CliError for every reason that the operator can mend
 */
export async function startServing(gateway: Gateway, config: Config, origin: Origin): Promise<string> {
  try {
    return await gateway.start();
  } catch (error) {
    throw (
      addressFault(error, config, origin) ??
      refusal(error) ??
      databaseFault(error, 'one of the two databases', 'store.url or orders.url') ??
      error
    );
  }
}

/** Words for files and databases that are not as they must be; undefined where it was something else. */
export function refusal(error: unknown): CliError | undefined {
  if (error instanceof StartRefused) {
    return new CliError(error.message, 'mend each of these and start again (docs/operations.md)');
  }
  if (error instanceof PolicyFaults) {
    const files = formatFaults(error.faults).replaceAll('\n', '\n  ');
    return new CliError(
      `the policy files have faults:\n  ${files}`,
      'weir policy check shows them again once you have mended them',
    );
  }
  return undefined;
}

/** Words for a listen that failed; undefined where it was something else. */
export function addressFault(error: unknown, { http }: Config, origin: Origin): CliError | undefined {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall !== 'listen' && syscall !== 'getaddrinfo') return undefined;
  const how =
    origin === 'file' ? 'or http.port in the configuration' : 'for example WEIR_HTTP_PORT=8081 npm start';
  if (code === 'EADDRINUSE') {
    return new CliError(
      `port ${http.port} on ${http.host} is taken by another program`,
      `stop that program, or name another port with WEIR_HTTP_PORT, ${how}`,
    );
  }
  if (code === 'EACCES') {
    return new CliError(
      `port ${http.port} is for privileged users`,
      `name one above 1023 with WEIR_HTTP_PORT, ${how}`,
    );
  }
  return new CliError(
    `this machine cannot listen on http.host (${code ?? 'unknown error'})`,
    'name one of its addresses with WEIR_HOST: 127.0.0.1, 0.0.0.0 or ::',
  );
}

/** Settles at the first signal. */
export async function untilStopped({ stop }: StopSignals): Promise<void> {
  if (stop.aborted) return;
  await new Promise<void>((settle) => stop.addEventListener('abort', () => settle(), { once: true }));
}

/** @returns exit code: ok, or bad where a second signal cut the drain short */
export async function drainServing(
  context: CliContext,
  gateway: Gateway,
  { hurry }: StopSignals,
): Promise<number> {
  context.io.err('weir: stopping; requests in work are finished first (once more stops at once)\n');
  await gateway.drain(hurry);
  return hurry.aborted ? exitCodes.bad : exitCodes.ok;
}
