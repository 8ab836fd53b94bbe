/**
 * The gateway's own tables, for readers that use drizzle. The migrations in drizzle/ make them; a test
 * holds the two together. What is immutable here is made so by triggers and by privileges, see
 * drizzle/0001_immutable.sql and privileges.ts.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  customType,
  index,
  integer,
  pgSchema,
  primaryKey,
  text,
  timestamp,
  unique,
  uuid,
} from 'drizzle-orm/pg-core';

const bytea = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' });

export const weir = pgSchema('weir');

/** Pseudonym → person. The log names people by actor_id only, so that a row here can be erased and the log stays whole. */
export const actors = weir.table(
  'actors',
  {
    actorId: uuid('actor_id').primaryKey(),
    issuer: text('issuer').notNull(),
    kind: text('kind', { enum: ['person', 'service'] }).notNull(),
    subject: text('subject').notNull(),
    displayName: text('display_name'),
    firstSeen: timestamp('first_seen', { withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [unique('actors_issuer_kind_subject_key').on(t.issuer, t.kind, t.subject)],
);

/** The access log. (writer, number) is gapless for each writer: a gap is a deletion. */
export const entries = weir.table(
  'entries',
  {
    writer: uuid('writer').notNull(),
    number: bigint('number', { mode: 'number' }).notNull(),
    /** Decision time, microseconds since the epoch; strictly increasing for one writer and for one meter. */
    at: bigint('at', { mode: 'number' }).notNull(),
    actorId: uuid('actor_id'),
    /** The entry carries flags (bulk reads). */
    flagged: boolean('flagged').notNull(),
    body: text('body').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.writer, t.number] }),
    index('entries_at_idx').on(t.at),
    index('entries_actor_id_at_idx').on(t.actorId, t.at),
    index('entries_flagged_at_idx')
      .on(t.at)
      .where(sql`flagged`),
  ],
);

/** The record and subject digests of one read, 8 bytes each, in row order; the entry holds their count and SHA-256. */
export const readDigests = weir.table(
  'read_digests',
  {
    writer: uuid('writer').notNull(),
    number: bigint('number', { mode: 'number' }).notNull(),
    records: bytea('records').notNull(),
    subjects: bytea('subjects').notNull(),
  },
  (t) => [primaryKey({ columns: [t.writer, t.number] })],
);

/** One row a person, and a tool or token that is limited: every count in every window (quota/meter.ts writes and reads `state`). */
export const meters = weir.table('meters', {
  meterId: bigint('meter_id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  key: text('key').notNull().unique(),
  state: bytea('state'),
  /** Of a token's: when the token is taken no longer, microseconds since the epoch. Dropped two days later. */
  expiresAt: bigint('expires_at', { mode: 'number' }),
});

/** Which people (subject digest) a meter has met, and on which day last. */
export const seen = weir.table(
  'seen',
  {
    meterId: bigint('meter_id', { mode: 'number' }).notNull(),
    digest: bigint('digest', { mode: 'bigint' }).notNull(),
    day: integer('day').notNull(),
  },
  (t) => [primaryKey({ columns: [t.meterId, t.digest] })],
);

/** From which addresses each token has come, as keyed digests; the first one stands first. */
export const tokenUses = weir.table('token_uses', {
  token: bytea('token').primaryKey(),
  addresses: bigint('addresses', { mode: 'bigint' }).array().notNull(),
  until: timestamp('until', { withTimezone: true }).notNull(),
});

/** Every policy set that a gateway ever read without a fault, by the digest that entries name. */
export const policySets = weir.table('policy_sets', {
  digest: text('digest').primaryKey(),
  content: text('content').notNull(),
  firstSeen: timestamp('first_seen', { withTimezone: true }).notNull().defaultNow(),
});

/** Tokens that no longer count, and lifts of these (`lifts`); only the owner writes, nobody changes. */
export const revocations = weir.table('revocations', {
  revocationId: bigint('revocation_id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  at: timestamp('at', { withTimezone: true }).notNull().defaultNow(),
  madeBy: text('made_by')
    .notNull()
    .default(sql`session_user`),
  reason: text('reason').notNull(),
  lifts: bigint('lifts', { mode: 'number' }).unique(),
  kind: text('kind', { enum: ['person', 'tool', 'jti'] }),
  issuer: text('issuer'),
  value: text('value'),
  until: timestamp('until', { withTimezone: true }),
});

/** Which set replaced which; the newest is in force. */
export const policyChanges = weir.table('policy_changes', {
  number: bigint('number', { mode: 'number' }).primaryKey(),
  digest: text('digest').notNull(),
  replaces: text('replaces'),
  reason: text('reason', { enum: ['first', 'tighter', 'approved', 'unchecked'] }).notNull(),
  at: timestamp('at', { withTimezone: true }).notNull().defaultNow(),
});

/** Who stands for a looser set, in place of which. Without an issuer the person is a login of this database. */
export const policyProposals = weir.table('policy_proposals', {
  proposalId: bigint('proposal_id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  digest: text('digest').notNull(),
  change: bigint('change', { mode: 'number' }).notNull(),
  issuer: text('issuer'),
  person: text('person').notNull(),
  madeBy: text('made_by')
    .notNull()
    .default(sql`session_user`),
  at: timestamp('at', { withTimezone: true }).notNull().defaultNow(),
});

/** Who let a looser set replace which: somebody else than its proposal says, or a trigger refuses it. For one change and no later one. */
export const policyApprovals = weir.table('policy_approvals', {
  approvalId: bigint('approval_id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  digest: text('digest').notNull(),
  replaces: text('replaces').notNull(),
  /** Number of the change whose set it replaces. */
  change: bigint('change', { mode: 'number' }).notNull(),
  approvedBy: text('approved_by').notNull(),
  /** Of the proposal. */
  author: text('author'),
  issuer: text('issuer'),
  proposalId: bigint('proposal_id', { mode: 'number' }),
  madeBy: text('made_by')
    .notNull()
    .default(sql`session_user`),
  at: timestamp('at', { withTimezone: true }).notNull().defaultNow(),
});
