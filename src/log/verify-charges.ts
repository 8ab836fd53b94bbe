/**
 * Every charge is what its read costs, follows the charge before it of the same meter, falls on the
 * right day, and was within the limits in force: all recomputed from the entries alone.
 */
import type { Limit, SharedBy } from '../policy/model.js';
import { newToday, type Charge, type PeopleCharge } from '../quota/charge.js';
import { DayClock } from '../quota/day-clock.js';
import { Ledger } from '../quota/ledger.js';
import type { Meter } from '../quota/meter.js';
import { entryName, type Faults } from './verify-faults.js';
import { chargedInside, type ReadFacts } from './verify-facts.js';
import { chargedSubjects, type Subjects } from './verify-lists.js';
import { PeopleMemory } from './verify-people.js';

export interface MeterAccount {
  /** A number of its own. */
  index: number;
  sequence: number;
  /** Records that were charged with what was sent, and that no answer has shown yet. */
  reserved: number;
  /** Its last charge. */
  writer: string;
  number: number;
  at: number;
  lastDay: number;
  /** Nothing of it was found wrong, so its counts are known. */
  sound: boolean;
  /** The people that it has met are known. */
  peopleKnown: boolean;
}

/** A read on the log. */
export interface ChargedRead {
  readonly writer: string;
  readonly number: number;
  readonly at: number;
  readonly position: number;
  readonly actor: string | undefined;
  readonly read: ReadFacts;
}

export class Charges {
  readonly accounts = new Map<string, MeterAccount>();
  readonly #faults: Faults;
  readonly #fromStart: boolean;
  // The Ledger needs a clock for waiting times only, and those do not matter here.
  readonly #ledger = new Ledger(new DayClock('UTC'));
  #people: PeopleMemory | undefined;
  #peopleUpTo: string | undefined;
  #nextIndex = 0;

  /**
   * @param fromStart the whole log is read: without its beginning, neither limits nor people can be recomputed
   * @param maxPeople 0: people are not recomputed
   */
  constructor(faults: Faults, fromStart: boolean, maxPeople: number) {
    this.#faults = faults;
    this.#fromStart = fromStart;
    this.#people = fromStart && maxPeople > 0 ? new PeopleMemory(maxPeople) : undefined;
  }

  get needsSubjects(): boolean {
    return this.#people !== undefined;
  }

  /** The entry at which there were too many people to go on recomputing them. */
  get peopleUpTo(): string | undefined {
    return this.#peopleUpTo;
  }

  /** The meter as its charges make it. */
  meter(key: string): Meter | undefined {
    return this.#ledger.meter(key);
  }

  /**
   * @param clock of the writer's zone; undefined where that is not known
   * @param subjects undefined where the list is missing, wrong, or was not read
   */
  take(charged: ChargedRead, clock: DayClock | undefined, subjects: Subjects | undefined): void {
    const { at, actor, read } = charged;
    const { meter: key, day, charge } = read;
    if (key !== `actor:${actor}`) this.#complain(charged, 'charge', 'it charges the meter of somebody else');
    const contradiction = contradictionOf(read);
    if (contradiction !== undefined) this.#complain(charged, 'charge', contradiction);
    // Where the zone was moved west, a meter's day waits until the calendar has caught up, and that of the others with it.
    const today = clock?.day(at);
    const isLast = (meter: string): boolean => day === this.accounts.get(meter)?.lastDay;
    const waits =
      today !== undefined &&
      day > today &&
      (isLast(key) || read.shared?.some(({ meter }) => isLast(meter)) === true);
    if (today !== undefined && day !== today && !waits) {
      this.#complain(
        charged,
        'charge',
        'its "charge.day" is not the date of its time in the zone of its writer',
      );
    }
    const limits =
      read.shared === undefined ? read.limits : read.limits.filter(({ per }) => per === undefined);
    const own = { per: undefined, key, sequence: read.sequence, charge, limits };
    this.#takeMeter(charged, own, subjects);
    for (const { per, meter, sequence, people } of read.shared ?? []) {
      this.#takeMeter(
        charged,
        {
          per,
          key: meter,
          sequence,
          charge: { ...charge, people },
          limits: read.limits.filter((limit) => limit.per === per),
        },
        subjects,
      );
    }
  }

  /** What the read did to one of its meters. */
  #takeMeter(charged: ChargedRead, part: ChargedMeter, subjects: Subjects | undefined): void {
    const { writer, number, at, read } = charged;
    const { per, key, sequence, charge, limits } = part;
    const { day } = read;
    const account = this.#accountOf(charged, key, sequence);
    // A gateway drops the meter of a token that has long expired; with an id that is used again it begins anew.
    if (sequence === 1 && account.sequence > 0 && at - account.at >= droppedAfterMicros && per === 'token')
      this.#beginAnew(key, account);
    const complain = (kind: 'charge' | 'limit', what: string): void => {
      account.sound = false;
      this.#faults.add(
        charged.position,
        entryName(writer, number),
        kind,
        `${what}${per === undefined ? '' : ` (the meter of the ${per})`}`,
      );
    };
    const expected = account.sequence + 1;
    if (sequence > expected) {
      const missing =
        sequence === expected + 1 ? `charge ${expected}` : `charges ${expected} to ${sequence - 1}`;
      complain('charge', `it is charge ${sequence} of its meter, but ${missing} cannot be found before it`);
      account.peopleKnown = false;
    } else if (sequence < expected) {
      complain(
        'charge',
        `it is charge ${sequence} of its meter, but stands after charge ${account.sequence}`,
      );
      account.peopleKnown = false;
    }
    if (this.#fromStart) {
      const violation = this.#ledger.apply({ key, sequence, instant: { micros: at, day }, charge, limits });
      if (violation?.kind === 'impossible') {
        complain('charge', `it cannot follow the charges of its meter: ${violation.reason}`);
        account.peopleKnown = false;
      }
      if (violation?.exceeded !== undefined) {
        const { used, amount, limit } = violation.exceeded;
        complain(
          'limit',
          `it was released although a limit was used up: ${used} and ${amount} more make more than ${limit.max} ${limit.count} per ${limit.window}`,
        );
      }
      account.reserved += read.reserves - read.reserved;
      if (account.reserved < 0) {
        complain('charge', 'it shows more records as charged before than were');
        account.reserved = 0;
      }
      if (!this.#meetPeople(charged, charge.people, subjects, account)) {
        complain(
          'charge',
          'the people that it charges are not those of its digest list who were new to its meter',
        );
        // What follows from it would be told again and again.
        account.peopleKnown = false;
      }
    }
    account.sequence = sequence;
    account.lastDay = day;
    account.writer = writer;
    account.number = number;
    account.at = at;
  }

  #beginAnew(key: string, account: MeterAccount): void {
    this.#ledger.forget(key);
    account.index = this.#nextIndex++;
    account.sequence = 0;
    account.reserved = 0;
    account.lastDay = 0;
    account.sound = true;
    account.peopleKnown = true;
  }

  /** Of the actor's meter. */
  #complain(charged: ChargedRead, kind: 'charge' | 'limit', what: string): void {
    const { writer, number, position, read } = charged;
    this.#accountOf(charged, read.meter, read.sequence).sound = false;
    this.#faults.add(position, entryName(writer, number), kind, what);
  }

  #accountOf({ writer, number, at }: ChargedRead, key: string, sequence: number): MeterAccount {
    let account = this.accounts.get(key);
    if (account === undefined) {
      const before = this.#fromStart ? 0 : sequence - 1;
      account = {
        index: this.#nextIndex++,
        sequence: before,
        reserved: 0,
        writer,
        number,
        at,
        lastDay: 0,
        sound: true,
        peopleKnown: true,
      };
      this.accounts.set(key, account);
    }
    return account;
  }

  /** @returns false where they are not those of the list */
  #meetPeople(
    { writer, number, read }: ChargedRead,
    people: PeopleCharge,
    subjects: Subjects | undefined,
    account: MeterAccount,
  ): boolean {
    // Rows without a personal column are free, and show nobody.
    const paid = paidRecords(read);
    if (this.#people === undefined || !account.peopleKnown || paid === 0) return true;
    if (subjects === undefined) {
      account.peopleKnown = false;
      return true;
    }
    const own = paid > chargedInside(read);
    const met = this.#people.meet(account.index, chargedSubjects(subjects, read, own), read.day, people);
    if (met === undefined) {
      this.#people = undefined;
      this.#peopleUpTo = entryName(writer, number);
    }
    return met !== false;
  }
}

/** A gateway waits for two days after the token has expired, and a read may go on for a while after that. */
export const droppedAfterMicros = 86_400_000_000;

export function isToken(meterKey: string): boolean {
  return meterKey.startsWith('token:');
}

/** One of the meters of a read, and its share of the charge. */
interface ChargedMeter {
  readonly per: SharedBy | undefined;
  readonly key: string;
  readonly sequence: number;
  readonly charge: Charge;
  /** Those that this meter decides. */
  readonly limits: readonly Limit[];
}

/** Records that it shows and that are paid for, now or before. */
function paidRecords({ charge, reserves, reserved }: ReadFacts): number {
  return charge.records - reserves + reserved;
}

/** What a charge says otherwise than the read it is for. */
function contradictionOf(read: ReadFacts): string | undefined {
  const { part, records, reveal, fill, write, charge, shared } = read;
  const first = part === 0;
  if (charge.queries !== (first ? 1 : 0))
    return 'its charge does not count one query for the first part of a read and none for others';
  const paid = paidRecords(read);
  const own = paid - chargedInside(read);
  if (write ? own !== 0 : own !== records && own !== 0)
    return 'its charge counts other records than were read';
  if (newToday(charge.people) > paid || shared?.some(({ people }) => newToday(people) > paid))
    return 'its charge counts more people than records';
  if (charge.lookups > 0 && !first) return 'its charge counts look-ups in a later part of a read';
  const missed = charge.lookups > 0 && records === 0;
  if (charge.misses !== (missed ? 1 : 0))
    return 'its charge does not count one miss exactly where a look-up found nothing';
  if (charge.reveals !== (reveal && first ? records : 0))
    return 'its charge does not count the value that it revealed, or counts one where none was';
  if (reveal && records > 1) return 'it revealed the column of several records';
  if (charge.fills !== (fill && first ? records : 0))
    return 'its charge does not count the request that it filled, or counts one where none was';
  return fill && records > 1 ? 'it filled a request with several records' : undefined;
}
