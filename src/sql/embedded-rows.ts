/**
 * What embedding.ts has PostgreSQL write, read back: JSON of raw values and keys becomes JSON of masked values, and
 * the keys go aside, for the log. Counts the rows: those of every table count towards per_request. A read that holds
 * more is refused whole, since an embedded list that ends early would be taken for the whole.
 */
import type { EmbeddedKeys, ReleasedColumn } from '../access.js';
import { WeirError } from '../errors.js';
import type { MaskKeys } from '../mask/mask.js';
import { membersOf, nameOf, valuesTogether, type EmbeddedShape } from './embedding.js';
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

  constructor({ tables, stripped }: EmbeddedParts, maskKeys: MaskKeys) {
    this.#tables = tables.map((shape) => levelOf(shape, this.#gathered, { maskKeys, stripped }));
  }

  /** As many as the parts have, in their order. */
  get keys(): readonly EmbeddedKeys[] {
    return this.#gathered;
  }

  /**
   * @param texts one an embedded table, as PostgreSQL wrote them
   * @returns what they add to the row, masked: JSON each, but of a table that is spread the values of its columns
   */
  read(texts: readonly (string | null)[]): readonly (string | null)[] {
    return this.#tables.flatMap((level, at) => {
      const text = texts[at] ?? null;
      return added(level, text === null ? null : (JSON.parse(text) as Raw));
    });
  }
}

interface Writing {
  readonly maskKeys: MaskKeys;
  /** Members that are null are left out. */
  readonly stripped: boolean;
}

/** An embedded table with where its keys go, and how its members are written in JSON. */
interface Level extends Writing {
  readonly shape: EmbeddedShape;
  readonly gathered: Gathered;
  readonly members: readonly { readonly key: string; readonly json: ReleasedColumn['json'] }[];
  readonly inside: readonly Level[];
}

/** Their order is that of flatten. */
function levelOf(shape: EmbeddedShape, all: Gathered[], writing: Writing): Level {
  const gathered: Gathered = { table: shape.table, recordKeys: [], subjectKeys: [] };
  all.push(gathered);
  return {
    ...writing,
    shape,
    gathered,
    members: membersOf(shape).map((column) => ({
      key: `${JSON.stringify(nameOf(column))}:`,
      json: column.json,
    })),
    inside: shape.embedded.map((each) => levelOf(each, all, writing)),
  };
}

/** What the table adds to the row around. */
function added(level: Level, raw: Raw | null): readonly (string | null)[] {
  const { shape, members } = level;
  if (shape.spread) return raw === null ? members.map(() => null) : valuesOf(level, raw);
  if (!shape.many) return [raw === null ? null : writeRow(level, raw)];
  const rows = (raw ?? []) as readonly Raw[];
  if (rows.length > shape.most) {
    throw new WeirError('per-request-exceeded', {
      detail: `one row embeds more than ${shape.most} rows of ${shape.table}`,
      hint: `ask for fewer of them with ${shape.table}.limit, or read ${shape.table} by itself`,
    });
  }
  return [`[${rows.map((row) => writeRow(level, row)).join(', ')}]`];
}

/** Groups of values, record key, subject key, then what is embedded in the row. */
function valuesOf({ shape, maskKeys, gathered, inside }: Level, row: Raw): readonly (string | null)[] {
  const { columns, outputMasks } = shape;
  const groups = Math.ceil(columns.length / valuesTogether);
  const values = row.slice(0, groups).flat() as (string | null)[];
  gathered.recordKeys.push(row[groups] as string);
  gathered.subjectKeys.push(row[groups + 1] as string | null);
  for (const { at, apply } of outputMasks) values[at] = apply(values[at] ?? null, maskKeys);
  inside.forEach((level, i) => values.push(...added(level, row[groups + 2 + i] as Raw | null)));
  return values;
}

function writeRow(level: Level, row: Raw): string {
  const values = valuesOf(level, row);
  const written = level.members.flatMap(({ key, json }, i) => {
    const value = values[i] ?? null;
    const absent = value === null || (json === 'verbatim' && value === 'null');
    return level.stripped && absent ? [] : [key + writeValue(json, value)];
  });
  return `{${written.join(',')}}`;
}

/** As doors/rest/json.ts writes the columns of the answer itself; a test holds the two together. */
function writeValue(json: ReleasedColumn['json'], value: string | null): string {
  if (value === null) return 'null';
  if (json === 'verbatim') return value;
  if (json === 'boolean') return value.startsWith('t') ? 'true' : 'false';
  return json === 'number' && /^-?[0-9]/.test(value) ? value : JSON.stringify(value);
}
