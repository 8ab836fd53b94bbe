/** A process that is measured, or that measures: started on its cores, given one job at a time, ended with the bench. */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Mark } from './subjects/messages.js';

interface Said {
  readonly ready?: true;
  readonly mark?: Mark['mark'];
  readonly outcome?: unknown;
  readonly failure?: string;
}

export class Subject {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #complaint = '';
  #onSaid: (said: Said) => void = () => undefined;
  #onEnd: (() => void) | undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.on('data', (text: Buffer) => (this.#complaint = (this.#complaint + text).slice(-4000)));
    child.on('message', (said: Said) => this.#onSaid(said));
    this.#ended = new Promise((resolve) => {
      child.once('exit', () => {
        resolve();
        this.#onEnd?.();
      });
      child.once('error', (error) => {
        this.#complaint += error.message;
        resolve();
        this.#onEnd?.();
      });
    });
  }

  /** @param on words before the command, see Cores @param nodeArguments for node itself, e.g. --cpu-prof */
  static async start(
    file: string,
    on: readonly string[],
    nodeArguments: readonly string[] = [],
  ): Promise<Subject> {
    const [program, ...rest] = [...on, process.execPath, ...nodeArguments, file];
    const child = spawn(program!, rest, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    const subject = new Subject(child);
    await subject.#next((said) => said.ready === true);
    return subject;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** @param onMark called when the process says that what is measured begins, and that it has ended */
  async run<Outcome>(job: object, onMark: (mark: Mark['mark']) => void = () => undefined): Promise<Outcome> {
    const answered = this.#next((said) => {
      if (said.mark !== undefined) onMark(said.mark);
      return said.outcome !== undefined;
    });
    this.#child.send(job);
    return (await answered).outcome as Outcome;
  }

  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
  }

  #next(wanted: (said: Said) => boolean): Promise<Said> {
    return new Promise((resolve, reject) => {
      this.#onEnd = () => reject(new Error(`a measured process ended: ${this.#complaint.trim()}`));
      this.#onSaid = (said) => {
        if (said.failure !== undefined) reject(new Error(said.failure));
        else if (wanted(said)) resolve(said);
      };
      if (this.#child.exitCode !== null) this.#onEnd();
    });
  }
}
