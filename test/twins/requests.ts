/** Random requests over everything that a role may name or try to name, with values taken from the first twin. */
import pg from 'pg';
import type { Catalog, RolePolicy } from '../../src/policy/model.js';

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

export interface Vocabulary {
  readonly values: ReadonlyMap<string, readonly string[]>;
}

/** For each "table.column", texts that the first twin holds, hidden ones included; most from rows that the role may see. */
export async function vocabularyOf(
  url: string,
  catalog: Catalog,
  role: RolePolicy,
  claims: Readonly<Record<string, string>>,
): Promise<Vocabulary> {
  const client = new pg.Client(url);
  await client.connect();
  const values = new Map<string, string[]>();
  for (const table of catalog.tables.values()) {
    const only = role.tables.get(table.name)?.only ?? [];
    const inside = only.map(
      ({ column, value }) =>
        `"${column}" = ${pg.escapeLiteral('literal' in value ? value.literal : claims[value.claim]!)}`,
    );
    for (const column of table.columns.keys()) {
      const { rows } = await client.query<{ v: string }>(
        `SELECT "${column}"::text AS v FROM ${table.from.schema}.${table.from.table}
          WHERE "${column}" IS NOT NULL ORDER BY (${['TRUE', ...inside].join(' AND ')}) IS TRUE DESC, "${table.record}" LIMIT 40`,
      );
      values.set(
        `${table.name}.${column}`,
        rows.map(({ v }) => v),
      );
    }
  }
  await client.end();
  return { values };
}

export interface GeneratedRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** @param pins by table: a find_by column that is seen in clear, so that a pin is no look-up */
export function generate(
  random: Random,
  catalog: Catalog,
  vocabulary: Vocabulary,
  visible: ReadonlyMap<string, readonly string[]>,
  pins: ReadonlyMap<string, string | undefined>,
  lookups: ReadonlySet<string>,
): GeneratedRequest {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const chance = (p: number): boolean => random() < p;
  const table = chance(0.97) ? pick([...visible.keys()]) : pick(['nothing', ...catalog.tables.keys()]);
  const all = [...(catalog.tables.get(table)?.columns.keys() ?? ['x'])];
  const seen = visible.get(table) ?? all;
  const column = (): string => (chance(0.9) ? pick(seen) : pick([...all, 'remark', 'ctid', 'nothing']));
  const valueOf = (name: string): string => {
    const known = vocabulary.values.get(`${table}.${name}`) ?? ['x'];
    const value = known.length === 0 ? 'x' : pick(known);
    return chance(0.85) ? value : value.slice(0, 4);
  };
  const parts: string[] = [];
  const add = (name: string, value: string): number => parts.push(`${name}=${encodeURIComponent(value)}`);
  if (chance(0.6))
    add(
      'select',
      chance(0.15)
        ? '*'
        : [...new Set(Array.from({ length: 1 + Math.floor(random() * 4) }, column))].join(','),
    );
  const pin = pins.get(table);
  if (pin !== undefined && chance(0.9)) {
    if (chance(0.7)) add(pin, `eq.${valueOf(pin)}`);
    else
      add(
        pin,
        `in.(${[valueOf(pin), valueOf(pin), valueOf(pin)].map((v) => `"${v.replace(/["\\]/g, '\\$&')}"`).join(',')})`,
      );
  }
  for (let i = Math.floor(random() * 3); i > 0; i--) {
    const name = column();
    // A look-up compares the hidden value itself: the declared exception of the measure.
    if (lookups.has(`${table}.${name}`)) continue;
    const operator = pick(['eq', 'neq', 'gt', 'gte', 'lt', 'lte', 'is', 'in', 'like']);
    const negation = chance(0.15) ? 'not.' : '';
    if (operator === 'is') add(name, `${negation}is.${pick(['null', 'not_null', 'true'])}`);
    else if (operator === 'in') add(name, `${negation}in.("${valueOf(name).replace(/["\\]/g, '\\$&')}")`);
    else add(name, `${negation}${operator}.${valueOf(name)}`);
  }
  if (chance(0.5))
    add(
      'order',
      Array.from(
        { length: 1 + Math.floor(random() * 2) },
        () => `${column()}${pick(['', '.asc', '.desc', '.desc.nullslast'])}`,
      )
        .filter((v, i, l) => l.indexOf(v) === i)
        .join(','),
    );
  if (chance(0.6)) add('limit', String(Math.floor(random() * 30)));
  if (chance(0.2)) add('offset', String(Math.floor(random() * 30)));
  const headers: Record<string, string> = {};
  if (chance(0.2)) headers.prefer = 'count=exact';
  if (chance(0.2)) headers.accept = 'text/csv';
  return { path: `/rest/${table}?${parts.join('&')}`, headers };
}
