/**
 * What the gateway tells its operators. One union of events; the logger and the metrics subscribe.
 * No row data, no tokens, no literals, no URLs with values: routes are templates, people are actor ids.
 */
import type { ErrorCode } from './errors.js';

export type Observation =
  | {
      readonly event: 'request';
      readonly requestId: string;
      readonly route: string;
      readonly status: number;
      readonly code: ErrorCode | undefined;
      readonly records: number;
      readonly milliseconds: number;
    }
  | {
      readonly event: 'failure';
      readonly requestId: string | undefined;
      readonly where: string;
      readonly error: unknown;
    }
  | {
      readonly event: 'batch';
      readonly requests: number;
      readonly milliseconds: number;
      /** With the gateway database, see log/batch-writer.ts. */
      readonly exchanges: 1 | 2;
    }
  | { readonly event: 'store'; readonly state: 'up' | 'down'; readonly reason: string | undefined }
  | { readonly event: 'upstream'; readonly state: 'up' | 'down'; readonly reason: string | undefined }
  | { readonly event: 'outcome-unknown'; readonly resolvedAs: 'committed' | 'not-committed' }
  | {
      readonly event: 'flagged';
      readonly requestId: string;
      readonly actorId: string;
      readonly rules: readonly string[];
    }
  | {
      readonly event: 'revocations';
      readonly state: 'up' | 'down';
      readonly error: unknown;
    }
  | { readonly event: 'token-shared'; readonly requestId: string; readonly addresses: number }
  | {
      readonly event: 'policy';
      /** waiting: it shows more than the set in force, and nobody has approved it yet. */
      readonly state: 'loaded' | 'rejected' | 'waiting';
      readonly digest: string | undefined;
      readonly faults: number;
      /** File, line, column and what stands there; words of the policy files, never data. */
      readonly details?: readonly string[];
    }
  | {
      readonly event: 'lifecycle';
      readonly state: 'starting' | 'ready' | 'draining' | 'stopped';
      readonly detail: string | undefined;
    };

export type Observe = (observation: Observation) => void;
