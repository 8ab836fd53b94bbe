/** How this gateway connects to PostgreSQL: time-outs on everything, a name in pg_stat_activity, errors that do not kill the process. */
import pg from 'pg';

export interface ConnectOptions {
  readonly url: string;
  readonly connectTimeoutMs: number;
  readonly applicationName: string;
  /** Server settings fixed for each session, e.g. {search_path: 'pg_catalog, pg_temp'}. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface PoolOptions extends ConnectOptions {
  readonly size: number;
  /** When this side gives up a query, and its connection, by itself; for a server that no longer answers at all. Default: never. */
  readonly queryTimeoutMs?: number;
  readonly onIdleError: (error: Error) => void;
}

/** PostgreSQL's start-up option string: -c name=value, with spaces and backslashes escaped. */
export function sessionOptions(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replace(/[\\ ]/g, '\\$&')}`)
    .join(' ');
}

function connectionOf(options: ConnectOptions): pg.ClientConfig {
  return {
    connectionString: options.url,
    connectionTimeoutMillis: options.connectTimeoutMs,
    keepAlive: true,
    application_name: options.applicationName,
    options: sessionOptions(options.settings),
  };
}

/** Not connected yet. @param options.pipeline queries go out without waiting for the answers to those before */
export function openClient(
  options: ConnectOptions & { readonly pipeline: boolean; readonly queryTimeoutMs?: number },
): pg.Client {
  const { pipeline, queryTimeoutMs } = options;
  const bound = queryTimeoutMs === undefined ? {} : { query_timeout: queryTimeoutMs };
  return new pg.Client({ ...connectionOf(options), pipeline, ...bound });
}

export function openPool(options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    ...connectionOf(options),
    max: options.size,
    ...(options.queryTimeoutMs === undefined ? {} : { query_timeout: options.queryTimeoutMs }),
    idleTimeoutMillis: 30_000,
  });
  pool.on('error', options.onIdleError);
  // The pool listens to idle connections only. One that is lost while somebody has it fails their query; without
  // a listener it would also end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}
