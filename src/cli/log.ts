/** `weir log show` and `weir log verify`. */
import { CliError, type CliContext } from './context.js';
import type { ConfigOption } from './find-config.js';
import type { RangeOptions } from './time.js';

export interface LogVerifyOptions extends ConfigOption {
  readonly json?: boolean;
}

export interface LogShowOptions extends ConfigOption, RangeOptions {
  readonly person?: string;
  readonly issuer?: string;
  readonly record?: string;
  readonly subject?: string;
  readonly door?: string;
  readonly limit: number;
  readonly json?: boolean;
}

export async function logVerify(_context: CliContext, _options: LogVerifyOptions): Promise<number> {
  throw new CliError('not there yet', 'come back');
}

export async function logShow(_context: CliContext, _options: LogShowOptions): Promise<number> {
  throw new CliError('not there yet', 'come back');
}
