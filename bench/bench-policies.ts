/**
 * The project's own policy files with everything out of the way that would end a measurement early: limits
 * are raised, not removed, so that each is still checked; bulk thresholds are raised, since a flag for each
 * read would measure the logger. One role is added, that may take a whole table, masked.
 */
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { project } from './subject-code.js';

const plenty = 999_999_999;

export const maskedExportRole = 'bench-export';
export const serviceRole = 'bench-caller';
export const benchService = 'fulfilment';

/** As subjects/order-service.ts answers; a courier and an etag are listed nowhere. */
const service = {
  prefix: `/${benchService}`,
  upstream: { env: 'FULFILMENT_URL' },
  routes: [
    { match: 'GET /shipments/:id', record: 'id', subject: 'customerId' },
    {
      match: 'GET /shipments',
      query: ['page', 'size'],
      records: '$.data[*]',
      record: 'id',
      subject: 'customerId',
    },
  ],
  fields: {
    id: 'none',
    orderNo: 'order-number',
    customerId: 'none',
    status: 'none',
    'receiver.name': 'name',
    'receiver.phone': 'phone',
    'receiver.address': 'address',
    'items[*].sku': 'none',
    'items[*].title': 'none',
    'items[*].quantity': 'none',
    weight: 'none',
    createdAt: 'none',
    warehouse: 'none',
    '$.total': 'none',
  },
};

const seenOfService = {
  id: 'clear',
  orderNo: 'clear',
  status: 'clear',
  'receiver.name': 'surname',
  'receiver.phone': 'last4',
  'receiver.address': 'city',
  'items[*].title': 'clear',
  'items[*].quantity': 'clear',
  weight: 'clear',
  createdAt: 'clear',
  '$.total': 'clear',
};

export async function writeBenchPolicies(directory: string): Promise<void> {
  // Dereferenced: what is changed below must never be the project's own files, reached through a link.
  await cp(join(project, 'policies'), directory, { recursive: true, dereference: true });
  // Services would each need an address, and what is measured here are reads of tables.
  await change(join(directory, 'catalog.yaml'), (catalog) => delete catalog['services']);
  const roles = join(directory, 'roles');
  for (const name of await readdir(roles)) {
    await change(join(roles, name), (role) => {
      delete role['services'];
      if (role['limits'] !== undefined) role['limits'] = raisedLimits(role['limits'] as object);
    });
  }
  const agent = parseDocument(await readFile(join(roles, 'support-agent.yaml'), 'utf8')).toJS() as {
    tables: { orders: { see: object } };
    limits: object;
  };
  const { see } = agent.tables.orders;
  await writeFile(
    join(roles, `${maskedExportRole}.yaml`),
    JSON.stringify({
      role: maskedExportRole,
      about: 'Takes all orders as the support agent sees them',
      owner: 'bench',
      for: 'people',
      tables: { orders: { browse: true, see } },
      per_request: 10_000_000,
      limits: raisedLimits(agent.limits),
    }),
  );
  await writeFile(
    join(roles, `${serviceRole}.yaml`),
    JSON.stringify({
      role: serviceRole,
      about: 'Calls a service by record and by page',
      owner: 'bench',
      for: 'people',
      services: { [benchService]: { find_by: ['id'], browse: true, see: seenOfService } },
      per_request: 1_000,
      limits: raisedLimits(agent.limits),
    }),
  );
  await change(
    join(directory, 'catalog.yaml'),
    (catalog) => (catalog['services'] = { [benchService]: service }),
  );
  await change(join(roles, 'analyst.yaml'), (role) => (role['per_request'] = 10_000_000));
  await change(join(directory, 'alerts.yaml'), (alerts) => {
    delete alerts['roles'];
    for (const rule of Object.keys(alerts['bulk'] as object))
      (alerts['bulk'] as Record<string, number>)[rule] = plenty;
  });
}

async function change(file: string, edit: (content: Record<string, unknown>) => void): Promise<void> {
  const content = parseDocument(await readFile(file, 'utf8')).toJS() as Record<string, unknown>;
  edit(content);
  // JSON is YAML.
  await writeFile(file, `${JSON.stringify(content, null, 2)}\n`);
}

/** Those of each person: a limit per tool would have everybody wait for one row. */
function raisedLimits(limits: object): Record<string, unknown> {
  const own = Object.entries(limits).map(([count, value]: [string, unknown]) => [
    count,
    Array.isArray(value)
      ? value.filter((limit: unknown) => typeof limit === 'string' || !('per' in (limit as object)))
      : value,
  ]);
  return Object.fromEntries(
    own
      .filter(([, value]) => !Array.isArray(value) || value.length > 0)
      .map(([count, value]) => [count, raised(value)]),
  ) as Record<string, unknown>;
}

/** "60 per minute", or a list of such and of {limit, scope}. */
export function raised(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(raised);
  if (typeof value === 'string') return value.replace(/^\d+/, String(plenty));
  const { limit, ...rest } = value as { limit: string };
  return { limit: raised(limit), ...rest };
}
