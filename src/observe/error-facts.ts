/**
 * What may be told about a thrown thing outside of the gateway. Errors of PostgreSQL quote the rows that
 * they are about, in message, detail, hint, where and internalQuery, and other people's errors quote their
 * input; so facts are picked one by one and everything else stays behind. Only a WeirError's own message
 * passes, because those never hold a value.
 */
import { WeirError } from '../errors.js';

export interface ErrorFacts {
  readonly name: string;
  /** Our code, a SQLSTATE, or a system error such as ECONNREFUSED. */
  readonly code?: string;
  /** Of a WeirError only. */
  readonly message?: string;
  readonly severity?: string;
  /** Function of PostgreSQL that raised it. */
  readonly routine?: string;
  readonly syscall?: string;
  /** Frames without the line that repeats the message. */
  readonly stack?: readonly string[];
  readonly causes?: readonly ErrorFacts[];
}

const deepest = 4;

export function errorFacts(thrown: unknown, depth = 0): ErrorFacts {
  if (!(thrown instanceof Error)) return { name: typeof thrown };
  const error = thrown as Error & Record<string, unknown>;
  const code = word(error['code'], /^(?:[0-9A-Z]{5}|[A-Z][A-Z0-9_]{2,47}|[a-z][a-z-]{2,47})$/);
  const fromPostgres = typeof error['severity'] === 'string' && typeof error['routine'] === 'string';
  const causes = [error.cause, ...(error instanceof AggregateError ? error.errors.slice(0, 3) : [])].filter(
    (cause) => cause !== undefined,
  );
  return {
    name: fromPostgres ? 'DatabaseError' : (word(error.name, /^[A-Za-z]{1,40}$/) ?? 'Error'),
    ...optional('code', code),
    ...optional('message', error instanceof WeirError ? error.message : undefined),
    ...optional('severity', fromPostgres ? word(error['severity'], /^[A-Z0-9]{1,12}$/) : undefined),
    ...optional(
      'routine',
      fromPostgres ? word(error['routine'], /^[A-Za-z_][A-Za-z0-9_]{0,63}$/) : undefined,
    ),
    ...optional('syscall', word(error['syscall'], /^[a-z]{1,20}$/)),
    ...optional('stack', frames(error)),
    ...optional(
      'causes',
      causes.length > 0 && depth < deepest ? causes.map((cause) => errorFacts(cause, depth + 1)) : undefined,
    ),
  };
}

/** One line for a terminal: "DatabaseError 42501 (aclcheck_error)". */
export function writeErrorFacts(thrown: unknown): string {
  const { name, code, message, routine, causes } = errorFacts(thrown);
  const own = [name, code, routine === undefined ? undefined : `(${routine})`].filter(Boolean).join(' ');
  const told = message === undefined ? own : `${message} [${code}]`;
  return [told, ...(causes ?? []).map((cause) => [cause.name, cause.code].filter(Boolean).join(' '))].join(
    ' ← ',
  );
}

function frames(error: Error): string[] | undefined {
  // The message may have line breaks of its own, and even lines that look like frames: cut it off whole first.
  const stack = typeof error.stack === 'string' ? error.stack : '';
  const start = error.message === '' ? 0 : stack.indexOf(error.message);
  if (start < 0) return undefined;
  const lines = stack
    .slice(start + error.message.length)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^at \S.*:\d+:\d+\)?$/.test(line));
  return lines.length === 0 ? undefined : lines.slice(0, 12);
}

function word(value: unknown, form: RegExp): string | undefined {
  return typeof value === 'string' && form.test(value) ? value : undefined;
}

function optional<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): Partial<Record<Key, Value>> {
  return value === undefined ? {} : ({ [key]: value } as Record<Key, Value>);
}
