/**
 * One policy file as text → plain values, and the way back from a value to its line and column.
 * Accepts the plain part of YAML 1.2 that a person writes by hand: mappings, lists, scalars. Refuses
 * what can make a file say something else than what a reviewer reads: duplicate keys, anchors and
 * aliases, tags, several documents, directives for another YAML version, tabs as indentation, characters that
 * cannot be seen.
 */
import {
  LineCounter,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  type Node,
  type ErrorCode,
  type YAMLError,
} from 'yaml';
import type { PolicyFault, Position } from './faults.js';
import { quote } from '../spelling.js';

export type Path = readonly (string | number)[];
/** A mapping's entry has two places: the key, and what stands behind it. */
export type Part = 'key' | 'value';
export type Complain = (path: Path, part: Part, message: string, hint: string) => void;

export const maxFileBytes = 1_000_000;
const deepestNesting = 16;
const tooDeep = ['the file is nested too deeply', 'a policy file needs no more than six levels'] as const;

export interface PolicySource {
  readonly file: string;
  /** Mappings are objects without prototype. Undefined where the file is empty or could not be parsed. */
  readonly value: unknown;
  /** Nothing is said about what stands here or below: it was refused already. */
  readonly opaque: ReadonlySet<string>;
  readonly faults: readonly PolicyFault[];
  /** The place itself, or the nearest one around it that exists. */
  at(path: Path, part: Part): Position;
  fault(path: Path, part: Part, message: string, hint: string): PolicyFault;
}

export function parseSource(file: string, text: string): PolicySource {
  const lines = new LineCounter();
  const reading = new Reading(file, (offset) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  });
  reading.faults.push(...tabFaults(file, text), ...unseenFaults(file, text));
  if (reading.faults.length > 0) return reading; // whatever a parser says next follows from these
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: false, // walk() finds them and says where the first one stands
      version: '1.2',
      logLevel: 'error', // 'silent' would also keep quiet about a second document
    });
    if (document.directives?.yaml.explicit === true && document.directives.yaml.version !== '1.2') {
      const message = 'a %YAML directive asks for another version';
      reading.refuse(0, message, 'remove the line: policy files are YAML 1.2');
    }
    // Only the first: the parser loses its footing there, and what it says afterwards is about itself.
    const error = document.errors.sort((a, b) => a.pos[0] - b.pos[0])[0];
    if (error !== undefined) reading.refuse(error.pos[0], ...syntaxFault(error));
    if (error === undefined && document.contents !== null) {
      reading.value = reading.walk(document.contents, []);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // the stack ran out
    reading.refuse(0, ...tooDeep);
  }
  return reading;
}

/** A file that could not even be read as text. */
export function unreadableSource(file: string, message: string, hint: string, line = 1): PolicySource {
  const reading = new Reading(file, () => ({ line: 1, column: 1 }));
  reading.faults.push({ file, line, column: 1, message, hint });
  return reading;
}

/** The form of a path that ajv uses (RFC 6901). */
export function pointerOf(path: Path): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

export function pathOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

class Reading implements PolicySource {
  value: unknown = undefined;
  readonly faults: PolicyFault[] = [];
  readonly opaque = new Set<string>();
  readonly #places = new Map<string, { key: number | undefined; value: number }>();

  constructor(
    readonly file: string,
    readonly position: (offset: number) => Position,
  ) {}

  at(path: Path, part: Part): Position {
    const place = this.#places.get(pointerOf(path));
    if (place !== undefined) return this.position((part === 'key' ? place.key : undefined) ?? place.value);
    return path.length === 0 ? { line: 1, column: 1 } : this.at(path.slice(0, -1), 'key');
  }

  fault(path: Path, part: Part, message: string, hint: string): PolicyFault {
    return { file: this.file, ...this.at(path, part), message, hint };
  }

  refuse(offset: number, message: string, hint: string): void {
    this.faults.push({ file: this.file, ...this.position(offset), message, hint });
  }

  walk(node: Node | null, path: Path, key?: number): unknown {
    const pointer = pointerOf(path);
    const start = node?.range?.[0] ?? key ?? 0;
    // Nothing behind the colon: the key is what a reader can see.
    const empty =
      node === null || (isScalar(node) && node.value === null && node.range?.[0] === node.range?.[1]);
    this.#places.set(pointer, { key, value: empty ? (key ?? start) : start });
    if (node === null) return null;
    if (isAlias(node)) {
      this.opaque.add(pointer);
      this.refuse(
        start,
        'aliases are not allowed here',
        'write the value out, so that a reviewer sees it in place',
      );
      return undefined;
    }
    if (node.anchor !== undefined) {
      this.refuse(
        start,
        'anchors are not allowed here',
        `remove &${node.anchor.slice(0, 40)} and write each value out`,
      );
    }
    if (node.tag !== undefined) {
      this.opaque.add(pointer);
      this.refuse(
        start,
        'tags are not allowed here',
        'remove the tag; put text in quotes if it must stay text',
      );
      return undefined;
    }
    if (path.length > deepestNesting) {
      this.opaque.add(pointer);
      this.refuse(start, ...tooDeep);
      return undefined;
    }
    if (isMap(node)) return this.#mapping(node.items as { key: unknown; value: unknown }[], path);
    if (isSeq(node)) return node.items.map((item, index) => this.walk(item as Node | null, [...path, index]));
    return isScalar(node) ? node.value : undefined;
  }

  #mapping(items: readonly { key: unknown; value: unknown }[], path: Path): Record<string, unknown> {
    const mapping = Object.create(null) as Record<string, unknown>;
    const firstAt = new Map<string, number>();
    for (const { key, value } of items) {
      const node = key as Node | null;
      const offset = node?.range?.[0] ?? 0;
      if (node === null || !isScalar(node) || typeof node.value !== 'string' || node.tag !== undefined) {
        const source = node !== null && isScalar(node) ? node.source : undefined;
        const hint = source ? `write ${quote(source)} in quotes` : 'write a plain name before the colon';
        this.refuse(offset, 'a key must be text', hint);
        continue;
      }
      if (node.anchor !== undefined) {
        this.refuse(offset, 'anchors are not allowed here', 'remove the anchor and write each value out');
      }
      const name = node.value;
      const first = firstAt.get(name);
      if (first !== undefined) {
        const message = `${quote(name)} stands twice, first in line ${this.position(first).line}`;
        this.refuse(offset, message, 'keep one of the two');
        continue;
      }
      firstAt.set(name, offset);
      mapping[name] = this.walk(value as Node | null, [...path, name], offset);
    }
    return mapping;
  }
}

function tabFaults(file: string, text: string): PolicyFault[] {
  return text.split('\n').flatMap((line, index) => {
    const column = /^ *\t/.exec(line)?.[0].length;
    if (column === undefined || line.trim() === '') return [];
    return [
      {
        file,
        line: index + 1,
        column,
        message: 'a tab indents this line',
        hint: 'write spaces, two a level',
      },
    ];
  });
}

/**
 * Control characters, and those that turn, join or hide text: a line would read otherwise than it counts (CVE-2021-42574).
 * A lone carriage return and its relatives break the line in some editors, and not for YAML.
 */
const unseen =
  /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|\r(?!$)/u;

function unseenFaults(file: string, text: string): PolicyFault[] {
  return text.split('\n').flatMap((line, index) => {
    const found = unseen.exec(line);
    if (found === null) return [];
    const name = found[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
    return [
      {
        file,
        line: index + 1,
        column: found.index + 1,
        message: `a character that cannot be seen stands here (U+${name})`,
        hint: 'delete it: what a reviewer reads is what counts',
      },
    ];
  });
}

/** JSON whose characters can all be seen. */
export function withoutUnseen(json: string): string {
  return json.replace(new RegExp(unseen, 'gu'), (found) =>
    [...found.split('')].map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
  );
}

const syntaxFaults: Partial<Record<ErrorCode, readonly [message: string, hint: string]>> = {
  MULTIPLE_DOCS: ['a second document begins here', 'remove the ---; one file holds one document'],
  BLOCK_AS_IMPLICIT_KEY: [
    'a second colon stands in this line',
    'put the text in quotes, or the inner mapping on lines of its own',
  ],
  RESOURCE_EXHAUSTION: tooDeep,
  BAD_INDENT: ['the indentation does not fit', 'align this line with its neighbours; two spaces a level'],
};

function syntaxFault(error: YAMLError): readonly [message: string, hint: string] {
  const bracket = /\bend with an? ([\]}])/.exec(error.message)?.[1];
  if (bracket !== undefined) return ['a bracket is still open here', `close it with ${bracket}`];
  const message = `this is not YAML (${error.message.replace(/\s+/g, ' ').slice(0, 120)})`;
  return syntaxFaults[error.code] ?? [message, 'look for a missing colon, space, quote or bracket'];
}
