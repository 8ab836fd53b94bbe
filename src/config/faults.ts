/**
 * What is wrong with a configuration, all of it at once. A fault says where (file, line, column and key,
 * or the name of the variable), what, and what to write instead; never the value that was found there,
 * because it may be a password in the wrong place.
 */

export interface ConfigFault {
  /** `weir.yaml:3:5 http.port`, or `WEIR_HTTP_PORT`. */
  readonly where: string;
  readonly message: string;
  /** What to do about it. */
  readonly hint: string;
}

export class ConfigFaults extends Error {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super(formatConfigFaults(faults));
    this.name = 'ConfigFaults';
    this.faults = faults;
  }
}

/** One fault a paragraph: place, what is wrong, and under it what to do. */
export function formatConfigFaults(faults: readonly ConfigFault[]): string {
  const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
  return [
    `the configuration has ${count}:`,
    ...faults.map(({ where, message, hint }) => `  ${where}: ${message}\n      ${hint}`),
  ].join('\n');
}
