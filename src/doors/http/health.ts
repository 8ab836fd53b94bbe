/**
 * The open routes, for orchestrators and metrics scrapers: /healthz (the process lives), /readyz (it can do
 * its work; if not, why), /metrics. They answer without a token and while the server is full or drains, so
 * they say nothing about a person, a record or a value: states, counts and times only.
 */
import type { FastifyInstance } from 'fastify';
import type { Observe } from '../../observation.js';
import { asWeirError } from '../../errors.js';
import type { Traffic } from './exchange.js';

export interface Readiness {
  readonly ok: boolean;
  readonly reasons: readonly string[];
  /** What is amiss although the gateway does its work. */
  readonly warnings?: readonly string[];
}

export interface Health {
  /** Reasons are short and fixed ("policies: no valid set"), fit for anybody to read. */
  ready(): Promise<Readiness>;
}

export interface Metrics {
  readonly contentType: string;
  /** The exposition, in Prometheus' text format. */
  text(): Promise<string>;
}

export interface HealthParts {
  readonly health: Health;
  readonly metrics: Metrics;
  readonly traffic: Traffic;
  readonly observe: Observe;
}

export function addHealthRoutes(
  app: FastifyInstance,
  { health, metrics, traffic, observe }: HealthParts,
): void {
  app.get('/healthz', { config: { open: true } }, async (_request, reply) => reply.send({ status: 'ok' }));

  app.get('/readyz', { config: { open: true } }, async (request, reply) => {
    const {
      ok,
      reasons,
      warnings = [],
    } = traffic.draining ? { ok: false, reasons: ['draining'] } : await readiness(request.id);
    const told = warnings.length === 0 ? { reasons } : { reasons, warnings };
    return reply.code(ok ? 200 : 503).send({ status: ok ? 'ready' : 'not-ready', ...told });
  });

  app.get('/metrics', { config: { open: true } }, async (_request, reply) =>
    reply.header('content-type', metrics.contentType).send(await metrics.text()),
  );

  async function readiness(requestId: string): Promise<Readiness> {
    try {
      return await health.ready();
    } catch (thrown) {
      observe({
        event: 'failure',
        requestId,
        where: 'readiness',
        error: asWeirError(thrown).cause ?? thrown,
      });
      return { ok: false, reasons: ['readiness could not be checked'] };
    }
  }
}
