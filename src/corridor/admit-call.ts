/** May this principal call this route of a service, and as what? services/admit-call.ts says what is sent. No I/O. */
import type { Decision, ServiceRequest } from '../access.js';
import { WeirError } from '../errors.js';
import type { Actor } from '../log/directory.js';
import { chooseRole } from '../policy/choose-role.js';
import { limitsInForce } from '../policy/limits-in-force.js';
import { purposeOf } from '../policy/purpose.js';
import type { AdmittedCall } from '../services/admit-call.js';
import type { Services } from '../services/services.js';
import { enforced, watched } from './limits.js';
import { nowOf, type Rooms } from './rooms.js';

export interface AdmittedToService {
  readonly decision: Decision;
  readonly call: AdmittedCall;
  readonly services: Services;
}

/** @throws WeirError */
export function admitCall(request: ServiceRequest, { actorId }: Actor, rooms: Rooms): AdmittedToService {
  const { principal } = request;
  const { services } = rooms;
  if (services === undefined) throw new WeirError('route-unknown');
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
    limits: enforced(limits),
    observed: watched(limits),
    personal: plan.personal,
    lookups: call.lookups,
    tokenAddresses: rooms.tokenAddresses.takeFlag(principal, request.address),
    rowLimit: role.perRequest,
    statement: call.statement,
    purpose,
    lookedUp: call.lookedUp,
  };
  return { decision, call, services };
}
