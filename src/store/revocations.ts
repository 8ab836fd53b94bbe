/**
 * The table of revoked tokens: what is in force, what ever was, and the two things that can be added,
 * a revocation and a lift of one. Rows are never changed. Time is the database's, so that all processes
 * agree when one runs out.
 */
import { and, desc, eq, isNotNull, isNull, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import { drizzle } from 'drizzle-orm/node-postgres';
import type { ClientBase, Pool } from 'pg';
import { actors, revocations } from './schema.js';

export type RevocationKind = 'person' | 'tool' | 'jti';

export interface NewRevocation {
  readonly kind: RevocationKind;
  readonly value: string;
  /** undefined: of every issuer. */
  readonly issuer: string | undefined;
  readonly reason: string;
  readonly until: Date | undefined;
}

export interface ListedRevocation {
  readonly id: number;
  readonly at: Date;
  /** Role of the database that wrote it. */
  readonly by: string;
  readonly kind: RevocationKind;
  readonly value: string;
  readonly issuer: string | null;
  readonly reason: string;
  readonly until: Date | null;
  readonly inForce: boolean;
  readonly lifted: { readonly at: Date; readonly by: string; readonly reason: string } | null;
}

/** On this channel each insert tells. */
export const revocationChannel = 'weir_revocations';

/** For the connection that listens: plain, so that it needs nothing but a client. */
export const inForceQuery = `SELECT kind, issuer, value FROM weir.revocations AS revoked
  WHERE kind IS NOT NULL AND (until IS NULL OR until > now())
    AND NOT EXISTS (SELECT FROM weir.revocations AS lift WHERE lift.lifts = revoked.revocation_id)
  ORDER BY revocation_id`;

/** Newest first. @param everything also those that were lifted or have run out */
export async function listRevocations(pool: Pool, everything: boolean): Promise<ListedRevocation[]> {
  const lift = alias(revocations, 'lift');
  const runs = sql<boolean>`${revocations.until} IS NULL OR ${revocations.until} > now()`;
  const rows = await drizzle(pool)
    .select({ revoked: revocations, lift, inForce: sql<boolean>`${lift.revocationId} IS NULL AND (${runs})` })
    .from(revocations)
    .leftJoin(lift, eq(lift.lifts, revocations.revocationId))
    .where(
      and(
        isNotNull(revocations.kind),
        everything ? undefined : and(isNull(lift.revocationId), sql`(${runs})`),
      ),
    )
    .orderBy(desc(revocations.revocationId));
  return rows.map(({ revoked, lift, inForce }) => ({
    id: revoked.revocationId,
    at: revoked.at,
    by: revoked.madeBy,
    kind: revoked.kind!,
    value: revoked.value!,
    issuer: revoked.issuer,
    reason: revoked.reason,
    until: revoked.until,
    inForce,
    lifted: lift === null ? null : { at: lift.at, by: lift.madeBy, reason: lift.reason },
  }));
}

/** In force for every process as soon as it is committed and heard of. @returns its number */
export async function addRevocation(client: ClientBase, added: NewRevocation): Promise<number> {
  const { kind, value, issuer, reason, until } = added;
  const [row] = await drizzle(client as never)
    .insert(revocations)
    .values({ kind, value, issuer: issuer ?? null, reason, until: until ?? null })
    .returning({ id: revocations.revocationId });
  return row!.id;
}

export type LiftOutcome = 'lifted' | 'unknown' | 'lifted before';

export async function liftRevocation(client: ClientBase, id: number, reason: string): Promise<LiftOutcome> {
  const db = drizzle(client as never);
  const [found] = await db
    .select({ kind: revocations.kind })
    .from(revocations)
    .where(eq(revocations.revocationId, id));
  if (found?.kind == null) return 'unknown';
  const added = await db
    .insert(revocations)
    .values({ lifts: id, reason })
    .onConflictDoNothing({ target: revocations.lifts })
    .returning({ id: revocations.revocationId });
  return added.length === 1 ? 'lifted' : 'lifted before';
}

/** Issuers at which somebody of this name (a service for a tool) has asked before. */
export async function knownIssuers(
  client: ClientBase,
  kind: RevocationKind,
  value: string,
): Promise<string[]> {
  const rows = await drizzle(client as never)
    .select({ issuer: actors.issuer })
    .from(actors)
    .where(and(eq(actors.kind, kind === 'person' ? 'person' : 'service'), eq(actors.subject, value)));
  return rows.map(({ issuer }) => issuer);
}
