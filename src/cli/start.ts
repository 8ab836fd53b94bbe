/** `weir start`: serve in production. Refuses to without a whole configuration, or with keys that a demo made. */
import { existsSync, readFileSync } from 'node:fs';
import { decodeKey, demoKeyMarker } from '../config/meaning.js';
import type { Config } from '../config/schema.js';
import { isDemoKeyId } from '../identity/demo-key.js';
import { readPrincipalKey } from '../identity/principal-token.js';
import { openGateway } from '../gateway.js';
import { createLogger } from '../observe/logger.js';
import { createMetrics } from '../observe/metrics.js';
import { CliError, type CliContext } from './context.js';
import { findConfig, type ConfigOption } from './find-config.js';
import { drainServing, startServing, untilStopped } from './serve.js';

/** @returns when it was stopped: 0, or 1 where the second signal cut the drain short */
export async function start(context: CliContext, options: ConfigOption): Promise<number> {
  const config = findConfig(context, options, 'serving');
  refuseDemoKeys(config);
  const signals = context.signals();
  const metrics = createMetrics();
  const log = createLogger(config.logLevel);
  const gateway = openGateway(config, {
    metrics,
    environment: context.env,
    observe: (observation) => {
      log(observation);
      metrics.observe(observation);
    },
  });
  const address = await startServing(gateway, config, 'file');
  context.io.out(`weir ready on ${address}\n`);
  await untilStopped(signals);
  return drainServing(context, gateway, signals);
}

/**
 * Demo keys are on every disk that ever ran the demo; with them anybody could sign as anybody.
 * Keys that come from an address are held to the same when they are fetched (identity/).
 * @throws CliError
 */
export function refuseDemoKeys(config: Config): void {
  const hint = 'weir start serves real orders: use your own; for the demo, run weir demo';
  const keys = { 'log.digestKey': config.log.digestKey, 'masks.tokenKey': config.masks.tokenKey };
  for (const [name, key] of Object.entries(keys)) {
    const start = decodeKey(key ?? '')?.subarray(0, demoKeyMarker.length);
    if (start?.toString('latin1') === demoKeyMarker) throw new CliError(`${name} is a demo's key`, hint);
  }
  config.principal.keys.forEach(({ jwk }, index) => {
    const key = readPrincipalKey(jwk);
    if (typeof key !== 'string' && isDemoKeyId(key.kid))
      throw new CliError(`principal.keys[${index}].jwk is a demo's key`, hint);
  });
  config.identity.issuers.forEach(({ jwks }, index) => {
    if ('file' in jwks && existsSync(jwks.file) && keyIds(jwks.file).some(isDemoKeyId)) {
      throw new CliError(`identity.issuers[${index}].jwks holds a demo's key`, hint);
    }
  });
}

function keyIds(file: string): string[] {
  try {
    const { keys } = JSON.parse(readFileSync(file, 'utf8')) as { keys?: { kid?: unknown }[] };
    return (keys ?? []).flatMap(({ kid }) => (typeof kid === 'string' ? [kid] : []));
  } catch {
    // Whether it is a key set at all is for identity/ to say.
    return [];
  }
}
