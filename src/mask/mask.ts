/**
 * What a mask is: one idea in two forms that agree on every input. The SQL form runs inside the
 * masked relation, so that nothing a query does afterwards ever sees the clear value; the TypeScript
 * form serves doors whose rows do not come from SQL, masks on output, and the tests that hold the two
 * together. NULL stays NULL. Two values that agree in what the mask keeps give identical text.
 */
import type { DataClass, MaskName } from '../policy/model.js';

/** Secrets of the gateway that masks may need. They never go into SQL. */
export interface MaskKeys {
  /** 32 bytes; undefined: not configured. */
  readonly token: Buffer | undefined;
}

export interface Mask {
  /** As the log writes it: "last4", "phone(3,4)". */
  readonly name: MaskName;
  /** As a role file writes it, where that differs from the name. */
  readonly written?: string;
  /** Classes of data that it makes sense for. */
  readonly classes: readonly DataClass[];
  /** What a reader sees of the documented example, for help texts: ["13812341234", "****1234"]. */
  readonly example: readonly [string, string | null];
  /**
   * Takes an SQL expression of type text, which may be repeated in the result, so it must be cheap and
   * immutable; gives one of type text, of built-in immutable functions only. Undefined: the mask is
   * computed on output alone, and a query can do nothing with the column but show it.
   */
  readonly sql: ((text: string) => string) | undefined;
  /**
   * Where a query does nothing with the column but show it, `sql/order-database.ts` applies this form to what
   * comes out (docs/decisions/0007).
   */
  readonly apply: (value: string | null, keys?: MaskKeys) => string | null;
}

export type MaskParameter = 'first' | 'last' | 'width';

/** Masks that differ in whole numbers only: in a role file {mask: phone, first: 3, last: 4}. */
export interface MaskFamily {
  readonly name: string;
  readonly classes: readonly DataClass[];
  /** The numbers in the order of the name; one that a role file leaves out is 0. */
  readonly parameters: readonly MaskParameter[];
  /** A sound one as a role file writes it, for hints. */
  readonly written: string;
  /** What is wrong with these numbers; undefined: nothing is. */
  readonly fault: (...numbers: number[]) => string | undefined;
  /** The numbers have no fault. */
  readonly make: (...numbers: number[]) => Mask;
}
