/**
 * May this principal read this, and as what statement? The role, what the read is for, the table as the role meets
 * it, the limits in force. A revealed column is one more that is seen in clear, of one record. No I/O.
 */
import type { AccessRequest, Decision, ReadPlan } from '../access.js';
import { WeirError } from '../errors.js';
import type { Actor } from '../log/directory.js';
import { chooseRole } from '../policy/choose-role.js';
import { limitsInForce } from '../policy/limits-in-force.js';
import type { Limit, RolePolicy, TablePolicy } from '../policy/model.js';
import { purposeOf } from '../policy/purpose.js';
import { revealedTable, revealingRole } from '../policy/reveal.js';
import type { Statement } from '../sql/statement.js';
import { enforced, watched } from './limits.js';
import { nowOf, type Rooms } from './rooms.js';

export interface AdmittedRead {
  readonly decision: Decision;
  readonly statement: Statement;
}

/** @throws WeirError */
export function admitRead(request: AccessRequest, { actorId }: Actor, rooms: Rooms): AdmittedRead {
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
  if (table === undefined || relation === undefined) throw unknownTable(role);
  const around = { tables: role.tables, live };
  const { statements } = rooms;
  const statement = statements.compile(table, relation, plan, role.perRequest, principal.claims, around);
  const inForce = limitsInForce(role, principal.scopes, principal.limits);
  const limits = reveal === undefined ? inForce : [...inForce, ...revealLimit(granted, reveal.column)];
  const decision: Decision = {
    request,
    actorId,
    set,
    role,
    table,
    columns: statement.columns,
    limits: enforced(limits),
    observed: watched(limits),
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

/** The record's own key, whatever column that is. */
function planToReveal(plan: ReadPlan, { table }: TablePolicy, key: string): ReadPlan {
  return { ...plan, filters: [{ column: table.record, operator: 'eq', values: [key], negated: false }] };
}

/** Of every column of the person's together: the tightest that is asked for decides. */
function revealLimit(granted: TablePolicy | undefined, column: string): Limit[] {
  const limit = granted?.reveal?.get(column);
  return limit === undefined ? [] : [limit];
}

function unknownTable({ tables }: RolePolicy): WeirError {
  return new WeirError('table-unknown', {
    detail: 'the table does not exist',
    hint:
      tables.size === 0
        ? 'your role sees no tables'
        : `tables that your role sees: ${[...tables.keys()].join(', ')}`,
  });
}
