/**
 * What goes to a service. A GET goes as it was admitted. A write, and a request that the gateway fills, is recorded
 * and charged before anybody may forward it.
 */
import type { Decision, OutgoingCall, Sent, ServiceRequest } from '../access.js';
import type { Actor } from '../log/directory.js';
import type { AdmittedCall } from '../services/admit-call.js';
import type { AdmittedToService } from './admit-call.js';
import { fill } from './fill.js';
import { commitAndRelease } from './release.js';
import type { Rooms } from './rooms.js';

export interface Prepared {
  readonly outgoing: OutgoingCall;
  /** Of the answer: what was reserved for it is charged already. */
  readonly answering: Decision;
  /** Must not come back to the caller. */
  readonly secrets?: readonly string[];
}

/** What nothing has to be waited for; undefined: ask `prepare`. */
export function readyAtOnce(
  { decision, call, services }: AdmittedToService,
  request: ServiceRequest,
): Prepared | undefined {
  if (call.writes || request.body !== undefined || call.plan.route.fill !== undefined) return undefined;
  return { outgoing: services.outgoing(call, request, decision.role.role, undefined), answering: decision };
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
  if (!call.writes) return { outgoing, answering: decision };
  const sent: Sent = { as: 'write', service: request.service, body: fields, reserves: reserveOf(call) };
  const writing: Decision = { ...decision, columns: noColumns, personal: false, sent };
  await commitAndRelease(services.rowsToWrite(call), writing, actor, rooms);
  return { outgoing, answering: answerTo(writing, decision) };
}

/**
 * What the answer to a write, or to a request that is filled, shows at the most, where that is known before: of one
 * record. It is charged with what is sent, since a limit that the answer did not fit could take nothing back.
 */
export function reserveOf({ plan, pinnedRecord }: AdmittedCall): Sent['reserves'] {
  const { route, personal } = plan;
  const one = pinnedRecord !== undefined || (route.answer === 'json' && route.records === '$');
  if (!personal || !one) return nothing;
  return { records: 1, people: route.subject === undefined ? 0 : 1 };
}

/** @param decision of the answer, as if nothing had been sent */
export function answerTo({ sent }: Decision, decision: Decision): Decision {
  const { records } = sent?.reserves ?? nothing;
  return records === 0 ? decision : { ...decision, reserved: records };
}

const nothing = Object.freeze({ records: 0, people: 0 });
const noColumns: Decision['columns'] = Object.freeze([]);
