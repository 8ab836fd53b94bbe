/**
 * Where each value of a configuration came from, so that a fault can say it: the YAML file with lines
 * and columns, overlaid by the environment. Knows nothing of what the values mean.
 */
import { isMap, isNode, isScalar, LineCounter, parseDocument, type Document } from 'yaml';
import type { ConfigFault } from './faults.js';
import { writeKey } from './keys.js';

export type KeyPath = readonly (string | number)[];

export class ConfigSource {
  /** The values, not yet checked; changed in place by what fills in environment, secrets and defaults. */
  values: Record<string, unknown> = {};
  readonly faults: ConfigFault[] = [];
  readonly #file: string | undefined;
  readonly #lines = new LineCounter();
  #document: Document | undefined;
  readonly #variables = new Map<string, string>();

  /** @param text content of the file, undefined where there is none */
  constructor(file: string | undefined, text: string | undefined) {
    this.#file = file;
    if (text !== undefined) this.#read(text);
  }

  #read(text: string): void {
    const document = parseDocument(text, { lineCounter: this.#lines, uniqueKeys: true, prettyErrors: false });
    for (const problem of [...document.errors, ...document.warnings]) {
      this.faults.push({
        where: this.#at(problem.pos[0], ''),
        message:
          problem.code === 'DUPLICATE_KEY' ? 'a key stands here twice' : `this is not YAML (${problem.code})`,
        hint:
          problem.code === 'DUPLICATE_KEY'
            ? 'keep one of the two'
            : 'check indentation, quotes and colons here',
      });
    }
    if (this.faults.length > 0 || document.contents === null) return;
    if (!isMap(document.contents)) {
      this.faults.push({
        where: this.#at(0, ''),
        message: 'the file does not hold keys with values',
        hint: 'begin with a section such as "http:", and its keys below it',
      });
      return;
    }
    this.#document = document;
    this.values = document.toJS() as Record<string, unknown>;
  }

  get(path: KeyPath): unknown {
    return path.reduce<unknown>(
      (node, part) =>
        node !== null && typeof node === 'object'
          ? (node as Record<string | number, unknown>)[part]
          : undefined,
      this.values,
    );
  }

  /** Sets a value; the sections on the way are made where they are missing. */
  set(path: KeyPath, value: unknown, variable?: string): void {
    let node = this.values as Record<string | number, unknown>;
    for (const part of path.slice(0, -1)) {
      // A section that is no section is left for the schema to refuse.
      if (node[part] === undefined || node[part] === null) node[part] = {};
      if (typeof node[part] !== 'object') return;
      node = node[part] as Record<string | number, unknown>;
    }
    node[path[path.length - 1]!] = value;
    if (variable !== undefined) this.#variables.set(writeKey(path), variable);
  }

  /** The place of a value, or of the nearest section that is there: `weir.yaml:3:5 http.port`, or a variable. */
  where(path: KeyPath): string {
    const key = writeKey(path);
    const variable = this.#variables.get(key);
    if (variable !== undefined) return variable;
    for (let depth = path.length; depth > 0; depth--) {
      const offset = this.#offset(path.slice(0, depth));
      if (offset !== undefined) return this.#at(offset, key);
    }
    return this.#file === undefined ? key : `${this.#file}:1:1 ${key}`;
  }

  #offset(path: KeyPath): number | undefined {
    const parent =
      path.length === 1 ? this.#document?.contents : this.#document?.getIn(path.slice(0, -1), true);
    const last = path[path.length - 1];
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isScalar(item.key) && item.key.value === last);
      return isNode(pair?.key) ? pair.key.range?.[0] : undefined;
    }
    const node = this.#document?.getIn(path, true);
    return isNode(node) ? node.range?.[0] : undefined;
  }

  #at(offset: number, key: string): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#file}:${Math.max(line, 1)}:${Math.max(col, 1)}${key === '' ? '' : ` ${key}`}`;
  }
}
