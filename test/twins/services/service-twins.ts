/** Two gateways before two services that differ only in what the role must not see, and the calls made of both. */
import { loadPolicies } from '../../../src/policy/load.js';
import type { Config } from '../../../src/config/schema.js';
import type { Teardown } from '../../support/cluster.js';
import { gatewayConfig } from '../../support/gateway.js';
import type { GeneratedRequest, Random } from '../requests.js';
import type { Sides } from '../twin-run.js';
import { ownWarehouse, writeServicePolicies, type ServiceRole } from './policies.js';
import { startTwinService, type Twin } from './upstream.js';

export async function makeServiceTwins(t: Teardown, role: ServiceRole): Promise<Sides> {
  const policies = await writeServicePolicies(t);
  const { set } = await loadPolicies(policies);
  const policy = set.roles.get(role)!.services!.get('fulfilment')!;
  const side = async (twin: Twin): Promise<Sides['one']> => {
    const url = await startTwinService(t, twin, policy);
    const config = (c: Config): Config => ({
      ...c,
      services: { ...c.services, urls: [{ service: 'fulfilment', url }] },
    });
    return gatewayConfig(t, { policies, config });
  };
  return {
    role,
    claims: role === 'packer' ? { warehouse: ownWarehouse } : {},
    one: await side('one'),
    two: await side('two'),
    generate: (random) => callOf(role, random),
    lanes: 12,
    repeats: 50,
    // What a service answers may not be fit to pass.
    failing: new Set([502]),
  };
}

/** Few of them: numbers that differ in hidden digits alone would be guesses. */
const phones = ['13812345678', '13900001111', '15066667777', '13700009999'];
const bodies = [
  '{"status":"sent"}',
  '{"labels":{"a":1}}',
  '{"status":null,"labels":{"a":"b","c":false}}',
  '{}',
];
const badBodies = [
  '{"receiver":{"phone":"138****5678"}}',
  '{"amount":1}',
  '{"status":"a","status":"b"}',
  '{"status":',
  '[]',
  '{"status":{"a":1}}',
];

function callOf(role: ServiceRole, random: Random): GeneratedRequest {
  const whole = (below: number): number => Math.floor(random() * below);
  const pick = <T>(list: readonly T[]): T => list[whole(list.length)]!;
  const headers: Record<string, string> = {};
  if (random() < 0.2)
    Object.assign(
      headers,
      pick([
        { 'if-none-match': '"x"' },
        { range: 'bytes=0-9' },
        { 'accept-encoding': 'gzip' },
        { accept: 'text/html' },
        { 'if-modified-since': new Date(0).toUTCString() },
      ]),
    );
  const call = (method: string, path: string, forbidden?: string, body?: string): GeneratedRequest => ({
    method,
    path: `/fulfilment${path}`,
    headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
    body,
    forbidden,
  });
  const number = whole(6_000);
  const browses = role !== 'agent';
  const clerks = browses ? undefined : 'a list without a pin';
  const writers = browses ? undefined : 'a write of a role that does not';
  const list: (() => GeneratedRequest)[] = [
    () => call('GET', `/shipments?page=${number}${pick(['', '&status=sent', '&status=%E5%B7%B2'])}`, clerks),
    () => call('GET', `/everything?page=${number}`, clerks),
    () => call('GET', `/latest/${number}`, clerks),
    () => call('GET', `/lines?page=${number}`, clerks),
    () => call('GET', `/table?page=${number}`, clerks),
  ];
  const write = (): GeneratedRequest =>
    random() < 0.7
      ? call('PATCH', `/shipments/${number}`, writers, pick(bodies))
      : call('DELETE', `/shipments/${number}`, writers);
  const attempts: (() => GeneratedRequest)[] = [
    () => call('GET', `/shipments/${number}?expand=all`, 'a parameter that is not listed'),
    () => call('GET', `/customers/${number}`, 'a route that is not listed'),
    () => call('HEAD', `/shipments/${number}`, 'a method that is not listed'),
    () => call('PUT', `/shipments/${number}`, 'a method that is not listed', '{"status":"x"}'),
    () => call('PATCH', `/shipments/${number}`, 'a body that is not for this role', pick(badBodies)),
    () => call('GET', `/shipments?phone=${pick(phones)}&page=1&page=2`, 'a parameter that is given twice'),
    ...(role === 'packer'
      ? [() => call('GET', `/shipments?page=${number}&warehouse=${pick(['HZ1', 'SZ1', '*'])}`)]
      : []),
    ...(role === 'clerk'
      ? [() => call('GET', `/shipments?phone=${pick(phones)}`, 'a look-up of a role that does not')]
      : role === 'agent'
        ? [pick(list), write]
        : []),
  ];
  const chosen = random();
  if (chosen < 0.08) return pick(attempts)();
  if (role === 'packer' && chosen < 0.12) return call('GET', `/shipments?phone=${pick(phones)}`);
  if (role === 'agent')
    return chosen < 0.15
      ? call('GET', `/shipments?phone=${pick(phones)}`)
      : call('GET', `/shipments/${number}`);
  if (chosen < 0.25) return write();
  return chosen < 0.5 ? call('GET', `/shipments/${number}`) : pick(list)();
}
