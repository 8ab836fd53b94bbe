/** What `weir start` and `weir demo` share: start, say so, wait for a signal, drain. */
import type { Config } from '../config/schema.js';
import { CliError, type CliContext, type StopSignals } from './context.js';

/** What a verb needs of the gateway. */
export interface Servable {
  /** @returns the address it answers at: http://127.0.0.1:8080 */
  start(): Promise<string>;
  /** Refuses new requests, lets those in work finish, closes everything. `hurry` cuts the wait short. */
  drain(hurry: AbortSignal): Promise<void>;
}

/** @throws CliError where the address is taken or not ours */
export async function startServing(
  gateway: Servable,
  config: Config,
  from: 'file' | 'demo',
): Promise<string> {
  try {
    return await gateway.start();
  } catch (error) {
    throw addressFault(error, config, from) ?? error;
  }
}

/** Words for a listen that failed; undefined where it was something else. */
export function addressFault(error: unknown, { http }: Config, from: 'file' | 'demo'): CliError | undefined {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall !== 'listen') return undefined;
  const place =
    from === 'file' ? ' (or http.port in the configuration)' : ', for example WEIR_HTTP_PORT=8081 npm start';
  if (code === 'EADDRINUSE') {
    return new CliError(
      `port ${http.port} on ${http.host} is taken by another program`,
      `stop that program, or name another port with WEIR_HTTP_PORT${place}`,
    );
  }
  if (code === 'EACCES') {
    return new CliError(
      `port ${http.port} is for privileged users`,
      `name one above 1023 with WEIR_HTTP_PORT${place}`,
    );
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new CliError(
      `${http.host} is no address of this machine`,
      'name one with WEIR_HOST: 127.0.0.1, 0.0.0.0 or ::',
    );
  }
  return undefined;
}

/** Settles at the first signal. */
export async function untilStopped(signals: StopSignals): Promise<void> {
  if (signals.stop.aborted) return;
  await new Promise<void>((settle) => signals.stop.addEventListener('abort', () => settle(), { once: true }));
}

/** Drains, telling on standard error what is being waited for. */
export async function drainServing(
  context: CliContext,
  gateway: Servable,
  signals: StopSignals,
): Promise<void> {
  context.io.err('weir: stopping; requests in work are finished first (once more to stop at once)\n');
  await gateway.drain(signals.hurry);
}
