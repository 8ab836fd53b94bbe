/** What a request needs that reads no row: its role, and what the role's policy lets it do. No I/O. */
import type { Asked } from '../access.js';
import { WeirError } from '../errors.js';
import { chooseRole } from '../policy/choose-role.js';
import type { RolePolicy } from '../policy/model.js';
import { nowOf, type Rooms } from './rooms.js';

/** @throws WeirError policy-unavailable, and see policy/choose-role.ts */
export function roleOf(asked: Asked, rooms: Rooms): RolePolicy {
  return chooseRole(asked, rooms.policies().set, nowOf(rooms));
}

/** @returns what the log says of it. @throws WeirError not-permitted, and as roleOf */
export function authorise(
  asked: Asked,
  permission: string,
  rooms: Rooms,
  about?: string,
): { readonly role: string; readonly policy: string; readonly statement: string } {
  const { set } = rooms.policies();
  const { role, may } = chooseRole(asked, set, nowOf(rooms));
  if (!may.has(permission)) {
    throw new WeirError('not-permitted', {
      hint: `a role's policy allows this with "may: [${permission}]"`,
    });
  }
  const statement = about === undefined ? permission : `${permission} ${about}`;
  return { role, policy: set.digest, statement };
}
