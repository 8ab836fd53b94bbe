/**
 * Holds one answer of a service against what the catalogue says of it, for `weir service check`: fields that it does
 * not name (they are removed from answers, and nobody notices), values of another kind than their class, and whatever
 * the gateway would refuse. Pure. Says names, never values; a name that could be a value is written as *.
 */
import { documentMask } from '../mask/document/document-mask.js';
import { DocumentUnfit, unfitReasons } from '../mask/document/document-unfit.js';
import { formatFieldPath, parseFieldPath, type PathStep } from '../mask/document/field-path.js';
import { likenessOf } from '../policy/looks-personal.js';
import type { CatalogField, DataClass, ServiceRoute } from '../policy/model.js';
import { documentShape } from '../policy/service-shape.js';

export interface AnswerFinding {
  readonly kind: 'unfit' | 'unnamed' | 'mismatch' | 'unfiltered';
  /** As the catalogue would write it. */
  readonly field: string;
  readonly message: string;
}

export interface CheckedAnswer {
  /** Undefined: it is not what the route declares. */
  readonly records: number | undefined;
  /** Fields of the catalogue that were there. */
  readonly seen: ReadonlySet<string>;
  readonly findings: readonly AnswerFinding[];
}

/** Classes whose masks are made for text. */
const texts: ReadonlySet<DataClass> = new Set([
  'name',
  'phone',
  'address',
  'email',
  'id-number',
  'free-text',
]);
const maxFindings = 200;
const maxValues = 500;

/** @param given values of parameters, with which the route was called */
export function checkAnswer(
  text: string,
  route: ServiceRoute,
  fields: ReadonlyMap<string, CatalogField>,
  given: Readonly<Record<string, string>> = {},
): CheckedAnswer {
  const looked = new Looking(fields);
  let records: number | undefined;
  const findings: AnswerFinding[] = [];
  try {
    records = countOf(text, route, fields);
    looked.look(text, route);
    findings.push(...unfiltered(text, route, fields, given));
  } catch (thrown) {
    if (!(thrown instanceof DocumentUnfit)) throw thrown;
    findings.push({ kind: 'unfit', field: thrown.path, message: unfitReasons[thrown.reason] });
    // What can be read all the same says more about what is wrong.
    if (thrown.reason !== 'syntax' && thrown.reason !== 'trailing-text')
      tolerantly(() => looked.look(text, route));
  }
  return { records, seen: looked.seen, findings: [...findings, ...looked.findings()] };
}

/** As the gateway would read it. @throws DocumentUnfit */
function countOf(text: string, route: ServiceRoute, fields: ReadonlyMap<string, CatalogField>): number {
  const see = new Map([...fields.keys()].map((path) => [path, 'clear']));
  const shape = documentShape(route, fields.keys(), see);
  return documentMask(route.answer, shape, { token: undefined })(text).records.length;
}

/**
 * Parameters that the catalogue says are compared with a field, and which the service does not go by: a role that sees
 * records of one value only would be told how many there are of others. Personal fields may be compared in other ways
 * than as they are written.
 */
function unfiltered(
  text: string,
  route: ServiceRoute,
  fields: ReadonlyMap<string, CatalogField>,
  given: Readonly<Record<string, string>>,
): AnswerFinding[] {
  return [...route.path, ...route.query.values()].flatMap(({ name, field }): AnswerFinding[] => {
    const value = given[name];
    if (field === undefined || value === undefined || fields.get(field)?.class !== 'none') return [];
    const shape = documentShape(route, fields.keys(), new Map(), [field]);
    const { left } = documentMask(route.answer, shape, { token: undefined })(text, [value]);
    if (left === undefined || left.others === 0) return [];
    const message = `the parameter ${name} is said to be compared with it, and the answer holds records with other values`;
    return [{ kind: 'unfiltered', field, message }];
  });
}

function tolerantly(work: () => void): void {
  try {
    work();
  } catch {
    // Why it cannot be read was said already.
  }
}

/** A place of the catalogue's fields. */
interface Node {
  readonly names: Map<string, Node>;
  anyName: Node | undefined;
  elements: Node | undefined;
  field: CatalogField | undefined;
}

class Looking {
  readonly seen = new Set<string>();
  readonly #unnamed = new Map<string, string[]>();
  readonly #mismatched = new Map<string, string>();
  readonly #document = node();
  readonly #record = node();
  /** Fields that a column can hold, by its header. */
  readonly #headers = new Map<string, CatalogField>();

  constructor(fields: ReadonlyMap<string, CatalogField>) {
    for (const field of fields.values()) {
      const { fromDocument, steps } = parseFieldPath(field.path) ?? { fromDocument: false, steps: [] };
      let place = fromDocument ? this.#document : this.#record;
      for (const step of steps) place = stepInto(place, step);
      place.field = field;
      const names = steps.flatMap((step) => (step.kind === 'name' ? [step.name] : []));
      if (!fromDocument && names.length === steps.length) this.#headers.set(names.join('.'), field);
    }
  }

  look(text: string, { answer, records }: ServiceRoute): void {
    if (answer === 'csv') return this.#header(text);
    if (answer === 'json-lines') {
      for (const line of text.split('\n'))
        if (line.trim() !== '') this.#visit(JSON.parse(line), this.#record, [], false);
      return;
    }
    const { steps } = parseFieldPath(records) ?? { steps: [] };
    const document: unknown = JSON.parse(text);
    if (steps.length === 0) this.#visit(document, this.#record, [], false);
    else this.#visit(document, this.#document, [], true, steps);
  }

  findings(): AnswerFinding[] {
    const unnamed = [...this.#unnamed].map(([field, values]): AnswerFinding => {
      const like = likenessOf(values);
      const looks = like === undefined ? '' : `; its values look like ${like.class}`;
      return { kind: 'unnamed', field, message: `the catalogue does not name it${looks}` };
    });
    const mismatched = [...this.#mismatched].map(([field, message]): AnswerFinding => ({
      kind: 'mismatch',
      field,
      message,
    }));
    return [...mismatched, ...unnamed].slice(0, maxFindings);
  }

  #visit(
    value: unknown,
    place: Node | undefined,
    steps: readonly PathStep[],
    fromDocument: boolean,
    records?: readonly PathStep[],
  ): void {
    // The records begin here.
    if (records?.length === 0) return this.#visit(value, this.#record, [], false);
    if (typeof value !== 'object' || value === null) return this.#value(value, place, steps, fromDocument);
    if (place?.field !== undefined) {
      const what = Array.isArray(value) ? 'an array' : 'an object';
      this.seen.add(place.field.path);
      this.#mismatched.set(place.field.path, `holds ${what}, and the catalogue names it as one value`);
      return;
    }
    const [next, ...rest] = records ?? [];
    if (Array.isArray(value)) {
      const step: PathStep = { kind: 'elements' };
      const inside = next?.kind === 'elements' ? rest : undefined;
      for (const one of value) this.#visit(one, place?.elements, [...steps, step], fromDocument, inside);
      return;
    }
    for (const [name, one] of Object.entries(value)) {
      const known = place?.names.get(name);
      const step = known !== undefined || place?.anyName === undefined ? named(name, known) : names;
      const inside = next?.kind === 'name' && next.name === name ? rest : undefined;
      this.#visit(one, known ?? place?.anyName, [...steps, step], fromDocument, inside);
    }
  }

  #value(value: unknown, place: Node | undefined, steps: readonly PathStep[], fromDocument: boolean): void {
    if (place?.field === undefined) {
      const path = steps.length === 0 ? '$' : formatFieldPath({ fromDocument, steps });
      const values = this.#unnamed.get(path) ?? [];
      if (values.length < maxValues && (typeof value === 'string' || typeof value === 'number'))
        values.push(String(value));
      this.#unnamed.set(path, values);
      return;
    }
    const { path, class: dataClass } = place.field;
    this.seen.add(path);
    if (value === null || typeof value === 'string' || !texts.has(dataClass)) return;
    this.#mismatched.set(path, `holds a ${typeof value}, and ${dataClass} is text`);
  }

  /** The first line; a header says which fields there are, and that is all that is looked at. */
  #header(text: string): void {
    const [line = ''] = text.split(/\r?\n/, 1);
    for (const [, quoted, plain = ''] of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)) {
      const name = quoted?.replaceAll('""', '"') ?? plain;
      const field = this.#headers.get(name);
      const steps = name.split('.').map((step): PathStep => named(step, undefined));
      if (field !== undefined) this.seen.add(field.path);
      else this.#unnamed.set(formatFieldPath({ fromDocument: false, steps }), []);
    }
  }
}

const names: PathStep = { kind: 'names' };

/** A name of the catalogue's, or one as programmers give them; anything else may be somebody's. */
function named(name: string, known: Node | undefined): PathStep {
  const plain = /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/.test(name) && name.replace(/[^0-9]/g, '').length < 4;
  return known !== undefined || plain ? { kind: 'name', name } : names;
}

function node(): Node {
  return { names: new Map(), anyName: undefined, elements: undefined, field: undefined };
}

function stepInto(place: Node, step: PathStep): Node {
  if (step.kind === 'elements') return (place.elements ??= node());
  if (step.kind === 'names') return (place.anyName ??= node());
  const inner = place.names.get(step.name) ?? node();
  place.names.set(step.name, inner);
  return inner;
}
