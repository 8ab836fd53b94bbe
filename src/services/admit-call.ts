/**
 * May this role make this call, and as what? Only listed routes and parameters; a parameter that is compared with a
 * field pins, or looks up where the role does not see the field in clear. What goes to the service is built here from
 * nothing: no header, parameter or spelling of the caller's passes by itself. No I/O.
 */
import type { LookedUp, OutgoingCall, ServiceRequest } from '../access.js';
import { WeirError } from '../errors.js';
import { isPersonal } from '../policy/catalog.js';
import type { RolePolicy, RouteParameter, ServicePolicy, ServiceRoute } from '../policy/model.js';
import { notOneValue, unknownBeforeWriting } from '../policy/service-only.js';
import { lookedUp } from '../sql/hidden-digits.js';
import { OwnRecords } from './own-records.js';
import type { RoutePlan, RoutePlans } from './route-plan.js';

export interface AdmittedCall {
  readonly plan: RoutePlan;
  /** Anything but a GET: it may change something. */
  readonly writes: boolean;
  /** Without values, as the log has it: "GET /fulfilment/shipments?status&phone". */
  readonly statement: string;
  /** How many values were looked up in fields that the role does not see in clear. */
  readonly lookups: number;
  readonly lookedUp: readonly LookedUp[];
  /** The key of the one record that may be answered. */
  readonly pinnedRecord: string | undefined;
  /** The key of the one person whose records may be answered. */
  readonly pinnedSubject: string | undefined;
  /** Undefined: all are. */
  readonly own: OwnRecords | undefined;
  /** A call that answers the one record which this one writes, to know whether it is the role's. */
  readonly first: Pick<AdmittedCall, 'plan' | 'pinnedRecord' | 'own' | 'outgoing'> | undefined;
  readonly outgoing: Pick<OutgoingCall, 'method' | 'path' | 'search'>;
}

const longestValue = 1_000;

/** @throws WeirError route-unknown, method-not-allowed, not-permitted, query-invalid, filter-refused, pin-required, claim-required */
export function admitCall(request: ServiceRequest, role: RolePolicy, plans: RoutePlans): AdmittedCall {
  const { matched, query } = request;
  const policy = role.services?.get(request.service);
  // The same words whether there is no such service, no such route, or none for this role.
  if (policy === undefined || matched === undefined) throw new WeirError('route-unknown');
  if ('methods' in matched) throw wrongMethod(matched.methods);
  const route = policy.service.routes.get(matched.match);
  if (route === undefined) throw new WeirError('route-unknown');
  const writes = route.method !== 'GET';
  if (route.fill !== undefined) refuseUnfilled(policy, route);
  else if (writes && !policy.write) {
    throw new WeirError('not-permitted', {
      detail: `the role may not write through ${policy.service.name}`,
      hint: "a role's policy allows this with write: yes",
    });
  }

  // A set in which this could be is refused when it is loaded.
  if (writes && unknownBeforeWriting(route, policy.only).length > 0) throw new WeirError('not-permitted');
  const own = policy.only.length === 0 ? undefined : new OwnRecords(policy.only, request.principal.claims);

  const reading = new Reading(policy, plans.of(policy, route), own);
  const steps = route.path.map((parameter, index) => reading.take(parameter, matched.parameters[index]!));
  const names = query.length === 0 ? noNames : new Set(query.map(({ name }) => name));
  let search = '';
  for (const { name, value } of query) {
    const parameter = route.query.get(name);
    if (parameter === undefined) throw unlisted(route);
    search = withParameter(search, name, reading.take(parameter, value));
  }
  if (names.size < query.length) throw givenTwice(query);
  for (const [name, value] of own?.added(route, names) ?? []) search = withParameter(search, name, value);
  if (!policy.browse && !reading.pins && !(writes && takesNoPin(route))) throw pinRequired(policy, route);

  const { plan, lookups, found, pinnedRecord, pinnedSubject } = reading;
  return {
    plan,
    writes,
    // In the order of the catalogue, so that one kind of call has one name.
    statement: names.size === 0 ? plan.statement : `${plan.statement}?${namesInOrder(route, names)}`,
    lookups,
    lookedUp: found,
    pinnedRecord,
    pinnedSubject,
    own,
    first: own === undefined ? undefined : firstOf(policy, route, steps, own, plans),
    outgoing: { method: route.method, path: pathOf(route, steps), search },
  };
}

const noNames: ReadonlySet<string> = new Set();

function withParameter(search: string, name: string, value: string): string {
  return `${search === '' ? '' : `${search}&`}${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
}

/** @param steps what stands in the path of the write */
function firstOf(
  policy: ServicePolicy,
  route: ServiceRoute,
  steps: readonly string[],
  own: OwnRecords,
  plans: RoutePlans,
): AdmittedCall['first'] {
  const first = route.first === undefined ? undefined : policy.service.routes.get(route.first);
  if (first === undefined) return undefined;
  const given = first.path.map(({ name }) => steps[route.path.findIndex((each) => each.name === name)]!);
  let search = '';
  for (const [name, value] of own.added(first, new Set())) search = withParameter(search, name, value);
  return {
    plan: plans.of(policy, first),
    pinnedRecord: given[first.path.findIndex(({ field }) => field === first.record)],
    own,
    outgoing: { method: first.method, path: pathOf(first, given), search },
  };
}

/** May the role have it filled? Where it may write is another matter. */
function refuseUnfilled({ service, fill }: ServicePolicy, { match }: ServiceRoute): void {
  if (fill?.has(match) === true) return;
  throw new WeirError('not-permitted', {
    detail: `the role may not use this route of ${service.name}`,
    hint: `a role's policy allows this with fill: [${match}]`,
  });
}

/** Takes the parameters one by one. */
class Reading {
  pins = false;
  lookups = 0;
  readonly found: LookedUp[] = [];
  pinnedRecord: string | undefined;
  pinnedSubject: string | undefined;

  constructor(
    private readonly policy: ServicePolicy,
    readonly plan: RoutePlan,
    private readonly own: OwnRecords | undefined,
  ) {}

  /** @returns what the service is sent */
  take({ name, field }: RouteParameter, value: string): string {
    if (value.length > longestValue) throw invalid(`the value of ${name} is too long`);
    if (field === undefined) return value;
    if (value.trim() === '') throw invalid(`the value of ${name} is empty`, 'give a value, or leave it out');
    if (notOneValue.test(value)) {
      throw invalid(`${name} holds signs that could stand for several values`, 'give one whole value');
    }
    const { policy } = this;
    const { route } = this.plan;
    const { class: dataClass } = policy.service.fields.get(field)!;
    const seen = policy.see.get(field);
    if (policy.findBy.includes(field)) this.pins = true;
    else if (seen !== 'clear') {
      throw new WeirError('filter-refused', {
        detail: `the role may not look for records by ${name}`,
        hint: 'the owner of the role may add its field under find_by:',
      });
    }
    if (isPersonal(dataClass) && seen !== 'clear') {
      this.lookups += 1;
      const one = lookedUp(
        { name: field, class: dataClass, lookup: [] },
        this.plan.maskOfField(field),
        value,
      );
      if (one !== undefined) this.found.push(one);
    }
    if (field === route.record) this.pinnedRecord = value;
    else if (field === route.subject) this.pinnedSubject = value;
    return this.own?.sent(field, value) ?? value;
  }
}

/** A new record, say: there is nothing yet that could be pinned. */
function takesNoPin({ path, query }: ServiceRoute): boolean {
  return [...path, ...query.values()].every(({ field }) => field === undefined);
}

function namesInOrder({ query }: ServiceRoute, given: ReadonlySet<string>): string {
  return [...query.keys()].filter((name) => given.has(name)).join('&');
}

function pathOf({ segments }: ServiceRoute, parameters: readonly string[]): string {
  let path = '';
  let next = 0;
  for (const segment of segments) {
    path += `/${segment.startsWith(':') ? encodeURIComponent(parameters[next++]!) : segment}`;
  }
  return path === '' ? '/' : path;
}

function wrongMethod(methods: readonly string[]): WeirError {
  return new WeirError('method-not-allowed', { hint: `this address takes ${methods.join(', ')}` });
}

function unlisted({ query }: ServiceRoute): WeirError {
  const names = [...query.keys()];
  return invalid(
    'the route takes no such parameter',
    names.length === 0 ? 'it takes none' : `it takes ${names.join(', ')}`,
  );
}

function invalid(detail: string, hint?: string): WeirError {
  return new WeirError('query-invalid', hint === undefined ? { detail } : { detail, hint });
}

function givenTwice(query: ServiceRequest['query']): WeirError {
  const twice = query.find(({ name }, at) => query.findIndex((other) => other.name === name) < at);
  return invalid(`the parameter ${twice?.name ?? ''} is given twice`, 'give it once');
}

function pinRequired({ service, findBy }: ServicePolicy, route: ServiceRoute): WeirError {
  const names = [...route.path, ...route.query.values()]
    .filter(({ field }) => field !== undefined && findBy.includes(field))
    .map(({ name }) => name);
  return new WeirError('pin-required', {
    detail: `a call of ${service.name} must pin a record or a person`,
    hint: names.length === 0 ? 'the role may not use this route' : `give ${names.join(' or ')}`,
  });
}
