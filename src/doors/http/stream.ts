/**
 * A long answer, chunk by chunk. Asks for the next chunk only when the client has taken the last, so that
 * memory holds one chunk a request whatever the client does. An answer that cannot be completed is broken
 * off, never ended: no reader may take a part for the whole.
 */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

export interface LongAnswer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly first: string;
  /** The following pieces, in order; undefined after the last. Rejects where the answer cannot go on. */
  next(): Promise<string | undefined>;
  /** The client has gone. */
  readonly signal: AbortSignal;
  /** A client that takes nothing for so long is let go, and with it the cursor that waits for it. */
  readonly stallTimeoutMs: number;
}

/** The client took nothing for too long, or left: nobody is there to be told. */
export class ClientLost extends Error {}

/** @throws what `next` threw, or ClientLost; the response is broken off then */
export async function sendLong(response: ServerResponse, answer: LongAnswer): Promise<void> {
  try {
    response.writeHead(answer.status, answer.headers);
    let piece: string | undefined = answer.first;
    while (piece !== undefined) {
      await write(response, piece, answer);
      piece = await answer.next();
    }
    if (answer.signal.aborted) throw new ClientLost('the client has gone');
    response.end();
  } catch (thrown) {
    breakOff(response, thrown instanceof ClientLost ? undefined : answer.stallTimeoutMs);
    throw thrown;
  }
}

async function write(response: ServerResponse, piece: string, answer: LongAnswer): Promise<void> {
  if (answer.signal.aborted) throw new ClientLost('the client has gone');
  if (piece === '' || response.write(piece)) return;
  await drained(response, answer);
}

function drained(response: ServerResponse, { signal, stallTimeoutMs }: LongAnswer): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (settled: () => void) => {
      clearTimeout(timer);
      response.off('drain', onDrain);
      signal.removeEventListener('abort', onGone);
      settled();
    };
    const onDrain = () => settle(resolve);
    const onGone = () => settle(() => reject(new ClientLost('the client has gone')));
    const onStall = () => settle(() => reject(new ClientLost('the client takes nothing')));
    const timer = setTimeout(onStall, stallTimeoutMs);
    response.once('drain', onDrain);
    signal.addEventListener('abort', onGone, { once: true });
  });
}

/**
 * In HTTP/1.1 the last chunk is missing: what is on record as released may still arrive, then the connection
 * ends. HTTP/1.0 has no chunks, there the end of the connection is the end of the answer, so it is reset.
 * @param flushMs how long a client that takes nothing may keep the rest waiting; undefined: it is gone
 */
function breakOff(response: ServerResponse, flushMs: number | undefined): void {
  const { socket } = response;
  if (socket === null || socket.destroyed) return;
  if (response.req.httpVersion === '1.0') {
    socket.resetAndDestroy();
  } else if (flushMs === undefined) {
    socket.destroy();
  } else {
    socket.setTimeout(flushMs, () => socket.destroy());
    socket.destroySoon();
  }
}
