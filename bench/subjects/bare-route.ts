/**
 * What the gateway is held against: the same query in clear behind a Fastify route, without identity, masks,
 * meters or log. Same driver, as many connections, prepared by name.
 */
import fastify from 'fastify';
import pg from 'pg';
import { serve } from './parent.js';

export interface BareJob {
  readonly url: string;
  readonly poolSize: number;
  readonly columns: readonly string[];
}

serve<BareJob, number>(async ({ url, poolSize, columns }) => {
  const pool = new pg.Pool({ connectionString: url, max: poolSize });
  const text = `SELECT ${columns.join(', ')} FROM shop.orders WHERE order_no = $1 AND region = $2 LIMIT 50`;
  const app = fastify();
  app.get<{ Querystring: { order_no: string; region: string } }>('/orders', async ({ query }) => {
    const { rows } = await pool.query({ name: 'orders', text, values: [query.order_no, query.region] });
    return rows;
  });
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  return Number(new URL(address).port);
});
