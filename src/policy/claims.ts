/**
 * Claims that row filters go by. A catalogue that lists the claims of the shop's tokens (`claims:`) lets a
 * mistyped one be told when the file is written, and not by refusing everybody who asks.
 */
import { quote, suggest } from '../spelling.js';
import type { RolePolicy } from './model.js';
import type { Complain } from './source.js';

/** @param carried undefined: the catalogue does not say which there are */
export function checkClaims(
  { tables, services }: RolePolicy,
  carried: readonly (string | undefined)[] | undefined,
  complain: Complain,
): void {
  if (carried === undefined) return;
  const known = carried.filter((claim) => claim !== undefined);
  const filtered = [
    ...[...tables].map(([name, { only }]) => ({ path: ['tables', name], only })),
    ...[...(services ?? [])].map(([name, { only }]) => ({ path: ['services', name], only })),
  ];
  for (const { path, only } of filtered) {
    for (const { column, value } of only) {
      if ('literal' in value || known.includes(value.claim)) continue;
      const choices = known.map((claim) => `claim.${claim}`);
      const hint = suggest(`claim.${value.claim}`, choices, 'add it to claims in catalog.yaml');
      const message = `no token carries the claim ${quote(value.claim)}, so the role would never see a row`;
      complain([...path, 'only', column], 'value', message, hint);
    }
  }
}
