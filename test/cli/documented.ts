/** Commands that the documentation gives people to paste, run against a demo as they stand, but for its address and its folder. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { checkout, programArguments } from '../support/bundle.js';

/** Those of the shell blocks of a page, one by one; a comment behind a command is none of it. */
export function commandsOf(page: string): string[] {
  const text = readFileSync(path.join(checkout, page), 'utf8');
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block = '']) =>
    block
      .replace(/\s*\\\n\s*/g, ' ')
      .split('\n')
      .map((line) => line.replace(/(^|\s)#\s.*$/, '').trim())
      .filter((line) => line !== ''),
  );
}

/** The table of a page below a heading, as rows of cells. */
export function tableOf(page: string, heading: string): string[][] {
  const text = readFileSync(path.join(checkout, page), 'utf8');
  const section = text.slice(text.indexOf(`\n## ${heading}\n`));
  const [, table = ''] = /\n((?:\|.*\n)+)/.exec(section) ?? [];
  const lines = table.trim().split('\n');
  return lines
    .filter((line) => !/^\|[-|]+\|$/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim().replaceAll('\\*', '*')),
    );
}

export interface Pasted {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** @param env as a terminal has it: WEIR_DATA_DIR, TOKEN */
export function paste(command: string, address: string, env: Record<string, string>): Promise<Pasted> {
  const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
  const weir = [process.execPath, ...programArguments(path.join(checkout, 'src', 'main.ts'))].map(quote);
  const script = [
    `npx() { [ "$1" = weir ] || return 127; shift; ${weir.join(' ')} "$@"; }`,
    // A refusal is no success, and the progress of a download no error.
    'curl() { command curl --silent --show-error --fail-with-body "$@"; }',
    command.replaceAll('http://127.0.0.1:8080', address),
  ].join('\n');
  return new Promise((settle) => {
    execFile(
      'bash',
      ['-c', script],
      { cwd: checkout, env: { PATH: process.env['PATH'], TAP_BUNDLES: process.env['TAP_BUNDLES'], ...env } },
      (error, out, err) => settle({ code: error === null ? 0 : Number(error.code ?? -1), out, err }),
    );
  });
}
