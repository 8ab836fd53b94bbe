/**
 * The body of a request that the gateway fills: what the caller may give (the value that finds the record, and what
 * the route passes on), and what the service gets. The caller never gets the clear values: an answer that repeats
 * one is refused, however the service has spelled it. Pure.
 */
import type { ReadPlan, ReleasedColumn } from '../access.js';
import { WeirError } from '../errors.js';
import { bodyFields } from '../mask/document/body-fields.js';
import { DocumentUnfit } from '../mask/document/document-unfit.js';
import type { RouteFill } from '../policy/model.js';

export interface GivenBody {
  /** Finds the record. */
  readonly key: string;
  /** What goes to the service as it is: texts, numbers, true, false, null. */
  readonly passed: Readonly<Record<string, unknown>>;
}

export interface FilledBody {
  readonly text: string;
  /** Must not come back to the caller. */
  readonly secrets: readonly string[];
}

const longestValue = 1_000;

/** @throws WeirError request-malformed, field-unknown, value-invalid */
export function readGivenBody(text: string | undefined, { by, pass }: RouteFill): GivenBody {
  const given = text === undefined ? {} : parse(text, [by, ...pass]);
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'string' || value.length <= longestValue) continue;
    throw new WeirError('value-invalid', { detail: `the value of ${name} is too long` });
  }
  const { [by]: key, ...passed } = given;
  if ((typeof key === 'string' && key !== '') || Number.isSafeInteger(key))
    return { key: String(key), passed };
  throw new WeirError('value-invalid', {
    detail: `the body must name the record by ${by}`,
    hint: `send {"${by}": "…"}`,
  });
}

/** The one record, and of it what the service gets and the caller has not given. */
export function planToFill({ table, by, body }: RouteFill, { key }: GivenBody): ReadPlan {
  const columns = [...body.values()].flatMap((each) => ('column' in each ? [each.column] : []));
  return {
    table,
    select: [...new Set(columns)].filter((column) => column !== by).map((column) => ({ column })),
    filters: [{ column: by, operator: 'eq', values: [key], negated: false }],
    order: [],
    // One more than there may be, so that a column that is no longer unique is noticed.
    limit: 2,
    offset: 0,
    count: false,
    overflow: 'cut',
    encoding: 'json',
  };
}

/**
 * @param row of the plan to fill; `columns` in its order
 * @param isSecret whether the caller must not get what stands in the column
 */
export function fillBody(
  { by, body }: RouteFill,
  { key, passed }: GivenBody,
  columns: readonly ReleasedColumn[],
  row: readonly (string | null)[],
  isSecret: (column: string) => boolean,
): FilledBody {
  const written = new Map<string, string>([[by, JSON.stringify(key)]]);
  const secrets: string[] = [];
  const texts = Object.values(passed).map(String);
  columns.forEach(({ name, json }, at) => {
    const value = row[at] ?? null;
    written.set(name, value === null ? 'null' : writers[json](value));
    // Were an answer refused that echoes what the caller has written, the refusal would say that it was a good guess.
    if (value !== null && isSecret(name) && !texts.some((text) => repeats(text, [value])))
      secrets.push(value);
  });
  const whole: Tree = new Map(Object.entries(passed).map(([name, value]) => [name, JSON.stringify(value)]));
  for (const [member, filled] of body) {
    const json = 'value' in filled ? JSON.stringify(filled.value) : written.get(filled.column)!;
    put(whole, member.split('.'), json);
  }
  return { text: write(whole), secrets };
}

/** Does a text hold one of the values, also with other separators, widths or capitals? */
export function repeats(text: string, secrets: readonly string[]): boolean {
  const plain = fold(text);
  const close = plain.replace(/\s+/g, '');
  const digits = plain.replace(/[^0-9]/g, '');
  return secrets.some((secret) => {
    const wanted = fold(secret).replace(/\s+/g, '');
    const number = wanted.replace(/[^0-9]/g, '');
    // A number of a phone or card, by its end: the country's code may come before it or not.
    if (number.length >= 7 && 2 * number.length > wanted.length && digits.includes(number.slice(-10)))
      return true;
    // A short word is part of many others.
    if (/^[a-z0-9]{0,5}$/.test(wanted))
      return wanted !== '' && plain.split(/[^\p{L}\p{N}]+/u).includes(wanted);
    return close.includes(wanted);
  });
}

/** Everything in a JSON text that could carry a value: texts, numbers, and the names of members. */
export function textsIn(json: string): string[] {
  const texts: string[] = [];
  const visit = (value: unknown): void => {
    if (typeof value === 'string' || typeof value === 'number') texts.push(String(value));
    else if (Array.isArray(value)) value.forEach(visit);
    else if (typeof value === 'object' && value !== null) {
      for (const [name, inner] of Object.entries(value)) {
        texts.push(name);
        visit(inner);
      }
    }
  };
  visit(JSON.parse(json));
  return texts;
}

function parse(text: string, listed: readonly string[]): Record<string, unknown> {
  try {
    const { unlisted } = bodyFields(text, listed);
    const body = JSON.parse(text) as Record<string, unknown>;
    if (unlisted && Object.keys(body).length > 0) {
      throw new WeirError('field-unknown', {
        detail: 'the body names a field that the route does not take',
        hint: `it takes ${listed.join(', ')}`,
      });
    }
    return body;
  } catch (thrown) {
    if (!(thrown instanceof DocumentUnfit)) throw thrown;
    throw new WeirError('request-malformed', { detail: 'the body is no sound JSON object', cause: thrown });
  }
}

/** As doors/rest/json.ts writes them. */
const writers: Readonly<Record<ReleasedColumn['json'], (value: string) => string>> = {
  string: JSON.stringify,
  number: (value) => (/^-?[0-9]/.test(value) ? value : JSON.stringify(value)),
  boolean: (value) => (value.startsWith('t') ? 'true' : 'false'),
  verbatim: (value) => value,
};

/** Values as JSON text, so that a number keeps its digits. */
type Tree = Map<string, string | Tree>;

function put(tree: Tree, [name, ...rest]: readonly string[], json: string): void {
  if (rest.length === 0) {
    tree.set(name!, json);
    return;
  }
  const inner = tree.get(name!);
  const branch: Tree = inner instanceof Map ? inner : new Map();
  tree.set(name!, branch);
  put(branch, rest, json);
}

function write(value: string | Tree): string {
  if (typeof value === 'string') return value;
  const members = [...value].map(([name, inner]) => `${JSON.stringify(name)}:${write(inner)}`);
  return `{${members.join(',')}}`;
}

function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}
