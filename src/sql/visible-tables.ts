/** What a role sees, as names and types: the policy held against the live schema, without what it hides. */
import type { VisibleTable, VisibleTables } from '../access.js';
import type { RolePolicy } from '../policy/model.js';
import { relationsOf } from './foreign-keys.js';
import type { LiveSchema } from './schema.js';

export function visibleTables(
  { role, about, perRequest, tables, reasons, ticket }: RolePolicy,
  live: LiveSchema,
): VisibleTables {
  const visible = [...tables.values()].flatMap((policy): VisibleTable[] => {
    const { table, browse, findBy, see } = policy;
    const relation = live.get(`${table.from.schema}.${table.from.table}`);
    if (relation === undefined) return [];
    const named = relationsOf(policy, { tables, live }).filter(({ up }) => up);
    const columns = [...see].map(([name, mask]) => {
      const [to] = named.flatMap(({ policy: other, on }) =>
        on.filter(({ from }) => from === name).map(({ to: column }) => ({ table: other.table.name, column })),
      );
      return {
        name,
        mask,
        type: mask === 'clear' ? (relation.columns.get(name)?.type ?? 'text') : 'text',
        ...(to && { references: to }),
      };
    });
    return [{ name: table.name, browse, findBy, columns }];
  });
  const need = ticket && (ticket.required ? 'required' : 'optional');
  return { role, about, perRequest, tables: visible, reasons, ticket: need };
}
