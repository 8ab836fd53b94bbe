/**
 * What a verb gets from the process and what it gives back. Verbs print through `io`, read the environment
 * from here, and return an exit code; only src/main.ts touches the process itself.
 */
import type { Environment } from '../config/load.js';

export interface Io {
  /** What was asked for. Ends with a line break if it should. */
  out(text: string): void;
  /** Everything else: progress, warnings, errors. */
  err(text: string): void;
}

export interface StopSignals {
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP: finish what is in work, then stop. */
  readonly stop: AbortSignal;
  /** Aborted by the second: stop now. */
  readonly hurry: AbortSignal;
}

export interface CliContext {
  readonly io: Io;
  readonly env: Environment;
  readonly cwd: string;
  /** Called by verbs that serve: from then on signals ask instead of ending the process. */
  signals(): StopSignals;
  /** Width of the terminal, undefined where output goes elsewhere. */
  readonly columns: number | undefined;
}

export const exitCodes = Object.freeze({
  ok: 0,
  /** The verb did its work and found something bad, or could not finish it. */
  bad: 1,
  /** Wrong arguments or wrong configuration: nothing was done. */
  usage: 2,
});

/** A verb cannot go on; the message says what is wrong and the hint what to do next. Exit code 2 unless given. */
export class CliError extends Error {
  readonly hint: string;
  readonly exitCode: number;

  constructor(message: string, hint: string, exitCode: number = exitCodes.usage) {
    super(message);
    this.name = 'CliError';
    this.hint = hint;
    this.exitCode = exitCode;
  }
}
