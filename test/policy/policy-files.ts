/** A small policy set on disk, and what the loader says about it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { formatFaults, PolicyFaults } from '../../src/policy/faults.js';
import { loadPolicies } from '../../src/policy/load.js';

export const catalog = `version: 1
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
      receiver_phone: { class: phone, lookup: [exact, { last4: receiver_phone_last4 }] }
      address: address
      remark: free-text
      region: none
      status: none
  shipments:
    from: shop.shipments
    record: shipment_id
    columns:
      shipment_id: none
      status: none
`;

export const agent = `role: agent
about: Answers one customer's call at a time
owner: customer-care
for: people
tables:
  orders:
    find_by: [order_no, receiver_phone]
    only: { region: claim.region }
    see:
      order_id: clear
      order_no: clear
      status: clear
      receiver_name: surname
      receiver_phone: last4
      address: district
per_request: 50
limits:
  queries: 60 per minute
  records: [500 per day, { limit: 20000 per day, scope: orders.export }]
`;

export const alerts = `version: 1
bulk:
  records_per_read: 200
  records_per_hour: 500
  records_per_day: 2000
  people_per_read: 100
  people_per_hour: 200
  people_per_day: 600
  consecutive: 20
roles:
  agent: { people_per_hour: 400, consecutive: off }
`;

export type Files = Readonly<Record<string, string | Uint8Array | undefined>>;
export type Teardown = { teardown(work: () => unknown): void };

const base: Files = { 'catalog.yaml': catalog, 'alerts.yaml': alerts, 'roles/agent.yaml': agent };

/** Writes the set with some files replaced (undefined: left out). @returns its directory */
export async function writeSet(t: Teardown, changed: Files = {}): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'weir-policies-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await mkdir(path.join(directory, 'roles'));
  for (const [name, text] of Object.entries({ ...base, ...changed })) {
    if (text !== undefined) await writeFile(path.join(directory, name), text);
  }
  return directory;
}

/** @returns what formatFaults prints, a line each, paths relative to the set; empty for a good set */
export async function faultsOf(t: Teardown, changed: Files): Promise<string[]> {
  const directory = await writeSet(t, changed);
  try {
    await loadPolicies(directory);
    return [];
  } catch (error) {
    if (!(error instanceof PolicyFaults)) throw error;
    return formatFaults(error.faults)
      .split('\n')
      .map((line) => line.replace(`${directory}/`, ''));
  }
}

/** The text with one place changed; the place must be there once. */
export function edit(text: string, from: string, to: string): string {
  if (text.split(from).length !== 2) throw new Error(`"${from}" does not stand there once`);
  return text.replace(from, () => to);
}
