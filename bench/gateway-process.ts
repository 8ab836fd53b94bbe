/** The gateway as it ships: `weir start` of the build with a configuration file, on its cores. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface GatewayProcess {
  readonly pid: number;
  readonly port: number;
  /** The end of what it said, for when something goes wrong. */
  log(): string;
  /** Asks it to stop, and waits. @throws Error where it ended badly */
  stop(): Promise<void>;
}

/** @param nodeArguments for node itself, e.g. --cpu-prof */
export async function startGatewayProcess(
  dist: string,
  configFile: string,
  on: readonly string[],
  nodeArguments: readonly string[] = [],
): Promise<GatewayProcess> {
  const words = [...on, process.execPath, ...nodeArguments, join(dist, 'main.js')];
  const [program, ...rest] = [...words, 'start', '--config', configFile];
  const child = spawn(program!, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: plainEnvironment() });
  const ended = endOf(child);
  let told = '';
  child.stderr.on('data', (text: Buffer) => (told = (told + text).slice(-4000)));
  const port = new Promise<number>((resolve) => {
    // Read to the end, so that its log never has to wait for us.
    createInterface(child.stdout).on('line', (line) => {
      const found = /^weir ready on http:\/\/\S+:(\d+)/.exec(line)?.[1];
      if (found !== undefined) resolve(Number(found));
      else told = `${told}${line}\n`.slice(-4000);
    });
  });
  const first = await Promise.race([port, ended]);
  if (typeof first !== 'number') throw new Error(`the gateway did not start: ${told.trim()}`);
  return {
    pid: child.pid!,
    port: first,
    log: () => told.trim(),
    stop: async () => {
      child.kill('SIGTERM');
      const { code } = await ended;
      if (code !== 0) throw new Error(`the gateway ended with ${code}: ${told.trim()}`);
    },
  };
}

/** Runs a verb of the build to its end. @returns what it wrote to standard output */
export async function runVerb(
  dist: string,
  words: readonly string[],
  on: readonly string[],
  onStart: (pid: number) => void = () => undefined,
): Promise<{ code: number | null; out: string; err: string }> {
  const [program, ...rest] = [...on, process.execPath, join(dist, 'main.js'), ...words];
  const child = spawn(program!, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: plainEnvironment() });
  const ended = endOf(child);
  if (child.pid !== undefined) onStart(child.pid);
  let out = '';
  let err = '';
  child.stdout.on('data', (text: Buffer) => (out += text));
  child.stderr.on('data', (text: Buffer) => (err += text));
  const { code } = await ended;
  return { code, out, err };
}

function endOf(child: ChildProcess): Promise<{ code: number | null }> {
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code }));
    child.once('error', () => resolve({ code: null }));
  });
}

/** Nothing of this shell's WEIR_… or NODE_OPTIONS may change what is measured. */
function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(WEIR_|NODE_OPTIONS$|TAP)/.test(name)),
  );
}
