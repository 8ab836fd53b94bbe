/**
 * The SQL form of the address masks. Membership in the list of divisions is a key of a jsonb constant:
 * found by binary search, ready when the plan is, where an array of three thousand names would be
 * hashed anew at each execution. The constants (54 kB for districts, some 80 for other starts) stand in the
 * statement once.
 *
 * The first branch answers the usual address at once: "…市" and a district of three characters. All
 * others take the general way, which gives the same for that one. Where a name ends is told by its last
 * character, not by trying lengths: that no city holds an ending before its own, and no district more
 * than one, is held for the list by test/mask/division-tree.test.ts.
 *
 * Mind the number of function calls, not only those that run: each costs a point read some 0.4 µs when
 * its execution begins; and the length of the text, which PostgreSQL copies then. OFFSET 0 keeps the planner
 * from writing an expression out at each mention of its name; a constant without it is written out, which is wanted. Names begin with __weir, which no
 * statement of a user may, so they cannot capture a column of the text's.
 */
import {
  cityEndings,
  country,
  fillers,
  labels,
  maxCharacters,
  maxText,
  otherStarts,
  provinces,
  separators,
} from './division-tree.js';
import { sqlText } from './plain-text.js';

export const maxDistrictCharacters = 16;

function jsonb(value: unknown): string {
  return `'${JSON.stringify(value)}'::jsonb`;
}

// The first two characters tell provinces apart.
const provinceByStart = jsonb(
  Object.fromEntries([...provinces.keys()].map((name) => [name.slice(0, 2), name])),
);

const districtsByCity: Record<string, readonly string[]> = {};
for (const [province, cities] of provinces) {
  for (const [city, districts] of cities) {
    districtsByCity[city === province ? province : province + city] = districts;
  }
}

/** Each other start, and what is shown of it where the first so many levels are kept. */
function otherStartsAt(levels: number): Record<string, string> {
  return Object.fromEntries(
    [...otherStarts].map(([start, divisions]) => [start, divisions.slice(0, levels).join('')]),
  );
}

function replaced(text: string, pairs: readonly (readonly [string, string])[]): string {
  return pairs.reduce((inner, [from, to]) => `replace(${inner}, '${from}', '${to}')`, text);
}

const withoutSeparators = (text: string): string =>
  `ltrim(translate(left(${text}, ${maxText}), ${sqlText(separators)}, ''), '${labels}')`;

/** The province that the text begins with and the stars, or `otherwise`. */
function provinceOf(text: string, otherwise = `'***'`): string {
  const name = `${provinceByStart} ->> left(${text}, 2)`;
  return `CASE WHEN starts_with(${text}, ${name}) THEN (${name}) || '***' ELSE ${otherwise} END`;
}

/** __weir_b is the address brought to its form, __weir_n the length of what it begins with up to its city, or 0. */
function fromAddress(text: string): string {
  const within = `CASE WHEN starts_with(__weir_t, '${country}') THEN substr(__weir_t, ${country.length + 1}) ELSE __weir_t END`;
  const formed = replaced(`left(${within}, ${maxCharacters})`, fillers);
  return (
    `FROM (SELECT __weir_b, strpos(${replaced('__weir_b', cityEndings)}, '市') AS __weir_n ` +
    `FROM (SELECT ${formed} AS __weir_b FROM (SELECT ${withoutSeparators(text)} AS __weir_t OFFSET 0) AS __weir_6 OFFSET 0) AS __weir_1 OFFSET 0) AS __weir_2`
  );
}

export function provinceSql(text: string): string {
  const other = `coalesce((${jsonb(otherStartsAt(1))} ->> left(__weir_b, __weir_n)) || '***', '***')`;
  return `CASE WHEN ${text} IS NOT NULL THEN (SELECT ${provinceOf('__weir_b', other)} ${fromAddress(text)}) END`;
}

export function citySql(text: string): string {
  const full = Object.fromEntries(Object.keys(districtsByCity).map((name) => [name, name]));
  const names = jsonb({ ...otherStartsAt(2), ...full });
  const usual = `left(${text}, strpos(${text}, '市'))`;
  const general = `(SELECT coalesce((__weir_j ->> left(__weir_b, __weir_n)) || '***', ${provinceOf('__weir_b')}) ${fromAddress(text)})`;
  return (
    `(SELECT CASE WHEN ${text} IS NULL THEN NULL WHEN __weir_j ? ${usual} ` +
    `AND substr(${text}, strpos(${text}, '市') + 1, 1) BETWEEN '一' AND '\u9fff' ` +
    `AND substr(${text}, strpos(${text}, '市') + 1, 1) <> '场' THEN (__weir_j ->> ${usual}) || '***' ` +
    `ELSE ${general} END FROM (SELECT ${names} AS __weir_j) AS __weir_0)`
  );
}

export function districtSql(text: string): string {
  const end = `strpos(${text}, '市')`;
  // A district ends at the first or the second of its endings (沙市区); where both would do, only one is on the list.
  const first = `strpos(__weir_m, '市')`;
  const second = `length(split_part(__weir_m, '市', 1)) + length(split_part(__weir_m, '市', 2)) + 2`;
  const kept = (length: string): string =>
    `WHEN __weir_s ? substr(__weir_b, __weir_n + 1, ${length}) THEN __weir_c || substr(__weir_b, __weir_n + 1, ${length}) || '***' `;
  // __weir_c is the city that is meant, __weir_s its districts: none where it is one of county rank.
  const general =
    `(SELECT CASE WHEN __weir_c IS NULL THEN ${provinceOf('__weir_b')} ` +
    `${kept(first)}${kept(second)}ELSE __weir_c || '***' END ` +
    `FROM (SELECT __weir_b, __weir_n, __weir_m, __weir_c, __weir_j -> __weir_c AS __weir_s ` +
    `FROM (SELECT __weir_b, __weir_n, CASE WHEN __weir_j ? left(__weir_b, __weir_n) THEN left(__weir_b, __weir_n) ` +
    `ELSE ${jsonb(otherStartsAt(3))} ->> left(__weir_b, __weir_n) END AS __weir_c, ` +
    `translate(substr(__weir_b, __weir_n + 1, ${maxDistrictCharacters}), '区县旗', '市市市') AS __weir_m ` +
    `${fromAddress(text)} OFFSET 0) AS __weir_3 OFFSET 0) AS __weir_4)`;
  return (
    `(SELECT CASE WHEN ${text} IS NULL THEN NULL ` +
    `WHEN (__weir_j -> left(${text}, ${end})) ? substr(${text}, ${end} + 1, 3) THEN left(${text}, ${end} + 3) || '***' ` +
    `ELSE ${general} END FROM (SELECT ${jsonb(districtsByCity)} AS __weir_j) AS __weir_0)`
  );
}
