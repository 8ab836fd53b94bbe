/** Refuse: what is not released is on the log as well, with as much as is known of it. */
import type { Asked } from '../access.js';
import { asWeirError, type WeirError } from '../errors.js';
import type { Actor } from '../log/directory.js';
import { purposeOf } from '../policy/purpose.js';
import type { Rooms } from './rooms.js';

/** @returns the error to send: `error` once it is on the log, or why it could not be recorded */
export async function refuse(
  asked: Asked,
  actor: Actor,
  error: WeirError,
  { log, policies }: Pick<Rooms, 'log' | 'policies'>,
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

interface RefusedContext {
  readonly role?: string;
  readonly policy?: string;
  readonly reason?: string;
  readonly ticket?: string;
}

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
