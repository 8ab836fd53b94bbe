/**
 * The SQL form of the address masks. Membership in the list of divisions is a key of a jsonb constant:
 * found by binary search, ready when the plan is, where an array of three thousand names would be
 * hashed anew at each execution. The constant (54 kB for districts) stands in the statement once.
 *
 * The first branch answers the usual address at once: "…市" and a district of three characters. All
 * others take the general way, which gives the same for that one. Where a name ends is told by its last
 * character, not by trying lengths: that no city holds an ending before its own, and no district more
 * than one, is held for the list by test/mask/division-tree.test.ts.
 *
 * Mind the number of function calls, not only those that run: each costs a point read some 0.4 µs when
 * its execution begins; and the length of the text, which PostgreSQL copies then. OFFSET 0 keeps the planner from writing an expression out at each mention of its
 * name; a constant without it is written out, which is wanted. Names begin with __weir, which no
 * statement of a user may, so they cannot capture a column of the text's.
 */
import { fillers, maxCharacters, provinces, spaces } from './division-tree.js';

export const maxDistrictCharacters = 16;

/** Endings of cities besides 市, each as what makes a 市 of it in a text of the same length. */
export const cityEndings = [
  ['自治州', '自治市'],
  ['地区', '地市'],
  ['林区', '林市'],
  ['盟', '市'],
  ['县', '市'],
] as const;

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

function replaced(text: string, pairs: readonly (readonly [string, string])[]): string {
  return pairs.reduce((inner, [from, to]) => `replace(${inner}, '${from}', '${to}')`, text);
}

function withoutSpaces(text: string): string {
  return replaced(
    text,
    spaces.map((space) => [space, '']),
  );
}

/** The province that the text begins with, and the stars. */
function provinceOf(text: string): string {
  const name = `${provinceByStart} ->> left(${text}, 2)`;
  return `CASE WHEN starts_with(${text}, ${name}) THEN (${name}) || '***' ELSE '***' END`;
}

/** __weir_b is the address brought to its form, __weir_n the length of its province and city, or 0. */
function fromAddress(text: string): string {
  const formed = replaced(`left(${withoutSpaces(text)}, ${maxCharacters})`, fillers);
  return (
    `FROM (SELECT __weir_b, strpos(${replaced('__weir_b', cityEndings)}, '市') AS __weir_n ` +
    `FROM (SELECT ${formed} AS __weir_b OFFSET 0) AS __weir_1 OFFSET 0) AS __weir_2`
  );
}

export function provinceSql(text: string): string {
  return (
    `CASE WHEN ${text} IS NOT NULL THEN (SELECT ${provinceOf('__weir_b')} ` +
    `FROM (SELECT ${withoutSpaces(text)} AS __weir_b OFFSET 0) AS __weir_1) END`
  );
}

export function citySql(text: string): string {
  const names = jsonb(Object.fromEntries(Object.keys(districtsByCity).map((name) => [name, 0])));
  const usual = `left(${text}, strpos(${text}, '市'))`;
  const general =
    `(SELECT CASE WHEN __weir_j ? left(__weir_b, __weir_n) THEN left(__weir_b, __weir_n) || '***' ` +
    `ELSE ${provinceOf('__weir_b')} END ${fromAddress(text)})`;
  return (
    `(SELECT CASE WHEN ${text} IS NULL THEN NULL WHEN __weir_j ? ${usual} THEN ${usual} || '***' ` +
    `ELSE ${general} END FROM (SELECT ${names} AS __weir_j) AS __weir_0)`
  );
}

export function districtSql(text: string): string {
  const end = `strpos(${text}, '市')`;
  // A district ends at the first or the second of its endings (沙市区); where both would do, only one is on the list.
  const first = `strpos(__weir_m, '市')`;
  const second = `length(split_part(__weir_m, '市', 1)) + length(split_part(__weir_m, '市', 2)) + 2`;
  const kept = (length: string): string =>
    `WHEN __weir_s ? substr(__weir_b, __weir_n + 1, ${length}) THEN left(__weir_b, __weir_n + ${length}) || '***' `;
  const general =
    `(SELECT CASE WHEN __weir_s IS NULL THEN ${provinceOf('__weir_b')} ` +
    `${kept(first)}${kept(second)}ELSE left(__weir_b, __weir_n) || '***' END ` +
    `FROM (SELECT __weir_b, __weir_n, __weir_j -> left(__weir_b, __weir_n) AS __weir_s, ` +
    `translate(substr(__weir_b, __weir_n + 1, ${maxDistrictCharacters}), '区县旗', '市市市') AS __weir_m ` +
    `${fromAddress(text)} OFFSET 0) AS __weir_3)`;
  return (
    `(SELECT CASE WHEN ${text} IS NULL THEN NULL ` +
    `WHEN (__weir_j -> left(${text}, ${end})) ? substr(${text}, ${end} + 1, 3) THEN left(${text}, ${end} + 3) || '***' ` +
    `ELSE ${general} END FROM (SELECT ${jsonb(districtsByCity)} AS __weir_j) AS __weir_0)`
  );
}
