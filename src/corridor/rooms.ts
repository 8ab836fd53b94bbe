/** What the corridor leads through: the rooms as it knows them. */
import { systemClock, type Clock } from '../clock.js';
import type { Revocations } from '../identity/revocations.js';
import type { TokenAddresses } from '../identity/token-addresses.js';
import type { AccessLog } from '../log/access-log.js';
import type { PolicySet } from '../policy/model.js';
import type { Services } from '../services/services.js';
import type { OrderDatabase } from '../sql/order-database.js';
import type { LiveSchema } from '../sql/schema.js';
import type { StatementCache } from '../sql/statement-cache.js';

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

export function nowOf({ clock }: Pick<Rooms, 'clock'>): number {
  return (clock ?? systemClock).nowMicros();
}
