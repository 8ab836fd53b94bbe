/** The two forms of a mask, asked about many values at once. */
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { masks } from '../../src/mask/masks.js';
import type { Mask } from '../../src/mask/mask.js';
import type { MaskName } from '../../src/policy/model.js';
import type { Teardown } from '../support/cluster.js';
import { freshDatabase } from '../support/database.js';

/** [mask, value, what is shown] */
export const golden = JSON.parse(
  readFileSync(new URL('golden.json', import.meta.url), 'utf8'),
) as readonly (readonly [MaskName, string, string])[];

export function maskNamed(name: MaskName): Mask {
  const mask = masks.get(name);
  if (mask === undefined) throw new Error(`no mask ${name}`);
  return mask;
}

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
): Promise<(string | null)[]> {
  const { rows } = await client.query<{ shown: string | null }>(
    `SELECT ${mask.sql('o.value')} AS shown FROM unnest($1::text[]) WITH ORDINALITY AS o (value, place) ORDER BY o.place`,
    [values],
  );
  return rows.map(({ shown }) => shown);
}
