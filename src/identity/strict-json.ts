/**
 * JSON that means one thing only: valid UTF-8 without byte order mark, no member named twice, nested to
 * a bounded depth. JSON.parse alone keeps the last of two equal members where another reader may keep
 * the first (RFC 8725 §2.4: readers that disagree about what was signed).
 */

export class JsonFault extends Error {
  /** @param message ends a sentence that begins with the thing's name: "is not JSON" */
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'JsonFault';
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const structure = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\]]/g;

/** @throws JsonFault */
export function parseStrictJson(bytes: Uint8Array, maxDepth: number): unknown {
  let text: string;
  let value: unknown;
  try {
    text = decoder.decode(bytes);
  } catch (error) {
    throw new JsonFault('is not UTF-8', error);
  }
  try {
    value = JSON.parse(text);
  } catch {
    // V8 quotes the text in its message, so the cause is not kept.
    throw new JsonFault('is not JSON');
  }
  checkStructure(text, maxDepth);
  return value;
}

/** @throws JsonFault unless the value is an object */
export function parseStrictObject(bytes: Uint8Array, maxDepth: number): Record<string, unknown> {
  const value = parseStrictJson(bytes, maxDepth);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new JsonFault('is not a JSON object');
  return value as Record<string, unknown>;
}

/** The text is valid JSON here, so that a string followed by a colon is a member's name. */
function checkStructure(text: string, maxDepth: number): void {
  const open: Set<string>[] = [];
  for (const match of text.matchAll(structure)) {
    const token = match[0];
    if (token === '{' || token === '[') {
      if (open.push(new Set()) > maxDepth) throw new JsonFault('is nested too deeply');
    } else if (token === '}' || token === ']') {
      open.pop();
    } else if (match[1] !== undefined) {
      // Compared as read: "\u0069ss" and "iss" are the same name.
      const name = JSON.parse(token.slice(0, token.length - match[1].length)) as string;
      const names = open.at(-1);
      if (names?.has(name) === true) throw new JsonFault('names a member twice');
      names?.add(name);
    }
  }
}
