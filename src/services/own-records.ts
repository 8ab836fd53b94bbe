/**
 * Which records are the caller's, for a role with `only`, and what the service is told of that: a parameter that is
 * compared with such a field always has the role's own value, so that pages are full and counts are the role's own.
 * Who asks for another value gets what a table gives, nothing.
 */
import type { ClaimValue } from '../access.js';
import { WeirError } from '../errors.js';
import type { Own } from '../mask/document/document-mask.js';
import { isWellFormed } from '../mask/document/json-reader.js';
import type { RowFilter, ServiceRoute } from '../policy/model.js';
import { notOneValue } from '../policy/service-only.js';
import { claimOf } from '../sql/relation.js';

export class OwnRecords {
  readonly #only: readonly RowFilter[];
  readonly #values: readonly string[];
  #isNobodys = false;

  /** @throws WeirError claim-required */
  constructor(only: readonly RowFilter[], claims: Readonly<Record<string, ClaimValue>>) {
    this.#only = only;
    this.#values = only.map(({ value }) =>
      'literal' in value ? value.literal : wholeClaim(value.claim, claims),
    );
  }

  /** A parameter asks for records that are not the role's. */
  get isNobodys(): boolean {
    return this.#isNobodys;
  }

  /** What records must hold, as mask/document takes it. */
  get values(): Own {
    return this.#isNobodys ? this.#values.map(() => undefined) : this.#values;
  }

  /** @returns what the service is sent for a parameter that is compared with the field */
  sent(field: string, given: string): string {
    const own = this.of(field);
    if (own !== undefined && own !== given) this.#isNobodys = true;
    return own ?? given;
  }

  /** Undefined: the role's records may hold any. */
  of(field: string): string | undefined {
    return this.#values[this.#only.findIndex(({ column }) => column === field)];
  }

  /** Parameters that the caller has not given and the service is to go by. */
  added({ path, query }: ServiceRoute, names: ReadonlySet<string>): [name: string, value: string][] {
    return this.#only.flatMap(({ column }): [string, string][] => {
      const comparing = [...query.values()].filter(({ field }) => field === column);
      const said =
        path.some(({ field }) => field === column) || comparing.some(({ name }) => names.has(name));
      return said || comparing.length === 0 ? [] : [[comparing[0]!.name, this.of(column)!]];
    });
  }
}

/** One that a service could take for several values would have it answer with, and count, those of others. */
function wholeClaim(name: string, claims: Readonly<Record<string, ClaimValue>>): string {
  const claim = claimOf(name, claims);
  if (
    claim.trim() !== '' &&
    isWellFormed(claim) &&
    !notOneValue.test(claim) &&
    !/^\.+$|[/\p{Cc}]/u.test(claim)
  )
    return claim;
  throw new WeirError('claim-required', {
    detail: `the role filters records by the claim ${name}, and that of the token does not name one value`,
    hint: 'ask the identity provider to put one plain value into the claim',
  });
}
