/**
 * Masks a document by field path. What comes out holds nothing but the fields that the role sees, each as its
 * mask leaves it, written in one canonical way: no white space of the original, names in the order of the
 * catalogue, so that two documents which agree in what is shown give the same text, whatever else they hold.
 * Everything is read, what is removed as well: a document that is not wholly sound is refused, never mended.
 * Pure: no I/O; what is remembered between documents (the order of keys seen last) is bounded.
 */
import type { MaskName } from '../../policy/model.js';
import type { MaskKeys } from '../mask.js';
import { csvMask } from './csv-masker.js';
import { parseFieldPath, type FieldPath } from './field-path.js';
import { JsonMasker } from './json-masker.js';
import { filterTree, pathTree } from './path-tree.js';
import { ShapeFault } from './shape-fault.js';

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
  /** Fields of row filters, paths in the record; none: every record is the role's. */
  readonly only?: readonly string[] | undefined;
}

/** What a record's fields of `only` must hold, in that order, to be the role's; undefined: nothing does. */
export type Own = readonly (string | undefined)[];

export interface MaskedDocument {
  /** One more than there are records: frame[0] + records[0] + frame[1] + … is the body. */
  readonly frame: readonly string[];
  /** Masked text of each record. */
  readonly records: readonly string[];
  readonly recordKeys: readonly string[];
  readonly subjectKeys: readonly (string | null)[];
  /** Records that are not the role's, and so not among these: all of them, and those that hold somebody else's value. */
  readonly left?: { readonly all: number; readonly others: number };
}

export type MaskDocument = (text: string, own?: Own) => MaskedDocument;
export type DocumentForm = 'json' | 'json-lines' | 'csv';

/**
 * Compiles a shape, once for many documents.
 * @returns masks a text, and throws DocumentUnfit for one that is not what the shape says. Under row filters it leaves out
 * what is not `own`: all records, where it is not told what that is
 * @throws ShapeFault for a shape that contradicts itself
 */
export function documentMask(form: DocumentForm, shape: DocumentShape, keys: MaskKeys): MaskDocument {
  const records = recordsPath(shape.records);
  const names = records.steps.filter(({ kind }) => kind === 'name');
  // One service's routes share its fields: where nothing stands around the records, those that would are left out.
  const inDocument = shape.fields.filter((field) => field.startsWith('$') && names.length > 0);
  const inRecord = shape.fields.filter((field) => !field.startsWith('$'));
  if (form !== 'json' && shape.records !== '$')
    throw new ShapeFault(shape.records, `is not where ${form} has its records, line by line`);
  const { see, record, subject, only = [] } = shape;
  if (form === 'csv') return csvMask({ record, subject, fields: inRecord, see, only }, keys);
  const masker = new JsonMasker({
    record: pathTree({ root: shape.records, record, subject, fields: inRecord, see }, keys),
    document:
      shape.records === '$'
        ? undefined
        : pathTree({ root: '$', fields: inDocument, see, records: names }, keys),
    filters: only.length === 0 ? undefined : filterTree(shape.records, only),
    many: records.steps.at(-1)?.kind === 'elements',
    openObjects: names.length,
  });
  return form === 'json' ? (text, own) => masker.mask(text, own) : (text, own) => masker.maskLines(text, own);
}

/** "$", names below it, and at the end [*]. */
function recordsPath(text: string): FieldPath {
  const path = parseFieldPath(text);
  const names = path?.steps.filter(({ kind }, index) => kind === 'name' || index < path.steps.length - 1);
  if (path?.fromDocument !== true || names?.some(({ kind }) => kind !== 'name') === true)
    throw new ShapeFault(text, 'is no path to the records');
  return path;
}
