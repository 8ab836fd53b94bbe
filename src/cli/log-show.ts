/** `weir log show`: entries of the log, newest first. */
import { CliError, type CliContext } from './context.js';
import type { ConfigOption } from './find-config.js';
import type { RangeOptions } from './time.js';

export interface LogShowOptions extends ConfigOption, RangeOptions {
  readonly person?: string;
  readonly issuer?: string;
  readonly record?: string;
  readonly subject?: string;
  readonly door?: string;
  readonly limit: number;
  readonly json?: boolean;
}

export async function logShow(_context: CliContext, _options: LogShowOptions): Promise<number> {
  throw new CliError('not there yet', 'come back');
}
