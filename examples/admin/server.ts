/** Builds the tool and serves it on the loopback address; forwards /api and /exchange to where its data comes from. */
import { readFile } from 'node:fs/promises';
import { createServer, request as ask } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** @returns the tool in one file */
export async function buildTool(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [file('src/main.tsx')],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'error',
    write: false,
  });
  return outputFiles[0]!.text;
}

export interface Tool {
  readonly script: string;
  /** Base URL of the order service, or of Weir's way to it. */
  readonly api: string;
  /** Base URL of the telephone exchange, or of Weir's way to it. */
  readonly exchange: string;
  /** What the tool asks with. */
  readonly token: string;
  /** What the server adds to each request that it forwards. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly port?: number;
}

export async function serveTool({ script, api, exchange, token, headers = {}, port = 0 }: Tool) {
  const files = new Map<string, readonly [string, string]>([
    ['/', ['text/html; charset=utf-8', await readFile(file('index.html'), 'utf8')]],
    ['/main.js', ['text/javascript; charset=utf-8', script]],
    ['/settings.json', ['application/json', JSON.stringify({ token })]],
  ]);
  const ways = [
    ['/api', api],
    ['/exchange', exchange],
  ] as const;
  const server = createServer((incoming, outgoing) => {
    const { method, url = '/' } = incoming;
    const way = ways.find(([prefix]) => url.startsWith(`${prefix}/`));
    if (way !== undefined) {
      const [prefix, base] = way;
      const { host: _host, ...passed } = { ...incoming.headers, ...headers };
      const forwarded = ask(`${base}${url.slice(prefix.length)}`, { method, headers: passed }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      forwarded.on('error', () => outgoing.writeHead(502).end());
      incoming.pipe(forwarded);
      return;
    }
    const found = files.get(url);
    if (found === undefined) return void outgoing.writeHead(404).end();
    outgoing.writeHead(200, { 'content-type': found[0], 'cache-control': 'no-store' }).end(found[1]);
  });
  await new Promise<void>((settle, fail) => server.once('error', fail).listen(port, '127.0.0.1', settle));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
