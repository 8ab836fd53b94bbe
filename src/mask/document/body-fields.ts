/**
 * What a JSON body of a write names, read as strictly as answers are: duplicate keys, lone surrogates, NUL
 * characters and trailing text are refused, so that the service cannot read something else than was checked.
 */
import { JsonMasker } from './json-masker.js';
import { pathTree, type Place } from './path-tree.js';

export interface BodyFields {
  /** Listed paths that the body gives a value to (null is one), as they are listed: "items[*].title", "labels.*". */
  readonly named: readonly string[];
  /** It also gives a value to something that is not listed: another name, a whole object or array, an empty one within. */
  readonly unlisted: boolean;
}

/**
 * @param listed the paths that the route lists, and no others
 * @throws DocumentUnfit for a body that is no sound JSON object
 */
export function bodyFields(text: string, listed: readonly string[]): BodyFields {
  const root = pathTree(
    { root: '$', fields: listed, see: new Map(listed.map((field) => [field, 'clear'])) },
    {
      token: undefined,
    },
  );
  new JsonMasker({ record: root, document: undefined, many: false, openObjects: 0 }).check(text);
  const named = new Set<string>();
  // What is checked is parsed without surprise: only digits of numbers are lost, and no value is looked at.
  const body = JSON.parse(text) as object;
  const unlisted = Object.keys(body).length > 0 && !isListed(body, root, named);
  return { named: listed.filter((field) => named.has(field)), unlisted };
}

/** Every value within is at a place that is listed. */
function isListed(value: unknown, place: Place | undefined, named: Set<string>): boolean {
  if (place === undefined) return false;
  if (value === null || typeof value !== 'object') {
    if (place.mask !== undefined) named.add(place.path);
    return place.mask !== undefined;
  }
  const within = Array.isArray(value)
    ? value.map((one: unknown) => isListed(one, place.elements, named))
    : Object.entries(value).map(([name, one]) =>
        isListed(one, place.names.get(name) ?? place.anyName, named),
      );
  // Every one is looked at, so that `named` is whole.
  return within.length > 0 && within.every((listed) => listed);
}
