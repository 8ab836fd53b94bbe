/**
 * What goes to a service. A GET goes as it was admitted. A write, and a request that the gateway fills, is recorded
 * and charged before anybody may forward it.
 */
import type { Decision, OutgoingCall, ServiceRequest } from '../access.js';
import type { Actor } from '../log/directory.js';
import type { AdmittedToService } from './admit-call.js';
import { fill } from './fill.js';
import { commitAndRelease } from './release.js';
import type { Rooms } from './rooms.js';

export interface Prepared {
  readonly outgoing: OutgoingCall;
  /** Must not come back to the caller. */
  readonly secrets?: readonly string[];
}

/** What nothing has to be waited for; undefined: ask `prepare`. */
export function readyAtOnce(
  { decision, call, services }: AdmittedToService,
  request: ServiceRequest,
): Prepared | undefined {
  if (call.writes || request.body !== undefined || call.plan.route.fill !== undefined) return undefined;
  return { outgoing: services.outgoing(call, request, decision.role.role, undefined) };
}

/** @throws WeirError */
export async function prepare(
  admitted: AdmittedToService,
  request: ServiceRequest,
  actor: Actor,
  rooms: Rooms,
): Promise<Prepared> {
  const { decision, call, services } = admitted;
  if (call.plan.route.fill !== undefined) return fill(admitted, call.plan.route.fill, request, actor, rooms);
  const { outgoing, fields } = await services.prepare(call, request, decision.role.role);
  if (call.writes)
    await commitAndRelease(services.rowsToWrite(call), writing(decision, fields), actor, rooms);
  return { outgoing };
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
