/** A key host on the loopback address that counts how often it is asked and can be told to misbehave. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export class JwksServer {
  fetches = 0;
  keys: unknown[] = [];
  /** Answers instead of the key set, while it is set. */
  answer: RequestListener | undefined;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.fetches++;
      if (this.answer !== undefined) return this.answer(request, response);
      response.setHeader('content-type', 'application/jwk-set+json');
      response.end(JSON.stringify({ keys: this.keys }));
    });
  }

  static async open(...keys: unknown[]): Promise<JwksServer> {
    const server = new JwksServer();
    server.keys = keys;
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `${this.origin}/jwks`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}
