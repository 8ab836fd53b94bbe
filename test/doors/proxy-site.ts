/**
 * A whole gateway before a real service of the test's, on a free port: what the service answers is the test's to say,
 * what it was asked is kept.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { appendFile } from 'node:fs/promises';
import path from 'node:path';
import type { DemoToken } from '../../src/demo/issuer.js';
import type { Config } from '../../src/config/schema.js';
import type { EntryBody } from '../../src/log/entry.js';
import { withRoles, type Ruled } from '../corridor/with-roles.js';
import type { Teardown } from '../support/cluster.js';
import type { GatewayOptions } from '../support/gateway.js';

export type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Upstream {
  readonly url: string;
  readonly asked: Asked[];
  answer: Handler;
  stop(): Promise<void>;
  /** Again, on the same port. */
  start(): Promise<void>;
}

export async function startUpstream(t: Teardown): Promise<Upstream> {
  const upstream: { -readonly [Key in keyof Upstream]: Upstream[Key] } = {
    url: '',
    asked: [],
    answer: json({}),
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
    start: async () => {
      server.listen(Number(new URL(upstream.url).port), '127.0.0.1');
      await once(server, 'listening');
    },
  };
  const server = createServer((request, response) => {
    let body = '';
    request.on('error', () => undefined);
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      upstream.asked.push({ method, url, headers, body });
      upstream.answer(request, response, body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  upstream.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return upstream;
}

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Handler {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof value === 'string' ? value : JSON.stringify(value));
  };
}

export const shipment = {
  id: 17,
  customerId: 'C9',
  status: 'sent',
  internalNote: 'call 13900001111',
  receiver: { name: '张伟强', phone: '13812341234', address: '浙江省杭州市西湖区文三路90号' },
  items: [{ title: 'tea', cost: 3 }],
};

const catalog = `services:
  fulfilment:
    prefix: /fulfilment
    upstream: { env: FULFILMENT_URL }
    routes:
      - { match: GET /shipments/:id, record: id, subject: customerId, of: shipments }
      - match: GET /shipments
        query: [status, page, { name: phone, field: receiver.phone }, { name: customer, field: customerId }]
        records: "$.data[*]"
        record: id
        subject: customerId
        headers: [x-total-count]
        of: shipments
      - { match: PATCH /shipments/:id, body: [status, receiver.phone], record: id, subject: customerId }
      - { match: POST /shipments, body: [status, receiver.name], record: id, subject: customerId }
      - { match: DELETE /shipments/:id, record: id, subject: customerId }
      - { match: GET /lines, answer: json-lines, record: id, subject: customerId }
      - { match: GET /table, answer: csv, record: id }
      - { match: GET /latest/shipments, records: "$[*]", record: id }
    fields:
      id: none
      customerId: none
      status: none
      receiver.name: name
      receiver.phone: phone
      receiver.address: address
      "items[*].title": none
      "$.total": none
`;

/** Roles beside the services: agent finds by number and phone, clerk lists and writes, tight writes twice a day, nobody sees no service. */
export const roles = {
  agent: `for: people
services:
  fulfilment:
    find_by: [id, receiver.phone]
    see: { id: clear, status: clear, receiver.name: surname, receiver.phone: last4, "items[*].title": clear }
per_request: 50
limits: { records: 5000 per day, misses: 100 per day }
`,
  clerk: `for: people
services:
  fulfilment:
    find_by: [id]
    browse: yes
    write: yes
    see: { id: clear, status: clear, receiver.name: clear, receiver.phone: last4, "$.total": clear }
per_request: 50
limits: { records: 5000 per day }
`,
  tight: `for: people
services:
  fulfilment:
    find_by: [id]
    write: yes
    see: { id: clear, status: clear, receiver.phone: last4 }
per_request: 2
limits: { records: 2 per day }
`,
  nobody: `for: people
tables: { orders: { browse: yes, see: { order_id: clear } } }
`,
} as const;

export interface Site extends Ruled {
  readonly upstream: Upstream;
  /** With a token of the role. */
  ask(role: string, url: string, init?: RequestInit, claims?: DemoToken['claims']): Promise<Response>;
  /** Resolves once one more request of the route has ended. */
  observedRequest(route: string): Promise<void>;
  /** Entries since the last call of it, those of readers and refusals. */
  news(): Promise<EntryBody[]>;
}

export interface SiteOptions extends GatewayOptions {
  readonly urls?: (upstream: string) => Config['services']['urls'];
  /** Instead of those above. */
  readonly roles?: Readonly<Record<string, string>>;
  readonly catalog?: string;
}

export async function openSite(t: Teardown, options: SiteOptions = {}): Promise<Site> {
  const upstream = await startUpstream(t);
  const ruled = await withRoles(t, options.roles ?? roles, {
    environment: { FULFILMENT_URL: upstream.url },
    ...options,
    config: (config) => {
      const changed = options.config?.(config) ?? config;
      const { services, store } = changed;
      return {
        ...changed,
        services: { ...services, urls: options.urls?.(upstream.url) ?? [] },
        // On a machine that is busy, a first commit takes its time, and these tests are not about that.
        store: { ...store, commitDeadlineMs: 30_000 },
      };
    },
    prepare: (directory: string) =>
      appendFile(path.join(directory, 'catalog.yaml'), options.catalog ?? catalog),
  });
  let seen = 0;
  const readers = new Map<string, string>();
  return {
    ...ruled,
    upstream,
    async ask(role, url, init = {}, claims = {}) {
      const reader = `${role} ${JSON.stringify(claims)}`;
      let token = readers.get(reader);
      if (token === undefined)
        readers.set(reader, (token = await ruled.token({ role, sub: `${role}-1`, claims })));
      return fetch(`${ruled.address}${url}`, {
        redirect: 'manual',
        ...init,
        headers: { authorization: `Bearer ${token}`, ...init.headers },
      });
    },
    async observedRequest(route) {
      const count = () =>
        ruled.observed.filter((each) => each.event === 'request' && each.route === route).length;
      const before = count();
      while (count() === before) await new Promise((resolve) => setImmediate(resolve));
    },
    async news() {
      const all = (await ruled.entries()).filter(({ request }) => request !== undefined);
      return all.slice(seen, (seen = all.length));
    },
  };
}
