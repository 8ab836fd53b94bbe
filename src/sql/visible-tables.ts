/** What a role sees, as names and types: the policy held against the live schema, without what it hides. */
import type { VisibleTable, VisibleTables } from '../access.js';
import type { RolePolicy } from '../policy/model.js';
import type { LiveSchema } from './schema.js';

export function visibleTables(
  { role, about, perRequest, tables, reasons, ticket }: RolePolicy,
  live: LiveSchema,
): VisibleTables {
  const visible = [...tables.values()].flatMap(({ table, browse, findBy, see }): VisibleTable[] => {
    const relation = live.get(`${table.from.schema}.${table.from.table}`);
    if (relation === undefined) return [];
    const columns = [...see].map(([name, mask]) => ({
      name,
      mask,
      type: mask === 'clear' ? (relation.columns.get(name)?.type ?? 'text') : 'text',
    }));
    return [{ name: table.name, browse, findBy, columns }];
  });
  const need = ticket && (ticket.required ? 'required' : 'optional');
  return { role, about, perRequest, tables: visible, reasons, ticket: need };
}
