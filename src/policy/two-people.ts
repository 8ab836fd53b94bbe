/**
 * A set that shows more takes two people: one proposes it, another one approves it, each by an identity that was
 * verified before, both of the same kind, so that they can be told apart. Refused: approving what nobody else
 * proposed, a set that is not known, one that shows nothing more. The database holds the same rule by itself
 * (drizzle/0004_token_uses_and_proposals.sql); here it gets its words.
 */
import { WeirError } from '../errors.js';
import { PolicyFaults } from './faults.js';
import { looserThan, type KeptSets } from './kept-sets.js';
import { loadKept } from './load.js';

/** A person of a token's issuer or, without one, a login of the gateway's database. */
export interface Voucher {
  readonly issuer: string | null;
  readonly person: string;
}

interface Change {
  readonly number: number;
  readonly digest: string;
}

interface Proposal extends Voucher {
  readonly id: number;
}

/** store/policy-record.ts */
export interface ProposalRecord extends KeptSets {
  newest(): Promise<Change | undefined>;
  propose(digest: string, replaces: Change, by: Voucher): Promise<void>;
  proposals(digest: string, replaces: Change): Promise<Proposal[]>;
  approve(digest: string, replaces: Change, proposal: Proposal, by: Voucher): Promise<void>;
}

export interface VouchedSet {
  readonly digest: string;
  /** Of the set in force. */
  readonly replaces: string;
  /** What it shows or allows more, in words. */
  readonly looser: readonly string[];
  /** Only where it was approved. */
  readonly proposedBy?: string;
}

/** Whole, so that nobody approves another set than the one that was looked at. */
export const digestForm = /^[0-9a-f]{64}$/;

/** @throws WeirError policy-unknown, approval-refused */
export async function proposeSet(record: ProposalRecord, digest: string, by: Voucher): Promise<VouchedSet> {
  const { replaces, looser } = await findLooser(record, digest);
  await record.propose(digest, replaces, by);
  return { digest, replaces: replaces.digest, looser };
}

/** @throws WeirError policy-unknown, approval-refused */
export async function approveSet(record: ProposalRecord, digest: string, by: Voucher): Promise<VouchedSet> {
  const { replaces, looser } = await findLooser(record, digest);
  const proposals = await record.proposals(digest, replaces);
  if (proposals.length === 0) {
    throw refused(
      'nobody has proposed this set in place of the one in force',
      'whoever wrote the change proposes it: weir policy propose',
    );
  }
  const known = proposals.filter(({ issuer }) => issuer === by.issuer);
  if (known.length === 0) {
    throw refused(
      'whoever proposed this set is known in another way than you, so it cannot be told whether you are two',
      'both by tokens of one issuer, or both by logins of the database',
    );
  }
  const proposal = known.find(({ person }) => person.toLowerCase() !== by.person.toLowerCase());
  if (proposal === undefined)
    throw refused('nobody approves a change of their own', 'ask a second person to approve it');
  await record.approve(digest, replaces, proposal, by);
  return { digest, replaces: replaces.digest, looser, proposedBy: proposal.person };
}

async function findLooser(
  record: ProposalRecord,
  digest: string,
): Promise<{ replaces: Change; looser: readonly string[] }> {
  const [replaces, content] = [await record.newest(), await record.contentOf(digest)];
  if (replaces === undefined || content === undefined) {
    throw new WeirError('policy-unknown', {
      hint: 'give the whole digest of a set that a gateway has read: weir policy diff prints it',
    });
  }
  let looser: readonly string[];
  try {
    const found = await looserThan(record, replaces.digest, loadKept(digest, content));
    looser = found.map(({ message }) => message);
  } catch (error) {
    if (!(error instanceof PolicyFaults)) throw error;
    throw refused('this version does not take the set', 'weir policy check says why');
  }
  if (looser.length === 0) {
    throw refused(
      'the set shows and allows no more than the one in force, so nothing is to be approved',
      'it comes into force by itself at gateways that have its files',
    );
  }
  return { replaces, looser };
}

function refused(detail: string, hint: string): WeirError {
  return new WeirError('approval-refused', { detail, hint });
}
