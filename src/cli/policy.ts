/** `weir policy check`: are the policy files sound, and do they fit the order database? */
import { resolve } from 'node:path';
import { formatFaults, PolicyFaults } from '../policy/faults.js';
import { loadPolicies } from '../policy/load.js';
import { exitCodes, type CliContext } from './context.js';
import { findConfig, type ConfigOption } from './find-config.js';
import { formatJsonLines } from './table.js';

export interface PolicyCheckOptions extends ConfigOption {
  readonly dir?: string;
  readonly database?: boolean;
  readonly json?: boolean;
}
