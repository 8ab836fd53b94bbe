/**
 * Reads what a service answers, within bounds of size and time, and holds it against what its route declares: status,
 * type, encoding, length. What does not fit is refused in our own words; none of its bytes go on. The body is read to
 * its end or destroyed, whichever way this ends.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import type { Readable } from 'node:stream';
import type { UpstreamAnswer } from '../access.js';
import { WeirError } from '../errors.js';
import type { AnswerForm } from '../policy/model.js';

export interface AnswerBounds {
  readonly maxAnswerBytes: number;
  /** From the first byte to the last. */
  readonly timeoutMs: number;
}

/** As much of an error's text is read, and thrown away, as keeps its connection in use. */
const discardedBytes = 64 * 1024;

const types: Readonly<Record<AnswerForm, RegExp>> = {
  json: /^application\/(?:[a-z0-9.-]+\+)?json$/,
  'json-lines': /^application\/(?:x-ndjson|jsonl|jsonlines|x-jsonlines|json-lines)$/,
  csv: /^text\/csv$/,
};

export interface ReadAnswer {
  /** Undefined: there is none (204), or none that counts. */
  readonly text: string | undefined;
  /** What the service said instead of an answer, to be told once the call is on the log. */
  readonly refusal: WeirError | undefined;
}

/** @throws WeirError service-answer-unfit, service-timeout, service-failed, service-unavailable */
export async function readAnswer(
  answer: UpstreamAnswer,
  form: AnswerForm,
  bounds: AnswerBounds,
): Promise<ReadAnswer> {
  const { status, headers, body } = answer;
  // A body that is destroyed, or whose service breaks off, says so; with nobody to hear it the process would end.
  body.on('error', ignored);
  const isFit = status === 200 || status === 201 || status === 202 || status === 203 || status === 204;
  if (!isFit) {
    const failure = failureOf(status);
    discard(body, bounds.timeoutMs);
    if (failure.kind.severity === 'operator') throw failure;
    return { text: undefined, refusal: failure };
  }
  const fault = status === 204 ? undefined : (typeFault(headers, form) ?? encodingFault(headers));
  if (fault !== undefined) {
    body.destroy();
    throw unfit(fault);
  }
  const bytes = await collect(body, bounds);
  if (status === 204) return { text: undefined, refusal: undefined };
  if (isAscii(bytes)) return { text: bytes.toString('latin1'), refusal: undefined };
  if (!isUtf8(bytes)) throw unfit('the body is not UTF-8');
  return { text: bytes.toString('utf8'), refusal: undefined };
}

export function unfit(what: string): WeirError {
  return new WeirError('service-answer-unfit', { cause: new Error(what) });
}

/** A 4xx is about the call, and counts as one that found nothing; what else is no answer is the operator's business. */
function failureOf(status: number): WeirError {
  if (status === 404 || status === 410) return new WeirError('record-not-found');
  if (status === 409 || status === 412 || status === 423 || status === 428)
    return new WeirError('service-conflict');
  const cause = new Error(`the service answered with status ${status}`);
  if (status === 408 || status === 504) return new WeirError('service-timeout', { cause });
  if (status === 429 || status === 502 || status === 503)
    return new WeirError('service-unavailable', { cause });
  if (status === 401 || status === 403 || status === 407) return new WeirError('service-failed', { cause });
  if (status >= 400 && status < 500) return new WeirError('service-refused');
  if (status >= 500) return new WeirError('service-failed', { cause });
  return new WeirError('service-answer-unfit', { cause });
}

function typeFault(headers: UpstreamAnswer['headers'], form: AnswerForm): string | undefined {
  const given = headers['content-type'];
  if (typeof given !== 'string') return given === undefined ? 'it has no type' : 'it has several types';
  const end = given.indexOf(';');
  const type = (end === -1 ? given : given.slice(0, end)).trim().toLowerCase();
  if (!types[form].test(type)) return `its type is not that of ${form}`;
  if (end === -1) return undefined;
  const charset = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(given.slice(end))?.[1];
  return charset === undefined || /^utf-?8$/i.test(charset) ? undefined : 'its charset is not UTF-8';
}

function encodingFault(headers: UpstreamAnswer['headers']): string | undefined {
  const encoding = headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity') return undefined;
  return 'it is compressed, though nobody asked for that';
}

/** @throws WeirError service-answer-unfit, service-timeout */
function collect(body: Readable, { maxAnswerBytes, timeoutMs }: AnswerBounds): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    let settled = false;
    const fail = (error: WeirError): void => {
      settled = true;
      clearTimeout(timer);
      reject(error);
      body.destroy();
    };
    const timer = setTimeout(() => fail(new WeirError('service-timeout')), timeoutMs);
    body.on('data', (part: Buffer) => {
      length += part.length;
      if (length <= maxAnswerBytes) parts.push(part);
      else if (!settled) fail(unfit(`it is longer than ${maxAnswerBytes} bytes`));
    });
    body.on('end', () => {
      settled = true;
      clearTimeout(timer);
      resolve(parts.length === 1 ? parts[0]! : Buffer.concat(parts, length));
    });
    // Half an answer, a wrong length, a connection that breaks off.
    body.on('error', (cause: Error) => {
      if (!settled) fail(bodyFailure(cause));
    });
    body.on('close', () => {
      if (!settled) fail(unfit('it broke off'));
    });
  });
}

function bodyFailure(cause: Error & { code?: string }): WeirError {
  if (cause.code === 'UND_ERR_BODY_TIMEOUT') return new WeirError('service-timeout', { cause });
  return new WeirError('service-answer-unfit', { cause });
}

function discard(body: Readable, timeoutMs: number): void {
  let length = 0;
  const timer = setTimeout(() => body.destroy(), timeoutMs);
  timer.unref();
  body.on('data', (part: Buffer) => {
    length += part.length;
    if (length > discardedBytes) body.destroy();
  });
  body.once('close', () => clearTimeout(timer));
}

function ignored(): void {}
