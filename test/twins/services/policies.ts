/** A service with every kind of route and field, and roles that see it differently; one sees a warehouse's records alone. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { policiesOf } from '../../corridor/with-roles.js';
import type { Teardown } from '../../support/cluster.js';
import { policiesDirectory } from '../../support/gateway.js';

const fulfilment = {
  prefix: '/fulfilment',
  upstream: { env: 'FULFILMENT_URL' },
  routes: [
    { match: 'GET /shipments/:id', record: 'id', subject: 'customerId' },
    {
      match: 'GET /shipments',
      query: [
        'status',
        'page',
        { name: 'phone', field: 'receiver.phone' },
        { name: 'warehouse', field: 'warehouse' },
      ],
      records: '$.data[*]',
      record: 'id',
      subject: 'customerId',
      headers: ['x-total-count'],
    },
    {
      match: 'GET /everything',
      query: ['page'],
      records: '$.data[*]',
      record: 'id',
      headers: ['x-total-count'],
    },
    { match: 'GET /latest/:page', records: '$[*]', record: 'id', subject: 'customerId' },
    {
      match: 'PATCH /shipments/:id',
      body: ['status', 'receiver.phone', 'labels.*'],
      first: 'GET /shipments/:id',
      record: 'id',
      subject: 'customerId',
    },
    { match: 'DELETE /shipments/:id', record: 'id', subject: 'customerId', first: 'GET /shipments/:id' },
    { match: 'GET /lines', query: ['page'], answer: 'json-lines', record: 'id', subject: 'customerId' },
    { match: 'GET /table', query: ['page'], answer: 'csv', record: 'id', subject: 'customerId' },
  ],
  fields: {
    id: 'none',
    customerId: 'none',
    status: 'none',
    warehouse: 'none',
    createdAt: 'none',
    amount: 'amount',
    remark: 'free-text',
    'receiver.name': 'name',
    'receiver.phone': 'phone',
    'receiver.address': 'address',
    'receiver.email': 'email',
    'items[*].title': 'none',
    'items[*].cost': 'amount',
    'tags[*]': 'none',
    'labels.*': 'none',
    '$.total': 'none',
    '$.page.size': 'none',
    '$.page.cursor': 'none',
  },
};

export const serviceRoles = {
  agent: {
    for: 'people',
    services: {
      fulfilment: {
        find_by: ['id', 'receiver.phone'],
        see: {
          id: 'clear',
          status: 'clear',
          createdAt: 'month',
          amount: { mask: 'bucket', width: 100 },
          remark: 'null',
          'receiver.name': 'surname',
          'receiver.phone': 'last4',
          'receiver.address': 'city',
          'items[*].title': 'clear',
          'labels.*': 'clear',
        },
      },
    },
  },
  clerk: {
    for: 'people',
    services: {
      fulfilment: {
        find_by: ['id'],
        browse: 'yes',
        write: 'yes',
        see: {
          id: 'clear',
          status: 'clear',
          createdAt: 'clear',
          'receiver.name': 'surname',
          'receiver.phone': 'middle',
          'receiver.email': 'email',
          'tags[*]': 'clear',
          '$.total': 'clear',
          '$.page.size': 'clear',
        },
      },
    },
  },
  packer: {
    for: 'people',
    services: {
      fulfilment: {
        find_by: ['id', 'receiver.phone'],
        browse: 'yes',
        write: 'yes',
        only: { warehouse: 'claim.warehouse' },
        see: {
          id: 'clear',
          status: 'clear',
          warehouse: 'clear',
          'receiver.phone': 'last4',
          'items[*].title': 'clear',
          'labels.*': 'clear',
          '$.total': 'clear',
          '$.page.size': 'clear',
        },
      },
    },
  },
} as const;

/** Of the packer's token. */
export const ownWarehouse = 'HZ1';

export type ServiceRole = keyof typeof serviceRoles;

/** Without limits in the way: this is about what is seen, not how much. */
export async function writeServicePolicies(t: Teardown): Promise<string> {
  const generous = { per_request: 1000, limits: { records: '900000000 per day' } };
  const files = Object.entries(serviceRoles).map(([role, grant]) => {
    const keys = Object.entries({ ...grant, ...generous });
    return [role, keys.map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`).join('')] as const;
  });
  const directory = await policiesOf(t, Object.fromEntries(files));
  const catalog = parse(await readFile(join(policiesDirectory, 'catalog.yaml'), 'utf8')) as object;
  await writeFile(join(directory, 'catalog.yaml'), JSON.stringify({ ...catalog, services: { fulfilment } }));
  return directory;
}
