/**
 * A request that the gateway fills: clear values of one record, read as the role may find it, recorded and charged as
 * released to the service; and only then is there a request that holds them.
 */
import type { Decision, MaskedRows, ServiceRequest } from '../access.js';
import { WeirError } from '../errors.js';
import type { Actor } from '../log/directory.js';
import { isPersonal } from '../policy/catalog.js';
import type { RolePolicy, RouteFill } from '../policy/model.js';
import { filledTable } from '../policy/service-fill.js';
import { fillBody, planToFill, readGivenBody } from '../services/fill-body.js';
import type { Statement } from '../sql/statement.js';
import type { AdmittedToService } from './admit-call.js';
import { answerTo, reserveOf, type Prepared } from './prepare.js';
import { commitAndRelease } from './release.js';
import type { Rooms } from './rooms.js';

/** @throws WeirError */
export async function fill(
  { decision, call, services }: AdmittedToService,
  filling: RouteFill,
  request: ServiceRequest,
  actor: Actor,
  rooms: Rooms,
): Promise<Prepared> {
  const { role } = decision;
  const granted = role.tables.get(filling.table);
  const relation =
    granted && rooms.policies().live.get(`${granted.table.from.schema}.${granted.table.from.table}`);
  if (granted === undefined || relation === undefined) throw new WeirError('route-unknown');
  const given = readGivenBody(await request.body?.(), filling);
  const table = filledTable(granted, filling);
  const { claims } = request.principal;
  const plan = planToFill(filling, given);
  const statement = rooms.statements.compile(table, relation, plan, role.perRequest, claims);
  const { columns, personal, lookups, lookedUp } = statement;
  const toService: Decision = {
    ...decision,
    table,
    columns,
    personal,
    lookups,
    lookedUp,
    statement: statement.normalised,
    sent: { as: 'fill', service: request.service, body: [], reserves: reserveOf(call) },
  };
  const rows = await readOnly(statement, role, rooms);
  if (rows.values.length > 1)
    throw new WeirError('upstream-failed', { cause: new Error(`${filling.by} is not unique`) });
  const [row] = (await commitAndRelease(rows, toService, actor, rooms)).values;
  if (row === undefined) throw new WeirError('record-not-found');
  const isSecret = (column: string): boolean =>
    isPersonal(table.table.columns.get(column)!.class) && granted.see.get(column) !== 'clear';
  const { text, secrets } = fillBody(filling, given, columns, row, isSecret);
  const outgoing = services.outgoing(call, request, role.role, text);
  return { outgoing, secrets, answering: answerTo(toService, decision) };
}

/** The only chunk: one record, or two where there should be one. */
async function readOnly(statement: Statement, { cost }: RolePolicy, { orders }: Rooms): Promise<MaskedRows> {
  const reading = { signal: new AbortController().signal };
  for await (const rows of orders.read(statement, reading, cost?.statementMs)) return rows;
  throw new WeirError('internal', { cause: new Error('a read without a first chunk') });
}
