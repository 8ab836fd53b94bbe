/**
 * Policy sets by digest, which of them replaced which, and who approved it. All gateways on one database go
 * by the same record: the newest change names the set in force. Append-only (drizzle/0003_policy_changes.sql).
 */
import { and, desc, eq, like } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { Pool } from 'pg';
import { policyApprovals, policyChanges, policySets } from './schema.js';

export type ChangeReason = (typeof policyChanges.$inferSelect)['reason'];

export interface PolicyChange {
  readonly number: number;
  readonly digest: string;
  readonly reason: ChangeReason;
  readonly at: Date;
}

export interface Approval {
  readonly digest: string;
  /** The change whose set is to be replaced. */
  readonly replaces: PolicyChange;
  readonly approvedBy: string;
  readonly author: string | undefined;
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

  /** Digests of kept sets that begin so, two at the most. @param prefix hexadecimal digits */
  async digestsLike(prefix: string): Promise<string[]> {
    const rows = await this.#db
      .select({ digest: policySets.digest })
      .from(policySets)
      .where(like(policySets.digest, `${prefix}%`))
      .limit(2);
    return rows.map(({ digest }) => digest);
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
      .where(and(eq(policyApprovals.digest, digest), eq(policyApprovals.change, replaces.number)))
      .limit(1);
    return rows.length === 1;
  }

  /** As the owner of the tables only. */
  async approve({ digest, replaces, approvedBy, author }: Approval): Promise<void> {
    await this.#db.insert(policyApprovals).values({
      digest,
      replaces: replaces.digest,
      change: replaces.number,
      approvedBy,
      author: author ?? null,
    });
  }
}
