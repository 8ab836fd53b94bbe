#!/usr/bin/env node
/**
 * The process: arguments, environment, signals, exit code. Alone in touching process.env and process.exit.
 * While a verb serves, the first SIGINT, SIGTERM or SIGHUP asks it to stop, the second to stop now, and the
 * third ends the process as it is. Any other verb ends at the first, as programs do.
 */
import type { CliContext, StopSignals } from './cli/context.js';
import { runWeir } from './cli/program.js';

function signals(): StopSignals {
  const stop = new AbortController();
  const hurry = new AbortController();
  const onSignal = () => {
    if (!stop.signal.aborted) stop.abort();
    else if (!hurry.signal.aborted) hurry.abort();
    else process.exit(1);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return { stop: stop.signal, hurry: hurry.signal };
}

// `weir log show | head` closes the pipe early: that is the reader's right, not a failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const context: CliContext = {
  io: {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  },
  env: Object.freeze({ ...process.env }),
  cwd: process.cwd(),
  signals,
  columns: process.stdout.isTTY ? process.stdout.columns : undefined,
};

process.exit(await runWeir(process.argv.slice(2), context));
