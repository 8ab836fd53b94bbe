/**
 * `weir policy propose` and `weir policy approve`: two people let a set that shows more come into force. Who somebody is
 * is never what they type: with a token it is what a gateway finds in it, without one it is the login with which
 * they are connected to the gateway's own database.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Pool } from 'pg';
import type { Config } from '../config/schema.js';
import { loadPolicies } from '../policy/load.js';
import { approveSet, digestForm, proposeSet, type VouchedSet } from '../policy/two-people.js';
import { openPool } from '../store/pool.js';
import { PolicyRecord } from '../store/policy-record.js';
import { CliError, exitCodes, type CliContext } from './context.js';
import { databaseFault } from './database-fault.js';
import { findConfig, type ConfigOption } from './find-config.js';
import { policyDirectory, type FolderOption } from './policy-folder.js';
import { formatJsonLines } from './table.js';

export interface PolicyVouchOptions extends ConfigOption, FolderOption {
  readonly tokenFile?: string;
  readonly role?: string;
  /** Base URL. */
  readonly gateway?: string;
  readonly json?: boolean;
}

export type Deed = 'propose' | 'approve';

const waitMs = 10_000;

/** @throws CliError, WeirError where it is refused */
export async function policyVouch(
  context: CliContext,
  deed: Deed,
  digest: string,
  options: PolicyVouchOptions,
): Promise<number> {
  const { io } = context;
  if (!digestForm.test(digest))
    throw new CliError(
      'that is not a whole digest',
      'write all 64 hexadecimal digits, as weir policy diff prints them',
    );
  const config = findConfig(context, options);
  const token = tokenOf(context, options);
  if (token === undefined && (options.role !== undefined || options.gateway !== undefined))
    throw new CliError(
      '--role and --gateway go with a token',
      'name its file with --token-file, or set WEIR_TOKEN',
    );
  const vouched =
    token === undefined
      ? await withLogin(context, config, deed, digest, options)
      : await withToken(config, deed, digest, token, options);
  if (options.json) {
    io.out(formatJsonLines([vouched]));
    return exitCodes.ok;
  }
  const [name, before] = [digest, vouched.replaces].map((each) => `set ${each.slice(0, 12)}`);
  const places = vouched.looser.map((line) => `  ${line}\n`).join('');
  if (deed === 'propose') {
    io.out(`${name} is proposed in place of ${before}:\n${places}`);
    io.out(`it waits for somebody else: weir policy approve ${digest}\n`);
  } else {
    io.out(`${name}, proposed by ${vouched.proposedBy}, is approved in place of ${before}:\n${places}`);
    io.out('gateways that have its files take it up within seconds\n');
  }
  return exitCodes.ok;
}

function tokenOf({ env, cwd }: CliContext, { tokenFile }: PolicyVouchOptions): string | undefined {
  if (tokenFile === undefined) return env['WEIR_TOKEN']?.trim() || undefined;
  try {
    return readFileSync(resolve(cwd, tokenFile), 'utf8').trim();
  } catch {
    throw new CliError(
      'the file of --token-file cannot be read',
      'it holds a token of your own, and nothing else',
    );
  }
}

/** Who it is, the gateway finds out. */
async function withToken(
  { http }: Config,
  deed: Deed,
  digest: string,
  token: string,
  options: PolicyVouchOptions,
): Promise<VouchedSet> {
  const host = ['0.0.0.0', '::'].includes(http.host) ? '127.0.0.1' : http.host.replace(/^.*:.*$/, '[$&]');
  const base = options.gateway ?? `http://${host}:${http.port}`;
  const hint = 'name a gateway that runs with --gateway https://weir.example';
  if (!URL.canParse(base) || !/^https?:$/.test(new URL(base).protocol))
    throw new CliError('--gateway is no address of a gateway', hint);
  let answer: Response;
  let told: Partial<VouchedSet & { detail: string; title: string; hint: string; code: string }>;
  try {
    answer = await fetch(new URL(`/admin/policies/${digest}/${deed}`, base), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, ...(options.role && { 'weir-role': options.role }) },
      redirect: 'error',
      signal: AbortSignal.timeout(waitMs),
    });
    told = (await answer.json()) as typeof told;
  } catch {
    throw new CliError('the gateway cannot be reached, or does not answer as one', hint, exitCodes.bad);
  }
  if (answer.ok) return told as VouchedSet;
  throw new CliError(
    `${told.detail ?? told.title ?? 'the gateway refuses'} [${told.code ?? answer.status}]`,
    told.hint ?? 'see docs/errors.md',
    exitCodes.bad,
  );
}

async function withLogin(
  context: CliContext,
  { store }: Config,
  deed: Deed,
  digest: string,
  options: PolicyVouchOptions,
): Promise<VouchedSet> {
  if (store.ownerUrl === undefined) {
    throw new CliError(
      'there is neither a token nor a login that could say who you are',
      'name the file of your token with --token-file, or set WEIR_STORE_OWNER_URL to a login of your own that is a member of the owner',
    );
  }
  const pool = openPool({
    url: store.ownerUrl,
    size: 1,
    connectTimeoutMs: 5_000,
    applicationName: `weir policy ${deed}`,
    settings: {},
    onIdleError: () => undefined,
  });
  try {
    const record = new PolicyRecord(pool);
    const by = { issuer: null, person: await loginOf(pool) };
    if ((await record.contentOf(digest)) === undefined) {
      const loaded = await loadPolicies(policyDirectory(context, options)).catch(() => undefined);
      if (loaded?.set.digest === digest) await record.keep(digest, loaded.content);
    }
    return await (deed === 'propose' ? proposeSet : approveSet)(record, digest, by);
  } catch (error) {
    throw databaseFault(error, "the gateway's own database", 'store.ownerUrl') ?? error;
  } finally {
    await pool.end();
  }
}

/** The database holds to it by itself; here it gets its words. @throws CliError where several people may be behind it */
async function loginOf(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ name: string; own: boolean }>(
    `SELECT session_user::text AS name, NOT login.rolsuper AND login.oid <> kept.relowner
            AND pg_has_role(login.oid, kept.relowner, 'MEMBER') AS own
       FROM pg_roles AS login, pg_class AS kept
      WHERE login.rolname = session_user AND kept.oid = 'weir.policy_approvals'::regclass`,
  );
  const [login] = rows;
  if (login?.own === true) return login.name;
  throw new CliError(
    'this login of the database is not that of one person',
    'connect with a login of your own, neither the owner of the tables nor a superuser: CREATE ROLE "li.na" LOGIN IN ROLE weir_owner',
  );
}
