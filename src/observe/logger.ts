/**
 * The gateway's own log: one JSON line for each observation worth a line, by pino. Holds no row data, no
 * token and no text of another system's error (error-facts.ts picks what may be told).
 */
import { pino, stdTimeFunctions, type DestinationStream, type LevelWithSilent, type Logger } from 'pino';
import { errorKinds } from '../errors.js';
import type { Observation, Observe } from '../observation.js';
import { errorFacts } from './error-facts.js';

type Line = readonly [level: 'debug' | 'info' | 'warn' | 'error' | 'trace', message: string, facts: object];

/** @param destination where lines go; default: standard output */
export function createLogger(level: LevelWithSilent, destination?: DestinationStream): Observe {
  const options = { level, timestamp: stdTimeFunctions.isoTime, base: { service: 'weir', pid: process.pid } };
  const logger: Logger = destination === undefined ? pino(options) : pino(options, destination);
  // Nearly all observations are ordinary requests: told by the level alone, before anything is made for them.
  const debugging = logger.isLevelEnabled('debug');
  return (observation) => {
    if (!debugging && observation.event === 'request' && isOrdinary(observation)) return;
    const [lineLevel, message, facts] = write(observation);
    logger[lineLevel](facts, message);
  };
}

type RequestObservation = Extract<Observation, { event: 'request' }>;

/** Those are on the access log and in the metrics. */
function isOrdinary({ status, code }: RequestObservation): boolean {
  return status < 500 && (code === undefined || errorKinds[code].severity !== 'security');
}

function write(observation: Observation): Line {
  switch (observation.event) {
    case 'request': {
      const { event, ...facts } = observation;
      const level = facts.status >= 500 ? 'warn' : isOrdinary(observation) ? 'debug' : 'info';
      return [level, event, facts];
    }
    case 'failure': {
      const { event, requestId, where, error } = observation;
      return ['error', event, { requestId, where, error: errorFacts(error) }];
    }
    case 'batch': {
      const { requests, milliseconds, exchanges } = observation;
      return ['trace', 'batch', { requests, milliseconds, exchanges }];
    }
    case 'store':
    case 'upstream': {
      const { event, state, reason } = observation;
      return [state === 'up' ? 'info' : 'error', event, { state, reason }];
    }
    case 'outcome-unknown':
      return ['warn', 'outcome of a commit was unknown', { resolvedAs: observation.resolvedAs }];
    case 'flagged': {
      const { requestId, actorId, rules } = observation;
      return ['warn', 'bulk read flagged', { requestId, actorId, rules }];
    }
    case 'revocations': {
      const { event, state, error } = observation;
      return [
        state === 'up' ? 'info' : 'error',
        event,
        { state, ...(error ? { error: errorFacts(error) } : {}) },
      ];
    }
    case 'token-shared': {
      const { requestId, addresses } = observation;
      return ['warn', 'one token from several addresses', { requestId, addresses }];
    }
    case 'policy': {
      const { state, digest, faults, details } = observation;
      const level = state === 'loaded' ? 'info' : state === 'waiting' ? 'warn' : 'error';
      const message = state === 'waiting' ? 'policy set waits for approval' : `policy set ${state}`;
      return [level, message, { digest, faults, details }];
    }
    case 'lifecycle':
      return ['info', observation.state, { detail: observation.detail }];
  }
}
