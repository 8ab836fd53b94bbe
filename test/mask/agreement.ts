/** Do both forms of the masks give the same? Asked of databases with all the settings that PostgreSQL has for UTF-8. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import pg from 'pg';
import { withClient } from '../../src/demo/databases.js';
import type { Mask } from '../../src/mask/mask.js';
import { sharedCluster, type Teardown } from '../support/cluster.js';
import { inSql, maskInSql } from './both-forms.js';
import { anything } from './alike.js';
import { long } from './written-ways.js';

export interface Place {
  readonly about: string;
  /** Of CREATE DATABASE. */
  readonly locale: string;
  readonly settings?: readonly string[];
  /** Of the column that holds the values. */
  readonly collation?: string;
}

export const places: readonly Place[] = [
  { about: 'C', locale: `LOCALE_PROVIDER libc LOCALE 'C'` },
  { about: 'C.UTF-8', locale: `LOCALE_PROVIDER libc LOCALE 'C.UTF-8'` },
  { about: 'built-in C.UTF-8', locale: `LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'` },
  { about: 'ICU, Chinese', locale: `LOCALE_PROVIDER icu ICU_LOCALE 'zh-Hans-CN' LOCALE 'C'` },
  { about: 'ICU, Turkish', locale: `LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' LOCALE 'C'` },
  {
    about: 'strings with backslashes as in old days',
    locale: `LOCALE_PROVIDER libc LOCALE 'C'`,
    settings: ['standard_conforming_strings = off', 'escape_string_warning = off', 'DateStyle = German'],
  },
  {
    about: 'a column that knows no case nor accents',
    locale: `LOCALE_PROVIDER icu ICU_LOCALE 'und' LOCALE 'C'`,
    collation: 'nobody',
  },
];

/** @returns a session in a database of its own */
export async function openPlace(t: Teardown, place: Place): Promise<pg.Client> {
  const cluster = await sharedCluster();
  const admin = cluster.url('postgres', 'postgres');
  const name = `masks_${randomBytes(6).toString('hex')}`;
  await withClient(admin, (client) =>
    client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8' ${place.locale}`),
  );
  const client = new pg.Client({ connectionString: cluster.url('postgres', name) });
  await client.connect();
  t.teardown(async () => {
    await client.end();
    await withClient(admin, (one) => one.query(`DROP DATABASE ${name} WITH (FORCE)`));
  });
  await client.query(
    `CREATE COLLATION public.nobody (provider = icu, locale = 'und-u-ks-level1', deterministic = false)`,
  );
  await client.query('SET search_path = pg_catalog, pg_temp');
  for (const setting of place.settings ?? []) await client.query(`SET ${setting}`);
  return client;
}

/** So many values, the same for the same seed. */
export function valuesOf(seed: number, count: number): (string | null)[] {
  const value = fc.oneof(
    { arbitrary: anything, weight: 40 },
    { arbitrary: long, weight: 1 },
    { arbitrary: fc.constant(null), weight: 1 },
  );
  return fc.sample(value, { seed, numRuns: count });
}

/** Values for which the forms differ, in words. */
export async function differences(
  client: pg.Client,
  { collation }: Place,
  values: readonly (string | null)[],
  of: readonly Mask[] = inSql,
): Promise<string[]> {
  const found: string[] = [];
  for (const mask of of) {
    const shown = await maskInSql(client, mask, values, collation && `public.${collation}`);
    for (const [at, value] of values.entries()) {
      const expected = mask.apply(value);
      if (shown[at] !== expected)
        found.push(
          `${mask.name} of ${JSON.stringify(value?.slice(0, 100))}: ${JSON.stringify(shown[at])} in SQL, ${JSON.stringify(expected)} in TypeScript`,
        );
    }
  }
  return found;
}
