/**
 * What roles see of one order: the masks of each, applied to a row that somebody invented, side by side.
 * Pure. Shows no row of the order database, so nobody needs to be recorded for looking at it.
 */
import { maskOf } from '../mask/masks.js';
import type { CatalogTable, DataClass, PolicySet, RolePolicy, RowFilter, TablePolicy } from './model.js';

export interface SeenColumn {
  readonly column: string;
  readonly class: DataClass;
  readonly sample: string | null;
  /** By role; undefined: hidden. */
  readonly seen: Readonly<
    Record<string, { readonly mask: string; readonly value: string | null } | undefined>
  >;
}

export interface SeenTable {
  readonly table: string;
  /** In the order in which they are shown. */
  readonly roles: readonly string[];
  readonly columns: readonly SeenColumn[];
  /** By role: how it gets at rows, and how many, in words. */
  readonly access: Readonly<Record<string, readonly string[]>>;
}

type SampleRow = Readonly<Record<string, unknown>>;

/** @param role shown first; beside it stand the others that see the table */
export function showTable(set: PolicySet, role: string, table: CatalogTable, row: SampleRow): SeenTable {
  const others = [...set.roles.values()].filter(
    (other) => other.role !== role && other.tables.has(table.name),
  );
  const roles = [set.roles.get(role)!, ...others];
  return {
    table: table.name,
    roles: roles.map((each) => each.role),
    columns: [...table.columns.values()].map((column) => {
      const given = row[column.name];
      const sample = given === undefined || given === null ? null : String(given);
      const seen = roles.map((each) => {
        const mask = each.tables.get(table.name)?.see.get(column.name);
        return [
          each.role,
          mask === undefined ? undefined : { mask, value: maskOf(mask).apply(sample) },
        ] as const;
      });
      return { column: column.name, class: column.class, sample, seen: Object.fromEntries(seen) };
    }),
    access: Object.fromEntries(roles.map((each) => [each.role, accessOf(each, each.tables.get(table.name))])),
  };
}

function accessOf(role: RolePolicy, policy: TablePolicy | undefined): string[] {
  if (policy === undefined) return ['has no such table'];
  const found = policy.findBy.length === 0 ? [] : [`finds by ${policy.findBy.join(', ')}`];
  const only = policy.only.map(writtenFilter);
  return [
    ...(policy.browse ? ['browses'] : []),
    ...found,
    ...(only.length === 0 ? [] : [`only ${only.join(' and ')}`]),
    `${role.perRequest} rows a request`,
    ...limitTexts(role),
  ];
}

/** "warehouse = claim.warehouse" */
export function writtenFilter({ column, value }: RowFilter): string {
  return `${column} = ${'literal' in value ? value.literal : `claim.${value.claim}`}`;
}

export function limitTexts({ limits }: RolePolicy): string[] {
  return limits.map(
    ({ count, max, window, per, scope }) =>
      `${max} ${count} per ${window}${per === undefined ? '' : ` of each ${per}`}${scope === undefined ? '' : ` with ${scope}`}`,
  );
}

/** For a table that no row was invented for: something of each class. */
export function inventRow(table: CatalogTable): SampleRow {
  return Object.fromEntries(
    [...table.columns.values()].map(({ name, class: dataClass }) => [name, samples[dataClass]]),
  );
}

export function sampleOf(dataClass: DataClass): string {
  return samples[dataClass];
}

const samples: Readonly<Record<DataClass, string>> = {
  none: '…',
  'order-number': 'E20261120001',
  name: '张伟强',
  phone: '13812341234',
  address: '浙江省杭州市西湖区文三路90号3幢2单元601室',
  email: 'zhang@example.com',
  'id-number': '330106199001011234',
  'free-text': '到了打我另一个电话13900001111',
  amount: '128.50',
};
