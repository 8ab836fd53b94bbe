/** `weir` as a process of its own, from the sources: what it prints, its signals, its exit code. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { CliContext } from '../../src/cli/context.js';
import { runWeir } from '../../src/cli/program.js';
import { programArguments } from '../support/bundle.js';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface WeirProcess {
  readonly child: ChildProcess;
  /** Settles when standard output or error holds the pattern. @throws where it ends before, or the deadline passes */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<Ended>;
}

export interface Teardown {
  teardown(work: () => unknown): void;
}

/** @param env WEIR_ variables; nothing else of them is passed on */
export function weirProcess(t: Teardown, args: readonly string[], env: Record<string, string>): WeirProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('WEIR_'));
  const child = spawn(process.execPath, [...programArguments(main), ...args], {
    cwd: root,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  const listeners = new Set<() => void>();
  const heard = () => listeners.forEach((listener) => listener());
  child.stdout.on('data', (chunk: Buffer) => ((out += chunk.toString()), heard()));
  child.stderr.on('data', (chunk: Buffer) => ((err += chunk.toString()), heard()));
  const ended = new Promise<Ended>((settle) => child.on('close', (code) => settle({ code, out, err })));
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await ended;
  });
  return {
    child,
    ended,
    says: (pattern) =>
      new Promise((settle, fail) => {
        const give = (message: string) =>
          fail(new Error(`${message} before it said ${pattern}:\n${out}${err}`));
        const deadline = setTimeout(() => give('90 s passed'), 90_000);
        const look = () => {
          const found = pattern.exec(out) ?? pattern.exec(err);
          if (found === null) return;
          clearTimeout(deadline);
          listeners.delete(look);
          settle(found);
        };
        listeners.add(look);
        look();
        void ended.then(() => {
          look();
          give('it ended');
        });
      }),
  };
}

/** `weir` in this process. No signal ever comes. */
export async function weir(
  args: readonly string[],
  options: { env?: Record<string, string>; cwd?: string; columns?: number } = {},
): Promise<Ended & { readonly code: number }> {
  let [out, err] = ['', ''];
  const never = new AbortController().signal;
  const context: CliContext = {
    io: { out: (text) => void (out += text), err: (text) => void (err += text) },
    env: options.env ?? {},
    cwd: options.cwd ?? root,
    signals: () => ({ stop: never, hurry: never }),
    columns: options.columns,
  };
  return { code: await runWeir(args, context), out, err };
}
