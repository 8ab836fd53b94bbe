/**
 * Paths to the fields of a document, as the catalogue writes them.
 *
 *     receiver.phone        a name in a name
 *     items[*].title        in each element of an array; grid[*][*] where arrays hold arrays
 *     labels.*              each value of a map; the names in it are shown as they are
 *     "price.net".amount    a name with a dot, bracket, quote, star, space, or one that begins with $: as a JSON string
 *     $.page.total          from the document instead of from the record; "$" alone is the document
 */
export type PathStep =
  | { readonly kind: 'name'; readonly name: string }
  /** [*] */
  | { readonly kind: 'elements' }
  /** .* */
  | { readonly kind: 'names' };

export interface FieldPath {
  /** It begins at the document ("$"), not at the record. */
  readonly fromDocument: boolean;
  readonly steps: readonly PathStep[];
}

const step =
  /(?<name>[^\s.[\]"*$][^\s.[\]"*]*)|(?<quoted>"(?:[^"\\\p{Cc}]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})+")|(?<names>\*)/uy;

/** @returns undefined where the text is no path */
export function parseFieldPath(text: string): FieldPath | undefined {
  const fromDocument = text.startsWith('$');
  const steps: PathStep[] = [];
  let at = fromDocument ? 1 : 0;
  // What follows $ must be a dot or a bracket; a path in a record begins with a name.
  let named = fromDocument;
  if (text === '') return undefined;
  while (at < text.length) {
    if (text.startsWith('[*]', at) && named) {
      steps.push({ kind: 'elements' });
      at += 3;
      continue;
    }
    if (named) {
      if (text.charAt(at) !== '.') return undefined;
      at += 1;
    }
    step.lastIndex = at;
    const found = step.exec(text)?.groups;
    if (found === undefined) return undefined;
    at = step.lastIndex;
    const name = found.name ?? (found.quoted === undefined ? undefined : nameOf(found.quoted));
    steps.push(name === undefined ? { kind: 'names' } : { kind: 'name', name });
    named = true;
  }
  return { fromDocument, steps };
}

/** The one way to write a path. */
export function formatFieldPath({ fromDocument, steps }: FieldPath): string {
  let text = fromDocument ? '$' : '';
  for (const one of steps) {
    if (one.kind === 'elements') text += '[*]';
    else text += (text === '' ? '' : '.') + (one.kind === 'names' ? '*' : formatName(one.name));
  }
  return text;
}

function formatName(name: string): string {
  return /^[^\s.[\]"*$\p{Cc}][^\s.[\]"*\p{Cc}]*$/u.test(name) ? name : JSON.stringify(name);
}

function nameOf(quoted: string): string {
  return JSON.parse(quoted) as string;
}
