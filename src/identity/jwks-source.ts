/**
 * Where an issuer's keys are read from. Both sources answer with the bytes of one key set, bounded in
 * size; the URL also in time, and it follows redirects only within its own origin: whoever can answer
 * for another host must not become the issuer.
 */
import { open } from 'node:fs/promises';
import type { JwksSource } from './issuer.js';

export interface ReadLimits {
  readonly timeoutMilliseconds: number;
  readonly maxBytes: number;
}

/** Why keys could not be read, fit for a readiness report: no URL, path or content. */
export class SourceFault extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SourceFault';
  }
}

const maxRedirects = 3;

/** @param signal aborts the read when the gateway stops. @throws SourceFault */
export async function readSource(
  source: JwksSource,
  limits: ReadLimits,
  signal: AbortSignal,
): Promise<Buffer> {
  return 'file' in source ? readKeyFile(source.file, limits.maxBytes) : fetchKeys(source.url, limits, signal);
}

async function readKeyFile(path: string, maxBytes: number): Promise<Buffer> {
  try {
    const handle = await open(path, 'r');
    try {
      const buffer = Buffer.alloc(maxBytes + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
        length += bytesRead;
        if (length > maxBytes) throw new SourceFault('the key file is too large');
        if (bytesRead === 0) return Buffer.from(buffer.subarray(0, length));
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw error instanceof SourceFault
      ? error
      : new SourceFault(`the key file cannot be read (${codeOf(error)})`, error);
  }
}

async function fetchKeys(url: string, limits: ReadLimits, signal: AbortSignal): Promise<Buffer> {
  const controller = new AbortController();
  const abort = () => controller.abort();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  let timedOut = false;
  // Covers the whole exchange, body included: a host that trickles bytes is a host that is down.
  const timer = setTimeout(() => {
    timedOut = true;
    abort();
  }, limits.timeoutMilliseconds);
  try {
    return await readBody(await follow(new URL(url), controller.signal), limits.maxBytes);
  } catch (error) {
    if (timedOut) throw new SourceFault('the key host did not answer in time', error);
    if (error instanceof SourceFault) throw error;
    throw new SourceFault(`the key host cannot be reached (${codeOf(error)})`, error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    controller.abort();
  }
}

async function follow(start: URL, signal: AbortSignal): Promise<Response> {
  let url = start;
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const headers = { accept: 'application/jwk-set+json, application/json' };
    const response = await fetch(url.href, { headers, redirect: 'manual', signal });
    if (response.status === 200) return response;
    const location = response.headers.get('location');
    await response.body?.cancel();
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null)
      throw new SourceFault(`the key host answered with status ${response.status}`);
    if (!URL.canParse(location, url.href))
      throw new SourceFault('the key host redirects to something that is no URL');
    url = new URL(location, url);
    if (url.origin !== start.origin) throw new SourceFault('the key host redirects to another origin');
  }
  throw new SourceFault('the key host redirects too often');
}

async function readBody(response: Response, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > maxBytes) throw new SourceFault('the key set is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function codeOf(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    const code = (at as NodeJS.ErrnoException).code;
    if (typeof code === 'string') return code;
  }
  return error instanceof Error ? error.name : 'unknown';
}
