/**
 * The entry: what the access log says about one step of one request, as canonical JSON text. It holds
 * no personal value and no literal: people by pseudonym, records by digest, queries normalised.
 * docs/log-format.md describes every member; verify.ts reads them back.
 */
import type { Door, ReleasedColumn } from '../access.js';
import type { ErrorCode } from '../errors.js';
import type { Flag, Limit, SharedBy } from '../policy/model.js';
import type { Charge, PeopleCharge } from '../quota/charge.js';
import { keepText } from './entry-text.js';

export const entryVersion = 1;

/**
 * open: a writer begins. heartbeat: it lives. close: it ends in order. read: rows were released to the caller. write: a
 * request that may change something went to a service. fill: clear values went to a service, in a request that the
 * gateway filled. refusal: nothing left. admin: an administrative read.
 */
export type EntryKind = 'open' | 'heartbeat' | 'close' | 'read' | 'write' | 'fill' | 'refusal' | 'admin';

/** Who asked for what; the same in every entry of one request. */
export interface EntryContext {
  readonly request: string;
  readonly door: Door;
  readonly route: string;
  readonly actor: string;
  readonly tool: string;
  readonly act?: string;
  readonly role?: string;
  /** Digest of the policy set that decided. */
  readonly policy?: string;
  readonly statement?: string;
  /** What the read is for: a word of the role's list, and a ticket of its form. */
  readonly reason?: string;
  readonly ticket?: string;
}

/** Which records left, whoever got them. */
export interface EntryRecords {
  readonly table: string;
  /** Number of the chunk within the request, from 0. */
  readonly part: number;
  readonly last: boolean;
  readonly records: number;
  /** SHA-256 over record digests then subject digests, hex; the lists lie beside the entry. */
  readonly digests: string;
  readonly epoch: string;
  /** Keys adjacent to another of this read or of the person's last 1,000. */
  readonly consecutive: number;
}

export interface EntryRead extends EntryRecords {
  /** Released columns and their form: {"order_no":"clear","receiver_phone":"last4"}. */
  readonly see: Readonly<Record<string, string>>;
  /** The column that was revealed in clear, of one record, by its key. */
  readonly reveal?: string;
  /** Where there was no kind `fill` yet: the service into whose request the values of one record were put in clear. */
  readonly fill?: string;
  /** So many of its records were charged with the write or the filled request that this answers. */
  readonly reserved?: number;
  /** Tables that came inside the rows. Their digests lie behind those of the table itself, in this order. */
  readonly also?: readonly EntryAlso[];
}

export interface EntryWrite extends EntryRecords {
  readonly service: string;
  /** Fields that its body names. */
  readonly body: readonly string[];
  /** So many records of the answer are charged with it. */
  readonly reserves?: number;
}

export interface EntryFill extends EntryRecords {
  readonly service: string;
  /** Columns that went to the service, in clear. */
  readonly see: Readonly<Record<string, string>>;
  /** So many records of the answer are charged with it. */
  readonly reserves?: number;
}

/** Table, released columns and their form, rows, and whether these are charged as records. */
export type EntryAlso = readonly [
  table: string,
  see: Readonly<Record<string, string>>,
  records: number,
  personal: boolean,
];

export interface EntryCharge {
  readonly meter: string;
  /** The meter's own count of charges, after this one. */
  readonly sequence: number;
  /** Local calendar day of the decision, days since 1970-01-01. */
  readonly day: number;
  /** Amounts that are not zero; people as [fresh, [day, n], …]. */
  readonly amounts: Readonly<Record<string, unknown>>;
  /** Meters of the tool and of the token that were charged the same; only where the role has limits per tool or token. */
  readonly shared?: readonly EntryShared[];
}

/** The meter, its own count of charges, and the people that it had not met: [fresh, [day, n], …], [0] for nobody. */
export type EntryShared = readonly [meter: string, sequence: number, people: readonly unknown[]];

export interface EntryBody extends Partial<EntryContext> {
  readonly v: number;
  readonly kind: EntryKind;
  readonly writer: string;
  readonly number: number;
  /** Microseconds since the epoch, the database's clock. */
  readonly at: number;
  readonly zone?: string;
  readonly version?: string;
  /** Of what left, the member that is named as the kind. */
  readonly read?: EntryRead;
  readonly write?: EntryWrite;
  readonly fill?: EntryFill;
  readonly charge?: EntryCharge;
  /** Limits in force for this read: [count, window, max], and "tool" or "token" behind those that many share. */
  readonly limits?: ToldLimits;
  readonly flags?: readonly (readonly [string, number, number])[];
  readonly error?: ErrorCode;
  /** For a limit: which. */
  readonly limit?: string;
}

export function seeOf(columns: readonly ReleasedColumn[]): Record<string, string> {
  const own = columns.filter(({ embedded }) => embedded === undefined);
  return keepText(Object.fromEntries(own.map(({ name, mask }) => [name, mask])));
}

type ToldLimits = readonly (readonly [string, string, number, SharedBy?])[];

/** The same for the same limits: a role's stay what they are from read to read. */
export function limitsOf(limits: readonly Limit[]): ToldLimits {
  const known = toldLimits.get(limits);
  if (known !== undefined) return known;
  const told: ToldLimits = keepText(
    limits.map(({ count, window, max, per }) =>
      per === undefined ? ([count, window, max] as const) : ([count, window, max, per] as const),
    ),
  );
  toldLimits.set(limits, told);
  return told;
}

const toldLimits = new WeakMap<readonly Limit[], ToldLimits>();

export function flagsOf(flags: readonly Flag[]): [string, number, number][] {
  return flags.map(({ rule, value, threshold }) => [rule, value, threshold]);
}

export function amountsOf(charge: Charge): Record<string, unknown> {
  const amounts: Record<string, unknown> = {};
  for (const count in charge) {
    if (count !== 'people') {
      const amount = charge[count as Exclude<keyof Charge, 'people'>];
      if (amount !== 0) amounts[count] = amount;
    } else if (charge.people.fresh > 0 || charge.people.returning.length > 0) {
      amounts.people = peopleTold(charge.people);
    }
  }
  return amounts;
}

export function peopleTold({ fresh, returning }: PeopleCharge): readonly unknown[] {
  return [fresh, ...returning];
}
