/**
 * Who reads, and how much they may: the policy files of a run and the limits that the checks hold the
 * clients' harvest against. Every table shows its record key and the key of its person in clear, so that
 * a client can say exactly what it got.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export type RoleName = 'support' | 'warehouse' | 'exporter' | 'analyst' | 'clerk';
/** The clerk's ways lead to a service. */
type TableRole = Exclude<RoleName, 'clerk'>;

export interface RoleLimit {
  readonly count: 'records' | 'people' | 'queries' | 'fills';
  readonly window: 'minute' | 'day';
  readonly max: number;
}

/** Small, so that many persons use theirs up in every round. */
export const limitsOf: Readonly<Record<RoleName, readonly RoleLimit[]>> = {
  support: [
    { count: 'queries', window: 'minute', max: 40 },
    { count: 'people', window: 'day', max: 22 },
    { count: 'records', window: 'day', max: 60 },
  ],
  warehouse: [
    { count: 'records', window: 'minute', max: 300 },
    { count: 'people', window: 'day', max: 150 },
  ],
  exporter: [{ count: 'records', window: 'day', max: 9_500 }],
  analyst: [{ count: 'queries', window: 'minute', max: 25 }],
  clerk: [
    { count: 'fills', window: 'day', max: 7 },
    { count: 'people', window: 'day', max: 40 },
    { count: 'records', window: 'day', max: 50 },
  ],
};

/** A token with this scope is as good as unlimited: persons who are there in every round. */
export const looseScope = 'load.loose';
const looseMax = 100_000_000;

const browse: Readonly<Record<TableRole, { table: string; see: string; perRequest: number; find: string }>> =
  {
    support: {
      table: 'orders',
      find: 'find_by: [order_no, receiver_phone]\n    only: {region: claim.region}',
      see: 'order_no: clear, receiver_name: surname, receiver_phone: last4, address: district',
      perRequest: 20,
    },
    warehouse: {
      table: 'orders',
      find: 'browse: yes',
      see: 'status: clear, warehouse: clear, receiver_name: surname, receiver_phone: middle',
      perRequest: 30,
    },
    exporter: { table: 'orders', find: 'browse: yes', see: 'receiver_name: surname', perRequest: 9_500 },
    analyst: { table: 'order_items', find: 'browse: yes', see: 'sku: clear', perRequest: 1_000_000 },
  };

const keyColumns: Readonly<Record<string, readonly [record: string, subject: string]>> = {
  orders: ['order_id', 'customer_id'],
  order_items: ['item_id', 'customer_id'],
};

/** The service of a run; see recording-service.ts. */
export const depot = 'depot';

const catalog = `version: 1
tables:
  orders:
    from: shop.orders
    record: order_id
    subject: customer_id
    columns:
      order_id: none
      customer_id: none
      order_no: order-number
      receiver_name: name
      receiver_phone: {class: phone, lookup: [exact, {last4: receiver_phone_last4}]}
      address: address
      region: none
      warehouse: none
      status: none
  order_items:
    from: shop.order_items
    record: item_id
    subject: customer_id
    columns:
      item_id: none
      order_id: none
      customer_id: none
      sku: none
      title: free-text
services:
  ${depot}:
    prefix: /${depot}
    upstream: { env: DEPOT_URL }
    routes:
      - { match: GET /parcels/:id, record: id, subject: customerId }
      - { match: PATCH /parcels/:id, body: [status], record: id, subject: customerId }
      - match: POST /calls
        fill: { table: orders, by: order_no, body: { to: receiver_phone, orderId: order_id } }
        record: callId
        subject: customerId
    fields: { id: none, callId: none, customerId: none, status: none, phone: phone }
`;

const clerk = `tables:
  orders:
    find_by: [order_no]
    only: { region: claim.region }
    see: { order_id: clear, order_no: clear }
services:
  ${depot}:
    find_by: [id]
    write: yes
    fill: yes
    see: { id: clear, callId: clear, customerId: clear, status: clear, phone: last4 }
per_request: 20
`;

const alerts = `version: 1
bulk:
  records_per_read: 500
  records_per_hour: off
  records_per_day: 5000
  people_per_read: off
  people_per_hour: off
  people_per_day: 100
  consecutive: 50
`;

/** Some orders are asked for with their lines inside, which show something personal: they are charged too. */
export const insideTable = 'order_items';
export const insideSelect = `${insideTable}(item_id,customer_id,title)`;
const alsoSees = `  ${insideTable}:
    find_by: [order_id]
    see: {item_id: clear, order_id: clear, customer_id: clear, title: scrub}
`;

export function tableOf(role: TableRole): string {
  return browse[role].table;
}

/** The first two columns of every answer, by which the clients and the checks name a row. */
export function keyColumnsOf(role: TableRole): readonly [record: string, subject: string] {
  return keyColumns[tableOf(role)]!;
}

/** Rows count as records: some column that the clients ask for is of a personal class. */
export function isPersonal(role: RoleName): boolean {
  return role !== 'analyst';
}

export async function writePolicies(directory: string): Promise<void> {
  await mkdir(join(directory, 'roles'), { recursive: true });
  await writeFile(join(directory, 'catalog.yaml'), catalog);
  await writeFile(join(directory, 'alerts.yaml'), alerts);
  for (const role of Object.keys(limitsOf) as RoleName[]) {
    const limits = new Map<string, string[]>();
    for (const { count, window, max } of limitsOf[role]) {
      const both = [`${max} per ${window}`, `{limit: ${looseMax} per ${window}, scope: ${looseScope}}`];
      limits.set(count, [...(limits.get(count) ?? []), ...both]);
    }
    await writeFile(
      join(directory, 'roles', `${role}.yaml`),
      `role: ${role}
about: Reads under load
owner: the test
for: people
${role === 'clerk' ? clerk : tablesOf(role)}limits:
${[...limits].map(([count, list]) => `  ${count}: [${list.join(', ')}]\n`).join('')}`,
    );
  }
}

function tablesOf(role: TableRole): string {
  const { table, find, see, perRequest } = browse[role];
  const keys = keyColumnsOf(role).map((column) => `${column}: clear`);
  return `tables:
  ${table}:
    ${find}
    see: {${keys.join(', ')}, ${see}}
${role === 'support' ? alsoSees : ''}per_request: ${perRequest}
`;
}
