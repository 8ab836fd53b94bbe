import fc from 'fast-check';
import t from 'tap';
import type { MaskName } from '../../src/policy/model.js';
import { inSql, maskInSql, maskNamed, openSession } from './both-forms.js';
import {
  addresses,
  anyText,
  divisions,
  emails,
  moments,
  names,
  numbers,
  phones,
  shortAddresses,
} from './values.js';

const client = await openSession(t);

const usual: Readonly<Record<string, fc.Arbitrary<string>>> = {
  clear: anyText,
  null: anyText,
  surname: names,
  last4: phones,
  middle: phones,
  phone: phones,
  province: fc.oneof(addresses, shortAddresses),
  city: fc.oneof(addresses, shortAddresses),
  district: fc.oneof(addresses, shortAddresses),
  email: emails,
  month: moments,
  bucket: numbers,
  partial: anyText,
  'order-number': fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replaceAll('\0', '')),
};

for (const mask of inSql) {
  const { name } = mask;
  const values = usual[name.replace(/\(.*/, '')];
  if (values === undefined) throw new Error(`no values for ${name}`);
  void t.test(`${name}: both forms give the same for thousands of values`, async () => {
    const value = fc.oneof(
      { arbitrary: values, weight: 6 },
      { arbitrary: anyText, weight: 2 },
      { arbitrary: fc.constant(null), weight: 1 },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 1_000, maxLength: 1_000 }), async (values) => {
        const shown = await maskInSql(client, mask, values);
        const differing = values
          .map((value, place) => ({ value, sql: shown[place], typescript: mask.apply(value) }))
          .filter(({ sql, typescript }) => sql !== typescript);
        if (differing.length > 0) throw new Error(JSON.stringify(differing.slice(0, 5)));
      }),
      { numRuns: 5, endOnFailure: true },
    );
  });
}

void t.test('every division on the list is kept as it is, by both forms', async (t) => {
  const values = divisions.map((parts) => `${parts.join('')}和平路1号`);
  const expected = divisions.map((parts) => `${parts.join('')}***`);
  t.strictSame(await maskInSql(client, maskNamed('district'), values), expected);
  t.strictSame(
    values.map((value) => maskNamed('district').apply(value)),
    expected,
  );
  const levels: readonly (readonly [MaskName, number])[] = [
    ['province', 1],
    ['city', 2],
  ];
  for (const [name, level] of levels) {
    // A municipality has no city below it.
    const kept = divisions.map(
      (parts) => `${parts.slice(0, parts[0]?.endsWith('市') ? 1 : level).join('')}***`,
    );
    t.strictSame(await maskInSql(client, maskNamed(name), values), kept, name);
  }
});

void t.test('the SQL forms call built-in immutable functions only and match no patterns', async (t) => {
  const notFunctions = new Set([
    'select',
    'from',
    'where',
    'nullif',
    'in',
    'and',
    'or',
    'when',
    'then',
    'else',
    'not',
    'coalesce',
    'cast',
  ]);
  for (const { name, sql: form } of inSql) {
    const sql = form!('o.value').replace(/'[^']*'/g, "''");
    const called = new Set(
      [...sql.matchAll(/\b([a-z_0-9]+) ?\(/gi)].map(([, word = '']) => word.toLowerCase()),
    );
    const functions = [...called].filter((word) => !notFunctions.has(word));
    // 25 is text, 3802 is jsonb: functions of one name may differ.
    const { rows } = await client.query<{ proname: string; kinds: string[] }>(
      'SELECT proname::text, array_agg(DISTINCT provolatile::text) AS kinds FROM pg_proc WHERE proname = ANY($1) AND proargtypes[0] = ANY(ARRAY[25, 3802]) GROUP BY 1',
      [functions],
    );
    t.strictSame(rows.map(({ proname }) => proname).sort(), functions.sort(), name);
    for (const { proname, kinds } of rows) t.strictSame(kinds, ['i'], `${name}: ${proname}`);
    t.notMatch(sql, /~|\b(LIKE|SIMILAR)\b/i, name);
  }
});

void t.test('the text may be any column, whatever its name, and a long value costs no error', async (t) => {
  await client.query('CREATE TEMPORARY TABLE shown (address text, name text, d varchar(40), "市" text)');
  await client.query(
    `INSERT INTO shown VALUES ('浙江省杭州市西湖区', repeat('省省直辖县级行政区划市', 20000), '13812341234', NULL)`,
  );
  for (const mask of inSql) {
    for (const text of ['address', 's.name', 's.d::text', 's."市"']) {
      const { rows } = await client.query<{ clear: string | null; shown: string | null }>(
        `SELECT ${text} AS clear, ${mask.sql!(text)} AS shown FROM shown AS s`,
      );
      t.ok(rows[0]?.shown === mask.apply(rows[0]?.clear ?? null), `${mask.name} of ${text}`);
    }
  }
});
