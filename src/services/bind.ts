/**
 * Where the services of the catalogue are: bound once, at the start, since the server's addresses and the connections
 * to a service last as long as the process. Refuses a service without an address, and addresses that say who asks.
 */
import type { LoadedPolicies } from '../policy/load.js';
import type { PolicyFault } from '../policy/faults.js';
import type { Catalog } from '../policy/model.js';

export interface BoundService {
  readonly name: string;
  readonly prefix: string;
  /** The variable that the catalogue names. */
  readonly env: string;
  readonly url: string;
}

/** @param urls of the configuration; they go before the variable that the catalogue names */
export function bindServices(
  { services }: Catalog,
  urls: readonly { readonly service: string; readonly url: string }[],
  environment: Readonly<Record<string, string | undefined>>,
): { bound: BoundService[]; faults: string[] } {
  const bound: BoundService[] = [];
  const faults: string[] = [];
  for (const { name, prefix, upstream } of services?.values() ?? []) {
    const { env } = upstream;
    const configured = urls.find(({ service }) => service === name)?.url;
    const url = configured ?? environment[env];
    const where = configured === undefined ? env : `services.urls (${name})`;
    if (url === undefined || url === '') {
      faults.push(`services: nothing says where ${name} is: set ${env}, or name it under services.urls`);
    } else if (!isBaseUrl(url)) {
      faults.push(`services: ${where} is no http or https address without user, query and fragment`);
    } else bound.push({ name, prefix, env, url: url.replace(/\/+$/, '') });
  }
  for (const { service } of urls) {
    if (services?.has(service) !== true)
      faults.push(`services: services.urls names ${service}, which is not in the catalogue`);
  }
  return { bound, faults };
}

/** A set that is to be taken up while the gateway runs offers the services where they are. */
export function movedServices(
  { set, sources }: LoadedPolicies,
  bound: readonly BoundService[],
): PolicyFault[] {
  const hint = 'restart the gateway for a change of its services, or write what stood there before';
  const fault = (path: string[], message: string): PolicyFault =>
    sources.catalog.fault(path, 'key', message, hint);
  const services = set.catalog.services ?? new Map<string, never>();
  const found: PolicyFault[] = [];
  for (const { name, prefix, upstream } of services.values()) {
    const was = bound.find((each) => each.name === name);
    const path = ['services', name];
    if (was === undefined)
      found.push(fault(path, `${name} was not in the catalogue when the gateway started`));
    else if (was.prefix !== prefix)
      found.push(fault([...path, 'prefix'], `${name} was below ${was.prefix} when the gateway started`));
    else if (was.env !== upstream.env)
      found.push(fault([...path, 'upstream'], `${name} was where ${was.env} says when the gateway started`));
  }
  return found;
}

function isBaseUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && username + password + search + hash === '';
}
