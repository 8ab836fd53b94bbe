/**
 * The one translator from failures to HTTP: RFC 9457 problem documents, with PostgREST's members on the
 * REST door. Whatever is not a WeirError goes out as fixed text and a request id: no stack, no text of
 * fastify, node, the order database or the store ever passes through here.
 */
import { errorKinds, asWeirError, LimitReached, WeirError, type ErrorCode } from '../../errors.js';

/** Whose members the document carries: `code` is Weir's own code, or the SQLSTATE with PostgREST's. */
export type Dialect = 'weir' | 'postgrest';

export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Seconds after which asking again makes sense, where the failure itself does not say. */
const defaultRetrySeconds: Partial<Record<ErrorCode, number>> = {
  busy: 1,
  draining: 2,
  'issuer-unavailable': 5,
  'log-unavailable': 2,
  'policy-unavailable': 5,
  'revocations-unavailable': 1,
  'upstream-down': 2,
};

export function problemOf(error: WeirError, requestId: string, dialect: Dialect): Problem {
  const { status, sqlstate, title } = errorKinds[error.code];
  const detail = error.code === 'internal' ? title : error.message;
  const hint = error.code === 'internal' ? 'give the request id to whoever runs the gateway' : error.hint;
  const common = { type: `urn:weir:error:${error.code}`, title, status, detail, instance: requestId };
  const document =
    dialect === 'postgrest'
      ? { ...common, ...postgrestCode(error, sqlstate), message: detail, hint: hint ?? null }
      : { ...common, code: error.code, ...(hint === undefined ? {} : { hint }) };
  return { status, headers: headersOf(error), body: JSON.stringify(document) };
}

/** Those of PostgREST's own codes that stand for what is a code here. */
export const postgrestCodes: Partial<Record<ErrorCode, string>> = {
  'query-invalid': 'PGRST100',
  'range-unsatisfiable': 'PGRST103',
  'media-type-unsupported': 'PGRST107',
  'not-one-row': 'PGRST116',
  'method-not-allowed': 'PGRST117',
  'relation-unknown': 'PGRST200',
  'table-unknown': 'PGRST205',
};

/** As PostgREST has it: its own codes for what it finds out itself, SQLSTATEs for the rest. */
function postgrestCode(error: WeirError, sqlstate: string): { code: string; details: string | null } {
  const code = error.postgrest ?? postgrestCodes[error.code] ?? sqlstate;
  return { code, details: error.code === 'not-one-row' ? error.message : null };
}

function headersOf(error: WeirError): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' };
  const retry = error.retryAfterSeconds ?? defaultRetrySeconds[error.code];
  if (retry !== undefined) headers['retry-after'] = String(Math.max(0, Math.ceil(retry)));
  if (error.kind.status === 401) headers['www-authenticate'] = challengeOf(error.code);
  if (error instanceof LimitReached) {
    // draft-ietf-httpapi-ratelimit-headers: structured fields, the policy named as the role file writes it.
    const name = quoted(error.limit);
    headers['ratelimit-policy'] = `${name};q=${whole(error.max)};w=${whole(error.windowSeconds)}`;
    headers['ratelimit'] = `${name};r=${whole(error.remaining)};t=${whole(error.retryAfterSeconds ?? 0)}`;
  }
  return headers;
}

/** RFC 6750 §3.1: a request without any token is told no error code. */
function challengeOf(code: ErrorCode): string {
  const realm = 'Bearer realm="weir"';
  if (code === 'token-missing') return realm;
  return `${realm}, error="invalid_token", error_description=${quoted(errorKinds[code].title)}`;
}

/** A string as RFC 9651 §3.3.3 writes it; what cannot stand in one is left out. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '').replace(/["\\]/g, '\\$&')}"`;
}

function whole(number: number): string {
  return String(Math.max(0, Math.ceil(number)));
}

/** Any thrown thing, with fastify's and node's own complaints about a request turned into ours. */
export function requestFailure(thrown: unknown): WeirError {
  if (thrown instanceof WeirError) return thrown;
  const code = codeOf(thrown);
  if (code === 'FST_ERR_MAX_PARAM_LENGTH' || code === 'HPE_HEADER_OVERFLOW') {
    return new WeirError('request-too-long', {
      detail: 'the request line and the headers are longer than the gateway takes',
      hint: 'ask for less in one request',
      cause: thrown,
    });
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new WeirError('request-malformed', {
      detail: 'the request did not arrive in time',
      cause: thrown,
    });
  }
  if (code === 'HPE_INVALID_URL') {
    return new WeirError('request-malformed', {
      detail: 'the address holds characters that must be percent-encoded',
      hint: 'with curl, use -G --data-urlencode',
      cause: thrown,
    });
  }
  if (code.startsWith('FST_ERR_CTP_') || code.startsWith('HPE_') || code === 'FST_ERR_BAD_URL') {
    return new WeirError('request-malformed', { cause: thrown });
  }
  return asWeirError(thrown);
}

function codeOf(thrown: unknown): string {
  if (!(thrown instanceof Error) || !('code' in thrown)) return '';
  return typeof thrown.code === 'string' ? thrown.code : '';
}

/** Only the operator can do something about it, so the operator is told what was behind it. */
export function concernsOperator(error: WeirError): boolean {
  return error.code === 'internal' || (error.kind.severity === 'operator' && error.cause !== undefined);
}
