/**
 * What must be true of the two databases before the gateway serves a single read. Each check gives a
 * reason in words, with what to do; all are collected, none is skipped after the first.
 */
import type { Pool } from 'pg';
import { newestMigration } from './migrate.js';

export interface CheckResult {
  /** Each one forbids starting. */
  readonly faults: readonly string[];
  /** Said at start and in the manual, but no reason to refuse. */
  readonly warnings: readonly string[];
}

/** The gateway's own database: durable commits, current tables, a runtime role that cannot touch the log's past. */
export async function checkStore(pool: Pool): Promise<CheckResult> {
  const faults: string[] = [];
  const warnings: string[] = [];
  const setting = await pool.query<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'synchronous_standby_names')`,
  );
  const settings = new Map(setting.rows.map((row) => [row.name, row.setting]));
  for (const name of ['fsync', 'full_page_writes']) {
    if (settings.get(name) !== 'on') {
      faults.push(
        `the gateway database runs with ${name} = ${settings.get(name)}: a crash would lose released reads. Set ${name} = on`,
      );
    }
  }
  if (settings.get('synchronous_commit') === 'off') {
    faults.push(
      'the gateway database runs with synchronous_commit = off: a crash would lose released reads. Set it to on',
    );
  }
  const standby = await pool.query<{ standbys: number }>(
    `SELECT count(*)::int AS standbys FROM pg_stat_replication`,
  );
  if ((standby.rows[0]?.standbys ?? 0) > 0 && settings.get('synchronous_standby_names') === '') {
    warnings.push(
      'the gateway database has asynchronous standbys only: entries released shortly before a fail-over can be lost. Set synchronous_standby_names',
    );
  }

  const role = await pool.query<{
    rolname: string;
    rolsuper: boolean;
    rolbypassrls: boolean;
    rolcreaterole: boolean;
  }>('SELECT rolname, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = current_user');
  if (role.rows[0]?.rolsuper)
    faults.push(
      `the runtime role ${role.rows[0].rolname} is a superuser. Use a plain login role; weir migrate grants it what it needs`,
    );

  const present = await pool.query<{ present: boolean }>(
    `SELECT to_regclass('weir.entries') IS NOT NULL AND to_regclass('weir_migrations.applied') IS NOT NULL AS present`,
  );
  if (!present.rows[0]?.present) {
    faults.push('the gateway database has no tables yet. Run weir migrate');
    return { faults, warnings };
  }
  const applied = await pool
    .query<{ hash: string }>('SELECT hash FROM weir_migrations.applied ORDER BY created_at DESC LIMIT 1')
    .catch(() => undefined);
  if (applied === undefined)
    faults.push('the runtime role cannot read weir_migrations.applied. Run weir migrate, which grants it');
  else if (applied.rows[0]?.hash !== newestMigration()) {
    faults.push("the gateway database's tables are of another version. Run weir migrate with this version");
  }

  const rights = await pool.query<{ name: string; owned: boolean; may: boolean; excess: boolean }>(
    `SELECT c.relname AS name,
            pg_has_role(current_user, c.relowner, 'MEMBER') AS owned,
            has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') AS may,
            has_table_privilege(c.oid, 'UPDATE') OR has_table_privilege(c.oid, 'DELETE') OR has_table_privilege(c.oid, 'TRUNCATE')
              OR has_table_privilege(c.oid, 'TRIGGER') AS excess
       FROM pg_class c WHERE c.oid IN ('weir.entries'::regclass, 'weir.read_digests'::regclass, 'weir.policy_sets'::regclass)`,
  );
  for (const table of rights.rows) {
    if (table.owned)
      faults.push(
        `the runtime role owns weir.${table.name} (or is a member of its owner). Use a separate owner for weir migrate`,
      );
    else if (table.excess)
      faults.push(
        `the runtime role may change or remove rows of weir.${table.name}. Run weir migrate, which takes that away`,
      );
    if (!table.may)
      faults.push(
        `the runtime role may not read and insert into weir.${table.name}. Run weir migrate, which grants it`,
      );
  }
  const triggers = await pool.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c
      WHERE c.oid IN ('weir.entries'::regclass, 'weir.read_digests'::regclass, 'weir.policy_sets'::regclass)
        AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = c.relname || '_append_only' AND t.tgenabled = 'A')`,
  );
  for (const table of triggers.rows) {
    faults.push(
      `the append-only trigger of weir.${table.name} is missing or switched off. Find out who did that, then restore it from drizzle/0001_immutable.sql`,
    );
  }
  faults.push(...(await revocationFaults(pool)));
  faults.push(...(await policyChangeFaults(pool)));
  return { faults, warnings };
}

/** Revocations are the owner's to write: a gateway that was broken into must not let anybody back in. */
async function revocationFaults(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ may: boolean; excess: boolean; triggers: number }>(
    `SELECT has_table_privilege(c.oid, 'SELECT') AS may,
            has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER') AS excess,
            (SELECT count(*)::int FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgenabled = 'A'
                AND t.tgname IN ('revocations_append_only', 'revocations_told')) AS triggers
       FROM pg_class c WHERE c.oid = to_regclass('weir.revocations')`,
  );
  const [table] = rows;
  // A database without it is of another version, which has been said.
  if (table === undefined) return [];
  const faults: string[] = [];
  if (!table.may)
    faults.push('the runtime role may not read weir.revocations. Run weir migrate, which grants it');
  if (table.excess)
    faults.push('the runtime role may write weir.revocations. Run weir migrate, which takes that away');
  if (table.triggers !== 2)
    faults.push(
      'a trigger of weir.revocations is missing or switched off. Find out who did that, then restore it from drizzle/0002_revocations.sql',
    );
  return faults;
}

/** What is in force is remembered, and so is who proposed and approved it, which the database itself holds to two people. */
async function policyChangeFaults(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ name: string; may: boolean; excess: boolean; guarded: boolean }>(
    `SELECT c.relname AS name, has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') AS may,
            has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER') AS excess,
            (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgenabled = 'A'
                AND t.tgname IN (c.relname || '_append_only', c.relname || '_taken'))
              = CASE c.relname WHEN 'policy_changes' THEN 1 ELSE 2 END AS guarded
       FROM pg_class c WHERE c.oid IN (to_regclass('weir.policy_changes'), to_regclass('weir.policy_proposals'),
                                       to_regclass('weir.policy_approvals'))`,
  );
  return rows.flatMap(({ name, may, excess, guarded }) => [
    ...(may
      ? []
      : [`the runtime role may not read and insert into weir.${name}. Run weir migrate, which grants it`]),
    ...(excess ? [`the runtime role may change weir.${name}. Run weir migrate, which takes that away`] : []),
    ...(guarded
      ? []
      : [
          `a trigger of weir.${name} is missing or switched off. Find out who did that, then restore it from drizzle/0003_policy_changes.sql and 0004_token_uses_and_proposals.sql`,
        ]),
  ]);
}

/** The order database: Weir's role must not be able to do anything but read what the catalogue names. */
export async function checkOrders(
  pool: Pool,
  tables: readonly { schema: string; table: string }[],
): Promise<CheckResult> {
  const faults: string[] = [];
  const warnings: string[] = [];
  const role = await pool.query<{ rolname: string; rolsuper: boolean; attributes: string[] }>(
    `SELECT rolname, rolsuper, array_remove(ARRAY[
        CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
        CASE WHEN rolreplication THEN 'REPLICATION' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END], NULL) AS attributes
       FROM pg_roles WHERE rolname = current_user`,
  );
  const name = role.rows[0]?.rolname ?? 'unknown';
  if (role.rows[0]?.rolsuper)
    faults.push(`the order database role ${name} is a superuser. Make a login role that may only SELECT`);
  else if (role.rows[0] && role.rows[0].attributes.length > 0) {
    faults.push(
      `the order database role ${name} has ${role.rows[0].attributes.join(', ')}. ALTER ROLE ${name} without them`,
    );
  }
  const memberships = await pool.query<{ rolname: string }>(
    `SELECT rolname FROM pg_roles WHERE rolname <> current_user AND pg_has_role(current_user, oid, 'MEMBER') AND NOT rolsuper
        AND rolname IN ('pg_write_all_data', 'pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files', 'pg_signal_backend', 'pg_maintain', 'pg_database_owner', 'pg_read_all_data')
      UNION SELECT rolname FROM pg_roles WHERE rolsuper AND rolname <> current_user AND pg_has_role(current_user, oid, 'MEMBER')`,
  );
  if (!role.rows[0]?.rolsuper) {
    for (const group of memberships.rows)
      faults.push(
        `the order database role ${name} is a member of ${group.rolname}. REVOKE ${group.rolname} FROM ${name}`,
      );
  }
  const owned = await pool.query<{ what: string }>(
    `SELECT n.nspname || '.' || c.relname AS what FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user) AND n.nspname NOT LIKE 'pg\\_temp%' AND n.nspname NOT LIKE 'pg\\_toast%' LIMIT 5`,
  );
  if (!role.rows[0]?.rolsuper) {
    for (const { what } of owned.rows)
      faults.push(`the order database role ${name} owns ${what}. ALTER its owner to another role`);
    const writable = await pool.query<{ what: string }>(
      `SELECT n.nspname || '.' || c.relname AS what FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'f', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_t%'
          AND (has_table_privilege(c.oid, 'INSERT') OR has_table_privilege(c.oid, 'UPDATE') OR has_table_privilege(c.oid, 'DELETE')
               OR has_table_privilege(c.oid, 'TRUNCATE') OR has_any_column_privilege(c.oid, 'INSERT') OR has_any_column_privilege(c.oid, 'UPDATE')) LIMIT 5`,
    );
    for (const { what } of writable.rows)
      faults.push(
        `the order database role ${name} can write to ${what}. REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON ${what} FROM ${name}`,
      );
    const creatable = await pool.query<{ what: string }>(
      `SELECT nspname AS what FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_t%' AND has_schema_privilege(oid, 'CREATE') LIMIT 5`,
    );
    for (const { what } of creatable.rows)
      faults.push(
        `the order database role ${name} can create objects in schema ${what}. REVOKE CREATE ON SCHEMA ${what} FROM ${name} (and PUBLIC)`,
      );
  }
  for (const { schema, table } of tables) {
    const readable = await pool.query<{ readable: boolean | null }>(
      `SELECT has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT') AS readable
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`,
      [schema, table],
    );
    if (readable.rows.length === 0)
      faults.push(`the order database has no table ${schema}.${table}, which the catalogue names`);
    else if (!readable.rows[0]?.readable)
      faults.push(
        `the order database role ${name} may not SELECT from ${schema}.${table}, which the catalogue names`,
      );
  }
  const casts = await pool.query<{ casts: number }>(
    'SELECT count(*)::int AS casts FROM pg_cast WHERE oid >= 16384',
  );
  if ((casts.rows[0]?.casts ?? 0) > 0)
    warnings.push(
      `the order database has ${casts.rows[0]?.casts} casts made by users: a cast runs whatever its search path`,
    );
  return { faults, warnings };
}
