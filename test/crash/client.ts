/**
 * One request as a staff tool makes it, over connections that are kept alive. Whatever arrived counts, also
 * of an answer that broke off: every row whose two keys are there is one that somebody has seen.
 */
import { Agent, request as open, type IncomingMessage } from 'node:http';
import { StringDecoder } from 'node:string_decoder';

export interface Ask {
  readonly address: string;
  readonly path: string;
  /** Default: GET. */
  readonly method?: 'GET' | 'PATCH' | 'POST';
  /** JSON. */
  readonly body?: string | undefined;
  readonly token: string;
  readonly format: 'json' | 'csv';
  /** The client gives up after so long. */
  readonly patienceMs: number;
  /** The client walks away once so many bytes have come. */
  readonly leaveAfterBytes: number | undefined;
}

export type Came = readonly [record: string, subject: string, column?: string];

export interface Reply {
  /** Undefined: no answer came at all. */
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  /** The problem's code: "limit-reached". */
  readonly error: string | undefined;
  /** Record key and subject key of every row that came, in order; in JSON the name of the record key's column too. */
  readonly rows: readonly Came[];
  /** It was there to its end. */
  readonly complete: boolean;
}

const nothing: Reply = {
  status: undefined,
  requestId: undefined,
  error: undefined,
  rows: [],
  complete: false,
};

export class Client {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });

  async ask(ask: Ask): Promise<Reply> {
    return new Promise((resolve) => {
      const headers = {
        authorization: `Bearer ${ask.token}`,
        accept: ask.format === 'csv' ? 'text/csv' : 'application/json',
        ...(ask.body === undefined ? {} : { 'content-type': 'application/json' }),
      };
      const { method = 'GET', body } = ask;
      const request = open(`${ask.address}${ask.path}`, { agent: this.#agent, method, headers });
      request.end(body);
      const timer = setTimeout(() => request.destroy(), ask.patienceMs);
      const settle = (reply: Reply): void => {
        clearTimeout(timer);
        resolve(reply);
      };
      let answered = false;
      request.on('response', (response) => {
        answered = true;
        void collect(response, ask).then(settle);
      });
      // Once there is an answer, what came of it counts, however it ended.
      request.on('error', () => {
        if (!answered) settle(nothing);
      });
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

async function collect(response: IncomingMessage, { format, leaveAfterBytes }: Ask): Promise<Reply> {
  let text = '';
  let bytes = 0;
  const decoder = new StringDecoder('utf8');
  await new Promise<void>((settle) => {
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      text += decoder.write(chunk);
      if (leaveAfterBytes !== undefined && bytes > leaveAfterBytes) response.destroy();
    });
    response.on('close', settle);
    response.on('error', () => undefined);
  });
  const status = response.statusCode ?? 0;
  const requestId = response.headers['weir-request-id'];
  const good = status >= 200 && status < 300;
  return {
    status,
    requestId: typeof requestId === 'string' ? requestId : undefined,
    error: good ? undefined : /urn:weir:error:([a-z-]+)/.exec(text)?.[1],
    rows: good ? rowsIn(text, format) : [],
    complete: response.complete,
  };
}

/** The keys are the first two columns: "17,4,…" in CSV, {"order_id":17,"customer_id":4 in JSON. */
function rowsIn(text: string, format: Ask['format']): Came[] {
  if (format === 'csv')
    return [...text.matchAll(/^(\d+),(\d+),/gm)].map(([, record, subject]) => [record!, subject!] as const);
  const pattern = /\{"([a-zA-Z_]+)":(\d+),"[a-zA-Z_]+":(\d+)[,}]/g;
  return [...text.matchAll(pattern)].map(([, column, record, subject]) => [record!, subject!, column!]);
}
