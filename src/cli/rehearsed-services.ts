/**
 * The services of the catalogue over invented records, on a free port of the loopback address: what the proxy door
 * calls in a rehearsal. Nothing is kept of what is written; what was asked for last is.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inventAnswer, type InventedService } from '../policy/invented-answers.js';
import type { CatalogService } from '../policy/model.js';
import { matchRoute } from '../services/match-route.js';

export interface RehearsedServices {
  readonly bound: readonly { readonly name: string; readonly prefix: string; readonly url: string }[];
  /** "GET /shipments?page=1", since it was asked last. */
  taken(): string[];
  close(): Promise<void>;
}

/** @param invented by the name of the service */
export async function openRehearsedServices(
  services: readonly CatalogService[],
  invented: ReadonlyMap<string, InventedService>,
): Promise<RehearsedServices> {
  let asked: string[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse, text: string): void => {
    const { pathname, search, searchParams } = new URL(request.url ?? '/', 'http://rehearsed');
    const [name = '', ...steps] = pathname.slice(1).split('/').map(decodeURIComponent);
    const { method = '' } = request;
    asked.push(`${method} ${pathname.slice(name.length + 1)}${search}`);
    const service = services.find((each) => each.name === name);
    const matched = service && matchRoute(service, method, steps);
    const route =
      matched !== undefined && 'match' in matched ? service?.routes.get(matched.match) : undefined;
    if (service === undefined || route === undefined || matched === undefined || 'methods' in matched) {
      response.writeHead(404).end();
      return;
    }
    const given = new Map([
      ...searchParams,
      ...route.path.map(({ name: parameter }, index) => [parameter, matched.parameters[index]!] as const),
    ]);
    const nothing = { records: [], around: {} };
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    const {
      status,
      type,
      text: said,
    } = inventAnswer(service, route, invented.get(name) ?? nothing, given, body);
    response.writeHead(status, { 'content-type': type }).end(said);
  };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => answer(request, response, Buffer.concat(parts).toString('utf8')));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    bound: services.map(({ name, prefix }) => ({ name, prefix, url: `${base}/${name}` })),
    taken: () => asked.splice(0),
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      asked = [];
    },
  };
}
