/**
 * A real server on a free port, with a real authenticator over the demo issuer. The corridor behind it is a
 * script of the test's: the door's tests are about what a door does with an answer or a refusal.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type {
  AccessRequest,
  Answer,
  Asked,
  Corridor,
  ReleasedColumn,
  ReleasedRows,
  VisibleTables,
} from '../../src/access.js';
import { systemClock } from '../../src/clock.js';
import { openDemoIssuer, type DemoToken } from '../../src/demo/issuer.js';
import { alertsDoor, type AlertFilter } from '../../src/doors/admin/alerts.js';
import type { Revokes } from '../../src/doors/http/admission.js';
import { buildServer, type AddRoutes, type HttpOptions } from '../../src/doors/http/server.js';
import { restDoor } from '../../src/doors/rest/rest-door.js';
import type { WeirError } from '../../src/errors.js';
import { Authenticator } from '../../src/identity/authenticator.js';
import { defaultAlgorithms, defaultClaimPaths, defaultTokenTypes } from '../../src/identity/issuer.js';
import { TokenAddresses } from '../../src/identity/token-addresses.js';
import type { Observation } from '../../src/observation.js';

type Test = { teardown(fn: () => unknown): void };

export class ScriptedCorridor implements Corridor {
  readonly passed: AccessRequest[] = [];
  readonly refused: { asked: Asked; error: WeirError }[] = [];
  readonly administered: { asked: Asked; permission: string }[] = [];
  /** What a read gets. */
  answer: (request: AccessRequest) => Promise<Answer> | Answer = () => rowsAnswer([]);
  /** What happens to an administrative read. */
  permit: () => Promise<void> = async () => {};
  /** What becomes of a refusal. */
  record: (error: WeirError) => WeirError = (error) => error;

  async pass(request: AccessRequest): Promise<Answer> {
    this.passed.push(request);
    return this.answer(request);
  }

  async refuse(asked: Asked, error: WeirError): Promise<WeirError> {
    this.refused.push({ asked, error });
    return this.record(error);
  }

  async describe(): Promise<VisibleTables> {
    return {
      role: 'support-agent',
      about: 'Answers calls',
      perRequest: 50,
      reasons: ['call', 'return'],
      ticket: 'optional',
      tables: [
        {
          name: 'orders',
          browse: false,
          findBy: ['order_no', 'receiver_phone'],
          columns: [
            { name: 'order_id', mask: 'clear', type: 'bigint' },
            { name: 'receiver_phone', mask: 'last4', type: 'text' },
          ],
        },
      ],
    };
  }

  async administer(asked: Asked, permission: string): Promise<void> {
    this.administered.push({ asked, permission });
    await this.permit();
  }
}

export const textColumns: readonly ReleasedColumn[] = [
  { name: 'order_id', mask: 'clear', json: 'number' },
  { name: 'receiver_name', mask: 'surname', json: 'string' },
];

type Row = readonly (string | null)[];

export function rowsAnswer(rows: readonly Row[], parts: Partial<Answer> = {}): Answer {
  return chunkedAnswer([rows], parts);
}

export function chunkedAnswer(chunks: readonly (readonly Row[])[], parts: Partial<Answer> = {}): Answer {
  async function* released(): AsyncGenerator<ReleasedRows, void, void> {
    for (const [index, values] of chunks.entries()) yield { values, last: index === chunks.length - 1 };
  }
  return { columns: textColumns, total: undefined, cutTo: undefined, chunks: released(), ...parts };
}

export interface OpenServer {
  readonly app: FastifyInstance;
  readonly url: string;
  readonly port: number;
  readonly corridor: ScriptedCorridor;
  readonly observed: Observation[];
  readonly alertFilters: AlertFilter[];
  token(parts?: Partial<DemoToken>): Promise<string>;
  /** Authenticated GET (or another method). */
  ask(path: string, init?: RequestInit & { token?: string }): Promise<Response>;
  /** Resolves with the first observation that fits, past or to come. */
  seen(fits: (observation: Observation) => boolean): Promise<Observation>;
}

export interface ServerOptions {
  readonly http?: Partial<HttpOptions>;
  readonly doors?: readonly AddRoutes[];
  readonly stallTimeoutMs?: number;
  readonly ready?: () => Promise<{ ok: boolean; reasons: string[] }>;
  readonly revocations?: Revokes;
  readonly authenticate?: (token: string) => ReturnType<Authenticator['authenticate']>;
}

export async function openServer(t: Test, options: ServerOptions = {}): Promise<OpenServer> {
  const directory = await mkdtemp(join(tmpdir(), 'weir-doors-'));
  const issuer = await openDemoIssuer(directory);
  const authenticator = new Authenticator({
    issuers: [
      {
        issuer: issuer.issuer,
        audience: issuer.audience,
        jwks: { file: issuer.jwksFile },
        algorithms: defaultAlgorithms,
        typ: defaultTokenTypes,
        claims: defaultClaimPaths,
      },
    ],
    clock: systemClock,
    allowDemoKeys: true,
  });
  const corridor = new ScriptedCorridor();
  const observed: Observation[] = [];
  const waiting = new Set<() => void>();
  const alertFilters: AlertFilter[] = [];
  const observe = (observation: Observation) => {
    observed.push(observation);
    for (const check of waiting) check();
  };
  const { stallTimeoutMs, authenticate } = options;
  const app = buildServer({
    corridor,
    authenticator: authenticate === undefined ? authenticator : { authenticate },
    revocations: options.revocations ?? { check: () => undefined, onChange: () => {} },
    tokenAddresses: new TokenAddresses(),
    health: { ready: options.ready ?? (async () => ({ ok: true, reasons: [] })) },
    metrics: { contentType: 'text/plain; version=0.0.4', text: async () => 'weir_requests_total 1\n' },
    http: {
      trustedProxies: [],
      maxConcurrent: 50,
      requestTimeoutMs: 5_000,
      drainTimeoutMs: 2_000,
      ...options.http,
    },
    observe,
    doors: [
      restDoor({
        corridor,
        observe,
        isTable: (name) => name === 'orders',
        ...(stallTimeoutMs === undefined ? {} : { stallTimeoutMs }),
        bodyTimeoutMs: options.http?.requestTimeoutMs ?? 5_000,
      }),
      alertsDoor({
        corridor,
        alerts: async (filter) => {
          alertFilters.push(filter);
          return [{ rule: 'recordsPerRead', value: 200 }];
        },
      }),
      ...(options.doors ?? []),
    ],
  });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  t.teardown(async () => {
    app.server.closeAllConnections();
    await app.close();
    authenticator.close();
    await rm(directory, { recursive: true, force: true });
  });

  const token = (parts: Partial<DemoToken> = {}) =>
    issuer.mint({ role: 'support-agent', sub: 'wang', ...parts });
  const own = await token();
  return {
    app,
    url,
    port: (app.server.address() as AddressInfo).port,
    corridor,
    observed,
    alertFilters,
    token,
    ask: (path, { token: other, ...init } = {}) =>
      fetch(url + path, {
        ...init,
        headers: { authorization: `Bearer ${other ?? own}`, ...(init.headers as Record<string, string>) },
      }),
    seen: (fits) =>
      within(
        new Promise((resolve) => {
          const check = () => {
            const found = observed.find(fits);
            if (found === undefined) return;
            waiting.delete(check);
            resolve(found);
          };
          waiting.add(check);
          check();
        }),
        'an observation',
      ),
  };
}

/** Fails loudly instead of hanging. */
export async function within<Value>(promise: Promise<Value>, what: string, millis = 10_000): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${millis} ms`)), millis);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Sends bytes as they are and gives back everything that came until the connection ended. */
export async function sendRaw(port: number, bytes: string | Buffer): Promise<string> {
  const socket = await openSocket(port);
  socket.write(bytes);
  return within(readAll(socket), 'the end of the connection');
}

export async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

/** Text until the end; a reset counts as an end. */
export async function readAll(socket: Socket): Promise<string> {
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.once('error', () => resolve());
  });
  return Buffer.concat(parts).toString('utf8');
}
