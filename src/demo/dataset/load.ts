/**
 * Puts the synthetic shop into a database, in one transaction: it is there whole or not at all.
 * Streams: memory does not grow with the number of orders. Makes indexes after the rows.
 */
import type pg from 'pg';
import { customerRows, orderRows, type Row, type ShopSize } from './shop.js';

export const shopDdl = `
CREATE SCHEMA shop;
CREATE TABLE shop.customers (
  customer_id bigint NOT NULL, name text NOT NULL, phone text NOT NULL, email text, region text NOT NULL,
  registered_at timestamptz NOT NULL);
CREATE TABLE shop.orders (
  order_id bigint NOT NULL, order_no text NOT NULL, customer_id bigint NOT NULL,
  receiver_name text NOT NULL, receiver_phone text NOT NULL, receiver_phone_last4 text NOT NULL, address text NOT NULL,
  remark text, region text NOT NULL, warehouse text NOT NULL, status text NOT NULL, amount numeric(10,2) NOT NULL,
  created_at timestamptz NOT NULL,
  receiver_phone_normal text NOT NULL GENERATED ALWAYS AS
    (regexp_replace(regexp_replace(receiver_phone, '^[+]86', ''), '[^0-9]', '', 'g')) STORED);
CREATE TABLE shop.order_items (
  item_id bigint NOT NULL, order_id bigint NOT NULL, customer_id bigint NOT NULL,
  sku text NOT NULL, title text NOT NULL, quantity integer NOT NULL, price numeric(10,2) NOT NULL);
CREATE TABLE shop.shipments (
  shipment_id bigint NOT NULL, order_id bigint NOT NULL, customer_id bigint NOT NULL,
  carrier text NOT NULL, tracking_no text NOT NULL,
  receiver_name text NOT NULL, receiver_phone text NOT NULL, address text NOT NULL,
  status text NOT NULL, shipped_at timestamptz);
`;

/** Keys, references and indexes; after the rows they take a fraction of the time. */
export const shopIndexes = `
ALTER TABLE shop.customers ADD PRIMARY KEY (customer_id);
ALTER TABLE shop.orders ADD PRIMARY KEY (order_id), ADD UNIQUE (order_no);
ALTER TABLE shop.order_items ADD PRIMARY KEY (item_id);
ALTER TABLE shop.shipments ADD PRIMARY KEY (shipment_id);
ALTER TABLE shop.orders ADD FOREIGN KEY (customer_id) REFERENCES shop.customers;
ALTER TABLE shop.order_items ADD FOREIGN KEY (order_id) REFERENCES shop.orders;
ALTER TABLE shop.shipments ADD FOREIGN KEY (order_id) REFERENCES shop.orders;
CREATE INDEX ON shop.orders (customer_id);
CREATE INDEX ON shop.orders (receiver_phone);
CREATE INDEX ON shop.orders (receiver_phone_last4);
CREATE INDEX ON shop.orders (receiver_phone_normal);
CREATE INDEX ON shop.orders (created_at);
CREATE INDEX ON shop.orders (warehouse, status);
CREATE INDEX ON shop.order_items (order_id);
CREATE INDEX ON shop.shipments (order_id);
CREATE INDEX ON shop.shipments (tracking_no);
CREATE INDEX ON shop.customers (phone);
`;

const columnTypes = {
  customers: ['bigint', 'text', 'text', 'text', 'text', 'timestamptz'],
  orders: ['bigint', 'text', 'bigint', ...Array.from({ length: 8 }, () => 'text'), 'numeric', 'timestamptz'],
  order_items: ['bigint', 'bigint', 'bigint', 'text', 'text', 'integer', 'numeric'],
  shipments: ['bigint', 'bigint', 'bigint', ...Array.from({ length: 6 }, () => 'text'), 'timestamptz'],
} as const satisfies Record<string, readonly string[]>;

type Connection = pg.Client | pg.PoolClient;

const batchRows = 4_000;

export interface LoadOptions extends ShopSize {
  /** Fraction of the orders that are in, 0 to 1; called some dozen times. */
  readonly onProgress?: (done: number) => void;
  /** Runs in the same transaction, at its end. */
  readonly beforeCommit?: () => Promise<void>;
}

/** @param client on a database without a schema `shop`, as a role that may create it */
export async function loadShop(client: Connection, options: LoadOptions): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(shopDdl);
    await loadRows(client, options);
    await client.query("SET LOCAL maintenance_work_mem = '128MB'");
    await client.query(shopIndexes);
    await options.beforeCommit?.();
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
  // VACUUM marks pages all-visible, so that the first reads need not.
  await client.query('VACUUM ANALYZE shop.customers, shop.orders, shop.order_items, shop.shipments');
}

async function loadRows(client: Connection, options: LoadOptions): Promise<void> {
  const line = new Line(client);
  const customers = new Batch('customers');
  for (const row of customerRows(options)) {
    customers.add(row);
    if (customers.full) await line.send(customers);
  }
  await line.send(customers);

  const orders = new Batch('orders');
  const items = new Batch('order_items');
  const shipments = new Batch('shipments');
  let done = 0;
  for (const { order, items: itemsOfOrder, shipment } of orderRows(options)) {
    orders.add(order);
    for (const item of itemsOfOrder) items.add(item);
    if (shipment) shipments.add(shipment);
    done++;
    if (orders.full) {
      await line.send(orders);
      options.onProgress?.(done / options.orders);
    }
    if (items.full) await line.send(items);
    if (shipments.full) await line.send(shipments);
  }
  for (const batch of [orders, items, shipments]) await line.send(batch);
  await line.arrived();
  options.onProgress?.(1);
}

/** Rows on their way into one table, by column. */
class Batch {
  readonly statement: string;
  #columns: (string | null)[][];

  constructor(table: keyof typeof columnTypes) {
    const types = columnTypes[table];
    const parameters = types.map((type, i) => `$${i + 1}::${type}[]`).join(', ');
    this.statement = `INSERT INTO shop.${table} SELECT * FROM unnest(${parameters})`;
    this.#columns = types.map(() => []);
  }

  get full(): boolean {
    return (this.#columns[0] as unknown[]).length >= batchRows;
  }

  add(row: Row): void {
    for (let i = 0; i < row.length; i++) (this.#columns[i] as Row[number][]).push(row[i] as Row[number]);
  }

  take(): string[] {
    const values = this.#columns.map(arrayLiteral);
    this.#columns = this.#columns.map(() => []);
    return values;
  }
}

/** One batch is with the server while the rows of the next are made; never two. */
class Line {
  readonly #client: Connection;
  #underway: Promise<unknown> = Promise.resolve();

  constructor(client: Connection) {
    this.#client = client;
  }

  async send(batch: Batch): Promise<void> {
    const values = batch.take();
    await this.#underway;
    this.#underway = this.#client.query(batch.statement, values);
    // Looked at by the next send or by arrived(); until then a failure is no unhandled one.
    this.#underway.catch(() => undefined);
    // The socket gets its turn before the next rows are made.
    await new Promise((settle) => setImmediate(settle));
  }

  async arrived(): Promise<void> {
    await this.#underway;
  }
}

/**
 * JSON's quotes, escapes and null are those of an array literal, as long as the text holds no control
 * characters, which this shop's does not. Several times faster than element by element, as pg does it.
 */
function arrayLiteral(values: readonly (string | null)[]): string {
  return `{${JSON.stringify(values).slice(1, -1)}}`;
}
