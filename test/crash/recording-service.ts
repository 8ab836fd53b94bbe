/**
 * The service that the gateways of a run call: it remembers what reached it and when, whatever is killed meanwhile,
 * and answers what the catalogue of staff.ts declares, and more that no caller may see.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Arrival {
  readonly method: string;
  /** "/parcels/17", "/calls". */
  readonly path: string;
  readonly requestId: string;
  readonly body: string;
  /** Milliseconds since the epoch, once all of it was here. */
  readonly at: number;
}

/** What stands in answers, as numbers: customers have several parcels. */
export const customers = 150;

interface Trap {
  readonly moment: 'arrived' | 'answered';
  readonly spring: () => void;
}

export class RecordingService {
  readonly arrivals: Arrival[] = [];
  readonly #server: Server;
  #traps: Trap[] = [];

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('error', () => undefined);
      request.on('data', (bytes: Buffer) => (body += bytes.toString()));
      request.on('end', () => this.#take(request, response, body));
    });
  }

  static async open(): Promise<RecordingService> {
    const service = new RecordingService();
    await new Promise<void>((settle) => service.#server.listen(0, '127.0.0.1', settle));
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /**
   * @param act at that moment of the next write or filled request: before anything is answered, or right after
   * @returns whether there was one before the deadline
   */
  atNextWrite(moment: Trap['moment'], act: () => unknown, deadlineMs: number): Promise<boolean> {
    return new Promise((settle) => {
      const timer = setTimeout(() => {
        this.#traps = this.#traps.filter((other) => other !== trap);
        settle(false);
      }, deadlineMs);
      const spring = (): void => {
        clearTimeout(timer);
        act();
        settle(true);
      };
      const trap: Trap = { moment, spring };
      this.#traps.push(trap);
    });
  }

  async close(): Promise<void> {
    const closed = new Promise((settle) => this.#server.close(settle));
    this.#server.closeAllConnections();
    await closed;
  }

  #take({ method = '', url = '', headers }: IncomingMessage, response: ServerResponse, body: string): void {
    const requestId = String(headers['weir-request-id']);
    this.arrivals.push({ method, path: url, requestId, body, at: Date.now() });
    if (method !== 'GET') this.#spring('arrived');
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(url === '/calls' ? callOf(body) : parcelOf(url)));
    if (method !== 'GET') this.#spring('answered');
  }

  #spring(moment: Trap['moment']): void {
    const sprung = this.#traps.filter((trap) => trap.moment === moment);
    this.#traps = this.#traps.filter((trap) => trap.moment !== moment);
    for (const { spring } of sprung) spring();
  }
}

function parcelOf(url: string): unknown {
  const id = Number(url.split('/').at(-1));
  const phone = `1381234${String(id).padStart(4, '0')}`;
  return { phone, status: 'held', customerId: id % customers, id, weight: 1.5 };
}

function callOf(body: string): unknown {
  const { orderId } = JSON.parse(body) as { orderId: number };
  return { callId: orderId + 1_000_000, customerId: orderId % customers, line: 3 };
}
