/** `weir log verify`: reads the whole log back and says whether it holds together. */
import { verifyLog, type Verification } from '../log/verify.js';
import { exitCodes, type CliContext } from './context.js';
import { findConfig, type ConfigOption } from './find-config.js';
import { withStore } from './open-store.js';
import { formatJsonLines } from './table.js';
import { formatTime, readRange } from './time.js';

export interface LogVerifyOptions extends ConfigOption {
  readonly from?: string;
  /** --no-digests leaves the lists out. */
  readonly digests: boolean;
  readonly json?: boolean;
}

/** @returns 0 where the log holds, 1 with the first bad entries named */
export async function logVerify(context: CliContext, options: LogVerifyOptions): Promise<number> {
  const { io } = context;
  const config = findConfig(context, options);
  const { zone } = config.log;
  const { sinceMicros } = readRange(options, zone);
  const result = await withStore(config, 'log verify', (pool) =>
    verifyLog({
      source: { pool },
      zone,
      sinceMicros,
      digestsToo: options.digests,
      onProgress: (entries) => {
        if (context.columns !== undefined) io.err(`${entries.toLocaleString('en')} entries…\r`);
      },
    }),
  );
  io.out(options.json ? formatJsonLines([result]) : describe(result, zone));
  return result.ok ? exitCodes.ok : exitCodes.bad;
}

function describe(result: Verification, zone: string): string {
  const { entries, writers, records, meters, firstAtMicros, lastAtMicros, faults, faultCount } = result;
  const number = (value: number) => value.toLocaleString('en');
  const span =
    firstAtMicros === undefined || lastAtMicros === undefined
      ? ''
      : `, from ${formatTime(firstAtMicros, zone)} to ${formatTime(lastAtMicros, zone)} (${zone})`;
  const lines = [
    `${number(entries)} entries of ${number(writers)} writers${span}`,
    `${number(records)} records released, ${number(meters)} meters recomputed`,
    ...result.notes.map((note) => `note: ${note}`),
    ...faults.map(({ entry, kind, what }) => `BAD ${entry ?? '(no entry)'} [${kind}]: ${what}`),
    ...(faultCount > faults.length ? [`… and ${number(faultCount - faults.length)} more`] : []),
    faultCount === 0
      ? `the log holds (${number(result.entriesPerSecond)} entries/s)`
      : `the log does NOT hold: ${number(faultCount)} ${faultCount === 1 ? 'fault' : 'faults'}; keep the database as it is and tell security`,
  ];
  return `${lines.join('\n')}\n`;
}
