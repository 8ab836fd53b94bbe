/**
 * Meters beside the person's: of a tool (all who come with that client_id) and of a token (its `jti`), both for what
 * is read under one role. A role that has no such limit has no such meters, and its reads cost what they always did.
 * Once it has one, every read under it is charged to the meter, whichever scopes its token carries. Pure.
 */
import { createHash } from 'node:crypto';
import type { Principal } from '../access.js';
import { WeirError } from '../errors.js';
import { sharedBy, type Limit, type RolePolicy, type SharedBy } from '../policy/model.js';

/** A row of weir.meters that a read is charged to beside its person's. */
export interface SharedMeter {
  readonly per: SharedBy;
  readonly meterId: number;
  readonly meterKey: string;
}

/** Which shared meters the reads of a role are charged to. The same list for the same limits. */
export function sharedMetersOf({ limits }: Pick<RolePolicy, 'limits'>): readonly SharedBy[] {
  let found = known.get(limits);
  if (found === undefined) {
    found = sharedBy.filter((per) => limits.some((limit) => limit.per === per));
    known.set(limits, found);
  }
  return found;
}

const known = new WeakMap<readonly Limit[], readonly SharedBy[]>();

/**
 * No issuer's tool or token is another's. A tool is named as entries name it; of a token only a digest stands there.
 * @throws WeirError internal where a token has no id, which policy/choose-role.ts refuses
 */
export function sharedMeterKey(
  per: SharedBy,
  role: string,
  { issuer, tool, tokenId }: Pick<Principal, 'issuer' | 'tool' | 'tokenId'>,
): string {
  if (per === 'tool') return `tool:${encodeURI(role)} ${encodeURI(issuer)} ${tool}`;
  if (tokenId === undefined) throw new WeirError('internal', { cause: new Error('a token without an id') });
  const digest = createHash('sha256')
    .update(JSON.stringify([issuer, tokenId]))
    .digest('hex');
  return `token:${encodeURI(role)} ${digest.slice(0, 32)}`;
}

/** Could a read of that tool under that role be charged to the meter? Issuers are not told apart: entries do not name them. */
export function isSharedMeterKey(per: SharedBy, key: string, role: string, tool: string): boolean {
  // A half of a pair is in no role's name, and cannot be encoded.
  if (/\p{Cs}/u.test(role)) return false;
  const start = `${per}:${encodeURI(role)} `;
  if (!key.startsWith(start)) return false;
  const rest = key.slice(start.length);
  return per === 'token'
    ? /^[0-9a-f]{32}$/.test(rest)
    : rest.endsWith(` ${tool}`) && /^[^ ]+$/.test(rest.slice(0, -tool.length - 1));
}
