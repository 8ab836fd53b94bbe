/** How this gateway connects to PostgreSQL: time-outs on everything, a name in pg_stat_activity, errors that do not kill the process. */
import pg from 'pg';

export interface PoolOptions {
  readonly url: string;
  readonly size: number;
  readonly connectTimeoutMs: number;
  readonly applicationName: string;
  /** Server settings fixed for each session, e.g. {search_path: 'pg_catalog, pg_temp'}. */
  readonly settings: Readonly<Record<string, string>>;
  readonly onIdleError: (error: Error) => void;
}

/** PostgreSQL's start-up option string: -c name=value, with spaces and backslashes escaped. */
export function sessionOptions(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replace(/[\\ ]/g, '\\$&')}`)
    .join(' ');
}

export function openPool(options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.size,
    connectionTimeoutMillis: options.connectTimeoutMs,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    application_name: options.applicationName,
    options: sessionOptions(options.settings),
  });
  pool.on('error', options.onIdleError);
  return pool;
}
