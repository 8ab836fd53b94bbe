/** Orders that reads by key ask for: one each of so many customers, of the region that the staff's tokens name. */
import { loadPolicies } from '../src/policy/load.js';
import { withClient } from '../src/demo/databases.js';
import { OrderDatabase } from '../src/sql/order-database.js';
import { readSchema } from '../src/sql/schema.js';
import { compileStatement } from '../src/sql/statement.js';
import { maskedExportRole } from './bench-policies.js';
import { region } from './staff.js';
import type { SampleRow } from './subjects/messages.js';

export interface OrdersSample {
  readonly orderNos: readonly string[];
  readonly customers: readonly string[];
  readonly columns: readonly string[];
  /** The orders as a support agent sees them, with the keys of record and person behind the values. */
  readonly rows: readonly SampleRow[];
}

export async function drawSample(
  superuserUrl: string,
  readerUrl: string,
  policies: string,
  count: number,
): Promise<OrdersSample> {
  const found = await withClient(superuserUrl, (client) =>
    client.query<{ order_no: string; customer_id: string }>(
      `SELECT order_no, customer_id FROM
         (SELECT DISTINCT ON (customer_id) order_no, customer_id FROM shop.orders WHERE region = $1
           ORDER BY customer_id, order_id) AS firsts
        ORDER BY hashtext(order_no) LIMIT $2`,
      [region, count],
    ),
  );
  const orderNos = found.rows.map(({ order_no }) => order_no);
  const { columns, rows } = await readMasked(readerUrl, policies, orderNos);
  return { orderNos, customers: found.rows.map(({ customer_id }) => customer_id), columns, rows };
}

/** Through the masked relation itself, so that the rows are what a read would have given. */
async function readMasked(
  readerUrl: string,
  policies: string,
  orderNos: readonly string[],
): Promise<{ columns: string[]; rows: SampleRow[] }> {
  const { set } = await loadPolicies(policies);
  const role = set.roles.get(maskedExportRole)!;
  const policy = role.tables.get('orders')!;
  const { from } = policy.table;
  const orders = new OrderDatabase({
    url: readerUrl,
    poolSize: 1,
    connectTimeoutMs: 2_000,
    statementTimeoutMs: 60_000,
    streamTimeoutMs: 60_000,
    onIdleError: () => undefined,
  });
  try {
    const live = (await readSchema(orders.pool, [from])).get(`${from.schema}.${from.table}`)!;
    const statement = compileStatement(
      policy,
      live,
      {
        table: 'orders',
        select: undefined,
        filters: [{ column: 'order_no', operator: 'in', values: orderNos, negated: false }],
        order: [],
        limit: undefined,
        offset: 0,
        count: false,
        overflow: 'refuse',
        encoding: 'json',
      },
      role.perRequest,
      {},
    );
    const rows: SampleRow[] = [];
    for await (const chunk of orders.read(statement, new AbortController())) {
      chunk.values.forEach((row, i) => rows.push([...row, chunk.recordKeys[i]!, chunk.subjectKeys[i]!]));
    }
    return { columns: statement.columns.map(({ name }) => name), rows };
  } finally {
    await orders.close();
  }
}
