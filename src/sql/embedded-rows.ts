/**
 * What embedding.ts has PostgreSQL write, read back: JSON of raw values and keys becomes JSON of masked values, and
 * the keys go aside, for the log. Counts the rows: those of every table count towards per_request. A read that holds
 * more is refused whole, since an embedded list that ends early would be taken for the whole.
 */
import type { EmbeddedKeys, ReleasedColumn } from '../access.js';
import { WeirError } from '../errors.js';
import type { MaskKeys } from '../mask/mask.js';
import { nameOf, valuesTogether, type EmbeddedShape } from './embedding.js';
import type { EmbeddedParts } from './statement.js';

type Raw = readonly unknown[];

interface Gathered {
  readonly table: string;
  readonly recordKeys: string[];
  readonly subjectKeys: (string | null)[];
}

/** How many rows one read has brought so far, over its chunks. */
export class RowCount {
  #rows = 0;
  readonly #most: number;

  constructor({ mostRows }: EmbeddedParts) {
    this.#most = mostRows;
  }

  /** @throws WeirError per-request-exceeded */
  add(rows: number): void {
    this.#rows += rows;
    if (this.#rows <= this.#most) return;
    throw new WeirError('per-request-exceeded', {
      detail: `the answer holds more than the ${this.#most} rows, embedded ones among them, that one request of the role may read`,
      hint: 'ask for fewer rows with limit, or for fewer embedded ones with <table>.limit',
    });
  }
}

/** Of one chunk. */
export class EmbeddedReader {
  readonly #tables: readonly Level[];
  readonly #gathered: Gathered[] = [];

  constructor({ tables }: EmbeddedParts, maskKeys: MaskKeys) {
    this.#tables = tables.map((shape) => levelOf(shape, this.#gathered, maskKeys));
  }

  /** As many as the parts have, in their order. */
  get keys(): readonly EmbeddedKeys[] {
    return this.#gathered;
  }

  /** @param at which of the embedded tables @param text as PostgreSQL wrote it @returns JSON, masked */
  read(at: number, text: string | null): string {
    return read(this.#tables[at]!, text === null ? null : (JSON.parse(text) as Raw));
  }
}

/** An embedded table with where its keys go, and the names of its members as JSON. */
interface Level {
  readonly shape: EmbeddedShape;
  readonly maskKeys: MaskKeys;
  readonly gathered: Gathered;
  readonly members: readonly string[];
  readonly inside: readonly Level[];
}

/** Their order is that of flatten. */
function levelOf(shape: EmbeddedShape, all: Gathered[], maskKeys: MaskKeys): Level {
  const { table, columns, embedded } = shape;
  const gathered: Gathered = { table, recordKeys: [], subjectKeys: [] };
  all.push(gathered);
  const members = [...columns.map(nameOf), ...embedded.map(({ name }) => name)];
  return {
    shape,
    maskKeys,
    gathered,
    members: members.map((name) => `${JSON.stringify(name)}:`),
    inside: embedded.map((each) => levelOf(each, all, maskKeys)),
  };
}

function read(level: Level, raw: Raw | null): string {
  const { shape } = level;
  if (!shape.many) return raw === null ? 'null' : readRow(level, raw);
  const rows = (raw ?? []) as readonly Raw[];
  if (rows.length > shape.most) {
    throw new WeirError('per-request-exceeded', {
      detail: `one row embeds more than ${shape.most} rows of ${shape.table}`,
      hint: `ask for fewer of them with ${shape.table}.limit, or read ${shape.table} by itself`,
    });
  }
  return `[${rows.map((row) => readRow(level, row)).join(', ')}]`;
}

/** Groups of values, record key, subject key, then what is embedded in the row. */
function readRow({ shape, maskKeys, gathered, members, inside }: Level, row: Raw): string {
  const { columns, outputMasks } = shape;
  const groups = Math.ceil(columns.length / valuesTogether);
  const values = row.slice(0, groups).flat() as (string | null)[];
  gathered.recordKeys.push(row[groups] as string);
  gathered.subjectKeys.push(row[groups + 1] as string | null);
  for (const { at, apply } of outputMasks) values[at] = apply(values[at] ?? null, maskKeys);
  const written = [
    ...columns.map(({ json }, i) => writeValue(json, values[i] ?? null)),
    ...inside.map((level, i) => read(level, row[groups + 2 + i] as Raw | null)),
  ];
  return `{${written.map((value, i) => members[i]! + value).join(',')}}`;
}

/** As doors/rest/json.ts writes the columns of the answer itself; a test holds the two together. */
function writeValue(json: ReleasedColumn['json'], value: string | null): string {
  if (value === null) return 'null';
  if (json === 'verbatim') return value;
  if (json === 'boolean') return value.startsWith('t') ? 'true' : 'false';
  return json === 'number' && /^-?[0-9]/.test(value) ? value : JSON.stringify(value);
}
