/**
 * What the checks need of an entry. Taken either from the parsed body (this file) or straight from its
 * text (verify-quick.ts), which is several times faster and must say the same; a test holds the two together.
 */
import { sharedBy, type Count, type Limit, type SharedBy, type Window } from '../policy/model.js';
import { chargeOf, nobody, type Charge, type PeopleCharge } from '../quota/charge.js';
import type { EntryBody, EntryCharge, EntryKind } from './entry.js';
import { columnFault, leavingOf, readEntry, type StoredEntry } from './read-entry.js';

export interface Facts {
  readonly kind: EntryKind;
  readonly actor: string | undefined;
  readonly policy: string | undefined;
  /** Of an opening entry. */
  readonly zone: string | undefined;
  readonly read: ReadFacts | undefined;
}

/** Of what left, to a caller or to a service. */
export interface ReadFacts {
  readonly part: number;
  /** Rows of the table itself. */
  readonly records: number;
  /** Rows of each table that came inside them; their digests follow in this order. */
  readonly also?: readonly AlsoFacts[] | undefined;
  /** It revealed a column of one record. */
  readonly reveal: boolean;
  /** Its values were released to a service. */
  readonly fill: boolean;
  /** It went to a service, with nothing of the record. */
  readonly write: boolean;
  /** Records of the answer to come that it charges. */
  readonly reserves: number;
  /** Of its records, those that were charged before. */
  readonly reserved: number;
  /** SHA-256 of the lists, hex. */
  readonly digests: string;
  readonly meter: string;
  readonly sequence: number;
  readonly day: number;
  readonly charge: Charge;
  /** Meters of its tool and token that were charged the same; the people are theirs. */
  readonly shared?: readonly SharedFacts[] | undefined;
  readonly limits: readonly Limit[];
}

export interface SharedFacts {
  readonly per: SharedBy;
  readonly meter: string;
  readonly sequence: number;
  readonly people: PeopleCharge;
}

export interface AlsoFacts {
  readonly records: number;
  /** They are charged as records. */
  readonly personal: boolean;
}

/** Rows of every table: so many digests lie beside the entry. */
export function allRows({ records, also }: ReadFacts): number {
  return also === undefined ? records : also.reduce((sum, inside) => sum + inside.records, records);
}

/** Rows inside others that are charged. */
export function chargedInside({ also }: ReadFacts): number {
  return also?.reduce((sum, { records, personal }) => (personal ? sum + records : sum), 0) ?? 0;
}

/** @returns the facts; or what is wrong with the row, in words */
export function factsOf(row: StoredEntry): Facts | string {
  const body = readEntry(row.body);
  return typeof body === 'string' ? body : (columnFault(row, body) ?? factsOfBody(body));
}

function factsOfBody(body: EntryBody): Facts {
  const { kind, actor, policy, zone, read, charge, limits } = body;
  const left = leavingOf(body);
  if (left === undefined || charge === undefined || limits === undefined) {
    return { kind, actor, policy, zone, read: undefined };
  }
  const { part, records, digests } = left;
  const { meter, sequence, day, amounts, shared } = charge;
  const facts = {
    part,
    records,
    also: read?.also?.map(([, , inside, personal]) => ({ records: inside, personal })),
    reveal: read?.reveal !== undefined,
    fill: kind === 'fill' || read?.fill !== undefined,
    write: kind === 'write',
    reserves: (body.write ?? body.fill)?.reserves ?? 0,
    reserved: read?.reserved ?? 0,
    digests,
    meter,
    sequence,
    day,
    charge: chargeFrom(amounts),
    shared: shared?.map(([key, count, people]) => ({
      per: sharedKind(key),
      meter: key,
      sequence: count,
      people: peopleFrom(people as PeopleList),
    })),
    limits: limitsFrom(limits),
  };
  return { kind, actor, policy, zone, read: facts };
}

/** @param amounts of a shape that read-entry.ts has let pass */
export function chargeFrom(amounts: EntryCharge['amounts']): Charge {
  const { people, ...others } = amounts as Partial<Record<Count, number>> & {
    people?: [number, ...[number, number][]];
  };
  return chargeOf({ ...others, people: people === undefined ? nobody : peopleFrom(people) });
}

type PeopleList = readonly [number, ...[number, number][]];

/** @param key of a form that read-entry.ts has let pass */
export function sharedKind(key: string): SharedBy {
  return sharedBy.find((per) => key.startsWith(`${per}:`))!;
}

/** @param list of a form that read-entry.ts has let pass */
export function peopleFrom([fresh, ...returning]: PeopleList): PeopleCharge {
  return { fresh, returning };
}

export function limitsFrom(limits: NonNullable<EntryBody['limits']>): Limit[] {
  return limits.map(([count, window, max, per]) => ({
    count: count as Count,
    window: window as Window,
    max,
    ...(per === undefined ? {} : { per }),
    scope: undefined,
  }));
}
