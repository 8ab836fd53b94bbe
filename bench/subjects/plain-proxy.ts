/**
 * What the proxy door is held against: @fastify/http-proxy as it is, or one that parses and writes each answer.
 * No identity, masks, meters or log.
 */
import httpProxy from '@fastify/http-proxy';
import fastify from 'fastify';
import type { Readable } from 'node:stream';
import type { ProxyJob } from './messages.js';
import { serve } from './parent.js';

serve<ProxyJob, number>(async ({ upstream, prefix, parses }) => {
  const app = fastify();
  await app.register(httpProxy, {
    upstream,
    prefix,
    undici: { connections: 128, pipelining: 1 },
    ...(parses && {
      replyOptions: {
        onResponse: (_request, reply, response) => {
          const parts: Buffer[] = [];
          const { stream } = response as unknown as { stream: Readable };
          stream.on('data', (part: Buffer) => parts.push(part));
          stream.on('end', () => {
            void reply.removeHeader('content-length');
            void reply.send(JSON.stringify(JSON.parse(Buffer.concat(parts).toString())));
          });
          stream.on('error', (error) => void reply.send(error));
        },
      },
    }),
  });
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  return Number(new URL(address).port);
});
