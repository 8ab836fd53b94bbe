/**
 * Tables inside the rows, for the generated requests: those that the role can embed, with columns, filters, order
 * and limits; and attempts at those that it must not.
 */
import type { TablePolicy } from '../../src/policy/model.js';
import type { GroundTable, Random, Row } from './requests.js';

/** The shop's foreign keys: table, column, what it refers to. */
const references = [
  ['orders', 'customer_id', 'customers', 'customer_id'],
  ['order_items', 'order_id', 'orders', 'order_id'],
  ['shipments', 'order_id', 'orders', 'order_id'],
] as const;

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly table: string;
}

function edgesOf(table: string): Edge[] {
  return references.flatMap(([one, column, other, key]): Edge[] => [
    ...(one === table ? [{ from: column, to: key, table: other }] : []),
    ...(other === table ? [{ from: key, to: column, table: one }] : []),
  ]);
}

export interface EmbeddedPart {
  /** What stands in select. */
  readonly item: string;
  /** Parameters about the rows inside. */
  readonly pairs: readonly (readonly [string, string])[];
}

export class Embedder {
  readonly #random: Random;
  readonly #tables: readonly GroundTable[];

  constructor(random: Random, tables: readonly GroundTable[]) {
    this.#random = random;
    this.#tables = tables;
  }

  /** @param pinned the rows around are pinned @param plain nothing personal may decide which rows there are */
  any(
    policy: TablePolicy,
    anchor: Row,
    pinned: boolean,
    plain: boolean,
    depth = 1,
  ): EmbeddedPart | undefined {
    const edges = edgesOf(policy.table.name).flatMap((edge) => {
      const target = this.#joined(policy, edge);
      if (target === undefined) return [];
      const { browse, findBy } = target.policy;
      // Deeper the way may lead up and down again, so what hangs on a pin is tried from the table itself alone.
      return browse || findBy.includes(edge.to) || (pinned && depth === 1) ? [{ edge, target }] : [];
    });
    if (edges.length === 0) return undefined;
    const { edge, target } = this.#pick(edges);
    return this.#part(edge, target, anchor, plain, depth);
  }

  /** What no role may have, of this table: refused, with the name of why. */
  forbidden(policy: TablePolicy, anchor: Row, pinned: boolean): (EmbeddedPart & { why: string }) | undefined {
    const edges = edgesOf(policy.table.name);
    const attempts: (() => (EmbeddedPart & { why: string }) | undefined)[] = [
      () => {
        const apart = edges.filter((edge) => this.#joined(policy, edge) === undefined);
        const { table, from } = this.#pick([...apart, { table: 'pg_shadow', from: 'usename' }]);
        const known = this.#tables.find((each) => each.policy.table.name === table);
        const column = known === undefined ? 'passwd' : this.#pick([...known.policy.see.keys()]);
        const hint = this.#chance(0.3) ? `!${from}` : '';
        return { item: `${table}${hint}(${column})`, pairs: [], why: 'a relation by what is hidden' };
      },
      () => {
        const unreached = edges.flatMap((edge) => {
          const target = this.#joined(policy, edge);
          const open = target === undefined || pinned || target.policy.browse;
          return open || target.policy.findBy.includes(edge.to) ? [] : [{ edge, target }];
        });
        if (unreached.length === 0) return undefined;
        const { edge, target } = this.#pick(unreached);
        return {
          ...this.#part(edge, target, anchor, false, 3),
          why: 'an embedded table that is not reached',
        };
      },
      () => this.#inside(policy, edges, 'a hidden column of an embedded table'),
      () => this.#inside(policy, edges, 'a filter on a masked column of an embedded table'),
    ];
    return this.#pick(attempts)();
  }

  #inside(
    policy: TablePolicy,
    edges: readonly Edge[],
    why: string,
  ): (EmbeddedPart & { why: string }) | undefined {
    const targets = edges.flatMap((edge) => this.#joined(policy, edge) ?? []);
    if (targets.length === 0) return undefined;
    const { policy: target, inside } = this.#pick(targets);
    const { see, table } = target;
    const { name } = table;
    const some = this.#pick([...see.keys()]);
    const hidden = why.startsWith('a hidden');
    const columns = hidden
      ? [...table.columns.keys(), 'ctid'].filter((column) => !see.has(column))
      : [...see.keys()].filter((column) => see.get(column) !== 'clear');
    if (columns.length === 0) return undefined;
    const column = this.#pick(columns);
    const value = this.#pick(inside)[column] ?? 'x';
    const quoted = `"${value.replace(/["\\]/g, '\\$&')}"`;
    const item = `${name}!inner(${some})`;
    return this.#pick<() => EmbeddedPart & { why: string }>([
      () => ({ item, pairs: [[`${name}.${column}`, `${this.#pick(['eq', 'gt', 'lte'])}.${value}`]], why }),
      () => ({ item, pairs: [[`${name}.or`, `(${column}.eq.${quoted})`]], why }),
      ...(hidden
        ? [
            () => ({ item: `${name}(${column})`, pairs: [], why }),
            () => ({ item, pairs: [[`${name}.order`, column]] as const, why }),
          ]
        : [() => ({ item: `${name}(${column}::text)`, pairs: [], why })]),
    ])();
  }

  #joined(policy: TablePolicy, { from, to, table }: Edge): GroundTable | undefined {
    const target = this.#tables.find((each) => each.policy.table.name === table);
    const both = policy.see.get(from) === 'clear' && target?.policy.see.get(to) === 'clear';
    return both ? target : undefined;
  }

  #part(edge: Edge, target: GroundTable, around: Row, plain: boolean, depth: number): EmbeddedPart {
    const { policy, inside } = target;
    const seen = [...policy.see.keys()];
    const clear = seen.filter((column) => policy.see.get(column) === 'clear');
    const none = clear.filter((column) => policy.table.columns.get(column)!.class === 'none');
    const row = inside.find((each) => each[edge.to] === around[edge.from]) ?? this.#pick(inside);
    const name = this.#chance(0.2) ? `x_${policy.table.name}` : policy.table.name;
    const pairs: [string, string][] = [];
    const filtered = plain ? none : clear;
    if (filtered.length > 0 && this.#chance(0.4)) {
      const column = this.#pick(filtered);
      const value = row[column];
      pairs.push([
        `${name}.${column}`,
        value == null ? 'is.null' : `${this.#pick(['eq', 'gte', 'lte', 'neq', 'not.gt'])}.${value}`,
      ]);
    }
    if (this.#chance(0.4))
      pairs.push([`${name}.order`, `${this.#pick(seen)}${this.#pick(['', '.desc', '.asc.nullsfirst'])}`]);
    if (this.#chance(0.3)) pairs.push([`${name}.limit`, String(Math.floor(this.#random() * 4))]);
    if (this.#chance(0.1)) pairs.push([`${name}.offset`, '1']);
    const deeper =
      depth < 3 && this.#chance(0.3) ? this.any(policy, row, false, plain, depth + 1) : undefined;
    for (const [parameter, value] of deeper?.pairs ?? []) pairs.push([`${name}.${parameter}`, value]);
    const columns = this.#chance(0.4)
      ? ['*']
      : [...new Set(Array.from({ length: 1 + Math.floor(this.#random() * 3) }, () => this.#pick(seen)))];
    const inner = this.#chance(0.3) ? '!inner' : '';
    const renamed = name === policy.table.name ? '' : `${name}:`;
    const list = [...columns, ...(deeper === undefined ? [] : [deeper.item])].join(',');
    return { item: `${renamed}${policy.table.name}${inner}(${list})`, pairs };
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]!;
  }

  #chance(p: number): boolean {
    return this.#random() < p;
  }
}
