/**
 * PostgREST's `select`: columns, and tables inside the rows (`items:order_items!inner(title,quantity)`), a few deep;
 * and which table a parameter is about (`order_items.sku=eq.…`). Pure: what it says about a name says nothing about
 * the order database.
 */
import type { Embedding, Filter, FilterGroup, Ordering, Selected } from '../../access.js';
import type { WeirError } from '../../errors.js';
import { isName, isOwnName, queryInvalid, type Pair } from '../http/query-text.js';
import { nameOfPlace, placeNamed } from './query-place.js';
import { isTreeName } from './query-tree.js';

const maxSelected = 200;
const maxEmbedded = 10;
const maxDepth = 3;

/** What one table of a plan is asked for, while its parameters are read. */
export interface Draft {
  readonly table: string;
  readonly select: readonly Selected[] | undefined;
  readonly filters: Filter[];
  groups?: FilterGroup[];
  order: readonly Ordering[];
  limit: number | undefined;
  offset: number;
  readonly embedded?: readonly EmbeddedDraft[];
}

type EmbeddedDraft = Draft & Pick<Embedding, 'as' | 'hint' | 'spread'> & { inner: boolean };

type Asked = Pick<Draft, 'select' | 'embedded'>;

/** @throws WeirError query-invalid, column-unknown */
export function selectOf(pairs: readonly Pair[]): (table: string) => Asked {
  const [given, again] = pairs.filter(({ name }) => name === 'select');
  if (again !== undefined) throw givenTwice('select');
  return (table) =>
    given === undefined ? { select: undefined } : new SelectReader(given.value).readWhole(table);
}

export function draftOf(table: string, asked: (table: string) => Asked): Draft {
  const { select, embedded } = asked(table);
  const draft = { table, select, filters: [], order: [], limit: undefined, offset: 0 };
  return embedded === undefined ? draft : { ...draft, embedded };
}

export function givenTwice(name: string): WeirError {
  return queryInvalid(`parameter ${name} is given twice`, 'give it once');
}

/**
 * `sku`, `order_items.sku`, `customers.orders.limit`, `order_items.not.or`.
 * @returns the table that is meant, and what stands behind its path
 * @throws WeirError query-invalid
 */
export function targetOf(plan: Draft, name: string): { rows: Draft; key: string } {
  if (!name.includes('.') || isTreeName(name)) return { rows: plan, key: name };
  const path = name.split('.');
  const key = path.splice(path.at(-2) === 'not' ? -2 : -1).join('.');
  return { rows: path.reduce<Draft>(embeddedIn, plan), key };
}

function embeddedIn(rows: Draft, name: string): Draft {
  const at = embeddedAt(rows, name);
  if (at !== undefined) return rows.embedded![at]!;
  throw notEmbedded();
}

/** By its new name, or by its own. @returns its place @throws WeirError query-invalid where there are several */
export function embeddedAt({ embedded }: Draft, name: string): number | undefined {
  if (embedded === undefined) return undefined;
  const all = [...embedded.keys()];
  const renamed = all.filter((at) => embedded[at]!.as === name);
  const found = renamed.length > 0 ? renamed : all.filter((at) => embedded[at]!.table === name);
  if (found.length > 1)
    throw queryInvalid(
      'a parameter names a table that select embeds more than once',
      'rename them, and name the new one',
    );
  return found[0];
}

export function notEmbedded(): WeirError {
  return queryInvalid(
    'a parameter names a table that select does not embed',
    'write select=…,order_items(title)&order_items.quantity=gt.1; order_items() embeds it without showing it',
    'PGRST108',
  );
}

class SelectReader {
  readonly #text: string;
  #at = 0;
  #columns = 0;
  #tables = 0;

  constructor(text: string) {
    this.#text = text;
  }

  readWhole(table: string): Asked {
    const asked = this.#readList(table, 0);
    if (this.#at < this.#text.length) throw queryInvalid('parameter select: a ) too many', embeddedShape);
    return asked;
  }

  #readList(table: string, depth: number): Asked {
    const columns: Selected[] = [];
    const embedded: EmbeddedDraft[] = [];
    const names = new Set<string>();
    do {
      const item = this.#readWord();
      if (this.#text[this.#at] === '(') {
        const inside = this.#readEmbedded(item, depth + 1);
        embedded.push(inside);
        // Those of a table that is spread are the names of its columns, and of one that is not shown it has none.
        if (inside.spread === undefined && !isSilent(inside))
          takeName(names, 'table', inside.as ?? inside.table, inside.as);
      } else if (item === '*') {
        takeName(names, 'column', item, undefined);
        columns.push({ column: item });
      } else {
        if (++this.#columns > maxSelected)
          throw queryInvalid(`parameter select names more than ${maxSelected} columns`);
        const column = readColumn(table, item);
        columns.push(column);
        takeName(names, 'column', column.as ?? column.column, column.as);
      }
    } while (this.#text[this.#at++] === ',');
    this.#at--;
    const all = columns.length === 1 && columns[0]!.column === '*';
    return { select: all ? undefined : columns, ...(embedded.length === 0 ? {} : { embedded }) };
  }

  /** Up to the next comma or parenthesis. */
  #readWord(): string {
    const word = /[^,()]*/y;
    word.lastIndex = this.#at;
    const [text] = word.exec(this.#text)!;
    this.#at += text.length;
    return text;
  }

  /** @param head what stands before the parenthesis */
  #readEmbedded(head: string, depth: number): EmbeddedDraft {
    const spread = head.startsWith('...');
    const [, as, table = '', marks = ''] =
      /^(?:([^:!]*):)?([^:!]*)((?:![^!]*)*)$/.exec(spread ? head.slice(3) : head) ?? [];
    const empty = this.#text[this.#at + 1] === ')';
    if (empty && /^(?:count|[^.]+\.(?:sum|avg|min|max|count))$/.test(table))
      throw queryInvalid(
        'parameter select: aggregates are not available here',
        'read the rows, or count them with Prefer: count=exact',
        'PGRST123',
      );
    if (!isName(table) || isOwnName(table)) {
      throw queryInvalid(
        'parameter select: functions are not available here, and tables are embedded by name and columns',
        embeddedShape,
      );
    }
    if (spread && as !== undefined)
      throw queryInvalid(
        'parameter select: a table that is spread has no name of its own',
        'rename its columns: ...customers(buyer:name)',
      );
    refuseAlias(as);
    if (depth > maxDepth)
      throw queryInvalid(
        `parameter select: more than ${maxDepth} tables stand in one another`,
        'ask in several requests',
      );
    if (++this.#tables > maxEmbedded)
      throw queryInvalid(
        `parameter select embeds more than ${maxEmbedded} tables`,
        'ask in several requests',
      );
    const joins = marks.split('!').slice(1);
    const hints = joins.filter((word) => word !== 'inner' && word !== 'left');
    if (joins.length - hints.length > 1 || hints.length > 1 || !hints.every(isName)) {
      throw queryInvalid(
        `parameter select: what follows ${table}! is not known`,
        'write table!column(…), table!inner(…) or table!column!inner(…)',
      );
    }
    this.#at++;
    const asked: Asked = empty ? { select: [] } : this.#readList(table, depth);
    if (this.#text[this.#at] !== ')')
      throw queryInvalid('parameter select: a list is not closed', embeddedShape);
    this.#at++;
    if (this.#at < this.#text.length && !',)'.includes(this.#text[this.#at]!))
      throw queryInvalid('parameter select: something follows a list', embeddedShape);
    return {
      ...draftOf(table, () => asked),
      inner: joins.includes('inner'),
      ...(spread ? { spread } : {}),
      ...(as === undefined ? {} : { as }),
      ...(hints[0] === undefined ? {} : { hint: hints[0] }),
    };
  }
}

function readColumn(table: string, item: string): Selected {
  if (item === '') throw queryInvalid('parameter select has an empty place', 'write select=a,b or select=*');
  const [, as, named = item, cast] = /^(?:([^:]+):)?([^:]+)(?:::([^:]+))?$/.exec(item) ?? [];
  const place = placeNamed(table, named);
  const { column } = place;
  refuseAlias(as);
  if (cast !== undefined && !/^[A-Za-z][A-Za-z0-9_ ]{0,62}$/.test(cast))
    throw queryInvalid(`parameter select: the type that ${column} is cast to is none`, selectShape);
  const called = as ?? (place.path === undefined ? undefined : nameOfPlace(place));
  return {
    ...place,
    ...(called === undefined ? {} : { as: called }),
    ...(cast === undefined ? {} : { cast }),
  };
}

function takeName(names: Set<string>, kind: string, name: string, as: string | undefined): void {
  if (names.has(name)) {
    throw as === undefined
      ? queryInvalid(
          `parameter select names the ${kind} ${name} twice`,
          'name it once, or rename one of them',
        )
      : queryInvalid('parameter select gives one name to two columns', 'give each a name of its own');
  }
  names.add(name);
}

const selectShape = 'write select=status,total:amount,created_at::date';
const embeddedShape = 'write select=order_no,order_items(title,quantity)';

/** A key of the answer, in any script: it goes into no SQL and on no log. */
function refuseAlias(as: string | undefined): void {
  if (as === undefined || (/^[\p{L}_][\p{L}\p{N}_-]{0,62}$/u.test(as) && !isOwnName(as))) return;
  throw queryInvalid('parameter select: a new name is letters, digits, _ and -, at most 63', selectShape);
}

/** Nothing of it is shown: it is there for filters and orders. */
export function isSilent({ select, embedded = [] }: Draft): boolean {
  return select?.length === 0 && embedded.every(isSilent);
}
