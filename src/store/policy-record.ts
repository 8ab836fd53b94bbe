/**
 * Policy sets by digest, which of them replaced which, who proposed it and who else approved it. All gateways on one database go
 * by the same record: the newest change names the set in force. Append-only (drizzle/0003_policy_changes.sql).
 */
import { and, desc, eq, isNotNull } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { Pool } from 'pg';
import { policyApprovals, policyChanges, policyProposals, policySets } from './schema.js';

export type ChangeReason = (typeof policyChanges.$inferSelect)['reason'];

export interface PolicyChange {
  readonly number: number;
  readonly digest: string;
  readonly reason: ChangeReason;
  readonly at: Date;
}

/** Somebody who stands for a set: a person of a token's issuer or, without one, a login of this database. */
export interface Voucher {
  readonly issuer: string | null;
  readonly person: string;
}

export interface Proposal extends Voucher {
  readonly id: number;
}

export class PolicyRecord {
  readonly #db: NodePgDatabase;

  constructor(pool: Pool) {
    this.#db = drizzle(pool);
  }

  /** The set in force; undefined where none ever was. */
  async newest(): Promise<PolicyChange | undefined> {
    const [row] = await this.#db.select().from(policyChanges).orderBy(desc(policyChanges.number)).limit(1);
    return row;
  }

  async keep(digest: string, content: string): Promise<void> {
    await this.#db.insert(policySets).values({ digest, content }).onConflictDoNothing();
  }

  async contentOf(digest: string): Promise<string | undefined> {
    const [row] = await this.#db.select().from(policySets).where(eq(policySets.digest, digest));
    return row?.content;
  }

  /** @param digest kept before @returns false where another gateway has put something else in force meanwhile */
  async change(
    digest: string,
    before: Pick<PolicyChange, 'number' | 'digest'> | undefined,
    reason: ChangeReason,
  ): Promise<boolean> {
    const rows = await this.#db
      .insert(policyChanges)
      .values({ number: (before?.number ?? 0) + 1, digest, replaces: before?.digest ?? null, reason })
      .onConflictDoNothing()
      .returning({ number: policyChanges.number });
    return rows.length === 1;
  }

  async isApproved(digest: string, replaces: Pick<PolicyChange, 'number'>): Promise<boolean> {
    const rows = await this.#db
      .select({ id: policyApprovals.approvalId })
      .from(policyApprovals)
      .where(
        and(
          eq(policyApprovals.digest, digest),
          eq(policyApprovals.change, replaces.number),
          isNotNull(policyApprovals.proposalId),
        ),
      )
      .limit(1);
    return rows.length === 1;
  }

  /** @param replaces the change whose set is to be replaced. @throws where a login speaks for another, or for nobody */
  async propose(digest: string, replaces: Pick<PolicyChange, 'number'>, by: Voucher): Promise<void> {
    await this.#db.insert(policyProposals).values({ digest, change: replaces.number, ...by });
  }

  /** Oldest first. */
  async proposals(digest: string, replaces: Pick<PolicyChange, 'number'>): Promise<Proposal[]> {
    const { proposalId, issuer, person } = policyProposals;
    return this.#db
      .select({ id: proposalId, issuer, person })
      .from(policyProposals)
      .where(and(eq(policyProposals.digest, digest), eq(policyProposals.change, replaces.number)))
      .orderBy(proposalId);
  }

  /** @throws where it is the same person as that of the proposal, or as for a proposal: the database itself refuses */
  async approve(
    digest: string,
    replaces: Pick<PolicyChange, 'number' | 'digest'>,
    proposal: Pick<Proposal, 'id'>,
    { issuer, person }: Voucher,
  ): Promise<void> {
    await this.#db.insert(policyApprovals).values({
      digest,
      replaces: replaces.digest,
      change: replaces.number,
      approvedBy: person,
      issuer,
      proposalId: proposal.id,
    });
  }
}
