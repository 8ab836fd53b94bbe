/** The two forms of a mask, asked about many values at once. */
import { readFileSync } from 'node:fs';
import pg from 'pg';
import type { Mask, MaskKeys } from '../../src/mask/mask.js';
import { maskOf, masks } from '../../src/mask/masks.js';
import { documentedKey } from '../../src/mask/token.js';
import type { Teardown } from '../support/cluster.js';
import { freshDatabase } from '../support/database.js';

/** [mask, value, what is shown] */
export const golden = JSON.parse(
  readFileSync(new URL('golden.json', import.meta.url), 'utf8'),
) as readonly (readonly [string, string, string | null])[];

/** Every mask without numbers, and of the others those that lie at the ends of what is allowed. */
export const everyMask: readonly Mask[] = [
  ...masks.values(),
  ...[
    'phone(3,4)',
    'phone(7,0)',
    'phone(0,4)',
    'phone(4,2)',
    'partial(1,2)',
    'partial(0,6)',
    'partial(6,0)',
  ].map(maskOf),
  ...['bucket(10)', 'bucket(100)', 'bucket(1000000000)'].map(maskOf),
];

/** Those that have an SQL form. */
export const inSql: readonly Mask[] = everyMask.filter(({ sql }) => sql !== undefined);

export const maskNamed = maskOf;

export const keys: MaskKeys = { token: documentedKey };

/** A session set up as the gateway sets up its own. */
export async function openSession(t: Teardown): Promise<pg.Client> {
  const database = await freshDatabase(t);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  t.teardown(() => client.end());
  await client.query('SET search_path = pg_catalog, pg_temp');
  return client;
}

/** The SQL form of the mask for each value, in order. */
export async function maskInSql(
  client: pg.Client,
  mask: Mask,
  values: readonly (string | null)[],
  collation = 'pg_catalog."default"',
): Promise<(string | null)[]> {
  const { rows } = await client.query<{ shown: string | null }>(
    `SELECT ${mask.sql!('o.value')} AS shown FROM (SELECT value COLLATE ${collation} AS value, place ` +
      `FROM unnest($1::text[]) WITH ORDINALITY AS u (value, place) OFFSET 0) AS o ORDER BY o.place`,
    [values],
  );
  return rows.map(({ shown }) => shown);
}
