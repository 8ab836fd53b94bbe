/** Which role a request runs under: the one that its token holds, or that the caller named of several. Pure. */
import type { Asked } from '../access.js';
import { WeirError } from '../errors.js';
import type { PolicySet, RolePolicy } from './model.js';
import { refuseOutside } from './working-hours.js';

/** @throws WeirError role-required, role-unknown, person-required, service-required, token-id-required, outside-hours, outside-network */
export function chooseRole(asked: Asked, set: PolicySet, nowMicros: number): RolePolicy {
  const { principal, namedRole } = asked;
  let role: RolePolicy | undefined;
  for (const name of principal.roles) {
    const held = namedRole === undefined || name === namedRole ? set.roles.get(name) : undefined;
    if (held === undefined) continue;
    if (role !== undefined && role !== held) throw severalRoles(principal.roles, set);
    role = held;
  }
  if (role === undefined) {
    throw new WeirError('role-unknown', {
      detail:
        namedRole === undefined
          ? 'the token holds no role that has a policy here'
          : 'the token does not hold the role that was named',
      hint: 'ask the identity provider for one of the roles in the policies directory',
    });
  }
  if (role.for === 'people' && principal.person === undefined) {
    throw new WeirError('person-required', {
      detail: `the role ${role.role} is for people, and the token names no person`,
      hint: "a tool passes the person's own token on, not its own",
    });
  }
  if (role.for === 'services' && principal.person !== undefined) {
    throw new WeirError('service-required', {
      detail: `the role ${role.role} is for services, and the token names a person`,
      hint: 'a service asks with its own token; people have roles of their own',
    });
  }
  // Another form of the same token would look like another token: only its id tells that it is the same.
  if (principal.tokenId === undefined && role.limits.some(({ per }) => per === 'token')) {
    throw new WeirError('token-id-required', {
      detail: `the role ${role.role} has limits per token, and the token has no id (jti)`,
      hint: 'the issuer puts the claim "jti" into its access tokens (RFC 9068)',
    });
  }
  refuseOutside(role, asked, nowMicros);
  return role;
}

function severalRoles(roles: readonly string[], set: PolicySet): WeirError {
  const held = roles.filter((name) => set.roles.has(name));
  return new WeirError('role-required', {
    detail: 'the token holds several roles that have a policy here',
    hint: `name one in the header Weir-Role: ${held.join(', ')}`,
  });
}
