/** `weir config`: is the configuration sound, and what is it? Prints no secret. */
import { dumpConfig } from '../config/dump.js';
import { ConfigFaults } from '../config/faults.js';
import { exitCodes, type CliContext } from './context.js';
import { findConfig, findConfigFile, type ConfigOption } from './find-config.js';
import { formatJsonLines } from './table.js';

export interface ConfigVerbOptions extends ConfigOption {
  readonly check?: boolean;
  readonly dump?: boolean;
  readonly json?: boolean;
}

/** @returns 0, or 2 with every fault told */
export async function config(context: CliContext, options: ConfigVerbOptions): Promise<number> {
  const { io } = context;
  try {
    const found = findConfig(context, options);
    if (options.dump) io.out(dumpConfig(found));
    else if (options.json) io.out(formatJsonLines([{ sound: true, faults: [] }]));
    else
      io.out(
        `${findConfigFile(context, options, 'reading')} and the environment: the configuration is sound\n`,
      );
    return exitCodes.ok;
  } catch (error) {
    if (!(error instanceof ConfigFaults) || !options.json) throw error;
    io.out(formatJsonLines([{ sound: false, faults: error.faults }]));
    return exitCodes.usage;
  }
}
