/**
 * Random requests over everything that a role may name or try to name, with values of the first twin. Most are
 * built around a row that the role may see, so that they are accepted and give rows; the others try one thing
 * that must be refused, and say so.
 */
import pg from 'pg';
import type { Catalog, RolePolicy, TablePolicy } from '../../src/policy/model.js';
import { Embedder, type EmbeddedPart } from './embedded-requests.js';

export type Random = () => number;

/** mulberry32: the same requests for the same seed. */
export function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export type Row = Readonly<Record<string, string | null>>;

export interface GroundTable {
  readonly policy: TablePolicy;
  /** Rows that the role may see. */
  readonly inside: readonly Row[];
  /** Rows that its filter hides, where it has one. */
  readonly outside: readonly Row[];
  readonly types: ReadonlyMap<string, string>;
}

/** What requests are made of: the role's tables with rows of the first twin, hidden values included. */
export interface Ground {
  readonly catalog: Catalog;
  readonly tables: readonly GroundTable[];
}

export async function groundOf(
  url: string,
  catalog: Catalog,
  role: RolePolicy,
  claims: Readonly<Record<string, string>>,
): Promise<Ground> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(`SET TimeZone TO 'UTC'`);
  const tables: GroundTable[] = [];
  for (const policy of role.tables.values()) {
    const { table } = policy;
    const { rows: columns } = await client.query<{ name: string; type: string }>(
      `SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0`,
      [`${table.from.schema}.${table.from.table}`],
    );
    const only = policy.only.map(
      ({ column, value }) =>
        `"${column}" = ${pg.escapeLiteral('literal' in value ? value.literal : claims[value.claim]!)}`,
    );
    const visible = `(${['TRUE', ...only].join(' AND ')})`;
    const rowsOf = async (condition: string): Promise<Row[]> => {
      const { rows } = await client.query<Row>({
        text: `SELECT * FROM ${table.from.schema}.${table.from.table} WHERE ${condition} ORDER BY "${table.record}" LIMIT 60`,
        types: { getTypeParser: () => (text: string) => text } as never,
      });
      return rows;
    };
    tables.push({
      policy,
      inside: await rowsOf(`${visible} IS TRUE`),
      outside: await rowsOf(`${visible} IS NOT TRUE`),
      types: new Map(columns.map(({ name, type }) => [name, type])),
    });
  }
  await client.end();
  return { catalog, tables: tables.filter(({ inside }) => inside.length > 0) };
}

export interface GeneratedRequest {
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** Why it must be refused; undefined: nothing is known against it. */
  readonly forbidden: string | undefined;
}

type Pair = [name: string, value: string];

export function generate(random: Random, { catalog, tables }: Ground): GeneratedRequest {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const chance = (p: number): boolean => random() < p;
  // A table that is only looked up by what is masked is met inside the rows of others.
  const read = tables.filter(
    ({ policy: { browse, findBy, see } }) => browse || findBy.some((column) => see.get(column) === 'clear'),
  );
  const { policy, inside, outside, types } = pick(read);
  const { table, see, findBy, browse } = policy;
  const classOf = (column: string): string => table.columns.get(column)!.class;
  const all = [...table.columns.keys()];
  const seen = [...see.keys()];
  const clear = seen.filter((column) => see.get(column) === 'clear');
  const masked = seen.filter((column) => see.get(column) !== 'clear');
  const hidden = [...all.filter((column) => !see.has(column) && !findBy.includes(column)), 'ctid', 'nothing'];
  const plain = clear.filter((column) => classOf(column) === 'none');
  const anchor = chance(0.93) || outside.length === 0 ? pick(inside) : pick(outside);
  const other = pick(inside);
  const isText = (column: string): boolean => /^(text|character)/.test(types.get(column) ?? '');
  const quote = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`;

  /** A condition that the anchor meets, as operator and value. @param tree inside or=(…), where values are quoted */
  const met = (column: string, tree: boolean): string => {
    const value = anchor[column];
    if (value == null) return pick(['is.null', 'not.is.not_null']);
    const written = tree ? quote(value) : value;
    const pattern = `${value.slice(0, 1 + Math.floor(random() * 3)).replace(/[\\%_]/g, '*')}*`;
    return pick([
      `eq.${written}`,
      `gte.${written}`,
      `lte.${written}`,
      `in.(${quote(value)},${quote(other[column] ?? value)})`,
      'is.not_null',
      `eq(any).{${quote(value)},${quote(other[column] ?? value)}}`,
      `gte(all).{${quote(value)}}`,
      `not.gt.${written}`,
      `not.isdistinct.${written}`,
      ...(isText(column) && classOf(column) === 'none'
        ? [
            `like(any).{${quote(pattern)},x*}`,
            `like.${tree ? quote(pattern) : pattern}`,
            `ilike.${tree ? quote(`*${pattern}`) : `*${pattern}`}`,
          ]
        : []),
    ]);
  };
  const anyOperator = (value: string): string =>
    pick([
      `eq.${value}`,
      `neq.${value}`,
      `gt.${value}`,
      `lte.${value}`,
      `in.(${quote(value)})`,
      'is.null',
      `isdistinct.${value}`,
      `not.eq.${value}`,
      `like.${value.slice(0, 3)}*`,
    ]);
  const castOf = (column: string): string => {
    const type = types.get(column) ?? '';
    if (see.get(column) !== 'clear' || !chance(0.15)) return '';
    return `::${pick(['text', ...(type === 'bigint' ? ['int8', 'numeric'] : []), ...(type.startsWith('timestamp') ? ['date'] : [])])}`;
  };

  const select = chance(0.6)
    ? [...new Set(Array.from({ length: 1 + Math.floor(random() * 4) }, () => pick(seen)))].map(
        (column) => `${chance(0.15) ? `x_${column}:` : ''}${column}${castOf(column)}`,
      )
    : chance(0.1)
      ? ['*', `again:${pick(seen)}`]
      : [];
  let pins: Pair[] = [];
  // A column that is seen masked is looked up by none of these: that is the declared exception.
  const pinnable = findBy.filter((column) => see.get(column) === 'clear' && anchor[column] != null);
  if (pinnable.length > 0 && (!browse || chance(0.3))) {
    const column = pick(pinnable);
    pins = [
      chance(0.6)
        ? [column, `eq.${anchor[column]!}`]
        : [column, `in.(${[anchor, other, pick(inside)].map((row) => quote(row[column] ?? '0')).join(',')})`],
    ];
  }
  const filters: Pair[] = [];
  if (clear.length > 0) {
    for (let i = Math.floor(random() * 3); i > 0; i--) {
      const column = pick(clear);
      filters.push([column, met(column, false)]);
    }
    if (chance(0.25)) {
      const member = (): string => {
        const column = pick(clear);
        return `${column}.${met(column, true)}`;
      };
      filters.push([
        pick(['or', 'or', 'and', 'not.or', 'not.and']),
        `(${[member(), pick([member, () => `and(${member()},${member()})`, () => `not.or(${member()})`])()].join(',')})`,
      ]);
    }
  }
  const order = chance(0.5)
    ? [...new Set(Array.from({ length: 1 + Math.floor(random() * 2) }, () => pick(seen)))].map(
        (column) => `${column}${pick(['', '.asc', '.desc', '.desc.nullslast', '.nullsfirst'])}`,
      )
    : [];
  const headers: Record<string, string> = {};
  if (chance(0.12)) headers['accept'] = 'text/csv';
  else if (chance(0.04)) headers['accept'] = 'application/vnd.pgrst.object+json';
  else if (chance(0.06)) headers['accept'] = 'application/vnd.pgrst.array+json;nulls=stripped';
  if (chance(0.1)) headers['range'] = `0-${Math.floor(random() * 20)}`;
  const personalFilter = [...filters].some(([name, value]) =>
    clear.some((column) => classOf(column) !== 'none' && `${name}=${value}`.includes(column)),
  );
  if (chance(0.25) && !personalFilter) headers['prefer'] = 'count=exact';

  const embedder = new Embedder(random, tables);
  const embed = (part: EmbeddedPart): void => {
    // By itself it would be the only column.
    if (select.length === 0) select.push('*');
    select.push(part.item);
    filters.push(...part.pairs.map(([name, value]): Pair => [name, value]));
    if (part.order !== undefined) order.unshift(part.order);
    embeds = true;
  };
  let embeds = false;
  if (headers['accept'] !== 'text/csv' && chance(0.35)) {
    const counted = headers['prefer'] !== undefined;
    const part = embedder.any(policy, anchor, pins.length > 0, counted);
    if (part !== undefined) embed(part);
  }

  let target = table.name;
  let forbidden: string | undefined;
  if (chance(0.18)) {
    const raw = (column: string): string => anchor[column] ?? 'x';
    const attempts: (() => string | undefined)[] = [
      () => {
        const column = pick(hidden);
        const where = pick(['select', 'order', 'filter', 'tree', 'cast']);
        if (where === 'select') select.push(column);
        else if (where === 'order') order.push(column);
        else if (where === 'filter') filters.push([column, anyOperator(raw(column))]);
        else if (where === 'tree')
          filters.push(['or', `(${column}.eq.${quote(raw(column))},${column}.is.null)`]);
        else select.push(`x:${column}::text`);
        return 'a hidden column';
      },
      () => {
        if (masked.length === 0) return undefined;
        const column = pick(masked);
        const lookup = findBy.includes(column);
        if (chance(0.5) && !select.some((item) => item.includes(column))) select.push(column);
        const operator = anyOperator(raw(column));
        if (chance(0.4))
          filters.push([
            pick(['or', 'not.and']),
            `(${column}.${pick(['eq', 'gt', 'lte'])}.${quote(raw(column))})`,
          ]);
        else if (lookup && /^(eq|in)\./.test(operator)) filters.push([column, `not.${operator}`]);
        else filters.push([column, operator]);
        return 'a filter on a masked column';
      },
      () => {
        if (browse) return undefined;
        const [pin] = pins;
        pins = [];
        for (let at = filters.length - 1; at >= 0; at--) {
          // What is left of the filters must not happen to pin.
          const name = filters[at]![0];
          if (findBy.includes(name) || name === 'and') filters.splice(at, 1);
        }
        if (pin !== undefined && chance(0.5))
          filters.push([
            'or',
            `(${pin[0]}.${pin[1].startsWith('eq.') ? `eq.${quote(pin[1].slice(3))}` : pin[1]})`,
          ]);
        return 'a read without a pin';
      },
      () => {
        const personal = clear.filter((column) => classOf(column) !== 'none');
        if (personal.length === 0) return undefined;
        const column = pick(personal);
        filters.push([column, `${pick(['like', 'ilike', 'not.like'])}.${raw(column).slice(0, 4)}*`]);
        return 'a pattern over personal data';
      },
      () => {
        const personal = clear.filter((column) => classOf(column) !== 'none' && !findBy.includes(column));
        if (personal.length === 0) return undefined;
        const column = pick(personal);
        filters.push([column, `${pick(['gt', 'lte', 'neq'])}.${raw(column)}`]);
        headers['prefer'] = 'count=exact';
        return 'a count steered by personal data';
      },
      () => {
        if (masked.length > 0 && chance(0.5)) select.push(`y:${pick(masked)}::text`);
        else if (plain.some(isText)) select.push(`y:${pick(plain.filter(isText))}::integer`);
        else return undefined;
        return 'a cast of what is masked, or one that may fail';
      },
      () => {
        const absent = [...catalog.tables.keys(), 'pg_shadow'].filter(
          (name) => !tables.some((g) => g.policy.table.name === name),
        );
        target = pick(absent);
        // Nothing else may be wrong with it.
        for (const part of [select, filters, order]) part.length = 0;
        pins = [];
        return 'a hidden table';
      },
      ...Array.from({ length: 3 }, () => () => {
        if (headers['accept'] === 'text/csv' || embeds) return undefined;
        // A filter that was drawn may happen to be a pin.
        const pinned =
          pins.length > 0 ||
          filters.some(([name, value]) => findBy.includes(name) && /^(eq|in)\./.test(value));
        const part = embedder.forbidden(policy, anchor, pinned);
        if (part !== undefined) embed(part);
        return part?.why;
      }),
    ];
    forbidden = pick(attempts)();
  }

  const pairs: Pair[] = [
    ...(select.length > 0 ? [['select', select.join(',')] as Pair] : []),
    ...pins,
    ...filters,
    ...(order.length > 0 ? [['order', order.join(',')] as Pair] : []),
    ...(chance(0.6) || embeds
      ? [['limit', String(Math.floor(random() * (embeds ? 8 : 30)) + (chance(0.9) ? 1 : 0))] as Pair]
      : []),
    ...(chance(0.1) ? [['offset', String(Math.floor(random() * 4))] as Pair] : []),
  ];
  const query = pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  const method = chance(0.12) ? 'POST' : chance(0.03) ? 'HEAD' : 'GET';
  const form = { 'x-http-method-override': 'GET', 'content-type': 'application/x-www-form-urlencoded' };
  return {
    path: method === 'POST' ? `/rest/${target}` : `/rest/${target}?${query}`,
    method,
    headers: method === 'POST' ? { ...headers, ...form } : headers,
    body: method === 'POST' ? query : undefined,
    forbidden,
  };
}
