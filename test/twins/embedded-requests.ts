/**
 * Tables inside the rows, for the generated requests: those that the role can embed, with columns, filters, order
 * and limits; and attempts at those that it must not.
 */
import type { TablePolicy } from '../../src/policy/model.js';
import type { GroundTable, Random, Row } from './requests.js';

/** The foreign keys: table, column, what it refers to; where a key has two columns, the one that tells more. */
const references = [
  ['orders', 'customer_id', 'customers', 'customer_id'],
  ['order_items', 'order_id', 'orders', 'order_id'],
  ['shipments', 'order_id', 'orders', 'order_id'],
  ['order_tags', 'order_id', 'orders', 'order_id'],
  ['order_tags', 'tag_id', 'tags', 'tag_id'],
  ['order_tags', 'depot_code', 'depots', 'code'],
] as const;

/** Many to many: table and its key, junction, the other table and its key. */
const pairings = [
  ['orders', 'order_id', 'order_tags', 'tags', 'tag_id'],
  ['tags', 'tag_id', 'order_tags', 'orders', 'order_id'],
] as const;

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly table: string;
  /** A row has one at the most. */
  readonly one: boolean;
  readonly through?: string;
}

function edgesOf(table: string): Edge[] {
  return [
    ...references.flatMap(([child, column, parent, key]): Edge[] => [
      ...(child === table ? [{ from: column, to: key, table: parent, one: true }] : []),
      ...(parent === table ? [{ from: key, to: column, table: child, one: false }] : []),
    ]),
    ...pairings.flatMap(([own, from, through, other, to]): Edge[] =>
      own === table ? [{ from, to, table: other, one: false, through }] : [],
    ),
  ];
}

export interface EmbeddedPart {
  /** What stands in select. */
  readonly item: string;
  /** Parameters about the rows inside, and about whether there are any. */
  readonly pairs: readonly (readonly [string, string])[];
  /** A term for the order of the rows around. */
  readonly order?: string;
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
      () => this.#unseen(policy, edges),
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
    const one = edges.some((edge) => edge.table === name && edge.one);
    return this.#pick<() => EmbeddedPart & { why: string }>([
      () => ({ item, pairs: [[`${name}.${column}`, `${this.#pick(['eq', 'gt', 'lte'])}.${value}`]], why }),
      () => ({ item, pairs: [[`${name}.or`, `(${column}.eq.${quoted})`]], why }),
      () => ({
        item: `${name}()`,
        pairs: [
          [`${name}.${column}`, `${this.#pick(['eq', 'gt', 'lte'])}.${value}`],
          [name, this.#pick(['is.null', 'not.is.null'])],
        ],
        why,
      }),
      ...(hidden
        ? [
            () => ({ item: `${name}(${column})`, pairs: [], why }),
            () => ({ item, pairs: [[`${name}.order`, column]] as const, why }),
            () => ({ item: `${name}(${some})`, pairs: [], order: `${name}(${column})`, why }),
            ...(one ? [() => ({ item: `...${name}(${column})`, pairs: [], why })] : []),
          ]
        : [() => ({ item: `${name}(${column}::text)`, pairs: [], why })]),
    ])();
  }

  /** Personal columns in clear decide, or order, and nothing of their rows is shown. */
  #unseen(policy: TablePolicy, edges: readonly Edge[]): (EmbeddedPart & { why: string }) | undefined {
    const options = edges.flatMap((edge) => {
      const target = this.#joined(policy, edge);
      if (target === undefined) return [];
      const { see, table } = target.policy;
      return [...see.keys()]
        .filter((name) => see.get(name) === 'clear' && table.columns.get(name)!.class !== 'none')
        .map((column) => ({ edge, target, column }));
    });
    if (options.length === 0) return undefined;
    const { edge, target, column } = this.#pick(options);
    const { name } = target.policy.table;
    const value = this.#pick(target.inside)[column] ?? 'x';
    const why = 'what decides unseen';
    const filter = [`${name}.${column}`, `${this.#pick(['eq', 'gte', 'neq'])}.${value}`] as const;
    const some = this.#pick([...target.policy.see.keys()]);
    return this.#pick<() => EmbeddedPart & { why: string }>([
      () => ({ item: `${name}()`, pairs: [filter, [name, this.#pick(['is.null', 'not.is.null'])]], why }),
      () => ({ item: `${name}(${some})`, pairs: [filter, [name, 'is.null']], why }),
      () => ({ item: `${name}!inner(${some})`, pairs: [filter, [`${name}.limit`, '0']], why }),
      () => ({
        item: `${name}(${some})`,
        pairs: [filter, ['or', `(${name}.is.null,${name}.not.is.null)`]],
        why,
      }),
      ...(edge.one ? [() => ({ item: `${name}()`, pairs: [], order: `${name}(${column})`, why })] : []),
    ])();
  }

  #joined(policy: TablePolicy, { from, to, table, through }: Edge): GroundTable | undefined {
    const junction = this.#tables.some((each) => each.policy.table.name === through);
    if (through !== undefined && !junction) return undefined;
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
    const silent = none.length > 0 && this.#chance(0.15);
    // How it decides whether the row around is there.
    const by = this.#pick(['nothing', 'nothing', 'nothing', 'inner', 'inner', 'absence', 'tree']);
    const limit = this.#chance(0.3) ? Math.floor(this.#random() * 4) : undefined;
    const offset = this.#chance(0.1);
    const unseen = by === 'absence' || by === 'tree' || silent || limit === 0 || offset;
    const pairs: [string, string][] = [];
    const filtered = plain || unseen ? none : clear;
    if (filtered.length > 0 && this.#chance(0.5)) {
      const column = this.#pick(filtered);
      const value = row[column];
      pairs.push([
        `${name}.${column}`,
        value == null ? 'is.null' : `${this.#pick(['eq', 'gte', 'lte', 'neq', 'not.gt'])}.${value}`,
      ]);
    }
    if (limit !== undefined) pairs.push([`${name}.limit`, String(limit)]);
    if (offset) pairs.push([`${name}.offset`, '1']);
    if (by === 'absence') pairs.push([name, this.#pick(['is.null', 'not.is.null'])]);
    if (by === 'tree' && none.length > 0)
      pairs.push([
        this.#pick(['or', 'not.or', 'and']),
        `(${name}.is.null,${name}.${this.#pick(['', 'not.'])}is.null)`,
      ]);
    const { order: ordered } = this.#orderOf(edge, name, unseen ? none : seen);
    const deeper =
      depth < 3 && !silent && this.#chance(0.3)
        ? this.any(policy, row, false, plain || unseen || by === 'inner', depth + 1)
        : undefined;
    for (const [parameter, value] of deeper?.pairs ?? []) pairs.push([`${name}.${parameter}`, value]);
    const terms = [
      ...(this.#chance(0.4) ? [`${this.#pick(seen)}${this.#pick(['', '.desc', '.asc.nullsfirst'])}`] : []),
      ...(deeper?.order === undefined ? [] : [deeper.order]),
    ];
    // Through a junction table only the other table's own columns order.
    if (terms.length > 0 && (edge.through === undefined || deeper?.order === undefined))
      pairs.push([`${name}.order`, terms.join(',')]);
    const spread = edge.one && !silent && name === policy.table.name && this.#chance(0.3);
    const picked = [
      ...new Set(Array.from({ length: 1 + Math.floor(this.#random() * 3) }, () => this.#pick(seen))),
    ];
    const columns = spread
      ? picked.map((column) => `s${depth}_${policy.table.name}_${column}:${column}`)
      : this.#chance(0.4)
        ? ['*']
        : picked;
    const hint = edge.through !== undefined && this.#chance(0.3) ? `!${edge.through}` : '';
    const renamed = name === policy.table.name ? '' : `${name}:`;
    const list = silent ? '' : [...columns, ...(deeper === undefined ? [] : [deeper.item])].join(',');
    const inner = by === 'inner' ? '!inner' : '';
    const item = `${spread ? '...' : ''}${renamed}${policy.table.name}${hint}${inner}(${list})`;
    return { item, pairs, ...(ordered === undefined ? {} : { order: ordered }) };
  }

  #orderOf(edge: Edge, name: string, columns: readonly string[]): { order?: string } {
    if (!edge.one || columns.length === 0 || !this.#chance(0.3)) return {};
    return { order: `${name}(${this.#pick(columns)})${this.#pick(['', '.desc.nullslast'])}` };
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]!;
  }

  #chance(p: number): boolean {
    return this.#random() < p;
  }
}
