/** A gateway under the project's catalogue with roles of a test's own, and what then stands on its log. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import type { EntryBody } from '../../src/log/entry.js';
import { verifyLog } from '../../src/log/verify.js';
import type { Teardown } from '../support/cluster.js';
import {
  policiesDirectory,
  startGateway,
  type GatewayOptions,
  type OpenedGateway,
} from '../support/gateway.js';

export interface Ruled extends OpenedGateway {
  entries(): Promise<EntryBody[]>;
  rows<T extends object>(text: string, values?: unknown[]): Promise<T[]>;
  /** @returns the faults of the whole log, in words */
  faults(): Promise<readonly string[]>;
}

/** @param roles name → what stands in its file besides role, about, owner */
export async function withRoles(
  t: Teardown,
  roles: Readonly<Record<string, string>>,
  options: GatewayOptions & { readonly prepare?: (directory: string) => Promise<void> } = {},
): Promise<Ruled> {
  const policies = await policiesOf(t, roles);
  await options.prepare?.(policies);
  const gateway = await startGateway(t, { ...options, policies });
  const rows = async <T extends object>(text: string, values: unknown[] = []): Promise<T[]> =>
    ask<T>(gateway.ordersUrl, text, values);
  return {
    ...gateway,
    rows,
    entries: async () => {
      const found = await ask<{ body: string }>(
        gateway.store.superuserUrl,
        'SELECT body FROM weir.entries ORDER BY at',
        [],
      );
      return found.map(({ body }) => JSON.parse(body) as EntryBody);
    },
    faults: async () => {
      const { faults } = await verifyLog({ source: { url: gateway.store.runtimeUrl } });
      return faults.map((fault) => `${fault.kind}: ${fault.what}`);
    },
  };
}

export async function policiesOf(t: Teardown, roles: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'weir-roles-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await mkdir(path.join(directory, 'roles'));
  const catalog = await readFile(path.join(policiesDirectory, 'catalog.yaml'), 'utf8');
  // Without its services: a test that needs some appends its own.
  await writeFile(path.join(directory, 'catalog.yaml'), catalog.replace(/^services:[^]*/m, ''));
  const { bulk } = {
    bulk: 'records_per_read: 200, records_per_hour: off, records_per_day: off, people_per_read: off, people_per_hour: off, people_per_day: off, consecutive: off',
  };
  await writeFile(path.join(directory, 'alerts.yaml'), `version: 1\nbulk: {${bulk}}\n`);
  for (const [role, text] of Object.entries(roles)) {
    await writeFile(
      path.join(directory, 'roles', `${role}.yaml`),
      `role: ${role}\nabout: a test\nowner: tests\n${text}`,
    );
  }
  return directory;
}

async function ask<T extends object>(url: string, text: string, values: unknown[]): Promise<T[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<T>(text, values)).rows;
  } finally {
    await client.end();
  }
}
