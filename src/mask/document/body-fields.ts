/**
 * What a JSON body of a write names, read as strictly as answers are: duplicate keys, lone surrogates, NUL
 * characters and trailing text are refused, so that the service cannot read something else than was checked.
 */

export interface BodyFields {
  /** Listed paths that the body gives a value to (null is one), as they are listed: "items[*].title", "labels.*". */
  readonly named: readonly string[];
  /** It also gives a value to something that is not listed: another name, a whole object or array, an empty one. */
  readonly unlisted: boolean;
}

/**
 * @param listed the paths that the route lists, and no others
 * @throws DocumentUnfit for a body that is no sound JSON object
 */
export function bodyFields(text: string, listed: readonly string[]): BodyFields {
  throw new Error(`not yet: ${text.length} ${listed.length}`);
}
