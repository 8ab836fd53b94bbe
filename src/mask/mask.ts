/**
 * What a mask is: one idea in two forms that agree on every input. The SQL form runs inside the
 * masked relation, so that nothing a query does afterwards ever sees the clear value; the TypeScript
 * form serves doors whose rows do not come from SQL, and the tests that hold the two together.
 * NULL stays NULL. Two values that agree in what the mask keeps give identical text.
 */
import type { DataClass, MaskName } from '../policy/model.js';

export interface Mask {
  readonly name: MaskName;
  /** Classes of data that it makes sense for. */
  readonly classes: readonly DataClass[];
  /** What a reader sees of the documented example, for help texts: ["13812341234", "****1234"]. */
  readonly example: readonly [string, string];
  /**
   * @param text SQL expression of type text; may be repeated in the result, so it must be cheap and immutable
   * @returns SQL expression of type text, built-in immutable functions only
   */
  sql(text: string): string;
  apply(value: string | null): string | null;
  /**
   * Its SQL form is dear. Where a query does nothing with the column but show it, `sql/order-database.ts`
   * applies the TypeScript form to what comes out (docs/decisions/0007).
   */
  readonly onOutput?: true;
}
