/**
 * Statements by the shape of their plan. The text of a masked relation can be long (the districts of an
 * address alone are tens of kilobytes), and tools ask in few shapes, so each is compiled once for a policy.
 * What depends on values is checked at every request all the same; a refused shape is not kept.
 */
import type { ClaimValue, Embedding, Filter, FilterGroup, PathStep, ReadPlan, Selected } from '../access.js';
import type { TablePolicy } from '../policy/model.js';
import type { Surroundings } from './foreign-keys.js';
import type { LiveTable } from './schema.js';
import {
  bindStatement,
  compileShape,
  isCut,
  isProbed,
  last4Among,
  type Statement,
  type StatementShape,
} from './statement.js';

/** For each table of a role. Callers choose shapes, so there must be an end. */
const maxShapes = 100;

export class StatementCache {
  /** A policy set that is replaced takes its shapes with it. */
  readonly #shapes = new WeakMap<TablePolicy, { live: LiveTable; byKey: Map<string, StatementShape> }>();

  /** As compileStatement. @throws the same */
  compile(
    policy: TablePolicy,
    live: LiveTable,
    plan: ReadPlan,
    perRequest: number,
    claims: Readonly<Record<string, ClaimValue>>,
    around?: Surroundings,
  ): Statement {
    const byKey = this.#shapesOf(policy, live);
    const key = shapeKey(policy, plan, perRequest);
    let shape = byKey.get(key);
    if (shape === undefined) {
      shape = compileShape(policy, live, plan, perRequest, around);
      if (byKey.size >= maxShapes) byKey.delete(byKey.keys().next().value!);
      byKey.set(key, shape);
    }
    return bindStatement(shape, plan, perRequest, claims);
  }

  #shapesOf(policy: TablePolicy, live: LiveTable): Map<string, StatementShape> {
    let known = this.#shapes.get(policy);
    if (known === undefined || known.live !== live) {
      known = { live, byKey: new Map() };
      this.#shapes.set(policy, known);
    }
    return known.byKey;
  }
}

/** Everything in the plan that the text depends on. JSON, so that no name can pass for two. */
function shapeKey(policy: TablePolicy, plan: ReadPlan, perRequest: number): string {
  const { table, select, filters, groups, embedded, order, limit, offset, count, overflow, encoding } = plan;
  const key: unknown[] = [
    table,
    select?.map(selectedKey),
    filters.map(filterKey),
    filters.map((filter) => (policy.findByLast4?.has(filter.column) === true ? last4Among(filter) : null)),
    groups?.map(groupKey),
    order.map(orderKey),
    isCut(plan, perRequest) || limit !== undefined,
    isProbed(plan, perRequest),
    offset === 0,
    count,
    overflow,
    encoding,
  ];
  if (embedded !== undefined) key.push(embedded.map(embeddingKey));
  return JSON.stringify(key);
}

function embeddingKey(embedding: Embedding): unknown {
  const { table, as, hint, inner, spread, select, filters, groups, order, limit, offset, embedded } =
    embedding;
  return [
    table,
    as,
    hint,
    inner,
    spread,
    select?.map(selectedKey),
    filters.map(filterKey),
    groups?.map(groupKey),
    order.map(orderKey),
    limit === undefined ? null : limit > 0,
    offset === 0,
    embedded?.map(embeddingKey),
  ];
}

function selectedKey({ column, path, as, cast }: Selected): unknown {
  return [column, as, cast, path?.map(stepKey)];
}

function orderKey({ column, path, embedded, descending, nulls }: ReadPlan['order'][number]): unknown {
  return [column, descending, nulls, embedded, path?.map(stepKey)];
}

function filterKey({ column, path, operator, among, negated, values }: Filter): unknown {
  return [column, operator, negated, operator === 'is' ? values[0] : null, among, path?.map(stepKey)];
}

function stepKey({ key, text }: PathStep): unknown {
  return [key, text];
}

/** An object, so that it never passes for a filter. */
function groupKey({ combine, negated, members }: FilterGroup): unknown {
  return {
    combine,
    negated,
    of: members.map((member) => {
      if ('members' in member) return groupKey(member);
      return 'embedded' in member ? member : filterKey(member);
    }),
  };
}
