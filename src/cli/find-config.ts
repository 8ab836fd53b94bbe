/** Which configuration a verb works with: the one that was named, else the one at hand. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadConfig } from '../config/load.js';
import type { Config } from '../config/schema.js';
import { CliError, type CliContext } from './context.js';

export interface ConfigOption {
  /** --config FILE */
  readonly config?: string | undefined;
}

/** Where the demo keeps everything that it makes. */
export function demoDirectory(context: Pick<CliContext, 'env' | 'cwd'>): string {
  return resolve(context.cwd, context.env['WEIR_DATA_DIR'] || '.weir');
}

export function demoConfigFile(directory: string): string {
  return join(directory, 'weir.yaml');
}

export function demoIssuerDirectory(directory: string): string {
  return join(directory, 'issuer');
}

/**
 * --config, else WEIR_CONFIG, else ./weir.yaml, else what the demo wrote.
 * @param kind 'serving': the demo's configuration does not count
 * @returns path as it was named; undefined where there is none
 */
export function findConfigFile(
  context: Pick<CliContext, 'env' | 'cwd'>,
  options: ConfigOption,
  kind: 'serving' | 'reading',
): string | undefined {
  if (options.config !== undefined) return options.config;
  if (context.env['WEIR_CONFIG']) return context.env['WEIR_CONFIG'];
  if (existsSync(join(context.cwd, 'weir.yaml'))) return 'weir.yaml';
  const demo = demoConfigFile(demoDirectory(context));
  return kind === 'reading' && existsSync(demo) ? demo : undefined;
}

/**
 * @throws ConfigFaults
 * @throws CliError where there is no configuration at all
 */
export function findConfig(
  context: Pick<CliContext, 'env' | 'cwd'>,
  options: ConfigOption,
  kind: 'serving' | 'reading' = 'reading',
): Config {
  const file = findConfigFile(context, options, kind);
  if (file === undefined) {
    throw new CliError(
      'there is no configuration',
      kind === 'serving'
        ? 'name one with --config FILE or WEIR_CONFIG, or put a weir.yaml here (docs/configuration.md); to try Weir out, run weir demo'
        : 'name one with --config FILE or WEIR_CONFIG, or put a weir.yaml here; for the demo, run npm start once (WEIR_DATA_DIR names its folder)',
    );
  }
  return loadConfig({ file, env: context.env, cwd: context.cwd });
}
