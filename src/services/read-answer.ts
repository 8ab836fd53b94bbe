/**
 * Reads what a service answers, within a bound of size, and holds it against what its route declares: status, type,
 * encoding, length. What does not fit is refused in our own words; none of its bytes go on. It settles once, whichever
 * way the answer ends; time is bounded by who forwards the call.
 */
import { isAscii, isUtf8, transcode } from 'node:buffer';
import type { AnswerTaker, UpstreamHeaders } from '../access.js';
import { WeirError } from '../errors.js';
import type { AnswerForm } from '../policy/model.js';

export interface AnswerBounds {
  readonly maxAnswerBytes: number;
}

/** As much of an error's text is read, and thrown away, as keeps its connection in use. */
const discardedBytes = 64 * 1024;

const types: Readonly<Record<AnswerForm, RegExp>> = {
  json: /^application\/(?:[a-z0-9.-]+\+)?json$/,
  'json-lines': /^application\/(?:x-ndjson|jsonl|jsonlines|x-jsonlines|json-lines)$/,
  csv: /^text\/csv$/,
};

export interface ReadAnswer {
  readonly status: number;
  readonly headers: UpstreamHeaders;
  /** Undefined: there is none (204), or none that counts. */
  readonly text: string | undefined;
  /** What the service said instead of an answer, to be told once the call is on the log. */
  readonly refusal: WeirError | undefined;
}

/** @throws WeirError service-answer-unfit, service-timeout, service-failed, service-unavailable, busy */
export function readAnswer(
  forward: (taker: AnswerTaker) => void,
  form: AnswerForm,
  bounds: AnswerBounds,
): Promise<ReadAnswer> {
  return new Promise((resolve, reject) => forward(new Reading(form, bounds, resolve, reject)));
}

class Reading implements AnswerTaker {
  #status = 0;
  #headers: UpstreamHeaders = {};
  readonly #parts: Buffer[] = [];
  #length = 0;
  #settled = false;

  constructor(
    private readonly form: AnswerForm,
    private readonly bounds: AnswerBounds,
    private readonly resolve: (answer: ReadAnswer) => void,
    private readonly reject: (error: WeirError) => void,
  ) {}

  head(status: number, headers: UpstreamHeaders): boolean {
    this.#status = status;
    this.#headers = headers;
    const isFit = status === 200 || status === 201 || status === 202 || status === 203 || status === 204;
    if (!isFit) {
      const failure = failureOf(status);
      if (failure.kind.severity === 'operator') this.failed(failure);
      else this.#settle(undefined, failure);
      return true;
    }
    const fault = status === 204 ? undefined : (typeFault(headers, this.form) ?? encodingFault(headers));
    if (fault === undefined) return true;
    this.failed(unfit(fault));
    return false;
  }

  part(bytes: Buffer): boolean {
    this.#length += bytes.length;
    if (this.#settled) return this.#length <= discardedBytes;
    const { maxAnswerBytes } = this.bounds;
    if (this.#length <= maxAnswerBytes) {
      this.#parts.push(bytes);
      return true;
    }
    this.failed(unfit(`it is longer than ${maxAnswerBytes} bytes`));
    return false;
  }

  end(): void {
    if (this.#settled) return;
    if (this.#status === 204) return this.#settle(undefined, undefined);
    const parts = this.#parts;
    const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts, this.#length);
    if (isAscii(bytes)) this.#settle(bytes.toString('latin1'), undefined);
    else if (isUtf8(bytes)) this.#settle(decode(bytes), undefined);
    else this.failed(unfit('the body is not UTF-8'));
  }

  failed(error: WeirError): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#parts.length = 0;
    this.reject(error);
  }

  #settle(text: string | undefined, refusal: WeirError | undefined): void {
    this.#settled = true;
    this.resolve({ status: this.#status, headers: this.#headers, text, refusal });
  }
}

/** From so many bytes on the way over UTF-16 costs a third of V8's own (Node 20). */
const longBytes = 512;

/** @param bytes that are UTF-8 */
function decode(bytes: Buffer): string {
  return bytes.length < longBytes
    ? bytes.toString('utf8')
    : transcode(bytes, 'utf8', 'utf16le').toString('utf16le');
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

function typeFault(headers: UpstreamHeaders, form: AnswerForm): string | undefined {
  const given = headers['content-type'];
  if (typeof given !== 'string') return given === undefined ? 'it has no type' : 'it has several types';
  const end = given.indexOf(';');
  const type = (end === -1 ? given : given.slice(0, end)).trim().toLowerCase();
  if (!types[form].test(type)) return `its type is not that of ${form}`;
  if (end === -1) return undefined;
  const charset = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(given.slice(end))?.[1];
  return charset === undefined || /^utf-?8$/i.test(charset) ? undefined : 'its charset is not UTF-8';
}

function encodingFault(headers: UpstreamHeaders): string | undefined {
  const encoding = headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity') return undefined;
  return 'it is compressed, though nobody asked for that';
}
