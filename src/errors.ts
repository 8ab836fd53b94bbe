/**
 * Every failure that a caller can see, in one table. Doors translate a WeirError into their protocol
 * (HTTP problem, later wire ErrorResponse) and know nothing else about failures; whatever is not a
 * WeirError goes out as `internal`. Messages name a column, claim or option, never a value of the
 * order database and never a value that the caller sent.
 * Imports nothing.
 */

export type Severity = 'caller' | 'operator' | 'security';

export interface ErrorKind {
  readonly status: number;
  readonly sqlstate: string;
  /** Whose business it is: the caller's to mend, the operator's, or one that security may want to see. */
  readonly severity: Severity;
  readonly title: string;
}

const kinds = {
  'token-missing': [401, '28000', 'caller', 'A bearer token is required'],
  'token-invalid': [401, '28000', 'security', 'The bearer token is not valid'],
  'token-expired': [401, '28000', 'caller', 'The bearer token has expired'],
  'token-revoked': [401, '28000', 'security', 'The bearer token has been revoked'],
  'issuer-unavailable': [503, '58000', 'operator', "The token issuer's keys cannot be fetched"],
  'role-required': [403, '42501', 'caller', 'The token holds several roles and none was named'],
  'role-unknown': [403, '42501', 'caller', 'The token holds no role that has a policy here'],
  'person-required': [403, '42501', 'caller', 'The role is for people and the token names no person'],
  'service-required': [403, '42501', 'caller', 'The role is for services and the token names a person'],
  'outside-hours': [403, '42501', 'security', 'The role does not read at this time of day'],
  'outside-network': [403, '42501', 'security', 'The role does not read from this address'],
  'token-id-required': [403, '42501', 'caller', 'The role limits each token and the token has no id'],
  'claim-required': [403, '42501', 'caller', 'The role filters rows by a claim that the token lacks'],
  'reason-required': [403, '42501', 'caller', 'The read must give a reason that the role knows'],
  'ticket-required': [403, '42501', 'caller', 'The read must name a ticket of the right form'],
  'not-permitted': [403, '42501', 'security', 'The role may not do this'],
  'table-unknown': [404, '42P01', 'caller', 'The table does not exist'],
  'relation-unknown': [400, '42P01', 'caller', 'There is no such relation between the tables'],
  'column-unknown': [400, '42703', 'caller', 'The column does not exist'],
  'pin-required': [403, '42501', 'caller', 'The read must pin a record or a person'],
  'filter-refused': [403, '42501', 'security', 'The column cannot be filtered on'],
  'guessing-refused': [403, '42501', 'security', 'Look-ups that differ only in hidden digits'],
  'count-refused': [403, '42501', 'caller', 'An exact count is not available with this filter'],
  'limit-reached': [429, '53400', 'security', 'A limit of the role is used up'],
  'concurrency-reached': [429, '53300', 'caller', 'Too many reads of one person or role at once'],
  'per-request-exceeded': [422, '54000', 'caller', 'The answer holds more rows than one request may read'],
  'query-invalid': [400, '42601', 'caller', 'The query could not be understood'],
  'value-invalid': [400, '22P02', 'caller', 'A value does not fit the type of its column'],
  'range-unsatisfiable': [416, '22003', 'caller', 'The range lies outside the answer'],
  'not-one-row': [406, '21000', 'caller', 'The answer does not hold exactly one row'],
  'media-type-unsupported': [406, '0A000', 'caller', 'None of the accepted media types can be produced'],
  'method-not-allowed': [405, '0A000', 'caller', 'The method is not available on this route'],
  'route-unknown': [404, '42883', 'caller', 'There is nothing at this address'],
  'request-malformed': [400, '08P01', 'caller', 'The request is malformed'],
  'request-too-long': [414, '54000', 'caller', 'The request line or its query is too long'],
  busy: [503, '53300', 'operator', 'Too many requests are waiting'],
  'upstream-down': [502, '08006', 'operator', 'The order database cannot be reached'],
  'upstream-slow': [504, '57014', 'operator', 'The order database did not answer in time'],
  'upstream-failed': [502, '58000', 'operator', 'The order database could not answer'],
  'log-unavailable': [503, '58000', 'operator', 'The access log cannot be written, so nothing was released'],
  'revocations-unavailable': [503, '58000', 'operator', 'Revoked tokens cannot be told from others'],
  'record-not-found': [404, '02000', 'caller', 'There is no such record'],
  'field-unknown': [422, '42703', 'caller', 'The body names a field that the route does not take'],
  'field-masked': [422, '42501', 'security', 'The body names a field that the role does not see in clear'],
  'service-refused': [422, '22000', 'caller', 'The service does not accept the request'],
  'service-conflict': [409, '40001', 'caller', 'The record is not in a state that allows this'],
  'service-unavailable': [502, '08006', 'operator', 'The service cannot be reached'],
  'service-timeout': [504, '57014', 'operator', 'The service did not answer in time'],
  'service-failed': [502, '58000', 'operator', 'The service could not answer'],
  'service-answer-unfit': [
    502,
    '58030',
    'operator',
    'The answer of the service is not what the catalogue declares',
  ],
  'policy-unavailable': [503, '58000', 'operator', 'No valid policy set is loaded'],
  'policy-unknown': [404, '02000', 'caller', 'No gateway knows such a policy set'],
  'approval-refused': [409, '55000', 'security', 'The policy set cannot be approved like this'],
  draining: [503, '57P01', 'operator', 'The gateway is shutting down'],
  internal: [500, 'XX000', 'operator', 'Something went wrong inside the gateway'],
} as const satisfies Record<string, readonly [number, string, Severity, string]>;

export type ErrorCode = keyof typeof kinds;

export const errorKinds: Readonly<Record<ErrorCode, ErrorKind>> = Object.freeze(
  Object.fromEntries(
    Object.entries(kinds).map(([code, [status, sqlstate, severity, title]]) => [
      code,
      Object.freeze({ status, sqlstate, severity, title }),
    ]),
  ) as Record<ErrorCode, ErrorKind>,
);

export interface ErrorParts {
  /** What is wrong with this request, for the caller. Default: the title of the code. */
  readonly detail?: string;
  /** What to do next. */
  readonly hint?: string;
  /** Seconds until it is worth asking again. */
  readonly retryAfterSeconds?: number;
  /** Kept for the operator's log, never sent. */
  readonly cause?: unknown;
  /** PostgREST's own code for this, where it is another one than that of the failure in general. */
  readonly postgrest?: string;
}

export class WeirError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly postgrest: string | undefined;

  constructor(code: ErrorCode, parts: ErrorParts = {}) {
    super(
      parts.detail ?? errorKinds[code].title,
      parts.cause === undefined ? undefined : { cause: parts.cause },
    );
    this.name = 'WeirError';
    this.code = code;
    this.hint = parts.hint;
    this.retryAfterSeconds = parts.retryAfterSeconds;
    this.postgrest = parts.postgrest;
  }

  get kind(): ErrorKind {
    return errorKinds[this.code];
  }
}

/** A limit that is used up; carries what the RateLimit headers say. */
export class LimitReached extends WeirError {
  /** The limit as the role file writes it, e.g. "500 records per day". */
  readonly limit: string;
  readonly max: number;
  readonly remaining: number;
  readonly windowSeconds: number;

  constructor(parts: {
    limit: string;
    max: number;
    remaining: number;
    windowSeconds: number;
    retryAfterSeconds: number;
    /** The read alone is larger than the limit. */
    neverFits?: boolean;
  }) {
    super('limit-reached', {
      detail: `the limit of ${parts.limit} is used up (${parts.remaining} left)`,
      hint: parts.neverFits
        ? 'this read alone is more than the limit: ask for fewer rows, or ask the owner of the role for a higher limit'
        : `ask again in ${parts.retryAfterSeconds} s, or ask the owner of the role for a higher limit`,
      retryAfterSeconds: parts.retryAfterSeconds,
    });
    this.name = 'LimitReached';
    this.limit = parts.limit;
    this.max = parts.max;
    this.remaining = parts.remaining;
    this.windowSeconds = parts.windowSeconds;
  }
}

/** What may go out for any thrown thing: itself when it is ours, `internal` with the cause kept otherwise. */
export function asWeirError(thrown: unknown): WeirError {
  return thrown instanceof WeirError ? thrown : new WeirError('internal', { cause: thrown });
}
