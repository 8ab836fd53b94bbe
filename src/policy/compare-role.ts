/**
 * The part of a comparison that is about how a role may ask: what for, when, from where, what it may have in clear
 * and what its reads may cost. Each says what the new role lets pass that the old one did not. Pure.
 */
import { defaultPoolShare } from '../sql/pool-shares.js';
import { defaultConcurrent } from '../sql/places.js';
import { canonicalJson } from './digest.js';
import { limitsInForce } from './limits-in-force.js';
import type { Limit, RolePolicy, RowFilter, TablePolicy } from './model.js';
import type { Part, Path } from './source.js';
import { coversHours, coversNetwork } from './working-hours.js';

export type Say = (path: Path, part: Part, message: string, hint: string) => void;

export function comparePurpose(before: RolePolicy, after: RolePolicy, say: Say): void {
  const { role, reasons, ticket } = after;
  if (before.reasons !== undefined) {
    const was = `write reason: [${before.reasons.join(', ')}]`;
    if (reasons === undefined) say(['reason'], 'key', `${role} reads without a reason`, was);
    for (const word of reasons ?? []) {
      if (before.reasons.includes(word)) continue;
      say(['reason'], 'value', `${role} may read for another reason, ${word}`, `remove ${word}`);
    }
  }
  if (before.ticket === undefined) return;
  const { required, pattern } = before.ticket;
  const need = required ? 'required' : 'optional';
  const was = pattern === undefined ? `write ${need}` : `write {need: ${need}, pattern: ${pattern}}`;
  if (ticket === undefined) say(['ticket'], 'key', `tickets of ${role} are no longer recorded`, was);
  else if (required && !ticket.required) say(['ticket'], 'value', `${role} reads without a ticket`, was);
  else if (ticket.pattern !== pattern)
    say(['ticket'], 'value', `${role} may name tickets of another form`, was);
}

export function compareBounds(before: RolePolicy, after: RolePolicy, say: Say): void {
  const { role, hours, networks } = after;
  if (!coversHours(before.hours, hours)) {
    const when = hours === undefined ? 'at any time' : 'at other hours';
    say(['hours'], 'value', `${role} reads ${when}`, `write ${before.hours?.text}`);
  }
  if (before.networks === undefined) return;
  const was = `write networks: [${before.networks.join(', ')}]`;
  if (networks === undefined) say(['networks'], 'key', `${role} reads from anywhere`, was);
  for (const network of networks ?? []) {
    if (before.networks.some((each) => coversNetwork(each, network))) continue;
    say(['networks'], 'value', `${role} reads from another network, ${network}`, was);
  }
}

/** What the role does not say is what the gateway takes for it. */
export function compareCost(before: RolePolicy, after: RolePolicy, say: Say): void {
  const [was, now] = [before.cost, after.cost];
  const keys = [
    ['statement_seconds', seconds(was?.statementMs), seconds(now?.statementMs)],
    ['concurrent', was?.concurrent ?? defaultConcurrent, now?.concurrent ?? defaultConcurrent],
    ['concurrent_role', was?.concurrentRole ?? Infinity, now?.concurrentRole ?? Infinity],
    ['pool_share', was?.poolShare ?? defaultPoolShare, now?.poolShare ?? defaultPoolShare],
  ] as const;
  for (const [key, old, value] of keys) {
    if (value <= old) continue;
    const much = value === Infinity ? 'as much as there is' : String(value);
    const message = `reads of ${after.role} may cost more: ${much} instead of ${old} (${key})`;
    say(['cost', key], 'value', message, `write ${key}: ${old}`);
  }
}

function seconds(milliseconds: number | undefined): number {
  return milliseconds === undefined ? Infinity : milliseconds / 1000;
}

export function compareReveal(role: string, before: TablePolicy, after: TablePolicy, say: Say): void {
  const { name } = after.table;
  for (const [column, limit] of after.reveal ?? []) {
    const path = ['tables', name, 'reveal', column];
    const was = before.reveal?.get(column);
    if (was === undefined) {
      say(path, 'key', `${role} may have ${name}.${column} revealed`, 'remove the line');
    } else if (limit.window !== was.window || limit.max > was.max) {
      const rate = ({ max, window }: Limit) => `${max} per ${window}`;
      const message = `${role} may have ${name}.${column} revealed ${rate(limit)} instead of ${rate(was)}`;
      say(path, 'value', message, `write ${rate(was)}`);
    }
  }
}

/** A limit may hold for some scopes and not for others, so what counts is what a token with these scopes meets. */
export function compareLimits(before: RolePolicy, after: RolePolicy, say: Say): void {
  const scopes = [...new Set([...before.limits, ...after.limits].flatMap(({ scope }) => scope ?? []))];
  // Of several scopes the largest limit applies, so what three of them could do, two of them do.
  const pairs = scopes.flatMap((one, index) => scopes.slice(index + 1).map((other) => [one, other]));
  const told = new Set<string>();
  for (const held of [[], ...scopes.map((scope) => [scope]), ...pairs]) {
    const now = limitsInForce(after, held);
    for (const { count, window, max, per, observe } of limitsInForce(before, held)) {
      // One that is only watched bounds nothing; one that refuses also keeps what would have been flagged.
      const of = now.filter((each) => each.count === count && each.window === window && each.per === per);
      const limits = observe === true ? of : of.filter((each) => each.observe !== true);
      const lowest = limits.length === 0 ? undefined : Math.min(...limits.map((limit) => limit.max));
      const key = canonicalJson([count, window, per ?? '', observe === true]);
      if ((lowest !== undefined && lowest <= max) || told.has(key)) continue;
      told.add(key);
      const whose = held.length === 0 ? '' : ` with ${held.join(' and ')}`;
      const what = `${count} per ${window}${per === undefined ? '' : ` of each ${per}`}${whose}`;
      const message =
        observe === true
          ? `reads of ${after.role} are flagged from ${lowest === undefined ? 'no number' : lowest} of ${what} on, not from ${max}`
          : lowest === undefined
            ? `${after.role} has no limit on ${what}`
            : `${after.role} may reach ${lowest} ${what} instead of ${max}`;
      const keys = `${per === undefined ? '' : `, per: ${per}`}${observe === true ? ', observe: yes' : ''}`;
      const written = keys === '' ? `${max} per ${window}` : `{limit: ${max} per ${window}${keys}}`;
      say(['limits', count], 'value', message, `write ${written}`);
    }
  }
}

/** @param who "agent sees"; @param rows "rows of orders"; @param at of `only` */
export function droppedFilters(
  before: readonly RowFilter[],
  after: readonly RowFilter[],
  who: string,
  rows: string,
  at: Path,
  say: Say,
): void {
  for (const filter of before) {
    const text = 'literal' in filter.value ? filter.value.literal : `claim.${filter.value.claim}`;
    const now = after.find(({ column }) => column === filter.column);
    if (now !== undefined && canonicalJson(now) === canonicalJson(filter)) continue;
    const message =
      now === undefined
        ? `${who} ${rows} whatever their ${filter.column}`
        : `${who} other ${rows}: its filter on ${filter.column} has changed`;
    say([...at, filter.column], 'value', message, `write only: {${filter.column}: ${text}}`);
  }
}
