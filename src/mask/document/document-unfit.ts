/**
 * Why a document cannot be masked: it is not what its route declares. The path is one that the catalogue
 * lists (or the part of one that has been reached), "$" where nothing listed has been; neither it nor the
 * reason ever holds a value of the document, or a name that the catalogue does not list.
 */
export const unfitReasons = {
  'byte-order-mark': 'it begins with a byte order mark',
  'nul-character': 'it holds a NUL character',
  'lone-surrogate': 'it holds half a surrogate pair',
  syntax: 'it cannot be parsed',
  'trailing-text': 'something follows its end',
  'too-deep': 'it is nested too deeply',
  'duplicate-key': 'a key stands twice in one object',
  'not-an-object': 'there is something other than an object',
  'not-an-array': 'there is something other than an array',
  'not-a-value': 'there is an object or an array where a plain value belongs',
  'boolean-masked': 'there is a boolean, which the mask of the role cannot mask',
  'records-missing': 'its records are not where they belong',
  'record-key-missing': 'a record has no key',
  'key-unfit': 'the key of a record or a person is neither text nor a plain whole number',
  'duplicate-column': 'a column stands twice in its header',
  'row-length': 'a row is not as long as the header',
} as const;

export type UnfitReason = keyof typeof unfitReasons;

export class DocumentUnfit extends Error {
  readonly reason: UnfitReason;
  /** In the notation of the catalogue: "items[*].title". */
  readonly path: string;

  constructor(reason: UnfitReason, path: string) {
    super(`${path}: ${unfitReasons[reason]}`);
    this.name = 'DocumentUnfit';
    this.reason = reason;
    this.path = path;
  }
}
