/**
 * Masks a document by field path. What comes out holds nothing but the fields that the role sees, each as its
 * mask leaves it, written in one canonical way: no white space of the original, names in the order of the
 * catalogue, so that two documents which agree in what is shown give the same text, whatever else they hold.
 * Everything is read, what is removed as well: a document that is not wholly sound is refused, never mended.
 * Pure: no I/O; what is remembered between documents (the order of keys seen last) is bounded.
 */
import type { MaskName } from '../../policy/model.js';
import type { MaskKeys } from '../mask.js';

export interface DocumentShape {
  /** Where the records are: "$" (the document is the one record), "$.data" (one record), "$.data[*]", "$[*]". */
  readonly records: string;
  /** Path in the record. */
  readonly record: string;
  readonly subject: string | undefined;
  /**
   * Every path that the catalogue lists, in its order, also those that the role does not see: one of them
   * is never shown because a wildcard fits it.
   */
  readonly fields: readonly string[];
  /** Shown fields → mask; paths as in the catalogue, "$.…" for what stands outside the records. */
  readonly see: ReadonlyMap<string, MaskName>;
}

export interface MaskedDocument {
  /** One more than there are records: frame[0] + records[0] + frame[1] + … is the body. */
  readonly frame: readonly string[];
  /** Masked text of each record. */
  readonly records: readonly string[];
  readonly recordKeys: readonly string[];
  readonly subjectKeys: readonly (string | null)[];
}

export type DocumentForm = 'json' | 'json-lines' | 'csv';

/**
 * Compiles a shape, once for many documents.
 * @throws Error for a shape that no policy check lets pass
 */
export function documentMask(
  form: DocumentForm,
  shape: DocumentShape,
  keys: MaskKeys,
): (text: string) => MaskedDocument {
  throw new Error(`not yet: ${form} ${shape.records} ${String(keys.token === undefined)}`);
}
