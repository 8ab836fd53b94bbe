/**
 * Recomputes every limit from the log's entries alone: each key's meter is replayed from nothing, in
 * the order of its decisions. Trusts no stored meter and believes no entry: a charge that cannot
 * have been made where it stands is a violation, never an exception.
 */
import type { Limit } from '../policy/model.js';
import { describeLimit, type Charge } from './charge.js';
import type { DayClock } from './day-clock.js';
import type { Instant } from './instant.js';
import { Meter, type Exceeded } from './meter.js';

/** One charge of one key, as its entry tells it. */
export interface LedgerCharge {
  readonly key: string;
  /** The meter's sequence after this charge: 1 for the key's first. */
  readonly sequence: number;
  readonly instant: Instant;
  readonly charge: Charge;
  /** In force for this read under the policy set that its entry names. */
  readonly limits: readonly Limit[];
}

export interface Violation {
  /**
   * sequence: a charge of this key is missing, repeated or out of order.
   * impossible: the charge contradicts those before it (time, people), or an amount is no number.
   * limit: it was released although a limit was overrun.
   */
  readonly kind: 'sequence' | 'impossible' | 'limit';
  readonly key: string;
  readonly sequence: number;
  /** For people to read; holds no value from an entry but the limit and what was used of it. */
  readonly reason: string;
  readonly exceeded: Exceeded | undefined;
}

interface Account {
  readonly meter: Meter;
  sequence: number;
}

export class Ledger {
  readonly #clock: DayClock;
  readonly #accounts = new Map<string, Account>();

  /** @param clock of the zone that the gateway was configured with; the instants' days come from it too */
  constructor(clock: DayClock) {
    this.#clock = clock;
  }

  /**
   * Replays one charge. After a violation it goes on from what the entry says, so that one fault is
   * told once: the entry's sequence is taken over, and the charge is added unless it is impossible.
   */
  apply(entry: LedgerCharge): Violation | undefined {
    const { key, sequence, charge, limits } = entry;
    let account = this.#accounts.get(key);
    if (account === undefined) {
      account = { meter: Meter.empty(), sequence: 0 };
      this.#accounts.set(key, account);
    }
    const { meter } = account;
    const expected = account.sequence + 1;
    account.sequence = sequence;
    // As Meter.next: where the configured zone was moved west, the day waits.
    const instant =
      entry.instant.day < meter.lastDay
        ? { micros: entry.instant.micros, day: meter.lastDay }
        : entry.instant;

    const fault = meter.fault(charge, instant);
    const exceeded = fault === undefined ? meter.check(limits, charge, instant, this.#clock) : undefined;
    if (fault === undefined) meter.chargeSound(charge, instant);

    if (sequence !== expected) {
      return violation(entry, 'sequence', `charge ${expected} of this key should stand here`, exceeded);
    }
    if (fault !== undefined) return violation(entry, 'impossible', fault, undefined);
    if (exceeded !== undefined) {
      const { limit, used, amount } = exceeded;
      return violation(
        entry,
        'limit',
        `${used} used and ${amount} more overrun ${describeLimit(limit)}`,
        exceeded,
      );
    }
    return undefined;
  }

  /** The key's next charge is its first again. */
  forget(key: string): void {
    this.#accounts.delete(key);
  }

  /** The replayed meter, to hold against the stored one; undefined for a key without charges. */
  meter(key: string): Meter | undefined {
    return this.#accounts.get(key)?.meter;
  }
}

function violation(
  { key, sequence }: LedgerCharge,
  kind: Violation['kind'],
  reason: string,
  exceeded: Exceeded | undefined,
): Violation {
  return { kind, key, sequence, reason, exceeded };
}
