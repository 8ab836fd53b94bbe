/**
 * The main path. Whatever door a request came by, it goes through here, in this order:
 *
 *     admit → run → commit → release          (or: refuse)
 *
 * Nothing leaves that is not on the log and charged. The order is in the types: `release` takes the rows
 * and the Receipt for them; only sql/ makes MaskedRows, only log/ makes a Receipt, after its commit.
 */
import type {
  Asked,
  AccessRequest,
  Corridor,
  Decision,
  MaskedRows,
  OutgoingCall,
  ReadPlan,
  Receipt,
  ReleasedRows,
  ServiceCorridor,
  ServiceRequest,
} from './access.js';
import { systemClock, type Clock } from './clock.js';
import { asWeirError, WeirError } from './errors.js';
import type { Revocations } from './identity/revocations.js';
import type { TokenAddresses } from './identity/token-addresses.js';
import type { AccessLog } from './log/access-log.js';
import type { Actor } from './log/directory.js';
import { chooseRole } from './policy/choose-role.js';
import { limitsInForce } from './policy/limits-in-force.js';
import { isPersonal } from './policy/catalog.js';
import type { Limit, PolicySet, RouteFill, TablePolicy } from './policy/model.js';
import { filledTable } from './policy/service-fill.js';
import { revealedTable, revealingRole } from './policy/reveal.js';
import { purposeOf } from './policy/purpose.js';
import type { AdmittedCall } from './services/admit-call.js';
import { fillBody, planToFill, readGivenBody } from './services/fill-body.js';
import type { Services } from './services/services.js';
import type { OrderDatabase } from './sql/order-database.js';
import { Places } from './sql/places.js';
import type { LiveSchema } from './sql/schema.js';
import type { StatementCache } from './sql/statement-cache.js';
import type { Statement } from './sql/statement.js';
import { visibleTables } from './sql/visible-tables.js';

export interface Rooms {
  /** The set in force and what it was checked against. @throws WeirError policy-unavailable */
  readonly policies: () => { readonly set: PolicySet; readonly live: LiveSchema };
  readonly statements: StatementCache;
  readonly orders: OrderDatabase;
  readonly log: AccessLog;
  /** For the hours of roles; the commit goes by the database's. */
  readonly clock?: Clock;
  /** Asked before each chunk: a token may be revoked while its read is under way. */
  readonly revocations: Pick<Revocations, 'check'>;
  readonly tokenAddresses: Pick<TokenAddresses, 'takeFlag'>;
  /** Undefined: nothing is called. */
  readonly services?: Services;
}

export function createCorridor(rooms: Rooms): Corridor & ServiceCorridor {
  const places = new Places();
  return {
    async pass(request) {
      const { directory } = rooms.log;
      const actor = directory.known(request.principal) ?? (await directory.identify(request.principal));
      let leave = (): void => undefined;
      try {
        const { decision, statement } = admit(request, actor, rooms);
        const { role, cost } = decision.role;
        const share = { role, percent: cost?.poolShare };
        leave = places.take(role, actor.actorId, cost);
        const total =
          statement.count === undefined
            ? undefined
            : await rooms.orders.count(statement.count, cost?.statementMs, share);
        if (statement.probe !== undefined) await refuseTooMany(statement.probe, decision, rooms);
        const cutTo = statement.cut ? decision.role.perRequest : undefined;
        const { columns } = decision;
        if (rooms.orders.comesAtOnce(statement)) {
          const rows = await rooms.orders.readAtOnce(statement, cost?.statementMs, share);
          const first = await releaseOne(rows, decision, actor, rooms);
          return { columns, total, cutTo, chunks: onlyOne(first, leave) };
        }
        const rows = rooms.orders.read(statement, request, cost?.statementMs, share);
        const chunks = await begun(releaseAll(rows, decision, actor, rooms, leave));
        return { columns, total, cutTo, chunks };
      } catch (thrown) {
        leave();
        throw await refuse(request, actor, asWeirError(thrown), rooms);
      }
    },

    async call(request, forward) {
      const { services } = rooms;
      const actor = await rooms.log.directory.identify(request.principal);
      let leave = (): void => undefined;
      try {
        if (services === undefined) throw new WeirError('route-unknown');
        const { decision, call } = admitToService(request, actor, services, rooms);
        const { role, cost, perRequest } = decision.role;
        leave = places.take(role, actor.actorId, cost);
        const { fill } = call.plan.route;
        const { outgoing, secrets } =
          fill === undefined
            ? await written(request, call, decision, actor, services, rooms)
            : await filled(request, call, fill, decision, actor, services, rooms);
        const { rows, answer, refusal } = await services.run(call, outgoing, forward, perRequest, secrets);
        await stillCounts(request, rooms);
        const receipt = await rooms.log.record(decision, actor, rows);
        await stillCounts(request, rooms);
        if (refusal !== undefined) throw refusal;
        return { ...answer, rows: release(rows, receipt) };
      } catch (thrown) {
        throw await refuse(request, actor, asWeirError(thrown), rooms);
      } finally {
        leave();
      }
    },

    async refuse(asked, error) {
      try {
        const actor = await rooms.log.directory.identify(asked.principal);
        return await refuse(asked, actor, error, rooms);
      } catch (thrown) {
        return asWeirError(thrown);
      }
    },

    async describe(asked) {
      const actor = await rooms.log.directory.identify(asked.principal);
      try {
        const { set, live } = rooms.policies();
        return visibleTables(chooseRole(asked, set, nowOf(rooms)), live);
      } catch (thrown) {
        throw await refuse(asked, actor, asWeirError(thrown), rooms);
      }
    },

    async administer(asked, permission) {
      const actor = await rooms.log.directory.identify(asked.principal);
      try {
        const { set } = rooms.policies();
        const role = chooseRole(asked, set, nowOf(rooms));
        if (!role.may.has(permission)) {
          throw new WeirError('not-permitted', {
            hint: `a role's policy allows this with "may: [${permission}]"`,
          });
        }
        await rooms.log.recordAdministration(asked, actor, {
          role: role.role,
          policy: set.digest,
          statement: permission,
        });
      } catch (thrown) {
        throw await refuse(asked, actor, asWeirError(thrown), rooms);
      }
    },
  };
}

/** May this principal ask this, and as what statement? No I/O. @throws WeirError */
function admit(
  request: AccessRequest,
  actor: Actor,
  rooms: Rooms,
): { decision: Decision; statement: Statement } {
  const { principal, reveal } = request;
  const { set, live } = rooms.policies();
  const role = chooseRole(request, set, nowOf(rooms));
  const purpose = purposeOf(reveal === undefined ? role : revealingRole(role), request);
  const granted = role.tables.get(request.plan.table);
  const table =
    reveal === undefined || granted === undefined ? granted : revealedTable(granted, reveal.column);
  const plan =
    reveal === undefined || table === undefined
      ? request.plan
      : planToReveal(request.plan, table, reveal.key);
  const relation = table && live.get(`${table.table.from.schema}.${table.table.from.table}`);
  if (table === undefined || relation === undefined) {
    throw new WeirError('table-unknown', {
      detail: 'the table does not exist',
      hint:
        role.tables.size === 0
          ? 'your role sees no tables'
          : `tables that your role sees: ${[...role.tables.keys()].join(', ')}`,
    });
  }
  const { tables } = role;
  const { statements } = rooms;
  const around = { tables, live };
  const statement = statements.compile(table, relation, plan, role.perRequest, principal.claims, around);
  const inForce = limitsInForce(role, principal.scopes, principal.limits);
  const limits = reveal === undefined ? inForce : [...inForce, ...revealLimit(granted, reveal.column)];
  const watched = limits.some(isObserved);
  const decision: Decision = {
    request,
    actorId: actor.actorId,
    set,
    role,
    table,
    columns: statement.columns,
    limits: watched ? limits.filter((limit) => !isObserved(limit)) : limits,
    observed: watched ? limits.filter(isObserved) : [],
    personal: statement.personal,
    also: statement.embedded?.flat,
    lookups: statement.lookups,
    tokenAddresses: rooms.tokenAddresses.takeFlag(principal, request.address),
    rowLimit: statement.rowLimit,
    statement: reveal === undefined ? statement.normalised : `reveal ${statement.normalised}`,
    purpose,
    lookedUp: statement.lookedUp,
    candidates: statement.candidates,
  };
  return { decision, statement };
}

/** May this principal call this, and as what? No I/O. @throws WeirError */
function admitToService(
  request: ServiceRequest,
  { actorId }: Actor,
  services: Services,
  rooms: Rooms,
): { decision: Decision; call: AdmittedCall } {
  const { principal } = request;
  const { set } = rooms.policies();
  const role = chooseRole(request, set, nowOf(rooms));
  const purpose = purposeOf(role, request);
  const call = services.admit(request, role);
  const { plan } = call;
  const limits = limitsInForce(role, principal.scopes, principal.limits);
  const decision: Decision = {
    request,
    actorId,
    set,
    role,
    table: { table: { name: plan.route.space } },
    columns: plan.columns,
    limits: limits.some(isObserved) ? limits.filter((limit) => !isObserved(limit)) : limits,
    observed: limits.filter(isObserved),
    personal: plan.personal,
    lookups: call.lookups,
    tokenAddresses: rooms.tokenAddresses.takeFlag(principal, request.address),
    rowLimit: role.perRequest,
    statement: call.statement,
    purpose,
    lookedUp: call.lookedUp,
  };
  return { decision, call };
}

interface Outgoing {
  readonly outgoing: OutgoingCall;
  /** Must not come back to the caller. */
  readonly secrets?: readonly string[];
}

/** What goes to the service; a write is on the log before it does. @throws WeirError */
async function written(
  request: ServiceRequest,
  call: AdmittedCall,
  decision: Decision,
  actor: Actor,
  services: Services,
  rooms: Rooms,
): Promise<Outgoing> {
  const { outgoing, fields } = await services.prepare(call, request, decision.role.role);
  if (call.writes) {
    await stillCounts(request, rooms);
    await rooms.log.record(writing(decision, fields), actor, services.rowsToWrite(call));
  }
  return { outgoing };
}

/**
 * Clear values of one record, read as the role may find it, recorded and charged as released to the service; and only
 * then its request. @throws WeirError
 */
async function filled(
  request: ServiceRequest,
  call: AdmittedCall,
  fill: RouteFill,
  decision: Decision,
  actor: Actor,
  services: Services,
  rooms: Rooms,
): Promise<Outgoing> {
  const { role } = decision;
  const granted = role.tables.get(fill.table);
  const { live } = rooms.policies();
  const relation = granted && live.get(`${granted.table.from.schema}.${granted.table.from.table}`);
  if (granted === undefined || relation === undefined) throw new WeirError('route-unknown');
  const given = readGivenBody(await request.body?.(), fill);
  const table = filledTable(granted, fill);
  const plan = planToFill(fill, given);
  const { claims } = request.principal;
  const statement = rooms.statements.compile(table, relation, plan, role.perRequest, claims);
  const filling: Decision = {
    ...decision,
    table,
    columns: statement.columns,
    personal: statement.personal,
    lookups: statement.lookups,
    lookedUp: statement.lookedUp,
    statement: `fill ${statement.normalised}`,
    fill: request.service,
  };
  const reading = { signal: new AbortController().signal };
  for await (const rows of rooms.orders.read(statement, reading, role.cost?.statementMs)) {
    if (rows.values.length > 1)
      throw new WeirError('upstream-failed', { cause: new Error(`${fill.by} is not unique`) });
    await stillCounts(request, rooms);
    const receipt = await rooms.log.record(filling, actor, rows);
    await stillCounts(request, rooms);
    const [row] = release(rows, receipt).values;
    if (row === undefined) throw new WeirError('record-not-found');
    const isSecret = (column: string): boolean =>
      isPersonal(table.table.columns.get(column)!.class) && granted.see.get(column) !== 'clear';
    const { text, secrets } = fillBody(fill, given, statement.columns, row, isSecret);
    return { outgoing: services.outgoing(call, request, role.role, text), secrets };
  }
  throw new WeirError('internal', { cause: new Error('a read without a first chunk') });
}

/** As it is recorded before it is forwarded: the record, the names of the body's fields, and nothing shown. */
function writing(decision: Decision, fields: readonly string[]): Decision {
  const body = fields.length === 0 ? '' : ` body ${fields.join(', ')}`;
  return {
    ...decision,
    columns: noColumns,
    personal: false,
    statement: `write ${decision.statement}${body}`,
  };
}

const noColumns: Decision['columns'] = Object.freeze([]);

function isObserved({ observe }: Limit): boolean {
  return observe === true;
}

function nowOf({ clock }: Rooms): number {
  return (clock ?? systemClock).nowMicros();
}

/** The record's own key, whatever column that is. */
function planToReveal(plan: ReadPlan, { table }: TablePolicy, key: string): ReadPlan {
  return { ...plan, filters: [{ column: table.record, operator: 'eq', values: [key], negated: false }] };
}

/** Of every column of the person's together: the tightest that is asked for decides. */
function revealLimit(granted: TablePolicy | undefined, column: string | undefined): Limit[] {
  const limit = column === undefined ? undefined : granted?.reveal?.get(column);
  return limit === undefined ? [] : [limit];
}

/** Record and charge, then release. */
async function releaseOne(
  rows: MaskedRows,
  decision: Decision,
  actor: Actor,
  rooms: Rooms,
): Promise<ReleasedRows> {
  const { request } = decision;
  const before = stillCounts(request, rooms);
  if (before !== undefined) await before;
  const receipt = await rooms.log.record(decision, actor, rows);
  const after = stillCounts(request, rooms);
  if (after !== undefined) await after;
  return release(rows, receipt);
}

/** Chunk by chunk. Ends the upstream read when the caller stops asking. */
async function* releaseAll(
  rows: AsyncGenerator<MaskedRows, void, void>,
  decision: Decision,
  actor: Actor,
  rooms: Rooms,
  leave: () => void,
): AsyncGenerator<ReleasedRows, void, void> {
  let released = false;
  try {
    for await (const chunk of rows) {
      yield await releaseOne(chunk, decision, actor, rooms);
      released = true;
    }
  } catch (thrown) {
    // Before the first chunk is out, `pass` records why; afterwards nobody else would.
    throw released ? await refuse(decision.request, actor, asWeirError(thrown), rooms) : thrown;
  } finally {
    leave();
  }
}

/** Before a chunk is recorded, and before it is released: a commit may have waited. @throws WeirError */
function stillCounts({ principal }: Asked, { revocations }: Rooms): Promise<void> | undefined {
  return revocations.check(principal);
}

/** The only way out. */
function release(rows: MaskedRows, receipt: Receipt): ReleasedRows {
  if (receipt.rows !== rows)
    throw new WeirError('internal', { cause: new Error('the receipt is for other rows') });
  const { values, frame, last } = rows;
  return frame === undefined ? { values, last } : { values, frame, last };
}

/** Waits for the first chunk, so that a door can still answer with an error. */
async function begun(
  chunks: AsyncGenerator<ReleasedRows, void, void>,
): Promise<AsyncGenerator<ReleasedRows, void, void>> {
  const first = await chunks.next();
  if (first.done) throw new WeirError('internal', { cause: new Error('a read without a first chunk') });
  return startingWith(first.value, chunks);
}

/** Not a generator function: one of those that was never asked would not pass `return` on, and the upstream read would stay open. */
function startingWith<T>(
  first: T,
  rest: Pick<AsyncGenerator<T, void, void>, 'next' | 'return' | 'throw'>,
): AsyncGenerator<T, void, void> {
  let held: { readonly value: T } | undefined = { value: first };
  return {
    next() {
      const given = held;
      held = undefined;
      return given === undefined ? rest.next() : Promise.resolve({ done: false, value: given.value });
    },
    return: () => rest.return(),
    throw: (error) => rest.throw(error),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** An answer that came whole. */
function onlyOne<T>(first: T, leave: () => void): AsyncGenerator<T, void, void> {
  const end = async (): Promise<IteratorReturnResult<void>> => {
    leave();
    return { done: true, value: undefined };
  };
  return startingWith(first, {
    next: end,
    return: end,
    throw: (error) => end().then(() => Promise.reject(error as Error)),
  });
}

/** Answers that must not be cut (CSV) are refused before their first byte. */
async function refuseTooMany(
  probe: NonNullable<Statement['probe']>,
  { role }: Decision,
  { orders }: Rooms,
): Promise<void> {
  const share = { role: role.role, percent: role.cost?.poolShare };
  if ((await orders.count(probe, role.cost?.statementMs, share)) <= role.perRequest) return;
  throw new WeirError('per-request-exceeded', {
    detail: `the answer holds more than the ${role.perRequest} rows that one request of the role may read`,
    hint: 'narrow the read with filters, or page with limit and offset',
  });
}

/** @returns the error to send: `error` once it is on the log, or why it could not be recorded */
async function refuse(
  asked: Asked,
  actor: Actor,
  error: WeirError,
  { log, policies }: Rooms,
): Promise<WeirError> {
  if (recorded.has(error.code) || unrecordable.has(error.code)) return error;
  try {
    await log.recordRefusal(asked, actor, error, context(asked, policies));
    return error;
  } catch (thrown) {
    return asWeirError(thrown);
  }
}

/** Refused inside the commit, which recorded it; or said by a service whose answer is on the log as one without records. */
const recorded: ReadonlySet<string> = new Set([
  'limit-reached',
  'guessing-refused',
  'record-not-found',
  'service-conflict',
  'service-refused',
]);
/** What the log itself refused cannot be put on the log. */
const unrecordable: ReadonlySet<string> = new Set(['log-unavailable', 'busy', 'draining']);

/** As much as is known of what was refused. */
function context(asked: Asked, policies: Rooms['policies']): RefusedContext {
  let known: RefusedContext = {};
  try {
    const { set } = policies();
    const name =
      asked.namedRole ?? (asked.principal.roles.length === 1 ? asked.principal.roles[0] : undefined);
    const role = name === undefined ? undefined : set.roles.get(name);
    known = { policy: set.digest, ...(role === undefined ? {} : { role: role.role }) };
    if (role === undefined) return known;
    const { reason, ticket } = purposeOf(role, asked);
    return { ...known, ...(reason && { reason }), ...(ticket && { ticket }) };
  } catch {
    return known;
  }
}

interface RefusedContext {
  readonly role?: string;
  readonly policy?: string;
  readonly reason?: string;
  readonly ticket?: string;
}
