/**
 * `weir service check`: calls each GET route of the catalogue's services once, as the gateway would, with the examples
 * of the catalogue, and says where
 * answer and catalogue differ. Straight to the service: nothing is recorded, so nothing of an answer is printed
 * but names of fields.
 */
import { randomUUID } from 'node:crypto';
import { systemClock } from '../clock.js';
import type { Config } from '../config/schema.js';
import { ServiceCalls } from '../doors/proxy/forward.js';
import { asWeirError, type WeirError } from '../errors.js';
import { openPrincipalTokens, principalHeader, type PrincipalTokens } from '../identity/principal-token.js';
import type { CatalogService, ServiceRoute } from '../policy/model.js';
import { bindServices } from '../services/bind.js';
import { checkAnswer, type AnswerFinding } from '../services/check-answer.js';
import { readAnswer } from '../services/read-answer.js';
import { CliError, exitCodes, type CliContext } from './context.js';
import { findConfig, type ConfigOption } from './find-config.js';
import { openPolicies, type FolderOption } from './policy-folder.js';
import { formatJsonLines } from './table.js';

export interface ServiceCheckOptions extends ConfigOption, FolderOption {
  /** Values of parameters, by name. */
  readonly with?: Readonly<Record<string, string>>;
  /** For services that still take a token of their callers. */
  readonly token?: string;
  readonly role: string;
  readonly json?: boolean;
}

/** What there is to say of one route, or of a whole service. */
interface Finding {
  readonly service: string;
  readonly route: string | undefined;
  /** remark: worth knowing, and nothing wrong. */
  readonly kind: AnswerFinding['kind'] | 'failed' | 'unseen' | 'remark';
  readonly field: string | undefined;
  readonly message: string;
}

interface CalledRoute {
  readonly findings: Finding[];
  readonly seen: ReadonlySet<string>;
  /** Undefined: it was not called, or its answer says nothing. */
  readonly records: number | undefined;
}

/** @returns 1 where something was found */
export async function serviceCheck(
  context: CliContext,
  name: string | undefined,
  options: ServiceCheckOptions,
): Promise<number> {
  const { io } = context;
  const config = findConfig(context, options);
  const { set } = (await openPolicies(context, options)).policies;
  const services = [...(set.catalog.services?.values() ?? [])];
  const chosen = services.filter((service) => name === undefined || service.name === name);
  if (chosen.length === 0) {
    const known = services.map((service) => service.name).join(', ');
    throw new CliError(
      name === undefined ? 'the catalogue has no services' : `the catalogue has no service of that name`,
      known === '' ? 'name some under services: of catalog.yaml' : `its services are ${known}`,
    );
  }
  const { bound, faults } = bindServices(set.catalog, config.services.urls, context.env);
  const signing = openPrincipalTokens(config.principal, systemClock);
  if (signing.faults.length > 0)
    throw new CliError(signing.faults.join('; '), 'mend principal.keys (docs/configuration.md)');
  const findings: Finding[] = [];
  for (const service of chosen) {
    const url = bound.find((each) => each.name === service.name)?.url;
    const fault = faults.find((text) => text.includes(service.name));
    if (url === undefined)
      throw new CliError(
        fault ?? 'the service has no address',
        'as the gateway has it (docs/configuration.md)',
      );
    findings.push(...(await checkService(service, url, config, signing.tokens, options)));
  }
  const wrong = findings.filter(({ kind }) => kind !== 'remark').length;
  if (options.json) io.out(formatJsonLines(findings));
  else {
    for (const { service, route, kind, field, message } of findings) {
      const place = [service, route, field].filter((part) => part !== undefined).join('  ');
      io.out(`${place}: ${kind === 'remark' ? '(' : ''}${message}${kind === 'remark' ? ')' : ''}\n`);
    }
    io.out(
      wrong === 0
        ? 'the services answer as the catalogue says\n'
        : `${wrong} ${wrong === 1 ? 'finding' : 'findings'}\n`,
    );
  }
  return wrong === 0 ? exitCodes.ok : exitCodes.bad;
}

async function checkService(
  service: CatalogService,
  url: string,
  config: Config,
  tokens: PrincipalTokens | undefined,
  options: ServiceCheckOptions,
): Promise<Finding[]> {
  const say = (kind: Finding['kind'], message: string, route?: string, field?: string): Finding => ({
    service: service.name,
    route,
    kind,
    field,
    message,
  });
  const headers: Record<string, string> = {
    'accept-encoding': 'identity',
    ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
    ...(tokens === undefined
      ? {}
      : { [principalHeader]: tokens.sign(checker(config), options.role, service.name) }),
  };
  const calls = new ServiceCalls(url, config.services);
  const findings: Finding[] = [];
  const seen = new Set<string>();
  let whole = true;
  let records = 0;
  for (const route of service.routes.values()) {
    if (route.method !== 'GET') {
      whole &&= route.fill === undefined;
      continue;
    }
    const values = { ...Object.fromEntries(route.example ?? []), ...options.with };
    const address = addressOf(route, values);
    if (typeof address !== 'string') {
      findings.push(
        say(
          'remark',
          `not called: say --with ${address.missing}=<value>, or example: {${address.missing}: <value>} in catalog.yaml`,
          route.match,
        ),
      );
      whole = false;
      continue;
    }
    const called = await callRoute(calls, address, route, values, service, headers, config, say);
    findings.push(...called.findings);
    called.seen.forEach((field) => seen.add(field));
    if (called.records === 0) findings.push(say('remark', 'it answered without a record', route.match));
    whole &&= (called.records ?? 0) > 0;
    records += called.records ?? 0;
  }
  await calls.close();
  const unseen = [...service.fields.keys()].filter((field) => !seen.has(field));
  if (records > 0) {
    const message = 'the catalogue names it, and no answer had it';
    for (const field of unseen) findings.push(say(whole ? 'unseen' : 'remark', message, undefined, field));
  }
  return findings;
}

async function callRoute(
  calls: ServiceCalls,
  path: string,
  route: ServiceRoute,
  values: Readonly<Record<string, string>>,
  { fields }: CatalogService,
  headers: Readonly<Record<string, string>>,
  { services }: Config,
  say: (kind: Finding['kind'], message: string, route?: string, field?: string) => Finding,
): Promise<CalledRoute> {
  const nothing = (kind: 'failed' | 'remark', message: string): CalledRoute => ({
    findings: [say(kind, message, route.match)],
    seen: new Set(),
    records: undefined,
  });
  try {
    const call = {
      method: 'GET',
      path,
      search: '',
      headers: { ...headers, accept: accepts[route.answer], 'weir-request-id': randomUUID() },
      body: undefined,
    };
    const { text, refusal } = await readAnswer((taker) => calls.send(call, taker), route.answer, services);
    if (refusal?.code === 'record-not-found')
      return nothing('remark', 'it says that there is no such record: give another value with --with');
    if (refusal !== undefined || text === undefined) return nothing('failed', saidOf(refusal));
    const { findings, seen, records } = checkAnswer(text, route, fields, values);
    return {
      findings: findings.map(({ kind, field, message }) => say(kind, message, route.match, field)),
      seen,
      records,
    };
  } catch (thrown) {
    return nothing('failed', saidOf(asWeirError(thrown)));
  }
}

const accepts = { json: 'application/json', 'json-lines': 'application/x-ndjson', csv: 'text/csv' } as const;

/** Words of our own, which the cause of a refusal has too. */
function saidOf(error: WeirError | undefined): string {
  if (error === undefined) return 'it answered without a body';
  const cause =
    error.code === 'service-answer-unfit' || error.code === 'service-failed' ? error.cause : undefined;
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}

/** Path and query of a route, with the values that were given for its parameters. */
function addressOf(
  { segments, query }: ServiceRoute,
  values: Readonly<Record<string, string>>,
): string | { readonly missing: string } {
  const steps: string[] = [];
  for (const segment of segments) {
    if (!segment.startsWith(':')) steps.push(segment);
    else {
      const value = values[segment.slice(1)];
      if (value === undefined) return { missing: segment.slice(1) };
      steps.push(encodeURIComponent(value));
    }
  }
  const search = [...query.keys()].flatMap((name) =>
    values[name] === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(values[name])}`],
  );
  return `/${steps.join('/')}${search.length === 0 ? '' : `?${search.join('&')}`}`;
}

/** Nobody: a tool of the operator's. */
function checker({ principal: { issuer = '' } }: Config) {
  return { issuer, person: undefined, tool: 'weir-service-check', act: undefined };
}
