/**
 * The SQL with which the owner of the order database closes the side door: Weir's role may read the columns
 * that the catalogue names, and the staff tools' own logins no longer may. Pure; nobody executes it here.
 */
import { escapeIdentifier, escapeLiteral } from 'pg';
import { recordColumns, type Catalog, type CatalogTable } from '../policy/model.js';

export interface GrantsFor {
  /** The role that Weir reads with. */
  readonly reader: string;
  /** Logins of tools that now read through Weir. */
  readonly logins: readonly string[];
  /** Logins of tools that still write: they keep that, and read what is about nobody. */
  readonly writers: readonly string[];
}

export function grantsScript({ tables }: Catalog, { reader, logins, writers }: GrantsFor): string {
  const all = [...tables.values()];
  const role = escapeIdentifier(reader);
  const names = all.map(placeOf).join(', ');
  const schemas = [...new Set(all.map(({ from }) => escapeIdentifier(from.schema)))].join(', ');
  const closed = [...logins, ...writers];
  const everyone = closed.map((login) => escapeIdentifier(login)).join(', ');
  const sections = [
    `-- Run as the owner of these tables, in the order database: psql -v ON_ERROR_STOP=1 -f grants.sql
-- Read it first. It may be run again.
BEGIN;`,

    `-- The role that Weir reads with: the columns of the catalogue, and nothing else. Its password is for you to set.
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${escapeLiteral(reader)}) THEN
    CREATE ROLE ${role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
  END IF;
END $$;
ALTER ROLE ${role} SET default_transaction_read_only = on;
GRANT USAGE ON SCHEMA ${schemas} TO ${role};
REVOKE ALL ON ${names} FROM ${role};
${all.map((table) => `GRANT SELECT (${columnsOf(table)}) ON ${placeOf(table)} TO ${role};`).join('\n')}`,

    `-- Nobody reads these tables for being anybody.
REVOKE ALL ON ${names} FROM PUBLIC;`,

    closed.length === 0
      ? '-- Name the logins of your staff tools with --login (and --writer, if they still write) to close their way as well.'
      : `-- The staff tools' own logins: they read through Weir from now on.
REVOKE SELECT ON ${names} FROM ${everyone};`,

    ...(writers.length === 0
      ? []
      : [
          `-- These still write. They read what is about nobody, so that they find the rows that they change.
${all.map((table) => grantToWriters(table, writers)).join('\n')}`,
        ]),

    `COMMIT;`,

    `-- Who can still read a personal column, and how? Look into every line that is not yours: a membership, an owner, a grant.
SELECT role.rolname AS login, relation.oid::regclass AS relation, attribute.attname AS column
  FROM (VALUES ${personalOf(all)}) AS personal (relation, name)
  JOIN pg_class relation ON relation.oid = personal.relation::regclass
  JOIN pg_attribute attribute ON attribute.attrelid = relation.oid AND attribute.attname = personal.name
  CROSS JOIN pg_roles role
 WHERE role.rolcanlogin AND NOT role.rolsuper AND role.rolname <> ${escapeLiteral(reader)}
   AND has_column_privilege(role.oid, relation.oid, attribute.attnum, 'SELECT')
 ORDER BY 1, 2, 3;
-- Views and SECURITY DEFINER functions over these tables are ways as well, and so is every superuser.`,
  ];
  return `${sections.join('\n\n')}\n`;
}

function grantToWriters(table: CatalogTable, writers: readonly string[]): string {
  const columns = [...table.columns.values()].filter((column) => column.class === 'none');
  if (columns.length === 0) return `-- ${placeOf(table)} has no such column.`;
  const list = columns.map(({ name }) => escapeIdentifier(name)).join(', ');
  const to = writers.map((login) => escapeIdentifier(login)).join(', ');
  return `GRANT SELECT (${list}) ON ${placeOf(table)} TO ${to};`;
}

/** Those that the catalogue lists, and those by which it looks up. */
function columnsOf(table: CatalogTable): string {
  const names = new Set([...recordColumns(table), ...(table.subject === undefined ? [] : [table.subject])]);
  for (const column of table.columns.values()) {
    names.add(column.name);
    for (const lookup of column.lookup) if (lookup.by !== 'exact') names.add(lookup.column);
  }
  return [...names].map((name) => escapeIdentifier(name)).join(', ');
}

function personalOf(tables: readonly CatalogTable[]): string {
  const rows = tables.flatMap((table) =>
    [...table.columns.values()]
      .filter((column) => column.class !== 'none')
      .map(({ name }) => `(${escapeLiteral(placeOf(table))}, ${escapeLiteral(name)})`),
  );
  return rows.length === 0 ? '(NULL::text, NULL::text)' : rows.join(', ');
}

function placeOf({ from }: CatalogTable): string {
  return `${escapeIdentifier(from.schema)}.${escapeIdentifier(from.table)}`;
}
