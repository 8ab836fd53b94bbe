/** What the bench and the processes that it measures say to one another. Types only. */
import type { Latencies } from '../statistics.js';

/** One row as the masked relation gave it: the values, and behind them the keys of record and person. */
export type SampleRow = readonly (string | null)[];

/** To subjects/commit.ts, which puts reads on the log for a while and answers with CommitOutcome. */
export interface CommitJob {
  readonly storeUrl: string;
  readonly policies: string;
  readonly zone: string;
  readonly digestKey: string;
  readonly people: readonly Person[];
  readonly columns: readonly string[];
  /** File with SampleRow[], as JSON. */
  readonly rowsFile: string;
  readonly recordsPerRead: number;
  /** How often in a row a person reads the same rows. */
  readonly readsPerCall: number;
  readonly concurrency: number;
  readonly warmUpSeconds: number;
  readonly measuredSeconds: number;
}

export interface Person {
  readonly issuer: string;
  readonly sub: string;
  readonly region: string;
}

export interface CommitOutcome {
  readonly reads: number;
  readonly seconds: number;
  readonly batches: number;
  readonly latencies: Latencies;
}

/** To subjects/load-client.ts: keep so many connections busy for a while. Answered with LoadOutcome. */
export interface LoadJob {
  readonly kind: 'load';
  readonly port: number;
  /** Each connection sends these requests in turn, without end. */
  readonly connections: readonly LoadConnection[];
  readonly warmUpSeconds: number;
  readonly measuredSeconds: number;
}

export interface LoadConnection {
  /** Header lines, without Host. */
  readonly headers: readonly string[];
  /** Request targets, sent one after the other. */
  readonly targets: readonly string[];
}

export interface LoadOutcome {
  readonly requests: number;
  readonly seconds: number;
  /** Answers by status; -1: the connection broke. */
  readonly statuses: Readonly<Record<number, number>>;
  readonly bytes: number;
  readonly latencies: Latencies;
  /** Of the first answer with status 200. */
  readonly sampleBody: string;
}

/** To subjects/load-client.ts: fetch one long answer, and count its lines. Answered with DownloadOutcome. */
export interface DownloadJob {
  readonly kind: 'download';
  readonly port: number;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** To subjects/load-client.ts: run COPY … TO STDOUT, and count its lines. Answered with DownloadOutcome. */
export interface CopyJob {
  readonly kind: 'copy';
  readonly url: string;
  readonly statement: string;
}

export interface DownloadOutcome {
  readonly status: number;
  readonly complete: boolean;
  readonly lines: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly firstLines: string;
}

/** To subjects/order-service.ts: answered with the port that it listens on. */
export interface ServiceJob {
  readonly customers: readonly string[];
  /** Records a page of each list, and how many pages of it there are. */
  readonly lists: readonly { readonly size: number; readonly pages: number }[];
}

/** To subjects/plain-proxy.ts: answered with the port that it listens on. */
export interface ProxyJob {
  readonly upstream: string;
  readonly prefix: string;
  /** Each answer is parsed and written again. */
  readonly parses: boolean;
}

/** From a measured process: the time to look at counters has come. */
export interface Mark {
  readonly mark: 'begin' | 'end';
}
