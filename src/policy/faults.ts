/**
 * What is wrong with a policy set: one fault a place, all of them at once, each with what to write
 * instead. Policy files are the shop's own, so a fault may quote names and words that stand in them.
 */

export interface Position {
  /** 1 for the first line. */
  readonly line: number;
  /** 1 for the first character. */
  readonly column: number;
}

export interface PolicyFault extends Position {
  /** As the reader of the message would open it: "policies/roles/support-agent.yaml". */
  readonly file: string;
  readonly message: string;
  /** What to write or do instead; never empty. */
  readonly hint: string;
}

export class PolicyFaults extends Error {
  /** Sorted by file, line, column. */
  readonly faults: readonly PolicyFault[];

  constructor(faults: readonly PolicyFault[]) {
    super(`${faults.length} ${faults.length === 1 ? 'fault' : 'faults'} in the policy files`);
    this.name = 'PolicyFaults';
    this.faults = Object.freeze(sortFaults(faults));
  }
}

export function sortFaults(faults: readonly PolicyFault[]): PolicyFault[] {
  const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  return [...faults].sort(
    (a, b) => order(a.file, b.file) || a.line - b.line || a.column - b.column || order(a.message, b.message),
  );
}

/** One line a fault: `policies/roles/support-agent.yaml:12:7 unknown column "adress" — write address`. */
export function formatFaults(faults: readonly PolicyFault[]): string {
  return faults
    .map(({ file, line, column, message, hint }) => `${file}:${line}:${column} ${message} — ${hint}`)
    .join('\n');
}
