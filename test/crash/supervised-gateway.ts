/**
 * One gateway process under a supervisor: `weir start` as production runs it, started again whenever it
 * ends, with nothing done in between. Counts what it says about commits whose outcome it had to find out.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const restartDelayMs = 100;
const keptLines = 60;

export interface GatewayProgram {
  readonly name: string;
  /** Path of the compiled main.js. */
  readonly main: string;
  readonly config: string;
  readonly logFile: string;
}

export class SupervisedGateway {
  readonly name: string;
  /** Commits whose outcome was not known and then found out, over all its lives. */
  readonly resolved = { committed: 0, 'not-committed': 0 };
  starts = 0;
  /** Ends that nobody asked for: exit codes other than after a signal of ours. */
  readonly faultyExits: string[] = [];
  readonly #program: GatewayProgram;
  readonly #output: WriteStream;
  readonly #lastLines: string[] = [];
  #child: ChildProcess | undefined;
  #address: string | undefined;
  #stopping = false;
  #asked: 'SIGTERM' | undefined;
  #wasReady = false;
  #gone: Promise<void> = Promise.resolve();

  constructor(program: GatewayProgram) {
    this.name = program.name;
    this.#program = program;
    this.#output = createWriteStream(program.logFile);
    this.#launch();
  }

  /** Where it answers; undefined while it does not run or has not said so yet. */
  get address(): string | undefined {
    return this.#address;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get lastLines(): readonly string[] {
    return this.#lastLines;
  }

  /** @returns whether there was a process to get it, serving or just starting */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): boolean {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return false;
    if (signal === 'SIGTERM') this.#asked = signal;
    return child.kill(signal);
  }

  /** Ends it for good, in order: it drains and writes its closing entry. @returns how it ended */
  async stop(): Promise<string> {
    this.#stopping = true;
    const child = this.#child;
    let how = 'it was not running';
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = new Promise<string>((settle) =>
        child.once('exit', (code, signal) => settle(String(signal ?? code))),
      );
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
      how = await ended;
      clearTimeout(timer);
    }
    await this.#gone;
    this.#output.end();
    return how;
  }

  #launch(): void {
    const { main, config } = this.#program;
    const child = spawn(process.execPath, [main, 'start', '--config', config], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: '/usr/bin:/bin', WEIR_LOG_LEVEL: 'warn' },
    });
    this.starts++;
    this.#child = child;
    this.#wasReady = false;
    this.#asked = undefined;
    this.#hear(child.stdout);
    this.#hear(child.stderr);
    this.#gone = new Promise((settle) => {
      child.once('exit', (code, signal) => {
        this.#address = undefined;
        this.#note(`-- ended: ${signal ?? code}`);
        // A start that failed for want of a database exits with its reason; a gateway that served may only end when told.
        if (this.#wasReady && signal === null && this.#asked === undefined && !this.#stopping) {
          this.faultyExits.push(`gateway ${this.name} ended by itself with exit code ${code}`);
        }
        if (this.#asked === 'SIGTERM' && signal === null && code !== 0) {
          this.faultyExits.push(`gateway ${this.name} answered SIGTERM with exit code ${code}`);
        }
        if (!this.#stopping) setTimeout(() => this.#stopping || this.#launch(), restartDelayMs);
        settle();
      });
      child.once('error', () => settle());
    });
  }

  #hear(stream: Readable): void {
    createInterface({ input: stream }).on('line', (line) => {
      const ready = /^weir ready on (\S+)/.exec(line)?.[1];
      if (ready !== undefined) {
        this.#address = ready;
        this.#wasReady = true;
      }
      const resolvedAs =
        /outcome of a commit was unknown/.test(line) && /"resolvedAs":"([a-z-]+)"/.exec(line)?.[1];
      if (resolvedAs === 'committed' || resolvedAs === 'not-committed') this.resolved[resolvedAs]++;
      this.#note(line);
    });
  }

  #note(line: string): void {
    this.#output.write(`${new Date().toISOString()} ${line}\n`);
    this.#lastLines.push(line);
    if (this.#lastLines.length > keptLines) this.#lastLines.shift();
  }
}
